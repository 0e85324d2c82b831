"""Objectives, penalties, solvers and the loop: the laws, the reasons to stop, and what a learner sees."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.data.split import split_sizes
from bestline.errors import BestlineWarning, DataError, DivergedWarning, NumericalError, OptionError, ShapeError
from bestline.numerics.bowl import Bowl
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows, minibatches
from bestline.numerics.scaling import Scaling
from bestline.numerics.semidefinite import aliases, minimum_norm
from bestline.training.loop import train
from bestline.training.losses import squared
from bestline.training.objective import Objective
from bestline.training.parts import Part
from bestline.training.penalty import Penalty
from bestline.training.plan import Plan
from bestline.training.row_losses import RowLoss, SquaredRows, line
from bestline.training.solvers import Descent, Exact, Proximal, Stop

seeds = st.integers(0, 10_000)


def some_rows(seed: int, n: int = 40, p: int = 3, k: int = 1, weighted: bool = False, offset: float = 3.0) -> Rows:
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, p, generator=g, dtype=torch.float64) * 2 + offset
    y = X @ torch.randn(p, k, generator=g, dtype=torch.float64) + torch.randn(n, k, generator=g, dtype=torch.float64)
    return Rows(X, y, torch.rand(n, generator=g, dtype=torch.float64) if weighted else None)


def bowl_and_rows(rows: Rows, *, intercept: bool, standardize: bool) -> tuple[Bowl, Rows, Scaling]:
    moments = Comoments.of_rows(rows)
    scaling = Scaling.of(moments, rows.X.shape[1], intercept=intercept, standardize=standardize)
    return Bowl.of(moments, scaling), scaling.rows(rows), scaling


@given(seeds, st.booleans(), st.booleans(), st.booleans())
def test_the_loss_of_the_moments_is_the_loss_of_the_rows_and_its_gradient_autograds(
    seed: int, intercept: bool, standardize: bool, weighted: bool
) -> None:
    bowl, rows, scaling = bowl_and_rows(some_rows(seed, k=2, weighted=weighted), intercept=intercept, standardize=standardize)
    w = torch.randn(3 + intercept, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    by_rows = SquaredRows(rows, intercept)
    by_autograd = RowLoss(rows, squared, lambda X, v: line(X, v, intercept=intercept))
    for other in (by_rows, by_autograd):
        losses, gradient = other.evaluate(w)
        assert torch.allclose(bowl.evaluate(w)[0], losses, rtol=1e-9)
        assert torch.allclose(bowl.evaluate(w)[1], gradient, rtol=1e-9, atol=1e-9 * float(gradient.abs().max()))
    assert bool((bowl.losses(w) >= bowl.floor).all())
    assert bool((bowl.gradient(bowl.bottom).abs() < 1e-9).all())
    data_weights = scaling.to_data(w)
    assert torch.allclose(scaling.to_trained(data_weights), w, rtol=1e-9, atol=1e-9)


@given(seeds, st.booleans(), st.booleans())
def test_a_gradient_translates_to_the_datas_units(seed: int, intercept: bool, standardize: bool) -> None:
    raw = some_rows(seed, k=2)
    bowl, _, scaling = bowl_and_rows(raw, intercept=intercept, standardize=standardize)
    w = torch.randn(3 + intercept, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = SquaredRows(raw, intercept).evaluate(scaling.to_data(w))[1]
    got = scaling.gradient_to_data(bowl.gradient(w))
    assert torch.allclose(got, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))


penalties = st.floats(0, 5, allow_subnormal=False)


@given(seeds, penalties, penalties, st.floats(0.01, 3))
def test_prox_is_the_argmin_it_is_defined_by(seed: int, l1: float, l2: float, step: float) -> None:
    penalty = Penalty.on_slopes(l1, l2, 2, intercept=True)
    w = torch.randn(3, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3
    z = penalty.prox(w, step)

    def objective(v: torch.Tensor) -> float:
        return float(penalty.value(v) + ((v - w) ** 2).sum() / (2 * step))

    for direction in torch.eye(3, dtype=torch.float64):
        for move in (1e-4, -1e-4, 0.3, -0.3):
            assert objective(z) <= objective(z + move * direction[:, None]) + 1e-12
    assert z[-1] == w[-1]  # the intercept is free
    assert float(penalty.violation(z, (z - w) / step).abs().max()) < 1e-9


@given(seeds, penalties, penalties)
def test_the_violation_is_zero_at_the_optimum_and_only_there(seed: int, l1: float, l2: float) -> None:
    rows = some_rows(seed)
    model = bl.fit((rows.X, rows.y), l1=l1 / 5, l2=l2, solver=Proximal(tol=1e-11))
    fit = model.trained
    last = fit.scaling.to_trained(model.weights)
    gradient = fit.objective.evaluate(last)[1]
    assert fit.objective.violation(last, gradient) < 1e-10
    moved = last.clone()
    moved[0] += 0.1
    assert fit.objective.violation(moved, fit.objective.evaluate(moved)[1]) > 1e-4
    assert fit.objective.value(last) <= fit.objective.value(moved)


def test_l1_is_scikit_learns_lasso_and_l2_its_ridge_on_standardised_columns(quiet: None) -> None:
    from sklearn.linear_model import ElasticNet, Ridge
    from sklearn.preprocessing import StandardScaler

    rows = some_rows(1, n=200, p=6)
    X = StandardScaler().fit_transform(rows.X.numpy())
    y = StandardScaler().fit_transform(rows.y.numpy())[:, 0]
    scale = rows.X.numpy().std(0) / rows.y.numpy().std()
    ridge = Ridge(alpha=200 * 0.3).fit(X, y)
    ours = bl.fit((rows.X, rows.y), l2=0.3)
    assert ours.coef.to_numpy() * scale == pytest.approx(ridge.coef_, rel=1e-10)
    assert ours.inference is None
    enet = ElasticNet(alpha=0.1, l1_ratio=0.4, tol=1e-14, max_iter=100_000).fit(X, y)
    # (1/2n) RSS + a r |w| + a (1 - r) / 2 w^2 is half of ours with l1 = 2 a r and l2 = a (1 - r).
    ours = bl.fit((rows.X, rows.y), l1=2 * 0.1 * 0.4, l2=0.1 * 0.6)
    assert ours.coef.to_numpy() * scale == pytest.approx(enet.coef_, rel=1e-8, abs=1e-10)
    assert ours.stop is Stop.CONVERGED


def test_targets_together_are_targets_apart(quiet: None) -> None:
    rows = some_rows(3, k=3)
    for options in (
        {},
        {"l2": 0.2},
        {"solver": "adam", "steps": 50, "lr": 0.1},
        {"solver": "sgd", "steps": 9, "batch_size": 7},
    ):
        start = None if not options.get("solver") else torch.zeros(4, 3)
        together = bl.fit((rows.X, rows.y), start=start, **options)
        for i in range(3):
            start = None if start is None else torch.zeros(4)
            apart = bl.fit(
                (rows.X, rows.y[:, i]), start=start, **{"lr": together.rate, **options} if start is not None else options
            )
            assert together.weights[:, i].numpy() == pytest.approx(apart.weights[:, 0].numpy(), rel=1e-9)
    assert list(together.coef.columns) == ["y0", "y1", "y2"]


@given(seeds, st.integers(1, 6), st.integers(0, 4))
def test_a_minimum_norm_solution_is_numpys_whatever_the_rank(seed: int, p: int, lost: int) -> None:
    g = torch.Generator().manual_seed(seed)
    basis = torch.randn(p, max(p - lost, 0), generator=g, dtype=torch.float64)
    A = basis @ basis.T
    B = A @ torch.randn(p, 2, generator=g, dtype=torch.float64)
    expected = np.linalg.pinv(A.numpy(), rcond=1e-10, hermitian=True) @ B.numpy()
    if np.linalg.cond(A.numpy() + np.eye(p) * 1e-30) < 1e6 or lost:
        small = np.linalg.eigvalsh(A.numpy())
        if (small[small > 1e-10] > 1e-4).all():
            assert minimum_norm(A, B).numpy() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_aliases_name_what_earlier_columns_already_say() -> None:
    rows = some_rows(0, n=50, p=3)
    X = torch.cat([rows.X, rows.X[:, :1] * 2 - rows.X[:, 1:2], torch.ones(50, 1), rows.X[:, 2:3]], 1).double()
    A = Comoments.of(X).scatter
    found = {a.column: a.on for a in aliases(A)}
    assert set(found) == {3, 4, 5}
    assert found[3] == pytest.approx({0: 2, 1: -1})
    assert found[4] == {}
    assert found[5] == pytest.approx({2: 1})


# -- the loop --------------------------------------------------------------------------------------------------------------


def test_k_updates_make_k_plus_one_rows_and_each_loss_is_at_its_own_weights(quiet: None) -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver="adam", lr=0.05, steps=20, seed=3)
    trace = model.trace
    assert trace.step.tolist() == list(range(21))
    for t in (0, 7, 20):
        residual = line(rows.X, trace.weights[t], intercept=True) - rows.y
        assert float(trace.loss[t]) == pytest.approx(float((residual**2).mean()), rel=1e-10)
    assert torch.equal(trace.weights[-1], model.weights)
    exact = bl.fit((rows.X, rows.y))
    assert (trace.loss - trace.gap).tolist() == pytest.approx([float(exact.trace.loss[-1])] * 21, rel=1e-9)
    frame = trace.frame()
    assert list(frame.columns) == ["step", "loss", "x0", "x1", "x2", "Intercept", "gradient_norm", "gap"]


def test_zero_steps_are_the_start() -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver="sgd", lr=0.1, steps=0, start=[1, 2, 3, 4])
    assert model.weights[:, 0].tolist() == pytest.approx([1, 2, 3, 4])
    assert len(model.trace) == 1


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    rows = some_rows(5)
    runs = [bl.fit((rows.X, rows.y), solver="sgd", lr=0.01, steps=30, batch_size=4, seed=s) for s in (1, 1, 2)]
    assert torch.equal(runs[0].weights, runs[1].weights)
    assert not torch.equal(runs[0].weights, runs[2].weights)


@given(st.integers(1, 50), st.integers(1, 60), seeds)
def test_an_epoch_shows_every_row_once(n: int, size: int, seed: int) -> None:
    slices = minibatches(n, size, seed)
    for _ in range(2):
        epoch = torch.cat([next(slices) for _ in range(-(-n // min(size, n)))])
        assert epoch.sort().values.tolist() == list(range(n))


def test_divergence_is_caught_with_its_cause_and_a_remedy_that_works() -> None:
    rows = some_rows(5)
    with pytest.warns(DivergedWarning, match="above the largest stable one"):
        model = bl.fit((rows.X, rows.y), solver="sgd", lr=0.9, standardize=False, steps=10_000)
    assert model.stop is Stop.DIVERGED
    assert bool(model.trace.loss.isfinite().all())
    assert bool(model.weights.isfinite().all())
    assert model.rate_limit is not None
    assert model.held_out is None
    advised = float(model.advice.split("use lr=")[1].split(" ")[0])
    assert bl.fit((rows.X, rows.y), solver="sgd", lr=advised, standardize=False, steps=200).stop is Stop.STEPS


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("seed", range(5))
def test_the_rate_limit_is_sharp(optimizer: str, seed: int) -> None:
    rows = some_rows(seed, offset=0.5)
    options = {"standardize": False, "solver": optimizer, "start": [9, -9, 9, -9]}
    limit = bl.fit((rows.X, rows.y), lr=1e-4, steps=1, **options).rate_limit
    assert limit is not None
    below = bl.fit((rows.X, rows.y), lr=0.999 * limit, steps=6_000, **options).trace
    assert float(below.gap[-1]) < 1e-3 * float(below.gap[0])
    with pytest.warns(DivergedWarning):
        assert bl.fit((rows.X, rows.y), lr=1.001 * limit, steps=30_000, **options).stop is Stop.DIVERGED


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"])
def test_every_optimiser_comes_near_the_exact_solution_by_itself(optimizer: str, quiet: None) -> None:
    rows = some_rows(11, n=200, p=4, offset=50)
    model = bl.fit((rows.X, rows.y), solver=optimizer)
    assert float(model.trace.gap[-1]) < 0.02 * float(model.trace.loss[-1])


def test_automatic_rates_converge_on_slices_too(quiet: None) -> None:
    rows = some_rows(11, n=500, p=4)
    for size in (1, 16, 500):
        model = bl.fit((rows.X, rows.y), solver="sgd", batch_size=size, steps=3_000)
        assert float(model.trace.gap[-1]) < 0.2 * float(model.trace.loss[-1])


def test_it_stops_when_nothing_is_left_to_correct() -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver="sgd")
    assert model.stop is Stop.CONVERGED
    assert model.weights.numpy() == pytest.approx(bl.fit((rows.X, rows.y)).weights.numpy(), rel=1e-7)
    assert len(bl.fit((rows.X, rows.y), solver="sgd", tol=1e-3).trace) < len(model.trace)


def test_early_stopping_keeps_the_best_weights_and_says_so(quiet: None) -> None:
    rows = some_rows(7, n=30, p=15)
    model = bl.fit((rows.X, rows.y), split=(0.6, 0.2, 0.2), solver=Descent("adam", lr=0.05, steps=4_000, patience=25))
    held_out = model.trace.held_out
    assert held_out is not None
    assert model.stop is Stop.PATIENCE
    assert model.step == int(held_out.argmin()) == int(model.trace.step[-1]) - 25
    assert torch.equal(model.weights, model.trace.weights[model.step])
    assert model.summary().facts["loss"] == pytest.approx(float(model.trace.loss[model.step]))
    with pytest.warns(BestlineWarning, match="holds out one fold"):
        bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.01, steps=5, patience=2))


def test_the_held_out_curve_is_the_loss_of_the_held_out_rows() -> None:
    rows = some_rows(7, n=200)
    model = bl.fit((rows.X, rows.y), split=(0.7, 0.15, 0.15), solver="sgd", lr=0.1, steps=7)
    kept = next(iter(model.rows("validation")))
    for t in (0, 7):
        residual = line(kept.X, model.trace.weights[t], intercept=True) - kept.y
        assert float(model.trace.held_out[t]) == pytest.approx(float((residual**2).mean()), rel=1e-9)
    test = next(iter(model.rows("test")))
    assert model.held_out.kind == "test"
    assert model.held_out.rmse == pytest.approx(model.evaluate((test.X, test.y)).rmse)
    trained = next(iter(model.rows("training")))
    spread = trained.X.std(0, correction=0)
    assert torch.allclose(model.trained.scaling.scale[:3], spread, rtol=1e-10)  # the training rows' own


def test_ctrl_c_keeps_what_was_learnt() -> None:
    rows = some_rows(5)

    def stop(step: bl.Step) -> None:
        if step.index == 12:
            raise KeyboardInterrupt

    with pytest.warns(BestlineWarning, match="Interrupted at step 12"):
        model = bl.fit((rows.X, rows.y), solver="sgd", lr=0.01, steps=10_000, watch=stop)
    assert model.stop is Stop.INTERRUPTED
    assert model.step == 12


def test_watchers_hear_every_step_in_the_datas_units() -> None:
    rows = some_rows(5)
    heard: list[bl.Step] = []
    model = bl.fit((rows.X, rows.y), solver="adam", lr=0.01, steps=5, watch=heard.append)
    assert [s.index for s in heard] == list(range(6))
    for step, weights, loss in zip(heard, model.trace.weights, model.trace.loss, strict=True):
        assert torch.allclose(step.weights, weights)
        assert step.loss == pytest.approx(float(loss))


@pytest.mark.parametrize(
    "schedule",
    [
        partial(torch.optim.lr_scheduler.StepLR, step_size=3, gamma=0.5),
        partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.9),
        partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=10),
        partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=1),
        partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.2, total_steps=12),
    ],
)
def test_any_schedule_of_torch_changes_the_rate(schedule: object) -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.1, steps=10, schedule=schedule))  # type: ignore[arg-type]
    assert len(set(model.trace.rate.tolist())) > 1 or "Plateau" in repr(schedule)


def loop_of_torch(rows: Rows, start: torch.Tensor, l2: float, steps: int, maker, schedule=None) -> torch.Tensor:
    """The weights (steps + 1, d, k) of a loop on the rows as they stand, its gradients by autograd."""
    weights = torch.nn.Parameter(start.clone())
    optimizer = maker([weights])
    scheduler = schedule(optimizer) if schedule else None
    been = [weights.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        error = rows.X @ weights[: rows.X.shape[1]] + (weights[-1] if len(weights) > rows.X.shape[1] else 0) - rows.y
        ((error**2).mean(0).sum() + l2 * (weights[: rows.X.shape[1]] ** 2).sum()).backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        been.append(weights.detach().clone())
    return torch.stack(been)


STEEP = 0.05


@given(
    seeds,
    st.sampled_from(
        [
            (torch.optim.SGD, STEEP),
            (partial(torch.optim.SGD, momentum=0.9), STEEP),
            (partial(torch.optim.SGD, momentum=0.9, nesterov=True), STEEP),
            (partial(torch.optim.SGD, weight_decay=0.1), STEEP),
            (partial(torch.optim.SGD, maximize=True), 1e-4),
            (torch.optim.Adam, STEEP),
            (torch.optim.RMSprop, STEEP),
            (torch.optim.Adagrad, STEEP),
        ]
    ),
    st.sampled_from([None, partial(torch.optim.lr_scheduler.StepLR, step_size=3, gamma=0.5)]),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.integers(1, 2),
    st.sampled_from([0, 1, 4, 5, 90, 150]),
)
def test_every_step_is_that_of_torchs_own_loop_on_the_rows(seed, optimizer, schedule, intercept, l2, k, steps) -> None:
    rows, (maker, lr) = some_rows(seed, n=30, p=2, k=k, offset=0.5), optimizer
    start = torch.randn(2 + intercept, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    plan = Plan(
        ("a", "b"), tuple("yz"[:k]), intercept, Descent(maker, lr=lr, steps=steps, schedule=schedule), l2=l2, standardize=False
    )
    task = plan.task(Part(Comoments.of_rows(rows)))
    fit = train(task, plan.solver, start)
    expected = loop_of_torch(rows, start, l2, steps, partial(maker, lr=lr), schedule)
    assert fit.trace.step.tolist() == list(range(steps + 1))
    size = 1 + expected.abs().amax((1, 2), keepdim=True)
    assert bool(
        ((fit.trace.weights - expected).abs() <= 1e-9 * size).all()
    )  # where gradients vanish Adam divides rounding by rounding
    losses = torch.stack([task.objective.smooth.losses(w).sum() for w in expected])
    assert torch.allclose(fit.trace.loss, losses, rtol=1e-8)


@pytest.mark.parametrize("small", [1.0, 1e-5, 1e-8, 1e8])
@pytest.mark.parametrize("lr", [0.1, 1e-12, 1e-18])
def test_plain_descent_keeps_the_digits_of_every_weight(small: float, lr: float) -> None:
    """Columns of very different sizes, and rates whose steps are next to nothing."""
    rows = some_rows(3, p=2, offset=0.0)
    X = rows.X * torch.tensor([1.0, small], dtype=torch.float64)
    lr = lr / max(1.0, small**2)
    model = bl.fit((X, rows.y + 1e3), solver="sgd", lr=lr, steps=70, start=[0.0, 0.0, 0.0], standardize=False, digits=0)
    zero, maker = torch.zeros(3, 1, dtype=torch.float64), partial(torch.optim.SGD, lr=lr)
    expected = loop_of_torch(Rows(X, rows.y + 1e3), zero, 0.0, 70, maker)
    assert torch.allclose(model.trace.weights, expected, rtol=1e-11, atol=0)


def test_hooks_of_own_optimisers_and_own_schedules_hear_every_step_and_no_other() -> None:
    rows, heard = some_rows(5), []

    def bounded(parameters, lr):
        optimizer = torch.optim.SGD(parameters, lr=lr)
        optimizer.register_step_post_hook(lambda *_: parameters[0].data.clamp_(min=0))
        return optimizer

    model = bl.fit((rows.X, rows.y), solver=Descent(bounded, lr=0.1, steps=30), standardize=False)
    assert bool((model.trace.weights[1:] >= 0).all())

    def slower(optimizer):
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: heard.append(t) or 1 / (1 + t))

    bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.1, steps=30, schedule=slower))
    assert heard == list(range(31))


def test_plain_descent_explodes_at_the_step_at_which_torchs_does() -> None:
    rows = some_rows(3, offset=0.0)
    with pytest.warns(DivergedWarning):
        model = bl.fit((rows.X, rows.y), solver="sgd", lr=3.0, steps=500, start=[0.0, 0, 0, 0], standardize=False)
    expected = loop_of_torch(
        rows, torch.zeros(4, 1, dtype=torch.float64), 0.0, len(model.trace), partial(torch.optim.SGD, lr=3.0)
    )
    assert torch.allclose(model.trace.weights, expected[: len(model.trace)], rtol=1e-10)
    assert model.stop is Stop.DIVERGED


def test_plain_descent_ends_on_the_bottom_and_leaves_flat_directions_alone(quiet: None) -> None:
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    X, y = torch.stack([x, 2 * x], 1), (3 * x + 1)[:, None]
    model = bl.fit((X, y), solver="sgd", steps=5_000, lr=0.1, start=[1.0, 1.0, 0.0], standardize=False)
    along = torch.tensor([2.0, -1.0], dtype=torch.float64)  # what nothing pulls at
    assert float(model.weights[:2, 0] @ along) == pytest.approx(1.0, abs=1e-12)
    assert float(model.trace.gap[-1]) <= 1e-28


class Counting(torch.optim.SGD):
    """Somebody's own optimiser, which counts."""

    made = 0

    def step(self, closure=None):
        Counting.made += 1
        return super().step(closure)


