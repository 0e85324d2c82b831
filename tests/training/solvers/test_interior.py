"""Lines under losses with edges, against linear programming, Newton's method with a free scale, and torch's own losses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import QuantileRegressor
from torch.nn.functional import huber_loss, l1_loss

import bestline as bl
from bestline.errors import BestlineWarning, OptionError
from bestline.numerics.rows import Rows
from bestline.training.losses import absolute, huber, quantile
from bestline.training.objective import LineForward, Objective, RowLoss
from bestline.training.penalty import ElasticNetPenalty
from bestline.training.solvers.interior import InteriorPoint

OPTIMAL = 1e-11  # of the objective, over that without slopes: HiGHS stops at 1e-7 of feasibility, and is mostly exact
SAME = 1e-9  # of weights: a vertex is solved for as it stands
LEVELS = (0.01, 0.25, 0.5, 0.9, 0.99)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore", BestlineWarning)


def table(seed: int, n: int, p: int, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    if ties:
        return rng.integers(0, 4, (n, p)).astype(float), rng.integers(0, 5, n).astype(float)
    X = rng.normal(size=(n, p)) * rng.uniform(0.1, 10, p) + rng.normal(size=p)
    return X, X @ rng.normal(size=p) + rng.standard_t(1.5, size=n)


def pinball(r: np.ndarray, level: float) -> float:
    return float(np.mean(np.maximum(level * r, (level - 1) * r)))


@given(
    seed=st.integers(0, 2**31),
    n=st.integers(3, 150),
    p=st.integers(1, 5),
    level=st.sampled_from(LEVELS),
    l1=st.sampled_from([0.0, 0.01, 0.1, 1.0]),
    ties=st.booleans(),
)
def test_quantiles_are_those_of_linear_programming(seed: int, n: int, p: int, level: float, l1: float, ties: bool) -> None:
    X, y = table(seed, n, p, ties=ties)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = bl.fit((X, y), loss=f"quantile:{level}", l1=l1, standardize=False)
        peer = QuantileRegressor(quantile=level, alpha=l1, solver="highs").fit(X, y)
    ours = pinball(y - model.predict(X), level) + l1 * np.abs(model.coef).sum()
    theirs = pinball(y - peer.predict(X), level) + l1 * np.abs(peer.coef_).sum()
    height = pinball(y - np.quantile(y, level), level) or 1.0
    assert model.stop is bl.Stop.CONVERGED
    assert (ours - theirs) / height < OPTIMAL


@pytest.mark.parametrize(("n", "p"), [(30, 2), (400, 3), (2_000, 8)])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 50.0])
def test_huber_at_the_scale_that_huber_regressor_finds(n: int, p: int, alpha: float) -> None:
    X, y = table(n, n, p)
    free = bl.HuberRegressor(epsilon=1.35, alpha=alpha, tol=1e-8, max_iter=1_000).fit(X, y)
    # With the scale s held, its objective is 2 / s times the sum of Huber's losses, and alpha |b|^2.
    model = bl.fit((X, y), loss=f"huber:{float(1.35 * free.scale_)!r}", l2=alpha * free.scale_ / 2 / n, standardize=False)
    near = 1e-8 * free.scale_
    assert model.coef.to_numpy() == pytest.approx(free.coef_, rel=1e-8, abs=near)
    assert model.intercept == pytest.approx(free.intercept_, rel=1e-8, abs=near)


def test_medians_are_those_of_statsmodels() -> None:
    from statsmodels.regression.quantile_regression import QuantReg

    X, y = table(3, 501, 3)
    peer = QuantReg(y, np.c_[X, np.ones(len(y))]).fit(q=0.5, p_tol=1e-12, max_iter=5_000)
    assert bl.fit((X, y), loss="absolute").params.to_numpy() == pytest.approx(peer.params, rel=1e-4)


@pytest.mark.parametrize("loss", ["huber:0.7", "absolute", "quantile:0.8"])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.05, 0.05)])
def test_no_other_line_is_better(loss: str, l1: float, l2: float) -> None:
    X, y = table(1, 120, 3)
    model = bl.fit((X, y), loss=loss, l1=l1, l2=l2, standardize=False)
    maker = {"huber:0.7": huber(0.7), "absolute": absolute, "quantile:0.8": quantile(0.8)}[loss]
    smooth = RowLoss(Rows(torch.tensor(X), torch.tensor(y)[:, None]), maker, LineForward(intercept=True))
    objective = Objective(smooth, ElasticNetPenalty.on_slopes(l1, l2, 3, intercept=True), smooth, torch.ones(4, 1))
    w = torch.tensor(model.params.to_numpy())[:, None]
    least, generator = objective.value(w), torch.Generator().manual_seed(0)
    for size in (1e-6, 1e-3, 1.0):
        for _ in range(50):
            away = size * torch.randn(4, 1, generator=generator, dtype=torch.float64)
            assert objective.value(w + away) >= least * (1 - 1e-12)


@pytest.mark.parametrize("loss", ["huber", "huber:2", "absolute", "quantile:0.3"])
def test_a_weight_is_as_many_rows_and_targets_are_fits_apart(loss: str) -> None:
    X, y = table(5, 90, 2)
    w = np.random.default_rng(0).integers(0, 4, 90).astype(float)
    Y = np.c_[y, y[::-1]]
    if loss != "huber":  # whose scale is a median of rows
        weighted = bl.fit((X, y), loss=loss, weights=w, l1=0.01, standardize=False)
        copied = bl.fit((np.repeat(X, w.astype(int), 0), np.repeat(y, w.astype(int))), loss=loss, l1=0.01, standardize=False)
        assert weighted.params.to_numpy() == pytest.approx(copied.params.to_numpy(), rel=SAME)
    both = bl.fit((X, Y), loss=loss)
    for i in range(2):
        alone = bl.fit((X, Y[:, i]), loss=loss)
        assert both.coef.iloc[:, i].to_numpy() == pytest.approx(alone.coef.to_numpy(), rel=SAME)


def test_units_and_offsets_and_starts_do_not_matter() -> None:
    X, y = table(7, 200, 3)
    plain = bl.fit((X, y), loss="absolute")
    odd = bl.fit((X * [1e-8, 1, 1e8] + [0, 1e4, 0], y), loss="absolute", standardize=False)
    assert odd.coef.to_numpy() * [1e-8, 1, 1e8] == pytest.approx(plain.coef.to_numpy(), rel=SAME)
    far = bl.fit((X, y), loss="absolute", start=[1e6, 1e6, -1e6, 1e8])
    assert far.params.to_numpy() == pytest.approx(plain.params.to_numpy(), rel=SAME)
    assert far.trace.weights[0, :, 0].tolist() == pytest.approx([1e6, 1e6, -1e6, 1e8])
    single = bl.fit((X.astype(np.float32), y.astype(np.float32)), loss="absolute")
    assert single.coef.to_numpy() == pytest.approx(plain.coef.to_numpy(), rel=1e-4)


def test_what_has_no_single_answer() -> None:
    X, y = table(9, 80, 2)
    plain = pinball(y - bl.fit((X, y), loss="absolute").predict(X), 0.5)
    for more in (X[:, :1] + X[:, 1:], np.ones((80, 1)), X[:, :1]):  # a combination, a constant, a repetition
        assert pinball(y - bl.fit((np.c_[X, more], y), loss="absolute").predict(np.c_[X, more]), 0.5) == pytest.approx(plain)
    between = bl.fit({"x": [0.0] * 4, "y": [1.0, 2.0, 4.0, 9.0]}, "y ~ x", loss="absolute")
    assert 2 <= between.intercept <= 4
    assert bl.fit((X, np.full(80, 5.0)), loss="absolute").predict(X) == pytest.approx(5)
    through = bl.fit((X, X @ [1.0, 2.0] + 3), loss="huber")
    assert through.params.to_numpy() == pytest.approx([1, 2, 3])


def test_more_columns_than_rows_with_a_penalty() -> None:
    X, y = table(11, 12, 30)
    model = bl.fit((X, y), loss="absolute", l1=0.2, standardize=False)
    peer = QuantileRegressor(quantile=0.5, alpha=0.1, solver="highs").fit(X, y)  # half of |r| is the pinball loss
    ours = pinball(y - model.predict(X), 0.5) + 0.1 * np.abs(model.coef).sum()
    assert ours == pytest.approx(pinball(y - peer.predict(X), 0.5) + 0.1 * np.abs(peer.coef_).sum(), rel=1e-10)
    assert (model.coef == 0).sum() >= 18


def test_a_free_column_is_not_shrunk() -> None:
    rows = Rows(torch.tensor(table(2, 60, 2)[0]), torch.tensor(table(2, 60, 2)[1])[:, None])
    smooth = RowLoss(rows, absolute, LineForward(intercept=True))
    penalty = ElasticNetPenalty(100.0, 0.0, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    *_, last = InteriorPoint().run(Objective(smooth, penalty, smooth, torch.ones(3, 1)), torch.zeros(3, 1, dtype=torch.float64))
    alone = bl.fit((rows.X[:, :1], rows.y), loss="absolute", standardize=False).params.to_numpy()
    assert last.weights[[0, 2], 0].tolist() == pytest.approx(alone.tolist(), rel=SAME)
    assert float(last.weights[1, 0]) == 0


def test_the_losses_are_torchs() -> None:
    r = torch.tensor([-3.0, -1.0, -0.2, 0.0, 0.4, 1.0, 5.0], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros_like(r)
    for ours, theirs in ((huber(1.0), huber_loss), (absolute, l1_loss)):
        mine, other = ours(r, zero), theirs(r, zero, reduction="none")
        assert torch.equal(mine, other)
        assert torch.equal(*(torch.autograd.grad(loss.sum(), r)[0] for loss in (mine, other)))
    assert quantile(0.9)(torch.tensor(0.0), torch.tensor(2.0)) == pytest.approx(1.8)


def test_an_own_smooth_loss_under_an_l1_penalty_has_exact_zeros() -> None:
    X, y = table(13, 150, 6)
    own = bl.fit((X, y), loss=lambda f, y: huber_loss(f, y, reduction="none", delta=2.0), l1=0.3, standardize=False)
    exact = bl.fit((X, y), loss="huber:2", l1=0.3, standardize=False)
    assert own.stop is bl.Stop.CONVERGED
    assert own.coef.to_numpy() == pytest.approx(exact.coef.to_numpy(), abs=1e-6)
    assert own.coef.to_numpy()[exact.coef.to_numpy() == 0].tolist() == [0.0] * int((exact.coef == 0).sum())
    assert (exact.coef == 0).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"solver": "interior-point"}, "solver='exact'"),
        ({"solver": "interior-point", "loss": lambda f, y: (f - y) ** 2}, "own losses"),
        ({"solver": "interior-point", "loss": "huber", "forward": lambda X, w, b: X @ w + b}, "own losses"),
        ({"solver": "interior-point", "loss": "huber", "steps": 3}, "takes no steps"),
        ({"loss": "huber:0"}, "above 0"),
        ({"loss": "huber:many"}, "above 0"),
        ({"loss": "quantile:1"}, "between 0 and 1"),
        ({"loss": "absolute:2"}, "takes no number"),
    ],
)
def test_what_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        bl.fit(table(0, 20, 2), **options)


def test_too_few_steps_are_told_of() -> None:
    model = bl.fit(table(0, 200, 3), loss="absolute", solver=InteriorPoint(steps=2))
    assert model.stop is bl.Stop.STEPS
    assert len(model.trace) == 3


def test_no_script_but_a_sentence_and_files_keep_the_line(tmp_path) -> None:
    X, y = table(4, 50, 1)
    model = bl.fit({"x": X[:, 0], "y": y}, "y ~ x", loss="quantile:0.9")
    with pytest.raises(OptionError, match="interior-point"):
        model.script()
    model.save(tmp_path / "line.bestline")
    loaded = bl.load(tmp_path / "line.bestline")
    assert loaded.predict({"x": [1.0]}) == model.predict({"x": [1.0]})
    assert "quantile:0.9" in model.recipe.python()


@pytest.mark.parametrize("unit", [1e-8, 1e-5, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("l1", [0.0, 1e-3])
def test_own_losses_converge_in_any_unit(unit: float, l1: float) -> None:
    X, y = table(15, 200, 3)
    plain = bl.fit((X, y), l1=l1, standardize=False)
    own = bl.fit((X, y * unit), loss=lambda f, t: (f - t) ** 2, l1=l1 * unit, standardize=False)
    assert own.stop is bl.Stop.CONVERGED
    assert own.coef.to_numpy() / unit == pytest.approx(plain.coef.to_numpy(), abs=2e-4 * float(np.abs(plain.coef).max()))


def test_a_penalty_beyond_all_pulls_leaves_the_others_alone() -> None:
    X, y = table(17, 100, 3)
    without = bl.fit((X[:, 1:], y), loss="huber", l1=0.05)
    model = bl.fit((X, y), loss="huber:1.345", l1=0.05, penalty_factors={"x0": 1e30})
    assert model.stop is bl.Stop.CONVERGED
    assert model.coef["x0"] == 0
    assert without.stop is bl.Stop.CONVERGED


@pytest.mark.parametrize("solver", [InteriorPoint, bl.Proximal])
@pytest.mark.parametrize(
    "options", [{"tol": "a"}, {"tol": -1}, {"tol": float("inf")}, {"steps": 0}, {"steps": "x"}, {"steps": -3}]
)
def test_settings_that_make_no_sense(solver: type, options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        solver(**options)


def test_what_did_not_converge_is_told_of_and_recipes_keep_settings() -> None:
    X, y = table(19, 100, 2)
    for solver in (InteriorPoint(steps=1), bl.Proximal(steps=1)):
        options = {"loss": "huber"} if isinstance(solver, InteriorPoint) else {"l1": 0.1}
        model = bl.fit((X, y), solver=solver, **options)
        assert any("did not converge" in note for note in model.notes)
        assert model.recipe.unsaid == ("solver",)
    assert bl.fit((X, y), solver=InteriorPoint(), loss="huber").recipe.unsaid == ()
