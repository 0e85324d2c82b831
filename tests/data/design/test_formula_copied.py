"""A formula that was copied from what was printed, with its marks of direction, is the formula."""

from __future__ import annotations

import pytest

import bestline as bl
from bestline.errors import ColumnError
from bestline.wording import printed

pytestmark = pytest.mark.filterwarnings("ignore:There are few rows")

MARK = "\N{LEFT-TO-RIGHT MARK}"


@pytest.mark.parametrize(
    "formula", ["y ~ `מחיר`", "y ~ `מחיר` + C(`עיר`)", "y ~ `מחיר` | `עיר`", "log(y) ~ I(`מחיר`**2) + `מחיר`"]
)
def test_marks_of_direction_are_no_part_of_names(formula: str, tmp_path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("y,מחיר,עיר\n" + "".join(f"{3 + i % 5},{i + 1},{i % 3}\n" for i in range(60)), encoding="utf-8")
    copied = printed(formula)
    assert MARK in copied
    assert bl.fit(path, copied).params.equals(bl.fit(path, formula).params)


def test_a_column_that_has_such_a_mark_keeps_it() -> None:
    table = {"y": [1.0, 2.0, 4.0, 3.0], f"{MARK}x": [1.0, 2.0, 3.0, 5.0]}
    assert bl.fit(table, f"y ~ `{MARK}x`").names[0] == f"{MARK}x"
    with pytest.raises(ColumnError, match="did you mean"):
        bl.fit(table, "y ~ x")
