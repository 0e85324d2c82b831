"""Errors and warnings: who is told, with which near names, and how an old spelling goes on working."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from bestline.calls import now_by_name, refuse_unknown, renamed
from bestline.errors import BestlineDeprecationWarning, BestlineWarning, OptionError, listed, readable, warn
from hard import NAMES


@renamed(optimizer="solver")
def look(data: Any, *, solver: str = "sgd") -> tuple[Any, str]:
    return data, solver


@now_by_name
def predict(data: Any, *, interval: str | None = None, level: float = 0.95) -> tuple[Any, str | None, float]:
    return data, interval, level


def test_an_old_name_works_and_its_warning_names_the_new_one() -> None:
    with pytest.warns(BestlineDeprecationWarning, match="`optimizer` of look is called `solver` now"):
        assert look(1, optimizer="adam") == (1, "adam")
    assert look(1, solver="adam") == (1, "adam")


def test_an_old_name_beside_the_new_one_is_refused() -> None:
    with pytest.raises(OptionError, match="`optimizer` is the old name of `solver`"):
        look(1, optimizer="adam", solver="sgd")


def test_what_was_taken_by_position_still_is_in_its_old_order() -> None:
    with pytest.warns(BestlineDeprecationWarning, match="predict takes interval=, level= by name now"):
        assert predict(1, "confidence", 0.9) == (1, "confidence", 0.9)
    with pytest.warns(BestlineDeprecationWarning, match="takes interval= by name"):
        assert predict(1, "confidence", level=0.9) == (1, "confidence", 0.9)


@pytest.mark.parametrize(
    ("given", "named", "told"),
    [
        ((1, 2, 3, 4), {}, "takes only `data` by position; give the others by name: `interval` and `level`"),
        ((1, 2), {"interval": "prediction"}, "takes only `data` by position"),
        ((1,), {"data": 2}, "given `data` twice"),
        ((), {}, "predict needs `data`"),
        ((1,), {"alpha": 0.1}, r"no option `alpha`; did you mean `level` \(level = 1 - alpha\)"),
    ],
)
def test_what_does_not_fit_is_told_with_what_does(given: tuple[Any, ...], named: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        predict(*given, **named)


def test_a_deprecation_is_seen_by_everyone_and_caught_with_our_other_warnings() -> None:
    assert issubclass(BestlineDeprecationWarning, BestlineWarning)
    assert issubclass(BestlineDeprecationWarning, FutureWarning)


@pytest.mark.parametrize("tell", [lambda: warn("said"), lambda: look(1, optimizer="adam")])
def test_a_warning_points_at_the_line_that_called(tell: Any) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        tell()
    assert [warning.filename for warning in heard] == [__file__]


def test_an_unknown_option_is_refused_with_the_nearest_names() -> None:
    refuse_unknown(["lr"], ["lr", "steps"], "fit")
    with pytest.raises(OptionError, match=r"fit has no option `stpes`; did you mean `steps`\?"):
        refuse_unknown(["lr", "stpes"], ["lr", "steps"], "fit")
    with pytest.raises(OptionError, match="its options are `lr` and `steps`"):
        refuse_unknown(["zzz"], ["lr", "steps"], "fit")


def test_names_of_seventy_letters_are_whole_in_messages() -> None:
    assert readable(NAMES[0]) == f"`{NAMES[0]}`"
    assert readable("x" * 300) == f"`{'x' * 66}…{'x' * 25}`"


def test_names_in_one_message_never_become_the_same_text() -> None:
    long = [f"{'a' * 80}{side}{'b' * 80}" for side in ("north", "south")]
    assert listed(long) == f"`{long[0]}` and `{long[1]}`"
    assert listed(["x", "x"]) == "`x` and `x`"
