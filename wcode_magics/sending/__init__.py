"""Many requests at a time: limits, retries, outcomes, budget."""
