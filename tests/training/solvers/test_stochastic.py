"""One row at a time: torch's own loop, means, stops and refusals."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.errors import OptionError
from bestline.training.solvers import row_loop as one_by_one
from training.solvers.epochs import table

EXACT = 1e-12  # relative, of what both ways compute in float64: sums in another order


NEAR = 0.01  # of weights about 1: what is left of the noise in the mean of some ten thousand steps


def torch_loop(X, y, lr, order, start):
    """nn.Linear, MSELoss and SGD of torch, one row at a time."""
    model = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
    with torch.no_grad():
        model.weight[:], model.bias[:] = torch.tensor(start[:-1], dtype=torch.float64), start[-1]
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=lr), torch.nn.MSELoss()
    for i in order.tolist():
        optimizer.zero_grad()
        loss(model(torch.from_numpy(X[[i]])), torch.from_numpy(y[[i]])).backward()
        optimizer.step()
    return [*model.weight[0].tolist(), model.bias.item()]


@pytest.fixture
def untouched_stream():
    """torch draws the first weights of its layers from the global stream: it is put back."""
    state = torch.random.get_rng_state()
    yield
    torch.random.set_rng_state(state)


@pytest.mark.usefixtures("untouched_stream")
def test_an_epoch_is_torchs_own_loop():
    X, y = table()
    start = [0.1, -0.2, 0.3, 0.4]
    solver = bl.Stochastic(lr=0.02, steps=1, average=False)
    model = bl.fit((X, y), solver=solver, start=start, standardize=False, seed=3)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(3))
    np.testing.assert_allclose(model.weights[:, 0], torch_loop(X, y, 0.02, order, start), rtol=EXACT)
    assert model.trace.step.tolist() == [0, 1]
    assert float(model.trace.loss[-1]) == pytest.approx(float(np.mean((model.predict(X).ravel() - y.ravel()) ** 2)))


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_mean_finds_the_solution(l2, weighted, intercept):
    X, y = table(2_000)
    w = np.random.default_rng(1).uniform(0, 3, len(X)) if weighted else None
    data = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y[:, 0]}
    formula = "y ~ a + b + c" + ("" if intercept else " - 1")
    exact = bl.fit(data, formula, l2=l2, weights=w)
    model = bl.fit(data, formula, l2=l2, weights=w, solver="stochastic", steps=60)
    np.testing.assert_allclose(model.weights, exact.weights, rtol=NEAR, atol=NEAR)
    wild = bl.fit(data, formula, l2=l2, weights=w, solver=bl.Stochastic(steps=60, average=False))
    assert (wild.weights - exact.weights).norm() > (model.weights - exact.weights).norm()


def test_a_weight_is_worth_as_many_rows():
    X, y = table(200)
    w = np.random.default_rng(0).integers(0, 4, 200)
    many = np.repeat(np.arange(200), w)
    solver = bl.Stochastic(steps=80)
    heavy = bl.fit((X, y), weights=w.astype(float), solver=solver, l2=0.1)
    repeated = bl.fit((X[many], y[many]), solver=solver, l2=0.1)
    np.testing.assert_allclose(heavy.weights, repeated.weights, rtol=NEAR, atol=NEAR)


def test_l1_leaves_weights_at_zero():
    X, y = table(1_000, p=4)
    X[:, 3] = np.random.default_rng(5).normal(size=1_000)
    y = X[:, :3].sum(1)
    exact = bl.fit((X, y), l1=0.2)
    mean, last = (bl.fit((X, y), l1=0.2, solver=bl.Stochastic(steps=40, average=average)) for average in (True, False))
    assert float(exact.weights[3]) == float(last.weights[3]) == 0
    np.testing.assert_allclose(mean.weights, exact.weights, rtol=2 * NEAR, atol=2 * NEAR)


def test_targets_are_lines_of_their_own():
    X, y = table(k=2)
    start = np.zeros((4, 2))
    both = bl.fit((X, y), solver="stochastic", steps=3, start=start)
    for j in range(2):
        alone = bl.fit((X, y[:, j]), solver="stochastic", steps=3, start=start[:, j])
        np.testing.assert_allclose(both.weights[:, j], alone.weights[:, 0], rtol=1e-10)


def test_rates_seeds_and_stops():
    X, y = table()
    one, same, other = (bl.fit((X, y), solver="stochastic", steps=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.weights, same.weights)
    assert not torch.equal(one.weights, other.weights)
    falling = bl.fit((X, y), solver=bl.Stochastic(lr=0.01, rate="invscaling", power=0.5, steps=2))
    np.testing.assert_allclose(falling.trace.rate, [0.01, 0.01 / 401**0.5, 0.01 / 801**0.5])
    with pytest.warns(bl.errors.DivergedWarning):
        diverged = bl.fit((X, y), solver=bl.Stochastic(lr=5.0))
    assert diverged.stop is bl.Stop.DIVERGED
    early = bl.fit((X, y), solver=bl.Stochastic(steps=1_000, patience=3), split=(0.6, 0.2, 0.2))
    assert early.stop is bl.Stop.PATIENCE
    noise_free = bl.fit((X, X @ [1.0, 2, 3]), solver=bl.Stochastic(steps=1_000, average=False, tol=1e-8))
    assert noise_free.stop is bl.Stop.CONVERGED


def test_interrupted_keeps_what_was_learnt():
    X, y = table()

    def stop(step):
        if step.index == 2:
            raise KeyboardInterrupt

    with pytest.warns(bl.errors.BestlineWarning, match="Interrupted"):
        model = bl.fit((X, y), solver="stochastic", watch=stop)
    assert model.stop is bl.Stop.INTERRUPTED
    assert model.step == 2


def test_odd_tables():
    with pytest.warns(bl.errors.BestlineWarning, match="few rows"):
        assert bl.fit({"y": [1.0, 2, 6]}, "y ~ 1", solver=bl.Stochastic(steps=200)).intercept == pytest.approx(3, abs=0.3)
    X = np.random.default_rng(0).normal(size=(300, 1))
    y = 4 * X + 0.01 * np.random.default_rng(1).normal(size=(300, 1))
    with pytest.warns(bl.errors.BestlineWarning, match="nearest to the start"):
        twins = bl.fit((np.hstack([X, X]).astype(np.float32), y), solver="stochastic", start=[0, 0, 0])
    np.testing.assert_allclose(twins.weights[:2, 0], [2, 2], rtol=NEAR)
    holes = np.where(np.arange(300) % 7 == 0, np.nan, X[:, 0])
    with pytest.warns(bl.errors.BestlineWarning, match="left out|dropped"):
        dropped = bl.fit((holes, y), missing="drop", solver="stochastic")
    assert float(dropped.coef.iloc[0]) == pytest.approx(4, rel=NEAR)


@pytest.mark.parametrize(
    "bad", [{"lr": 0}, {"lr": "fast"}, {"steps": -1}, {"steps": True}, {"rate": "adaptive"}, {"power": -1}, {"average": 2}, {"tol": -1}]
)  # fmt: skip
def test_bad_settings_are_refused(bad):
    with pytest.raises(bl.errors.OptionError, match=next(iter(bad))):
        bl.Stochastic(**bad)


def test_what_it_cannot_do_is_refused():
    X, y = table(50)
    for loss in ("huber", "absolute", "quantile"):
        with pytest.raises(bl.errors.OptionError, match="batch_size=1"):
            bl.fit((X, y), loss=loss, solver="stochastic")
    with pytest.raises(bl.errors.OptionError, match="takes no batch_size"):
        bl.fit((X, y), solver="stochastic", batch_size=4)
    with pytest.raises(bl.errors.OptionError, match=r"Descent\('sgd', batch_size=1\)"):
        bl.fit((X, y), solver="stochastic").script()
    with pytest.raises(bl.errors.OptionError, match="every slope alike"):
        bl.fit((X, y), solver="stochastic", l2=0.1, penalty_factors={"x0": 0})
    with pytest.raises(bl.errors.OptionError, match="needs the rows"):
        bl.fit(bl.Moments.collect((X, y)), solver="stochastic")


def test_on_the_command_line(tmp_path):
    X, y = table()
    pd.DataFrame({"x": X[:, 0], "y": y[:, 0]}).to_csv(tmp_path / "t.csv", index=False)
    words = ["fit", str(tmp_path / "t.csv"), "y ~ x", "--solver", "stochastic", "--lr", "0.01", "--steps", "3", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["steps"], facts["lr"]) == (3, 0.01)
    model = bl.fit(tmp_path / "t.csv", "y ~ x", solver="stochastic", lr=0.01, steps=3)
    assert facts["coef"]["x"] == pytest.approx(float(model.coef["x"]), rel=EXACT)
    assert model.recipe.command().endswith("--solver=stochastic --lr=0.01 --steps=3")
    assert bl.fit((X, y), solver=bl.Stochastic(average=False)).recipe.command() is None


def test_a_hopeless_epoch_is_not_finished(monkeypatch):
    monkeypatch.setattr("bestline.training.solvers.stochastic._TURNS", 100)
    X, y = table(2_000)
    turns = []
    monkeypatch.setattr(
        "bestline.training.solvers.stochastic.epoch", lambda *a: turns.append(len(a[2])) or one_by_one.epoch(*a)
    )
    with pytest.warns(bl.errors.DivergedWarning, match="well below"):
        bl.fit((X, y), solver=bl.Stochastic(lr=5.0))
    assert sum(turns) <= 500


def test_it_is_remembered(tmp_path):
    X, y = table()
    model = bl.fit((X, y), solver=bl.Stochastic(steps=3, average=False))
    assert model.recipe.python().endswith("bl.fit(data, solver='stochastic', steps=3, average=False)")
    model.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").plan.solver == model.plan.solver


@pytest.mark.parametrize("l1", [0.0, 1e-12])
def test_rows_off_zero_are_taken_as_they_are_with_a_penalty_too(quiet: None, l1: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) + 2
    y = X @ [1.0, 2.0, -1.0] + 3 + rng.normal(size=200)
    how = bl.Stochastic(lr=0.001, steps=2, average=False)
    plain = bl.fit((X, y), solver=how, standardize=False, start=[0.1, 0.2, 0.3, 0.0], seed=3)
    model = bl.fit((X, y), solver=how, standardize=False, start=[0.1, 0.2, 0.3, 0.0], seed=3, l1=l1)
    assert model.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=1e-9)


def test_far_starts_do_not_pass_for_the_solution(quiet: None) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) + 5
    y = X @ [1.0, 2.0, -1.0] + 3 + rng.normal(size=400)
    far = bl.fit((X, y), solver=bl.Stochastic(), start=[1e8] * 4)
    assert "above that of the exact solution" in far.advice
    lost = bl.fit((X, y), solver=bl.Stochastic(), start=[1e30] * 4)
    assert lost.stop is bl.Stop.DIVERGED


@pytest.mark.parametrize("options", [{"power": "a"}, {"power": float("inf")}, {"tol": float("inf")}, {"lr": True}])
def test_odd_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        bl.Stochastic(**options)
    assert bl.Stochastic(lr=np.float32(0.1)).lr == np.float32(0.1)


def test_the_command_line_takes_rates_and_averages(run, tmp_path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i / 50},{i / 25 + 1}" for i in range(60)) + "\n")
    options = ["--rate", "invscaling", "--power", "0.5", "--no-average", "--steps", "2", "--json"]
    told = run("fit", "t.csv", "y ~ x", "--solver", "stochastic", *options).facts
    with_python = bl.fit("t.csv", "y ~ x", solver=bl.Stochastic(steps=2, rate="invscaling", power=0.5, average=False))
    assert told["coef"]["x"] == with_python.coef["x"]
    assert run("fit", "t.csv", "y ~ x", "--solver", "sgd", "--average").status != 0


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("targets", [1, 2])
def test_the_mean_is_of_the_first_epoch_and_then_of_all_the_others(targets) -> None:
    """Rows that are all alike, so that their order changes nothing: then every weight on the way is known in closed form."""
    n, epochs, lr, x = 5, 4, 0.05, 0.5
    y = np.array([3.0, -1.0])[:targets]
    data = {"x": np.full(n, x)} | {f"y{j}": np.full(n, v) for j, v in enumerate(y)}
    solver = bl.Stochastic(lr=lr, steps=epochs)
    model = bl.fit(data, f"{' + '.join(list(data)[1:])} ~ 0 + x", standardize=False, solver=solver)
    start = model.trace.weights[0, 0].numpy()
    # w <- w - 2 lr x (x w - y): each step leaves the share 1 - 2 lr x^2 of what lies between the weight and y / x.
    left = (1 - 2 * lr * x**2) ** np.arange(1, n * epochs + 1)
    way = y / x + left[:, None] * (start - y / x)
    wanted = [start, way[:n].mean(0), *(way[n : n * epoch].mean(0) for epoch in range(2, epochs + 1))]
    np.testing.assert_allclose(model.trace.weights[:, 0], wanted, rtol=EXACT)


@pytest.mark.parametrize("weights", [[1.0, 1.0, 1.0], [1.0, 3.0, 0.5], [0.25, 0.5, 0.25], [40.0, 1.0, 1.0]])
def test_the_automatic_rate_is_a_quarter_of_that_at_which_the_heaviest_turn_overshoots(weights):
    """1 / (4 R): R the largest of |x|^2 + 1 times the weight of one of the row's turns, of which a weight w has ceil(w), 16 at most."""
    X = np.random.default_rng(4).normal(size=(30, 2))
    X[:3] = [[1.0, 0.0], [0.0, 2.0], [6.0, 1.0]]
    y, w = X.sum(1), np.r_[weights, np.full(27, 0.5)]
    turn = w / np.minimum(np.ceil(w), 16)
    solver = bl.Stochastic(steps=1)
    model = bl.fit((X, y), weights=w, solver=solver, standardize=False, start=[0.0, 0, 0])
    assert model.rate == pytest.approx(1 / (4 * (turn * ((X**2).sum(1) + 1)).max()), rel=1e-12)
