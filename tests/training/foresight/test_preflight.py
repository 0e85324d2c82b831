"""Before training: limits, predicted steps and advice against runs that are really made."""

from __future__ import annotations

import functools
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.api.foresight import preflight, sweep
from bestline.errors import BestlineWarning, ColumnError, DataError, MissingValuesError, OptionError
from bestline.training.solvers import Descent
from bestline.training.solvers.descent import OPTIMIZERS
from bestline.training.solvers.rate_limits import principal
from searches import long
from training.foresight.examples import table

WITH_LIMIT = {"sgd": (0.0, False), "momentum": (0.9, False), "nesterov": (0.9, True)}


pytestmark = pytest.mark.usefixtures("quiet")


def settled(gap: torch.Tensor, share: float) -> int:
    """The step from which on at most 1 - share of the first gap is left."""
    above = torch.nonzero(gap > (1 - share) * gap[0])
    return int(above[-1]) + 1 if len(above) else 0


# -- the limit ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def designs() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Half the second derivatives (100, 4, 4) of random designs with an intercept, and the limits that preflight gives them."""
    H, limits = [], {name: [] for name in WITH_LIMIT}
    for seed in range(100):
        X, y = table(seed, n=20 + seed, spread=0.3)
        found = preflight((X, y), seed=seed).limits
        ones = np.column_stack([X, np.ones(len(X))])
        H.append(torch.from_numpy(ones.T @ ones / len(X)))
        for name, own in limits.items():
            own.append(found[name])
    return torch.stack(H), {name: torch.tensor(own, dtype=torch.float64) for name, own in limits.items()}


