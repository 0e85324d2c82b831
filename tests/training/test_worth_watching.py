"""What is watched moves: descent from away, at a rate whose steps are seen, whatever the columns are."""

from __future__ import annotations

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.watch import session_of, worth_watching

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

X = np.random.default_rng(5).normal(size=(90, 31))
X[:, 1] = X[:, 0] + 0.01 * X[:, 1]
x, y = X[:, 0], 3 * X[:, 0] + 1 + 0.3 * X[:, 30]
CASES = {
    "one column": ({"x": x, "y": y}, "y ~ x", {}),
    "offset": ({"x": 1e6 + x, "y": 1e9 + y}, "y ~ x", {}),
    "huge": ({"x": 1e9 * x, "y": 1e100 * y}, "y ~ x", {}),
    "tiny": ({"x": 1e-9 * x, "y": 1e-100 * y}, "y ~ x", {}),
    "through zero": ({"x": x, "y": 3 * x}, "y ~ x - 1", {}),
    "a mean": ({"y": y}, "y ~ 1", {}),
    "one row": ({"x": [5.0], "y": [10.0]}, "y ~ x - 1", {}),
    "constant": ({"x": x, "y": 0 * x + 5}, "y ~ x", {}),
    "thirty, two alike": ({**{f"c{i}": X[:, i] for i in range(30)}, "y": X.sum(1) + y}, "y ~ .", {"solver": "exact"}),
    "levels": (bl.samples.penguins(), "body_mass_g ~ C(species) + flipper_length_mm", {"missing": "drop"}),
    "ridge": ({"x": x, "y": y}, "y ~ x", {"l2": 0.5}),
    "lasso": ({"x": x, "y": y}, "y ~ x", {"l1": 0.5}),
    "own units": ({"x": 1000 + 3 * x, "y": y}, "y ~ x", {"solver": "exact", "standardize": False}),
    "the best rate": ({"x": x, "y": y}, "y ~ x", {"solver": "sgd"}),
    "held out": ({"x": x, "y": y}, "y ~ x", {"split": (0.7, 0.3)}),
}


@pytest.mark.parametrize("name", CASES)
def test_there_is_something_to_see(name):
    data, formula, how = CASES[name]
    line = bl.fit(data, formula, **how)
    seen = worth_watching(line)
    loss, trace = seen.trace.loss, seen.trace
    assert 15 <= int(trace.step[-1]) <= 200
    drops = (loss[:-1] - loss[1:]) / (loss[0] - loss.min())
    assert float(drops.min()) > -1e-6, "it goes down"
    assert float(drops.max()) < 0.5, "and not at once"
    assert sum(float(drop) > 0.005 for drop in drops) >= 8
    assert float(loss[0]) > 1.3 * float(loss.min()), "it begins away"
    assert seen.rate < seen.rate_limit
    assert (trace.held_out is not None) == ("split" in how)
    (words,) = [note for note in seen.notes if note.startswith("To be watched")]
    for told in ("the rate", "updates", "starts away"):
        assert told in words
    assert words in session_of(line)["notes"]
    assert len(session_of(line, live=False)["runs"][0]["step"]) == len(trace)


def test_a_rate_or_steps_that_were_asked_for_are_kept():
    data = {"x": x, "y": y}
    for how in ({"lr": 0.5, "steps": 3}, {"lr": 0.4}, {"steps": 9}):
        line = bl.fit(data, "y ~ x", solver="sgd", **how)
        assert worth_watching(line) is line
    started = worth_watching(bl.fit(data, "y ~ x", start=[9, -9]))
    assert started.trace.weights[0, :, 0].tolist() == pytest.approx([9, -9])
    assert int(worth_watching(bl.fit(data, "y ~ x"), 7, always=True).trace.step[-1]) == 7
    # Fewer steps are larger ones: the way is as long; more than enough of them go on at the usual rate.
    rates = {steps: worth_watching(bl.fit(data, "y ~ x"), steps, always=True).rate for steps in (7, None, 150)}
    assert rates[7] > 1.5 * rates[None]
    assert rates[150] == rates[None]


def test_fit_shows_a_descent_and_gives_the_exact_line(monkeypatch):
    from bestline.pictures import live

    heard = []
    monkeypatch.setattr(live.Live, "hear", lambda self, step: heard.append(step.loss))
    with pytest.warns(bl.errors.BestlineWarning, match="To be watched.*rate.*updates"):
        line = bl.fit({"x": x, "y": y}, "y ~ x", watch=True)
    assert line.solver == bl.fit({"x": x, "y": y}, "y ~ x").solver == "Exact()"
    assert len(heard) > 15
    assert heard == sorted(heard, reverse=True)
