"""Synthetic: lines with noise whose truth is known, and the lessons' own data sets by name.

`line` is the door for data of one's own, `lesson` for those of lessons. Every draw has a seed, and the truth comes with the
data.
"""

from bestline.calls import answering_module
from bestline.data.synthetic.lessons import LESSONS, lesson
from bestline.data.synthetic.line import SyntheticLine as Line
from bestline.data.synthetic.line import line

__all__ = ["LESSONS", "Line", "lesson", "line"]

__getattr__ = answering_module(
    "bestline.synthetic",
    __all__,
    {
        "make_regression regression linear data make make_line generate": "data around a line are synthetic.line(2.0, 1.0, noise='normal:0.5')",
        "names list_lessons list": "the lessons' names are synthetic.LESSONS",
        "make_classification make_blobs make_moons": "a line predicts numbers, and no classes",
    },
)
