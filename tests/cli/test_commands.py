"""Commands beyond fitting and predicting: watch, report, moments, agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import bestline as bl
from bestline.errors import DataError, NumericalError, OptionError
from bestline.inference.peers import agreed, agreement

Run = Callable[..., SimpleNamespace]

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def session_in(path: Path) -> dict:
    return json.loads(re.search(r'class="bestline-session">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1])


# -- watch -------------------------------------------------------------------------------------------------------------


def test_watch_writes_a_page_with_the_runs_asked_for(run: Run, table: Path, tmp_path: Path) -> None:
    arguments = ["y ~ x1", "--lr", "0.1", "--steps", "20", "--compare", "lr=0.5", "--compare", "solver=adam,lr=0.2,steps=30"]
    done = run("watch", table, *arguments, "-o", "run.html", "--json")
    assert done.status == 0
    assert [fact["label"] for fact in done.facts["runs"]] == ["sgd, lr 0.1", "sgd, lr 0.5", "adam, lr 0.2 (steps=30)"]
    told = session_in(tmp_path / "run.html")
    assert [len(r["step"]) for r in told["runs"]] == [21, 21, 31]
    for fact, shown in zip(done.facts["runs"], told["runs"], strict=True):
        assert fact["loss"] == shown["loss"][-1]
    alone = bl.fit(str(table), "y ~ x1", solver="adam", lr=0.2, steps=30)
    assert told["runs"][2]["loss"][-1] == float(alone.trace.loss[-1])


@pytest.mark.parametrize("name", ["run.gif", "run.png", "run.svg"])
def test_watch_writes_pictures(run: Run, table: Path, tmp_path: Path, name: str) -> None:
    done = run("watch", table, "y ~ x1", "--lr", "0.2", "--steps", "12", "--frames", "9", "-o", name)
    assert done.status == 0, done.err
    if name.endswith("svg"):
        assert "<svg" in (tmp_path / name).read_text(encoding="utf-8")
    else:
        with Image.open(tmp_path / name) as image:
            assert image.width > 400
            if name.endswith("gif"):
                assert 2 <= image.n_frames <= 9


def test_runs_that_differ_in_what_their_label_does_not_say_are_told_apart(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("watch", table, "y ~ x1", "--lr", "0.1", "--steps", "5", "--compare", "start=3,4", "-o", "run.html")
    assert done.status == 0
    assert [r["label"] for r in session_in(tmp_path / "run.html")["runs"]] == ["sgd, lr 0.1", "sgd, lr 0.1 (start=3,4)"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "run.txt"], "written as"),
        (["-o", "run.html", "--compare", "rate=3"], "--compare"),
        (["-o", "run.html", "--compare", "lr"], "--compare"),
        (["-o", "run.html", "--compare", "steps=many"], "--compare"),
        (["-o", "run.html", "--compare", "solver=nonsense"], "nonsense"),
        (["-o", "run.html", "--show", "x9,x1"], "x9"),
        (["-o", "run.gif", "--theme", "pink"], "pink"),
    ],
)
def test_watch_refuses_what_makes_no_sense_and_leaves_nothing(
    run: Run, table: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run("watch", table, "y ~ x1 + x2", "--steps", "5", *arguments)
    assert done.status in (1, 2)
    assert said in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.csv"]


def test_watch_overwrites_only_when_told_to(run: Run, table: Path, tmp_path: Path) -> None:
    (tmp_path / "run.html").write_text("mine")
    assert run("watch", table, "y ~ x1", "--steps", "5", "-o", "run.html").status == 1
    assert (tmp_path / "run.html").read_text() == "mine"
    assert run("watch", table, "y ~ x1", "--steps", "5", "-o", "run.html", "--force").status == 0
    assert "bestline-session" in (tmp_path / "run.html").read_text(encoding="utf-8")


# -- report ------------------------------------------------------------------------------------------------------------


def test_fit_and_report_write_a_page(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("fit", table, "y ~ x1 + x2 + g", "-o", "m.bestline", "--report", "a.html")
    assert done.status == 0
    assert "goes with" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "m.bestline" in done.err
    assert run("report", "m.bestline", table, "-o", "b.html").status == 0
    again = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "bestline fit" in again
    assert "has no rows" not in again
    assert run("report", "m.bestline", table, "-o", "b.html").status == 1
    assert run("fit", table, "y ~ x1", "-o", "c.html", "--report", "c.html").status == 2
    assert run("fit", table, "y ~ x1", "--report", "c.txt").status == 2
    assert run("report", "m.bestline", "-o", "c.txt").status == 2


# -- moments -----------------------------------------------------------------------------------------------------------


def test_moments_are_collected_added_subtracted_and_fitted(run: Run, table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame[:30].to_csv(tmp_path / "a.csv", index=False)
    frame[30:].to_csv(tmp_path / "b.csv", index=False)
    for name in "ab":
        assert run("moments", "collect", f"{name}.csv", "y ~ x1 + x2", "-o", f"{name}.moments").status == 0
    whole = run("moments", "add", "a.moments", "b.moments", "-o", "ab.moments", "--json").facts
    assert whole["rows"] == 80
    assert whole["columns"]["x1"]["mean"] == pytest.approx(frame.x1.mean(), abs=1e-12)
    assert whole["columns"]["x1"]["sd"] == pytest.approx(frame.x1.std(ddof=0))
    assert whole["columns"]["x1"]["high"] == frame.x1.max()
    back = run("moments", "subtract", "ab.moments", "b.moments", "-o", "back.moments", "--json").facts
    assert back["rows"] == 30
    fitted = run("fit", "back.moments", "--json").facts
    np.testing.assert_allclose(fitted["coef"]["x1"], bl.fit(frame[:30], "y ~ x1 + x2").coef["x1"], rtol=1e-9)
    shown = run("moments", "show", "a.moments")
    assert "30 rows" in shown.out


def test_moments_refuse_other_endings_other_designs_and_what_exists(run: Run, table: Path) -> None:
    assert run("moments", "collect", table, "y ~ x1", "-o", "m.csv").status == 2
    assert run("moments", "collect", table, "y ~ x1", "-o", "m.moments").status == 0
    assert run("moments", "collect", table, "y ~ x1", "-o", "m.moments").status == 1
    assert run("moments", "collect", table, "y ~ x2", "-o", "n.moments").status == 0
    assert run("moments", "add", "m.moments", "n.moments", "-o", "o.moments").status == 1
    assert run("moments", "show", "nothing.moments").status == 1


# -- agree -------------------------------------------------------------------------------------------------------------


def test_agree_finds_the_same_line_by_others(run: Run, table: Path) -> None:
    run("fit", table, "y ~ x1 + x2 + g", "-o", "m.bestline")
    done = run("agree", "m.bestline", table, "--json")
    assert done.status == 0
    assert len(done.facts["weights"]) == 4
    for fact in done.facts["weights"]:
        agreements = [value for name, value in fact.items() if name.startswith("digits agreed")]
        assert len(agreements) == 2
        assert min(agreements) > 12
    assert "digits agreed at the least" in run("agree", "m.bestline", table).out


@pytest.mark.parametrize(
    "arguments", [{"l2": 0.2}, {"l1": 0.05}, {"l1": 0.05, "l2": 0.1}, {"l2": 0.2, "standardize": False}, {"weights": "w"}]
)
def test_penalised_and_weighted_lines_agree(table: Path, arguments: dict) -> None:
    frame = pd.read_csv(table)
    frame["w"] = np.linspace(0, 2, len(frame))
    model = bl.fit(frame, "y ~ x1 + x2 + g", **arguments)
    found = agreement(model)
    assert found.peers
    for name in found.peers:
        assert float(found.digits(name).min()) > 8


def test_agreement_needs_the_same_rows_the_solution_and_squared_loss(table: Path) -> None:
    frame = pd.read_csv(table)
    with pytest.raises(DataError, match="40 usable rows"):
        agreement(bl.fit(frame, "y ~ x1"), frame[:40])
    with pytest.raises(NumericalError, match="more steps"):
        agreement(bl.fit(frame, "y ~ x1", solver="sgd", lr=0.01, steps=3))
    with pytest.raises(OptionError, match="squared loss"):
        agreement(bl.fit(frame, "y ~ x1", loss="huber"))


def test_digits_agreed_are_counted_in_the_peers_own_size() -> None:
    a, b = (np.array(v) for v in ([1.001, 0.0, 5.0], [1.0, 0.0, 5.0]))
    import torch

    digits = agreed(torch.as_tensor(a), torch.as_tensor(b)).tolist()
    assert digits[0] == pytest.approx(3.0, abs=1e-6)
    assert digits[1] == digits[2] == pytest.approx(15.95)
