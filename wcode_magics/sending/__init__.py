"""Send one request or many: limits, retries, outcomes, budget."""
