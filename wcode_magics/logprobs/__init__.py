"""Token log probabilities: alignment, statistics, confidence, display, comparison."""