def test_own_optimisers_make_no_step_that_was_not_asked_for() -> None:
    rows = some_rows(5)
    Counting.made = 0
    own = bl.fit((rows.X, rows.y), solver=Descent(Counting, lr=0.1, steps=37))
    assert Counting.made == 37
    plain = bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.1, steps=37))
    assert torch.allclose(own.trace.weights, plain.trace.weights, rtol=1e-12)


# -- other losses and forward functions ------------------------------------------------------------------------------------


def test_other_losses_find_what_statsmodels_finds(quiet: None) -> None:
    import statsmodels.api as sm

    rows = some_rows(2, n=400, p=2)
    y = rows.y.clone()
    y[:40] += 60  # outliers
    X = sm.add_constant(rows.X.numpy())
    expected = sm.QuantReg(y.numpy()[:, 0], X).fit(q=0.5).params
    got = bl.fit((rows.X, y), loss="absolute").params
    assert got.to_numpy()[[2, 0, 1]] == pytest.approx(expected, abs=0.05)
    upper = bl.fit((rows.X, rows.y), loss="quantile:0.9")
    assert np.mean(rows.y.numpy()[:, 0] < upper.predict(rows.X)) == pytest.approx(0.9, abs=0.02)
    robust = bl.fit((rows.X, y), loss="huber")
    clean = bl.fit((rows.X[40:], y[40:]))
    squares = bl.fit((rows.X, y))
    assert np.abs(robust.coef - clean.coef).max() < 0.3 * np.abs(squares.coef - clean.coef).max()
    assert robust.held_out is not None
    assert robust.held_out.mae is not None


