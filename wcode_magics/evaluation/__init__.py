"""What answers are worth: measured on gold labels, compared, calibrated, reviewed."""
