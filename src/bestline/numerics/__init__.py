"""Numerics: tensors in, tensors out; this room knows no table."""
