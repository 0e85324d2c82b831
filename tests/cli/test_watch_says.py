"""What `watch` and `fit` say of a run in JSON and by their exit status, against the run itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.training.solvers import Descent
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


@pytest.fixture
def overfitted(tmp_path: Path) -> str:
    """Few rows of many columns: the held-out loss is least long before the end."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 15))
    frame = pd.DataFrame({f"x{j}": X[:, j] for j in range(15)})
    frame.assign(y=X[:, 0] + 2 * rng.normal(size=40)).to_csv(tmp_path / "t.csv", index=False)
    return str(tmp_path / "t.csv")


KEEPS_THE_BEST = ("--solver", "sgd", "--lr", "0.3", "--steps", "300", "--patience", "10", "--split", "0.5,0.5,0")


def test_the_loss_told_is_that_of_the_weights_kept(run: Run, overfitted: str) -> None:
    model = bl.fit(overfitted, target="y", solver=Descent("sgd", lr=0.3, steps=300, patience=10), split=(0.5, 0.5, 0))
    last, kept = float(model.trace.loss[-1]), float(model.trace.loss[model.step])
    assert last < kept, "the training loss has gone on falling"
    done = run("watch", overfitted, "--target", "y", *KEEPS_THE_BEST, "-o", "run.html", "--json")
    assert done.status == 0, done.err
    (told,) = done.facts["runs"]
    assert told["loss"] == kept
    assert told["steps"] == len(model.trace) - 1
    assert (told["lr"], told["lr_limit"]) == (0.3, pytest.approx(model.rate_limit, rel=1e-12))
    fitted = run("fit", overfitted, "--target", "y", *KEEPS_THE_BEST, "--json").facts
    assert fitted["loss"] == kept
    assert fitted["loss_start"] == float(model.trace.loss[0])
    assert fitted["coef"] == model.coef.to_dict()
    rows = run("fit", overfitted, "--target", "y", *KEEPS_THE_BEST, "--trace", "trace.csv")
    assert rows.status == 0
    trace = pd.read_csv("trace.csv")
    for name in ("step", "loss", "held_out", "gradient_norm", "gap", "x0", "Intercept"):
        np.testing.assert_array_equal(trace[name], model.trace.frame()[name])


def test_the_gap_is_the_loss_above_that_of_the_exact_solution(run: Run, table: Path) -> None:
    exact = bl.fit(str(table), "y ~ x1 + x2")
    assert run("fit", table, "y ~ x1 + x2", "--solver", "sgd", "--lr", "0.1", "--steps", "9", "--trace", "t.csv").status == 0
    trace = pd.read_csv("t.csv")
    frame = pd.read_csv(table)
    least = float(((frame["y"] - exact.predict(frame)) ** 2).mean())
    errors = [
        float(((frame["y"] - row.x1 * frame["x1"] - row.x2 * frame["x2"] - row.Intercept) ** 2).mean())
        for row in trace.itertuples()
    ]
    np.testing.assert_allclose(trace["loss"], errors, rtol=1e-10)
    np.testing.assert_allclose(trace["gap"], np.array(errors) - least, rtol=1e-8)


@pytest.mark.parametrize("command", ["fit", "watch"])
def test_a_run_that_is_interrupted_ends_with_status_130(
    command: str, run: Run, table: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was learnt until then is told and written, and the runs after it are not begun."""
    begun: list[str] = []
    original: Callable[..., object] = Descent.run

    def interrupted(self: Descent, *args: object, **kwargs: object) -> object:
        begun.append(self.title)
        for step in original(self, *args, **kwargs):  # type: ignore[attr-defined]
            if step.index == 5:
                raise KeyboardInterrupt
            yield step

    monkeypatch.setattr(Descent, "run", interrupted)
    more = ["--compare", "solver=adam", "-o", "run.html"] if command == "watch" else ["-o", "run.bestline"]
    done = run(command, table, "y ~ x1", "--solver", "sgd", "--lr", "0.1", "--steps", "50", *more, "--json")
    assert done.status == 130
    assert begun == ["sgd"]
    facts = done.facts["runs"][0] if command == "watch" else done.facts
    assert facts["steps"] == 4
    assert "nterrupted" in json.dumps(facts)
    assert (tmp_path / more[-1]).exists()
    if command == "watch":
        page = (tmp_path / "run.html").read_text(encoding="utf-8")
        assert page.count('"stop":"interrupted"') + page.count('"stop": "interrupted"') == 1
    else:
        assert len(bl.load(tmp_path / "run.bestline").names) == 2
    whole = run(command, table, "y ~ x1", "--solver", "sgd", "--lr", "0.1", "--steps", "3", *more, "--force")
    assert whole.status == 0, "a run that is not interrupted ends well"


def test_columns_that_nobody_uses_are_named(run: Run, table: Path) -> None:
    assert run("fit", table, "y ~ x1", "-o", "m.bestline").status == 0
    done = run("predict", "m.bestline", table, "--json")
    assert any("not used by the model" in warning and "`x2`" in warning for warning in done.facts["warnings"])
    pd.read_csv(table)[["x1"]].to_csv("only.csv", index=False)
    assert not any("not used" in warning for warning in run("predict", "m.bestline", "only.csv", "--json").facts["warnings"])


@pytest.mark.parametrize(
    ("text", "found"), [("C(g)[T.a=b]=2", {"C(g)[T.a=b]": 2.0}), ("x=-1,Intercept=2", {"x": -1.0, "Intercept": 2.0})]
)
def test_numbers_by_name_end_at_the_last_equals_sign(text: str, found: dict[str, float]) -> None:
    from bestline.cli.options import numbers_by_name, start_of

    assert numbers_by_name(text, "--start") == start_of(text) == found
