"""Token probabilities: byte-true, counted honestly, shown and compared."""
