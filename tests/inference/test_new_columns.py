"""Columns of new rows that the training table did not have are told of: a feature may be meant by them."""

from __future__ import annotations

import warnings

import pytest

import bestline as bl
from bestline.errors import BestlineWarning


def test_new_columns_of_new_rows_are_told_once_and_those_of_training_are_not():
    table = {
        "x": [1.0, 2.0, 3.0, 5.0] * 9,
        "g": ["a", "b", "a", "b"] * 9,
        "w": [1.0, 1.0, 2.0, 1.0] * 9,
        "y": [1.0, 2.0, 4.0, 4.0] * 9,
    }
    model = bl.fit(table, "y ~ x", weights="w")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(table)
        model.predict({"x": [1.0]})
        model.predict([1.0, 2.0])
        model.evaluate(table)
    with pytest.warns(
        BestlineWarning, match="`zz` is not used: the table that the line was fitted to had no such column"
    ) as heard:
        model.predict({**table, "zz": [0.0] * 36})
    assert len(heard) == 1
