"""The judge of random commands sees each kind of fault, and the first cases of each kind are answered well."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fuzz import judge
from fuzz.cases import KINDS, Case, drawn

pytestmark = pytest.mark.usefixtures("quiet")
FIT = ["fit", "t.csv", "y ~ x", "--json"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text("x,y\n1,1\n2,3\n3,5\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        (Case("", [FIT], {"x": 2.0}), None),
        (Case("", [FIT], {"x": 2.1}), "the weight of 'x'"),
        (Case("", [FIT], {"z": 2.0}), "the weight of 'z'"),
        (Case("", [["fit", "t.csv", "y ~ nope"]]), None),
        (Case("", [[*FIT, "-o", "m.bestline"]]), "left behind"),
        (Case("", [[*FIT, "-o", "m.bestline"]], outputs={"m.bestline"}), None),
    ],
)
def test_answers_are_judged(folder: Path, case: Case, fault: str | None) -> None:
    found = judge.verdict(case, folder, loud=False)
    assert found is None if fault is None else fault in (found or "")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("raise ValueError('odd')", "fault of bestline"),
        (
            "import sys; print('bestline: one', file=sys.stderr); print('bestline: two', file=sys.stderr); sys.exit(1)",
            "2 lines",
        ),
        ("import sys; sys.exit(1)", "0 lines"),
        ("import sys; sys.exit(7)", "status 7"),
        ("import sys; print('{}'); print('bestline: one', file=sys.stderr); sys.exit(1)", "with a result"),
        ("while True: pass", "no end"),
    ],
)
def test_bad_answers_are_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, fault: str) -> None:
    def main() -> None:
        try:
            exec(compile(answer, "answer", "exec"))  # noqa: S102  a line of this file
        except ValueError as error:  # as the command line itself would tell it
            print(f"bestline: {error} (this is a fault of bestline)", file=sys.stderr)
            sys.exit(1)

    monkeypatch.setattr(judge, "main", main)
    monkeypatch.setattr(judge, "_LIMIT", 1)
    assert fault in (judge.verdict(Case("", [["fit"]]), folder, loud=False) or "")


def test_a_number_makes_its_case_again(tmp_path: Path) -> None:
    kinds, again = set(), []
    for number in range(40):
        one, two = (tmp_path / f"{number}{i}" for i in "ab")
        one.mkdir()
        two.mkdir()
        case = drawn(number, one)
        assert drawn(number, two).shown == case.shown
        kinds.add(case.kind)
        contents = [[p.read_bytes() for p in sorted(folder.iterdir())] for folder in (one, two)]
        again.append(case.kind == "model files" or contents[0] == contents[1])  # a model holds the seconds that its fit took
    assert all(again)
    assert kinds == set(KINDS)


@pytest.mark.parametrize("number", range(12))
def test_the_first_cases_are_answered_well(tmp_path: Path, number: int) -> None:
    assert judge.verdict(drawn(number, tmp_path), tmp_path, loud=False) is None
