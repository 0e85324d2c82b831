"""Synthetic data: lines with noise whose truth is known, and the lessons' own data sets by name."""

from bestline.data.synthetic.lessons import LESSONS, lesson
from bestline.data.synthetic.line import SyntheticLine as Line
from bestline.data.synthetic.line import line

__all__ = ["LESSONS", "Line", "lesson", "line"]