def test_own_losses_see_the_datas_units_and_forward_functions_train(quiet: None) -> None:
    rows = some_rows(2, n=300, p=1)
    expected = bl.fit((rows.X, rows.y)).params.to_numpy()
    own = bl.fit((rows.X, rows.y), loss=lambda f, y: ((f - y) ** 2).mean(), solver="lbfgs", lr=1.0, steps=50)
    assert own.params.to_numpy() == pytest.approx(expected, rel=1e-6)
    assert float(own.trace.loss[-1]) == pytest.approx(bl.fit((rows.X, rows.y)).fitted_scores.mse[0], rel=1e-6)
    curved = bl.fit((rows.X, rows.y), forward=lambda X, w, b: X @ w + b, solver="lbfgs", lr=1.0, steps=100)
    assert curved.params.to_numpy() == pytest.approx(expected, rel=1e-6)
    torch_line = torch.nn.utils.skip_init(torch.nn.Linear, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        torch_line.weight.fill_(0.1)
        torch_line.bias.fill_(0.0)
    module = bl.fit((rows.X, rows.y), forward=torch_line, solver="lbfgs", lr=1.0, steps=100)
    assert module.names == ("weight[0,0]", "bias[0]")
    assert module.params.to_numpy() == pytest.approx(expected, rel=1e-6)
    assert torch_line.weight.item() == pytest.approx(0.1)  # the user's own module is left as it was
    assert module.to_torch()(rows.X[:1]).item() == pytest.approx(module.predict(rows.X[:1])[0])


def test_weights_reach_every_loss(quiet: None) -> None:
    rows = some_rows(4, n=60, p=2)
    w = torch.arange(60) % 3
    copied = rows[torch.arange(60).repeat_interleave(w)]
    for options in ({}, {"loss": "huber"}, {"l2": 0.1}, {"solver": "adam", "lr": 0.1, "steps": 40}):
        weighted = bl.fit((rows.X, rows.y), weights=w.double(), **options)
        whole = bl.fit((copied.X, copied.y), **options)
        tolerance = 0.2 if options.get("loss") else 1e-9  # the scale of `huber` is a median of rows, not of copies
        assert weighted.params.to_numpy() == pytest.approx(whole.params.to_numpy(), rel=tolerance)
    with pytest.raises(OptionError, match="one number for all rows"):
        bl.fit((rows.X, rows.y), weights=w.double(), loss=lambda f, y: ((f - y) ** 2).mean())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"solver": "magic"}, OptionError),
        ({"solver": "sgd", "lr": -1}, OptionError),
        ({"solver": "sgd", "steps": 2.5}, OptionError),
        ({"solver": "sgd", "batch_size": 0}, OptionError),
        ({"solver": "exact", "lr": 0.1}, OptionError),
        ({"solver": Exact(), "l1": 0.1}, OptionError),
        ({"solver": Exact(), "loss": "huber"}, OptionError),
        ({"loss": "cubic"}, OptionError),
        ({"loss": "quantile:2"}, OptionError),
        ({"l2": -1}, OptionError),
        ({"cv": "forest"}, OptionError),
        ({"folds": 1}, OptionError),
        ({"seed": -1}, OptionError),
        ({"device": "tpu"}, OptionError),
        ({"split": (0.5, 0.6)}, OptionError),
        ({"split": (1.0,)}, OptionError),
        ({"start": {"x0": 1}}, OptionError),
        ({"start": {"nope": 1}}, OptionError),
        ({"start": [1, 2]}, OptionError),
        ({"start": [1, 2, 3, float("nan")], "solver": "sgd"}, OptionError),
        ({"forward": lambda X, w, b: (X @ w + b)[:, 0]}, ShapeError),
        ({"forward": lambda X, w, b: X @ w, "standardize": True}, OptionError),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], error: type[Exception]) -> None:
    rows = some_rows(0)
    with pytest.raises(error):
        bl.fit((rows.X, rows.y), **options)  # type: ignore[arg-type]


