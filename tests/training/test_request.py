"""What cannot be meant is refused by name, before anything is read."""

from __future__ import annotations

from typing import Any

import pytest

import bestline as bl
from bestline.errors import OptionError

DATA = {"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.5, 2.0, 4.0]}


@pytest.mark.parametrize(("name", "value"), [("device", None), ("device", 0), ("seed", True)])
def test_what_is_of_the_wrong_kind_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"`{name}` must be"):
        bl.fit(DATA, "y ~ x", **{name: value})


def test_moments_take_no_folds_as_five_as_they_once_did() -> None:
    assert len(bl.Moments.collect(DATA, "y ~ x", folds=None).folds) == 5
