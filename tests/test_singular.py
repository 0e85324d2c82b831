"""One of a thing is said in the singular, wherever things are counted."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import bestline as bl

ONE = {"x": [1.0], "y": [2.0]}
THREE = {"x": [1.0, 2, 3, 4, 5, 6, 7], "y": [2.0, 3, 5, 4, 6, 7, 1], "g": list("aaabbbc")}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (lambda: repr(bl.fit(ONE, "y ~ 0 + x")), "1 row,"),
        (lambda: repr(bl.Moments.collect(ONE, "y ~ x", folds=1)), "1 row in 1 fold>"),
        (lambda: repr(bl.fit(THREE, "y ~ x", solver="sgd", lr=0.01, steps=1).trace), "Trace of 1 step,"),
        (lambda: repr(bl.sweep(THREE, "y ~ x", lrs=[0.01], steps=1)), "1 run of 1 step>"),
        (
            lambda: bl.fit_groups(THREE, "y ~ x", by="g").test().about,
            "against 2 lines; 1 group without a line of its own left out",
        ),
        (lambda: bl.fit({"x": [1.0, 2.0], "y": [2.0, 3.0]}, "y ~ 0 + x"), "(2 rows, 1 weight)"),
        (lambda: bl.fit(([[1.0]], [1.0, 2.0])), "X has 1 row but y has 2;"),
        (lambda: bl.fit(ONE, "y ~ x", split=(0.7, 0.15, 0.15)), "1 row is too few for split"),
    ],
)
def test_one_is_singular(said: Callable[[], Any], told: str) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found = str(said())
        except (bl.errors.BestlineError, ValueError) as wrong:
            found = str(wrong)
    words = " ".join([found, *(str(one.message) for one in heard)])
    assert told in words
    assert not re.search(r"\b(?<![\d.,-])1 (rows|weights|groups|steps|runs|folds)\b", words)
