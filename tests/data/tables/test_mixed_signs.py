"""A file in which some columns have a decimal comma and others a point: the sign of most is the file's, and the others are told so."""

from __future__ import annotations

from pathlib import Path

import pytest

import bestline as bl
from bestline.errors import ColumnError

ROWS = "day;size;sales;twice\n01.01.2024;170,9;76.058,33;157.7\n02.01.2024;179,8;82.723,74;165.1\n03.01.2024;163,8;65.837,91;133.2\n"


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_points_between_thousands_are_decimal_commas_too(tmp_path: Path) -> None:
    (tmp_path / "mixed.csv").write_text("﻿" + ROWS, encoding="utf-8")
    model = bl.fit(tmp_path / "mixed.csv", "sales ~ size")
    by_hand = bl.fit({"size": [170.9, 179.8, 163.8], "sales": [76058.33, 82723.74, 65837.91]}, "sales ~ size")
    assert model.coef["size"] == pytest.approx(by_hand.coef["size"], rel=1e-12)
    with pytest.raises(
        ColumnError, match=r"`157.7` at row 1 .* has a point, and numbers of this file have a decimal comma; write 157,7, or"
    ):
        bl.fit(tmp_path / "mixed.csv", "sales ~ twice")


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_three_digits_behind_a_point_may_be_thousands(tmp_path: Path) -> None:
    (tmp_path / "mixed.csv").write_text("y;x;z\n1,5;1.234;1,25\n2,5;2.345;2,5\n4,5;4.567;3,5\n")
    with pytest.raises(ColumnError, match="write 1,234, or 1234 if it parts thousands"):
        bl.fit(tmp_path / "mixed.csv", "y ~ x")


@pytest.mark.parametrize(
    ("cells", "sign"), [("1,234;5,678", ","), ("1.234;5.678", "."), ("1,234.5;2,5", "."), ("1.234,5;x", ",")]
)
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_the_sign_of_a_file(tmp_path: Path, cells: str, sign: str) -> None:
    (tmp_path / "t.csv").write_text(f"a;b\n{cells}\n{cells}\n")
    said = any("decimal comma" in note for note in bl.api.open_source(tmp_path / "t.csv").about)
    assert said is (sign == ",")
