"""Training: from a question to weights."""
