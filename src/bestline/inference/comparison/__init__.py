"""Comparison: what terms and lines are worth beside others.

`wald` tests restrictions on weights, `anova` each term of one line, `compare` nested lines, one beside the next. All three read
the moments; where a line has errors of another kind than the classical ones, its covariance makes the tests.
"""

from bestline.inference.comparison.nested import compare, wald
from bestline.inference.comparison.terms import Anova, anova

__all__ = ["Anova", "anova", "compare", "wald"]
