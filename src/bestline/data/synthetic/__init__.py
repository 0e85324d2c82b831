"""Synthetic: lines with noise whose truth is known, and the lessons' own data sets by name.

`line` is the door for data of one's own, `lesson` for those of lessons. Every draw has a seed, and the truth comes with the
data.
"""

from bestline.data.synthetic.lessons import LESSONS, lesson
from bestline.data.synthetic.line import SyntheticLine as Line
from bestline.data.synthetic.line import line

__all__ = ["LESSONS", "Line", "lesson", "line"]
