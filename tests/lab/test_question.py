"""What may be asked: every field of its kind, and one sentence for what is not."""

from __future__ import annotations

import pytest

from bestline.errors import OptionError
from bestline.lab.question import SCHEMA, Question


def test_what_is_left_out_is_as_usual():
    asked = Question.of({"data": "sample:penguins", "lr": None})
    assert asked == Question("sample:penguins")
    assert asked.live
    assert not asked.descends


def test_what_needs_rows_is_not_for_the_page_to_train():
    for more in ({"loss": "huber"}, {"batch_size": 8}, {"patience": 5}):
        assert not Question.of({"data": "sample:penguins", **more}).live


@pytest.mark.parametrize(
    "odd",
    [
        {"data": "/etc/passwd"},
        {"data": "upload:../../x"},
        {"data": "sample:penguins\n"},
        {"data": "file:///etc/passwd"},
        {"data": 3},
        {"seed": -1},
        {"seed": True},
        {"seed": 1.5},
        {"lr": 0},
        {"lr": float("inf")},
        {"lr": "fast"},
        {"steps": 10**9},
        {"features": "x"},
        {"features": [1]},
        {"features": ["x"] * 2_000},
        {"missing": "ignore"},
        {"optimizer": "lbfgs"},
        {"momentum": 1},
        {"split": [0.5]},
        {"split": [0.5, "a"]},
        {"start": {"x": None}},
        {"start": [1, 2]},
        {"target": "x" * 5_000},
        {"standardize": "no"},
        {"formula": {"a": 1}},
        {"device": "cuda"},
    ],
)
def test_what_is_not_of_its_kind_is_refused_by_name(odd):
    with pytest.raises(OptionError) as no:
        Question.of({"data": "sample:penguins", **odd})
    assert next(iter(odd)) in str(no.value)
    assert len(str(no.value)) < 400


@pytest.mark.parametrize("odd", [None, [], "data", 3, {}])
def test_a_request_is_an_object_with_data(odd):
    with pytest.raises(OptionError):
        Question.of(odd)


def test_every_field_of_the_schema_is_one_of_asked():
    assert set(SCHEMA) == set(Question.__dataclass_fields__)


def test_whole_numbers_of_any_length_and_kind():
    """JSON has one kind of number: 3.0 is whole; and whole numbers of any length."""
    for huge in (10**400, -(10**400)):
        with pytest.raises(OptionError, match=r"`lr` is a number above 0"):
            Question.of({"data": "lesson:slope-and-bias", "lr": huge})
    asked = Question.of({"data": "lesson:slope-and-bias", "steps": 3.0})
    assert asked.steps == 3
    assert isinstance(asked.steps, int)
    with pytest.raises(OptionError, match="`seed` is a whole number"):
        Question.of({"data": "lesson:slope-and-bias", "seed": -1})