@pytest.mark.parametrize("name", WITH_LIMIT)
@pytest.mark.parametrize(("factor", "converges"), [(0.999, True), (1.001, False)])
def test_training_contracts_below_the_limit_and_grows_above_it(designs, name: str, factor: float, converges: bool) -> None:
    H, limits = designs
    rate = factor * limits[name]
    away = torch.nn.Parameter(torch.randn(100, 4, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    optimizer = OPTIMIZERS[name]([away], lr=1.0)  # a rate of 1 on a gradient times the rate is the rate itself
    heights = []
    for step in range(4_001):
        gradient = 2 * H @ away.detach()
        if step in (2_000, 4_000):
            heights.append((away.detach() * gradient).sum((1, 2)))
        away.grad = rate[:, None, None] * gradient
        optimizer.step()
    assert bool((heights[1] < heights[0]).all() if converges else (heights[1] > heights[0]).all())


def test_the_limit_is_that_of_the_largest_eigenvalue_of_the_data() -> None:
    X, y = table(3)
    ones = np.column_stack([X, np.ones(len(X))])
    largest = 2 * np.linalg.eigvalsh(ones.T @ ones / len(X))[-1]
    found = preflight((X, y))
    assert found.lr_limit == pytest.approx(2 / largest, rel=1e-12)
    assert found.limits["momentum"] == pytest.approx(3.8 / largest, rel=1e-12)
    assert found.limits["nesterov"] == pytest.approx(3.8 / 2.8 / largest, rel=1e-12)
    Z = (X - X.mean(0)) / X.std(0)
    assert found.standardized.lr_limit == pytest.approx(1 / np.linalg.eigvalsh(np.corrcoef(Z.T))[-1], rel=1e-10)


def test_a_ridge_penalty_is_part_of_the_bowl() -> None:
    X, y = table(4)
    ones = np.column_stack([X, np.ones(len(X))])
    H = 2 * (ones.T @ ones / len(X) + np.diag([0.7, 0.7, 0.7, 0.0]))
    found = preflight((X, y), l2=0.7)
    values = np.linalg.eigvalsh(H)
    assert found.lr_limit == pytest.approx(2 / values[-1], rel=1e-12)
    assert found.condition == pytest.approx(values[-1] / values[0], rel=1e-9)


# -- the number of steps ------------------------------------------------------------------------------------------------

KINDS = {
    "plain": {},
    "ridge": {"l2": 0.05},
    "two targets": {"k": 2},
    "weighted": {"weights": True},
    "as it stands": {"standardize": False},
    "from afar": {"standardize": False, "start": [30.0, -20.0, 10.0, 5.0]},
    "collinear": {"collinear": True},
}


@pytest.mark.parametrize("kind", long(KINDS, quick=["plain", "weighted"]))
@pytest.mark.parametrize("name", WITH_LIMIT)
def test_the_predicted_steps_are_those_that_training_takes(kind: str, name: str) -> None:
    options = dict(KINDS[kind])
    for seed in range(4):
        X, y = table(seed, n=12 + 7 * seed, k=options.get("k", 1), spread=0.2)
        if options.get("collinear"):
            X[:, 2] = X[:, 0] - 2 * X[:, 1]
        common = {key: options[key] for key in ("l2", "start") if key in options} | {"seed": seed}
        if options.get("weights"):
            common["weights"] = np.random.default_rng(seed).uniform(0.1, 3, len(X))
        standardize = options.get("standardize", True)
        whole = preflight((X, y), solver=name, **common)
        for factor in (None, 0.2, 0.97):
            side = whole.standardized if standardize else whole
            lr = side.lr if factor is None else factor * side.lr_limit
            judged = preflight((X, y), solver=name, lr=lr, **common)
            given = (judged.standardized if standardize else judged).given
            if given.steps > 2_000:
                continue
            solver = Descent(name, lr=lr, steps=given.steps + 200)
            gap = bl.fit((X, y), solver=solver, standardize=standardize, **common).trace.gap
            assert given.steps == pytest.approx(settled(gap, 0.999), abs=1)
            assert given.steps_99 == pytest.approx(settled(gap, 0.99), abs=1)
            if factor is None:
                assert (side.steps, side.steps_99) == (given.steps, given.steps_99)


@pytest.mark.heavy
@pytest.mark.parametrize("name", WITH_LIMIT)
def test_no_other_rate_needs_clearly_fewer_steps(name: str) -> None:
    for seed in range(8):
        X, y = table(seed)
        found = preflight((X, y), solver=name, seed=seed).standardized
        tried = sweep((X, y), optimizers=name, lrs=np.linspace(0.01, 0.995, 300) * found.lr_limit, seed=seed)
        assert found.steps <= 1.1 * float(tried.steps_to().nan_to_num(math.inf).min()) + 1
        assert float(tried.steps_to()[int((tried.lrs - found.lr).abs().argmin())]) == pytest.approx(found.steps, rel=0.2, abs=2)


@pytest.mark.parametrize("name", WITH_LIMIT)
def test_the_rate_is_the_one_that_auto_takes(name: str) -> None:
    X, y = table(5)
    found = preflight((X, y), solver=name)
    for standardize, side in ((False, found), (True, found.standardized)):
        fit = bl.fit((X, y), solver=Descent(name, steps=1), standardize=standardize)
        assert fit.rate == side.lr
        assert fit.rate_limit == pytest.approx(side.lr_limit, rel=1e-12)


def test_slow_runs_are_predicted_too() -> None:
    """Millions of steps, which nobody would make to see them: the loss along each direction is (1 - r c)^(2 t), by hand."""
    x = np.arange(40.0) + 100
    y = 2 * x + np.sin(x)
    found = preflight((x, y), lr=6e-5, start=[0.0, 500.0])
    ones = np.column_stack([x, np.ones(40)])
    values, vectors = np.linalg.eigh(2 * ones.T @ ones / 40)
    energy = values / 2 * (vectors.T @ (np.array([0.0, 500.0]) - np.linalg.lstsq(ones, y, rcond=None)[0])) ** 2
    steps = found.given.steps
    left = [(energy * np.abs(1 - 6e-5 * values) ** (2.0 * t)).sum() / energy.sum() for t in (0.99 * steps, 1.01 * steps)]
    assert steps > 1_000_000
    assert left[1] < 1e-3 < left[0]


@pytest.mark.parametrize("name", long(["adam", "adamw", "rmsprop", "adagrad", "lbfgs"], quick=["adam", "adamw", "lbfgs"]))
def test_optimisers_without_a_limit_are_made_and_counted(name: str) -> None:
    X, y = table(6)
    found = preflight((X, y), solver=name, lr=0.05)
    side = found.standardized
    assert side.lr_limit is None
    assert side.given.verdict == "no limit"
    assert side.given.of_limit is None
    gap = bl.fit((X, y), solver=Descent(name, lr=side.lr, steps=1_000 if name != "lbfgs" else 50)).trace.gap
    assert side.steps == settled(gap, 0.999)
    assert set(side.limits) == set(WITH_LIMIT)


# -- what is judged, and what is said -----------------------------------------------------------------------------------


def crash_course() -> dict[str, np.ndarray]:
    made = bl.synthetic.lesson("crash-course")
    return {"x": made.x[:, 0].numpy(), "y": made.y[:, 0].numpy()}


def test_the_crash_courses_rate_sits_on_the_edge_of_its_data() -> None:
    found = preflight(crash_course(), "y ~ x", lr=0.01)
    assert found.lr_limit == pytest.approx(0.0101095, abs=5e-8)
    assert found.given.verdict == "edge"
    assert found.given.of_limit == pytest.approx(0.98917, abs=1e-5)
    assert "within 1.1% of the limit" in found.advice
    assert "crawls" in found.advice
    assert "on other draws of the same data it may diverge" in found.advice
    assert found.advice in str(found)
    fit = bl.fit(crash_course(), "y ~ x", solver=Descent("sgd", lr=0.01, steps=300), standardize=False)
    assert found.given.steps == settled(fit.trace.gap, 0.999)


def test_on_other_draws_that_rate_does_diverge() -> None:
    random = np.random.default_rng(0)
    draws = [preflight((x, x + 3 * random.normal(size=100)), lr=0.01) for x in 10 * random.normal(size=(40, 100))]
    assert 0.2 < np.mean([draw.given.verdict == "above" for draw in draws]) < 0.8


@pytest.mark.parametrize(
    ("factor", "verdict", "says"),
    [
        (0.3, "below", "is below the limit"),
        (0.96, "edge", "it crawls"),
        (1.0, "above", "so it diverges"),
        (3, "above", "3 times"),
    ],
)
def test_a_rate_is_judged_by_the_limit(factor: float, verdict: str, says: str) -> None:
    X, y = table(1)
    limit = preflight((X, y)).lr_limit
    found = preflight((X, y), lr=factor * limit)
    assert found.given.verdict == verdict
    assert (found.given.steps is None) == (verdict == "above")
    assert says in found.advice
    assert ("diverges" in str(found)) == (verdict == "above")


def test_large_samples_are_not_said_to_diverge_on_other_draws() -> None:
    x = np.tile(np.linspace(-1, 1, 100), 100)
    limit = preflight((x, 2 * x)).lr_limit
    assert "other draws" not in preflight((x, 2 * x), lr=0.96 * limit).advice
    assert "other draws" in preflight((x[:100], 2 * x[:100]), lr=0.96 * limit).advice


@pytest.mark.parametrize(("unit", "advised"), [(1.0, False), (1.4, False), (1.8, True), (3.0, True)])
def test_standardising_is_advised_where_it_saves_a_fifth_of_the_steps(unit: float, advised: bool) -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=60)
    b = 0.9 * a + 0.3 * random.normal(size=60)
    y = a - b + 0.1 * random.normal(size=60)
    a, b = ((v - v.mean()) / v.std() for v in (a, b))
    found = preflight({"a": a, "b": unit * b, "y": y}, "y ~ a + b", start=[5.0, -5.0 / unit, 0.0])
    assert (found.steps > 1.2 * found.standardized.steps + 1) == advised
    assert found.advice.startswith("Standardise the columns") == advised


def test_advice_to_standardise_has_both_numbers() -> None:
    random = np.random.default_rng(2)
    X = np.column_stack([random.normal(size=50), 100 + 10 * random.normal(size=50)])
    found = preflight((X, X @ [300.0, 1.0] + random.normal(size=50)), start=[0.0, 0.0, 0.0])
    assert found.steps > 10 * found.standardized.steps
    assert f"{found.standardized.steps:,} step" in found.advice
    assert f"instead of {found.steps:,} in the data's own units" in found.advice
    assert ". " not in found.advice  # one sentence
    assert found.advice.startswith("Standardise the columns")


def test_the_page_names_every_number() -> None:
    page = str(preflight(crash_course(), "y ~ x", lr=0.002))
    for said in ("y ~ x", "100 rows", "0.01011", "0.01921", "0.00686", "condition number", "103.2", "19.8% of the limit"):
        assert said in page
    assert len({len(line) for line in page.splitlines()[2:-2]}) == 1  # the columns are aligned


# -- conditions, flat directions, and data at the border ---------------------------------------------------------------------


def test_the_condition_is_that_of_the_hessian() -> None:
    X, y = table(7)
    ones = np.column_stack([X, np.ones(len(X))])
    found = preflight((X, y))
    assert found.condition == pytest.approx(np.linalg.cond(ones) ** 2, rel=1e-9)
    Z = np.column_stack([(X - X.mean(0)) / X.std(0), np.ones(len(X))])
    assert found.standardized.condition == pytest.approx(np.linalg.cond(Z) ** 2, rel=1e-9)
    assert found.flat == found.standardized.flat == 0


def test_small_curvatures_keep_their_digits_beside_large_ones() -> None:
    """Two columns in units 1e10 apart: the eigenvalues of H itself would be rounding."""
    H = torch.tensor([[1e20, 5e9], [5e9, 1.0]], dtype=torch.float64)
    small = 0.75 / 1.0  # (1e20 - 25e18) / 1e20, to 1e-20
    curvature, directions = principal(H)
    assert curvature.tolist() == pytest.approx([2e20, 2 * small], rel=1e-5)
    assert torch.allclose(directions.T @ directions, torch.eye(2, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("how", ["constant", "repeated"])
def test_flat_directions_are_counted_and_left_out(how: str) -> None:
    X, y = table(8, p=2)
    wide = np.column_stack([X, np.full(len(X), 3.0) if how == "constant" else X[:, 0]])
    found = preflight((wide, y))
    assert found.flat == found.standardized.flat == 1
    assert "flat directions" in str(found)
    assert math.isfinite(found.condition)
    if how == "constant":
        assert found.standardized.condition == pytest.approx(preflight((X, y)).standardized.condition, rel=1e-9)


def test_a_direction_that_the_units_hide_is_not_called_flat() -> None:
    x = np.linspace(0, 1, 50) + 1e9
    found = preflight((x, 3 * (x - 1e9)))
    assert found.flat == 0
    assert found.condition == math.inf
    assert "beyond float64" in str(found)
    assert found.standardized.condition == pytest.approx(1)
    assert json.loads(json.dumps(found.facts, allow_nan=False))["condition"] is None


def test_weights_count_as_repeated_rows() -> None:
    X, y = table(9, n=15)
    w = np.random.default_rng(0).integers(0, 4, 15)
    start = [0.0] * 4
    by_weight, by_row = (
        preflight((X, y), weights=w.astype(float), start=start),
        preflight((X.repeat(w, 0), y.repeat(w, 0)), start=start),
    )
    for name in ("lr_limit", "lr", "condition"):
        assert getattr(by_weight, name) == pytest.approx(getattr(by_row, name), rel=1e-9)
    assert by_weight.steps == by_row.steps


def test_moments_give_what_the_table_gives(tmp_path: Path) -> None:
    X, y = table(10)
    data = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y[:, 0]}
    moments = bl.Moments.collect(data, "y ~ a + b + c", folds=1)
    moments.save(tmp_path / "m.moments")
    facts = preflight(data, "y ~ a + b + c").facts
    assert preflight(moments).facts == facts
    assert preflight(str(tmp_path / "m.moments")).facts == facts
    part = preflight(moments, target="y", features=["a", "c"])
    assert part.lr_limit == pytest.approx(preflight(data, "y ~ a + c").lr_limit, rel=1e-12)
    runs = [
        sweep(given, formula, steps=20).gap.nan_to_num(-1.0) for given, formula in ((moments, None), (data, "y ~ a + b + c"))
    ]
    assert torch.equal(*runs)
    with pytest.raises(OptionError, match="formula and weights already"):
        preflight(moments, "y ~ a")


def test_a_line_without_intercept_and_of_one_row() -> None:
    found = preflight({"x": [2.0], "y": [3.0]}, "y ~ x - 1")
    assert found.lr_limit == pytest.approx(2 / 8)
    assert found.condition == 1
    with pytest.raises(DataError, match="only 1 row"):
        preflight({"x": [2.0], "y": [3.0]}, "y ~ x")


def test_nothing_but_an_intercept_and_nothing_at_all() -> None:
    assert preflight({"y": [1.0, 2.0, 4.0]}, "y ~ 1").lr_limit == pytest.approx(1)
    found = preflight({"x": [0.0, 0.0], "y": [1.0, 2.0]}, "y ~ x - 1", lr=1.0)
    assert (found.lr_limit, found.lr, found.condition, found.steps, found.given.steps) == (None, None, None, 0, 0)
    assert "nothing to learn" in found.advice
    json.dumps(found.facts, allow_nan=False)


def test_a_start_at_the_bottom_needs_no_step() -> None:
    found = preflight({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0]}, "y ~ x", start={"x": 2.0, "Intercept": 1.0})
    assert found.steps == 0
    assert "no step is needed" in found.advice


def test_missing_values_mean_what_they_mean_in_fit() -> None:
    X, y = table(11)
    data = {"x": X[:, 0].copy(), "y": y[:, 0]}
    data["x"][3] = np.nan
    with pytest.raises(MissingValuesError):
        preflight(data, "y ~ x")
    with pytest.warns(bl.errors.BestlineWarning, match="1 of 40 rows"):
        dropped = preflight(data, "y ~ x", missing="drop")
    kept = {name: np.delete(values, 3) for name, values in data.items()}
    assert dropped.lr_limit == pytest.approx(preflight(kept, "y ~ x").lr_limit, rel=1e-12)
    assert preflight(data, "y ~ x", missing="impute").rows == 40


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"solver": "adan"}, OptionError, "did you mean `adam`"),
        ({"solver": "sgdd"}, OptionError, "did you mean `sgd`"),
        ({"solver": ["sgd"]}, OptionError, "one name"),
        ({"lr": 0.0}, OptionError, "positive"),
        ({"lr": -1.0}, OptionError, "positive"),
        ({"lr": math.inf}, OptionError, "positive"),
        ({"lr": math.nan}, OptionError, "positive"),
        ({"lr": "auto"}, OptionError, "positive"),
        ({"lr": [0.1, 0.2]}, OptionError, "sweep"),
        ({"l1": 0.1}, OptionError, "l1"),
        ({"l2": -0.1}, OptionError, "not negative"),
        ({"seed": -1}, OptionError, "seed"),
        ({"start": [1.0]}, OptionError, "start"),
        ({"missing": "ignore"}, OptionError, "missing"),
        ({"formula": "y ~ nope"}, ColumnError, "nope"),
        ({"formula": "t ~ x"}, DataError, "t"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict, error: type[Exception], says: str) -> None:
    data = {"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0], "t": ["a", "b", "c"]}
    formula = options.pop("formula", "y ~ x")
    with pytest.raises(error, match=says):
        preflight(data, formula, **options)


def test_no_rows_are_refused() -> None:
    for ask in (preflight, sweep):
        with pytest.raises(DataError, match="no rows"):
            ask({"x": np.zeros(0), "y": np.zeros(0)}, "y ~ x")


# -- early stopping and ridge -----------------------------------------------------------------------------------------------


def test_an_optimiser_of_torch_is_the_one_of_its_name() -> None:
    data = {"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}
    assert str(preflight(data, "y ~ x", solver=torch.optim.SGD)) == str(preflight(data, "y ~ x", solver="sgd"))


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.5, "below"), (0.949, "below"), (0.951, "edge"), (0.999, "edge"), (1.001, "above"), (3.0, "above")]
)
def test_the_edge_is_the_last_twentieth_below_the_limit(share: float, verdict: str) -> None:
    x = np.arange(20.0)
    limit = bl.preflight(x, np.sin(x)).facts["lr_limit"]
    assert bl.preflight(x, np.sin(x), lr=share * limit).given.verdict == verdict


def test_what_was_left_out_is_told_once_and_not_again_of_moments() -> None:
    frame = pd.DataFrame({"x": np.arange(20.0) ** 1.1}).assign(y=lambda f: 2 * f.x + np.sin(f.x))
    frame.loc[[3, 5], "x"] = np.nan
    for call in (bl.preflight, functools.partial(bl.sweep, lrs=[0.1], steps=3)):
        with pytest.warns(BestlineWarning, match="2 of 20 rows were left out"):
            call(frame, "y ~ x", missing="drop")
        moments = bl.Moments.collect(frame, "y ~ x", missing="drop")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(moments)
