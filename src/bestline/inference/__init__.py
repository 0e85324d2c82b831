"""Inference: what the line's numbers are worth."""
