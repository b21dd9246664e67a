"""What answers are worth: measured on gold, compared, calibrated."""
