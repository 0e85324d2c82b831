"""Samples of the rows give the lines that fitting them one by one gives, and errors that formulas give in the end."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning, NumericalError, OptionError
from bestline.inference.resampling import draws
from bestline.inference.resampling.intervals import ends
from bestline.inference.resampling.replicates import UnitSums

pytestmark = pytest.mark.usefixtures("quiet")

SAME = 1e-8  # a line of a sample, solved as a change of the line of all rows or by itself


def table(n: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n) + 50, "w": rng.uniform(0.5, 2, n)})
    frame["firm"] = [f"f{i % 8}" for i in range(n)]
    return frame.assign(y=1 + frame.a - 0.1 * frame.b + rng.normal(size=n) * (1 + frame.a.abs()))


def fitted_by_numpy(frame: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    X, root = np.column_stack([frame.a, frame.b, np.ones(len(frame))]), np.sqrt(weights)
    return np.linalg.lstsq(X * root[:, None], frame.y.to_numpy() * root, rcond=None)[0]


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("kind", ["pairs", "cluster"])
def test_every_sample_has_the_line_of_its_rows(kind: str, weights: str | None):
    frame = table()
    model = bl.fit(frame, "y ~ a + b", weights=weights)
    found = model.bootstrap(kind=kind, samples=30, seed=5, cluster="firm" if kind == "cluster" else None)
    own = np.ones(len(frame)) if weights is None else frame.w.to_numpy()
    codes = np.arange(40) if kind == "pairs" else pd.factorize(frame.firm)[0]
    c = draws.counts(30, codes.max() + 1, torch.Generator().manual_seed(5)).numpy()
    assert (c.sum(1) == codes.max() + 1).all()
    naive = np.array([fitted_by_numpy(frame, own * row[codes]) for row in c])
    assert found.replicates[:, :, 0].numpy() == pytest.approx(naive, rel=SAME, abs=SAME)
    assert found.std_error[:, 0].numpy() == pytest.approx(naive.std(0, ddof=1), rel=1e-7)
    assert found.conf_low[:, 0].numpy() == pytest.approx(np.quantile(naive, 0.025, axis=0), rel=1e-7)
    assert found.conf_high[:, 0].numpy() == pytest.approx(np.quantile(naive, 0.975, axis=0), rel=1e-7)
    assert found.bias[:, 0].numpy() == pytest.approx(naive.mean(0) - model.params.to_numpy(), abs=1e-7)


def test_wild_samples_refit_the_line_and_its_multiplied_residuals():
    frame = table()
    model = bl.fit(frame, "y ~ a + b")
    found = model.bootstrap(kind="wild", samples=20, seed=3, multipliers="webb")
    v = draws.multipliers(20, 40, torch.Generator().manual_seed(3), "webb").numpy()
    line = model.predict(frame)
    naive = [fitted_by_numpy(frame.assign(y=line + row * (frame.y - line)), np.ones(40)) for row in v]
    assert found.replicates[:, :, 0].numpy() == pytest.approx(np.array(naive), rel=SAME, abs=SAME)


@pytest.mark.parametrize("kind", ["rademacher", "webb"])
def test_multipliers_have_mean_0_and_variance_1(kind: str):
    drawn = draws.multipliers(1_000, 60, torch.Generator().manual_seed(0), kind)
    points = drawn.unique()
    assert len(points) == (2 if kind == "rademacher" else 6)
    assert float(points.mean()) == pytest.approx(0, abs=1e-15)
    assert float(points.square().mean()) == pytest.approx(1)
    shares = torch.stack([(drawn == point).double().mean() for point in points])
    assert float((shares - 1 / len(points)).abs().max()) < 4 * (0.25 / 60_000) ** 0.5


def test_all_sign_patterns_together_have_the_variance_of_hc0():
    frame = table(8)
    model = bl.fit(frame, "y ~ a")
    basis_free = np.linalg.qr(np.column_stack([frame.a, np.ones(8)]))
    q, e = torch.tensor(basis_free[0]), torch.tensor((frame.y - model.predict(frame)).to_numpy())[:, None]
    signs = torch.tensor(list(product([1.0, -1.0], repeat=8)), dtype=torch.float64)
    changes = UnitSums.of(q, e, None).multiplied(256, lambda size: signs)[:, :, 0].numpy() @ np.linalg.inv(basis_free[1]).T
    assert np.sqrt((changes**2).mean(0)) == pytest.approx(model.tidy(cov="HC0").std_error.to_numpy(), rel=1e-10)


@pytest.mark.parametrize("cluster", [None, "firm"])
def test_the_jackknife_is_that_of_refits_without_one(cluster: str | None):
    frame = table()
    model = bl.fit(frame, "y ~ a + b", weights="w")
    found = model.bootstrap(kind="jackknife", cluster=cluster)
    units = np.arange(40) if cluster is None else pd.factorize(frame.firm)[0]
    G = units.max() + 1
    naive = np.array([fitted_by_numpy(frame[units != u], frame.w[units != u].to_numpy()) for u in range(G)])
    assert found.replicates[:, :, 0].numpy() == pytest.approx(naive, rel=SAME, abs=SAME)
    variance = (G - 1) / G * ((naive - naive.mean(0)) ** 2).sum(0)
    assert found.std_error[:, 0].numpy() == pytest.approx(np.sqrt(variance), rel=1e-7)
    half = scipy.stats.t.ppf(0.975, G - 1) * np.sqrt(variance)
    assert (found.conf_high - found.estimate)[:, 0].numpy() == pytest.approx(half, rel=1e-7)


@pytest.mark.parametrize(("kind", "called"), [("percentile", "percentile"), ("basic", "basic"), ("bca", "BCa")])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("tied", [False, True], ids=["apart", "tied"])
def test_intervals_are_those_of_scipy(kind: str, called: str, level: float, tied: bool):
    rng = np.random.default_rng(7)
    # Of few whole numbers many samples have the mean of the values themselves.
    values = rng.lognormal(size=30) if not tied else np.repeat([0.0, 1.0, 2.0, 7.0], [16, 8, 4, 2])
    peer = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=1_500, method=called, confidence_level=level, rng=np.random.default_rng(1)
    )
    mean = values.mean()
    changes = torch.tensor(peer.bootstrap_distribution - mean)[:, None]
    without = torch.tensor((values.sum() - values) / 29 - mean)[:, None] if kind == "bca" else None
    low, high = ends(kind, changes, without, level)
    assert [mean + float(low), mean + float(high)] == pytest.approx([*peer.confidence_interval], rel=1e-12)


def test_many_samples_come_near_robust_errors():
    frame = table(200)
    model = bl.fit(frame, "y ~ a + b")
    # A standard deviation of B samples is off by about 1 / sqrt(2 B) of itself: 1.6 % of 2,000, and five of these are allowed for.
    for kind, cov in (("wild", "HC0"), ("pairs", "HC1")):
        found = model.bootstrap(kind=kind).std_error[:, 0].numpy()
        assert found == pytest.approx(model.tidy(cov=cov).std_error.to_numpy(), rel=0.08)


def test_the_seed_says_all_and_other_generators_are_left_alone():
    model = bl.fit(table(), "y ~ a + b")
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (model.bootstrap(samples=50, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.replicates, again.replicates)
    assert not torch.equal(first.replicates, other.replicates)
    assert torch.equal(before, torch.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()


def test_draws_in_pieces_are_the_draws_at_once(monkeypatch: pytest.MonkeyPatch):
    model = bl.fit(table(), "y ~ a + b")
    whole = model.bootstrap(samples=50)
    monkeypatch.setattr("bestline.inference.resampling.replicates._CHUNK", 40 * 7)
    assert torch.equal(model.bootstrap(samples=50).std_error.isfinite(), whole.std_error.isfinite())
    assert model.bootstrap(samples=50).replicates.shape == whole.replicates.shape


def test_a_loaded_model_takes_its_rows_and_no_others(tmp_path: Path):
    frame = table()
    model = bl.fit(frame, "y ~ a + b")
    model.save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    assert again.bootstrap(frame, samples=20).frame().to_numpy()[:, 1:].astype(float) == pytest.approx(
        model.bootstrap(samples=20).frame().to_numpy()[:, 1:].astype(float), rel=1e-6
    )
    with pytest.raises(OptionError, match="give the training data"):
        again.bootstrap()
    with pytest.raises(BestlineError, match=r"rows"):
        again.bootstrap(frame.assign(y=frame.y + frame.a), samples=20)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "rows drawn with replacement; percentile intervals."),
        ({"interval": "bca"}, "; BCa intervals."),
        ({"kind": "wild", "multipliers": "webb"}, "multiplied by Webb weights; percentile intervals."),
        ({"kind": "jackknife"}, "intervals by Student's t on 39 degrees of freedom."),
    ],
)
def test_it_is_said_what_was_done(asked, said):
    found = bl.fit(table(), "y ~ a + b").bootstrap(**asked)
    assert said in str(found)
    assert len(found.replicates) == (40 if asked.get("kind") == "jackknife" else 2_000)


def test_weights_that_are_not_determined_have_no_error_and_lost_samples_are_told():
    frame = table().assign(c=lambda t: 2 * t.a)
    found = bl.fit(frame, "y ~ a + c + b").bootstrap(samples=50).frame().set_index("term")
    assert found.loc[["a", "c"], "std_error"].isna().all()
    assert found.loc[["b", "Intercept"], "std_error"].notna().all()
    # A level of two rows is missing from 13 % of samples.
    rare = table().assign(g=lambda t: ["rare" if i < 2 else "often" for i in range(len(t))])
    with pytest.warns(BestlineWarning, match="do not determine the line"):
        drawn = bl.fit(rare, "y ~ a + g").bootstrap(samples=400)
    assert drawn.lost == 400 - len(drawn.replicates) > 20
    assert f"{drawn.lost} of them without a line" in str(drawn)


def test_samples_of_which_most_are_lost_have_no_errors():
    # Each of three clusters is a level: only a sample of each once determines the line, always the same one, without an error.
    blocks = table().assign(part=lambda t: ["u", "v", "w"] * 13 + ["u"]).assign(g=lambda t: t.part)
    with pytest.raises(NumericalError, match="more alike than samples are; use kind='wild'"):
        bl.fit(blocks, "y ~ a + g").bootstrap(kind="cluster", cluster="part", samples=200)
    assert (bl.fit(blocks, "y ~ a + g").bootstrap(kind="wild", cluster="part", samples=200).std_error > 0).all()


def test_targets_are_drawn_together():
    frame = table().assign(z=lambda t: t.y**2)
    both = bl.fit(frame, target=["y", "z"], features=["a", "b"]).bootstrap(samples=30)
    alone = bl.fit(frame, target="z", features=["a", "b"]).bootstrap(samples=30)
    assert both.frame().target.tolist() == ["y"] * 3 + ["z"] * 3
    assert both.frame()[3:].std_error.tolist() == pytest.approx(alone.frame().std_error.tolist(), rel=1e-8)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "pair"}, "did you mean `pairs`"),
        ({"kind": "cluster"}, "say by which column"),
        ({"cluster": "firm"}, "write kind='cluster'"),
        ({"kind": "cluster", "cluster": "frm"}, "did you mean `firm`"),
        ({"kind": "cluster", "cluster": "one"}, "there is 1 cluster"),
        ({"kind": "cluster", "cluster": ["firm"]}, "name of a column"),
        ({"samples": 3}, "`samples`"),
        ({"samples": 1e6}, "`samples`"),
        ({"samples": True}, "`samples`"),
        ({"seed": -1}, "`seed`"),
        ({"level": 95}, "`level`"),
        ({"interval": "bc"}, "did you mean `bca`"),
        ({"multipliers": "normal"}, "rademacher, webb"),
        ({"interval": ""}, "There is no interval"),
        ({"kind": "jackknife", "interval": "bca"}, "leave out `interval`"),
        ({"kind": "jackknife", "samples": 50}, "leave out `samples`"),
        ({"kind": "jackknife", "samples": 2_000, "seed": 0}, "leave out `samples` and `seed`"),
        ({"kind": "jackknife", "multipliers": "rademacher"}, "leave out `multipliers`"),
        ({"multipliers": "webb"}, "kind='pairs' multiplies nothing"),
        ({"kind": "cluster", "cluster": "firm", "multipliers": "rademacher"}, "kind='cluster' multiplies nothing"),
        ({"B": 100}, "bootstrap has no option `B`"),
        ({"n_boot": 100}, "bootstrap has no option"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(asked, said):
    model = bl.fit(table().assign(one=1), "y ~ a + b")
    with pytest.raises(BestlineError, match=r"[.?]$") as refused:
        model.bootstrap(**asked)
    assert said in str(refused.value)


@pytest.mark.parametrize("asked", [{"l2": 0.1}, {"loss": "absolute"}, {"bounds": (0, None)}])
def test_what_is_no_least_squares_is_refused_by_name(asked):
    with pytest.raises(NumericalError, match="There is no bootstrap here"):
        bl.fit(table(), "y ~ a + b", **asked).bootstrap()


def test_no_degrees_of_freedom_leave_nothing_to_draw():
    model = bl.fit({"x": [0.0, 1.0], "y": [0.0, 2.0]}, "y ~ x")
    with pytest.raises(NumericalError, match="do not determine the line"):
        model.bootstrap(kind="jackknife")


@pytest.mark.parametrize("kind", ["pairs", "wild", "cluster", "jackknife"])
def test_frequency_weights_are_rows_repeated(kind: str):
    frame = table().assign(k=np.arange(40) % 3 + 1)
    often = frame.loc[frame.index.repeat(frame.k)].reset_index(drop=True)
    how = {"kind": kind, "cluster": "firm" if kind == "cluster" else None} | (
        {} if kind == "jackknife" else {"samples": 30, "seed": 5}
    )
    weighed = bl.fit(frame, "y ~ a + b", weights="k", weight_kind="frequency").bootstrap(**how)
    repeated = bl.fit(often, "y ~ a + b").bootstrap(**how)
    assert weighed.replicates.numpy() == pytest.approx(repeated.replicates.numpy(), rel=SAME)


def test_absorbed_effects_are_refused_by_name():
    model = bl.fit(table(), "y ~ a + b | firm")
    with pytest.raises(OptionError, match=r"A bootstrap estimates .* absorbed effects \(`firm`\)"):
        model.bootstrap()
    with pytest.raises(OptionError, match=r"Conformal intervals need .* absorbed effects \(`firm`\)"):
        model.conformal(table())
