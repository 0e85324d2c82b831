"""Comparison: what terms and lines are worth beside others: tests of restrictions, of each term, and of nested lines."""

from bestline.inference.comparison.nested import compare, wald
from bestline.inference.comparison.terms import Anova, anova

__all__ = ["Anova", "anova", "compare", "wald"]