@given(st.integers(3, 4_000))
def test_splits_round_as_documented_and_leave_no_part_empty(n: int) -> None:
    training, validation, test = split_sizes(n, (0.7, 0.15, 0.15)) if n >= 3 else (1, 1, 1)
    assert training + validation + test == n
    assert validation == test == -(-15 * n // 100)
    assert training >= 1
    assert split_sizes(10 * n, (0.7, 0.3)) == [7 * n, 0, 3 * n]


def test_a_split_that_leaves_a_part_empty_is_refused() -> None:
    with pytest.raises(DataError, match="training part would be empty"):
        split_sizes(2, (0.7, 0.15, 0.15))


def test_one_row_and_rows_without_freedom() -> None:
    with pytest.raises(DataError, match="only 1 row"):
        bl.fit({"x": [1.0], "y": [2.0]}, "y ~ x")
    with pytest.warns(BestlineWarning, match="no degrees of freedom"):
        single = bl.fit({"x": [-3.0], "y": [3.0]}, "y ~ x - 1")  # a line through one point and the origin
    assert single.coef["x"] == pytest.approx(-1)
    with pytest.warns(BestlineWarning, match="no degrees of freedom"), pytest.warns(BestlineWarning, match="is a combination"):
        model = bl.fit((torch.eye(3).double(), torch.arange(3.0)))
    assert model.predict(torch.eye(3).double()) == pytest.approx([0, 1, 2], abs=1e-9)
    assert model.bse.isna().all()
    with pytest.raises(NumericalError, match="degrees of freedom"):
        model.predict(torch.eye(3).double(), interval="prediction")


def test_rank_deficiency_is_named_and_the_answer_has_the_smallest_norm(quiet: None) -> None:
    rows = some_rows(3, n=60, p=2)
    X = torch.cat([rows.X, rows.X[:, :1]], 1)
    model = bl.fit((X, rows.y), standardize=False)
    assert any("`x2` repeats `x0`" in note for note in model.notes)
    expected = np.linalg.lstsq(X.numpy() - X.numpy().mean(0), rows.y.numpy() - rows.y.numpy().mean(), rcond=None)[0]
    assert model.coef.to_numpy() == pytest.approx(expected[:, 0], rel=1e-9)
    assert np.isnan(model.bse["x0"])
    assert np.isfinite(model.bse["x1"])
    plain = bl.fit((rows.X, rows.y))
    assert model.bse["x1"] == pytest.approx(plain.bse["x1"], rel=1e-9)
    assert model.predict(X) == pytest.approx(plain.predict(rows.X), rel=1e-9)


def test_objectives_of_moments_refuse_slices() -> None:
    rows = some_rows(0)
    moments = bl.Moments.collect((rows.X, rows.y))
    with pytest.raises(OptionError, match="moments only"):
        bl.fit(moments, solver="sgd", lr=0.1, batch_size=4)
    assert bl.fit(moments, solver="sgd", lr=0.1, steps=4).stop is Stop.STEPS


def test_an_objective_is_a_frozen_thing_of_parts() -> None:
    bowl, rows, _ = bowl_and_rows(some_rows(0), intercept=True, standardize=True)
    objective = Objective(
        bowl, Penalty.on_slopes(0, 0.5, 3, intercept=True), SquaredRows(rows, True), torch.ones(4, 1).double()
    )
    w = torch.ones(4, 1, dtype=torch.float64)
    everything = torch.arange(len(rows))
    assert torch.allclose(objective.slice_gradient(w, objective.slices.on(everything)), objective.evaluate(w)[1], rtol=1e-10)
    assert objective.value(w) == pytest.approx(float(bowl.losses(w)) + 0.5 * 3)
