"""Loss curves: the trace, the floor, the step that was kept, several runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bestline.errors import OptionError
from bestline.numerics.rows import Rows
from bestline.pictures import figures, loss_curves, marks
from bestline.pictures.marks import Horizontal, Line, Vertical
from bestline.pictures.overview import overview
from bestline.pictures.player.session import session
from bestline.training.early_stopping import best_step
from bestline.training.outcome import Fit
from bestline.training.solvers import Descent, Exact
from bestline.training.solvers.base import Stop
from pictures.examples import case, drawn, fitted, made

EXACT = 1e-9  # a path lies on its surface to rounding


def test_loss_holds_the_trace_the_floor_and_the_step_that_was_kept():
    c = case("held out")
    panel = loss_curves.loss(c.fit).panels[0]
    found = {m.role: m for m in panel.marks}
    assert found["path"].y == tuple(c.fit.trace.loss.tolist())
    assert found["held_out"].y == tuple(c.fit.trace.held_out.tolist())
    assert c.fit.stop is Stop.PATIENCE
    assert found["kept"].x == c.fit.step < int(c.fit.trace.step[-1])
    assert "held-out loss is least" in found["kept"].label
    assert found["floor"].y == pytest.approx(float(c.fit.trace.loss[-1] - c.fit.trace.gap[-1]), rel=EXACT)
    assert panel.xlabel == "updates made"


def overfitted(optimizer="sgd", *, alike=True) -> Fit:
    """Ten columns that mean nothing; `alike` ones are uncorrelated, so that descent shrinks all by one factor, as ridge does."""
    train_rows, held = made(n=18, p=10, seed=1), made(n=200, p=10, seed=2)
    X = 18**0.5 * torch.linalg.qr(train_rows.X - train_rows.X.mean(0)).Q if alike else train_rows.X
    noise = 6 * torch.randn(18, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    noisy = Rows(X, train_rows.y + noise)
    return fitted(noisy, Descent(optimizer, lr=0.02, steps=600), [0] * 11, held_out=held, standardize=True)


def test_the_loss_marks_where_early_stopping_would_stop_and_the_ridge_it_is_like():
    fit = overfitted()
    best = int(fit.trace.held_out.argmin())
    assert 0 < best < 600
    picture = loss_curves.loss(fit)
    (mark,) = [m for m in picture.panels[0].marks if isinstance(m, Vertical)]
    assert mark.x == best
    assert f"least after {best} updates" in mark.label
    left = (1 - 2 * 0.02) ** best  # of the way: every curvature is 2
    assert f"as ridge with l2 = {left / (1 - left):.2g}" in mark.label
    assert "2019" in picture.note
    for other in (overfitted("adam"), overfitted("momentum"), overfitted(alike=False)):
        (mark,) = [m for m in loss_curves.loss(other).panels[0].marks if isinstance(m, Vertical)]
        assert "ridge" not in mark.label
        assert "2019" not in loss_curves.loss(other).note
    assert not [m for m in loss_curves.loss(fit, held_out=False).panels[0].marks if isinstance(m, Vertical)]


def test_held_out_curves_of_several_runs_are_shown_when_asked_for():
    runs = {"a": overfitted(), "b": overfitted("adam")}
    (panel,) = loss_curves.loss(runs, held_out=True).panels
    lines = {m.label: m for m in panel.marks if isinstance(m, Line)}
    assert list(lines) == ["a", "a: held-out", "b", "b: held-out"]
    assert (lines["b"].role, lines["b: held-out"].role) == ("run1", "held_out1")
    assert lines["b: held-out"].y == tuple(runs["b"].trace.held_out.tolist())
    assert len([m for m in loss_curves.loss(runs).panels[0].marks if isinstance(m, Line)]) == 2
    drawn(loss_curves.loss(runs, held_out=True))


def test_the_floor_of_ridge_is_the_loss_of_its_exact_solution():
    rows = made()
    exact = fitted(rows, Exact(), [3, 3], l2=0.5)
    assert loss_curves.floor_of(case("ridge").fit) == pytest.approx(float(exact.trace.loss[-1]), rel=EXACT)
    assert "penalty" in figures.contour(exact).note


def test_runs_on_one_plot_are_told_apart():
    runs = {f"lr {i}": case("exact").fit for i in range(9)}
    panel = loss_curves.loss(runs).panels[0]
    lines = [m for m in panel.marks if isinstance(m, Line)]
    assert [m.label for m in lines] == list(runs)
    assert len({m.role for m in lines}) == marks.RUNS
    assert len([m for m in panel.marks if isinstance(m, Horizontal)]) == 1
    assert loss_curves.loss({"a": case("diverged").fit}).panels[0].log_y
    with pytest.raises(OptionError):
        loss_curves.loss({})


@pytest.mark.parametrize("every", [1, 2, 5])
def test_the_step_of_least_held_out_loss_is_a_number_of_updates(every: int) -> None:
    """A trace may hold some of the steps only, as that of a file does."""
    fit = case("held out").fit
    trace = fit.trace
    at = torch.arange(0, len(trace), every)
    names = ("step", "weights", "loss", "held_out", "gradient_norm", "gap", "rate")
    fewer = {name: None if (own := getattr(trace, name)) is None else own[at] for name in names}
    thin = replace(fit, trace=replace(trace, **fewer))
    best = int(fewer["step"][int(fewer["held_out"].argmin())])
    assert best_step(thin) == (None if best == int(fewer["step"][-1]) else best)
    assert best % every == 0
    assert best > every


@pytest.mark.parametrize(("start", "log"), [(0.5, False), (-300.0, True)])
def test_losses_that_span_more_than_two_decades_are_on_an_axis_of_factors_that_says_so(start, log):
    rows = made()
    fit = fitted(rows, Descent("sgd", lr=0.1, steps=60), [start, 0])
    spanned = float(fit.trace.loss.max() / fit.trace.loss.min())
    assert (spanned > 100) == log
    for panel in (loss_curves.loss(fit).panels[0], overview(fit).panels[-1], loss_curves.loss({"a": fit, "b": fit}).panels[0]):
        assert panel.log_y == log
        assert ("log scale" in panel.ylabel) == log
    assert session({"a": fit})["loss"]["log"] == log
    for asked in (True, False):
        panel = loss_curves.loss(fit, log=asked).panels[0]
        assert (panel.log_y, "log scale" in panel.ylabel) == (asked, asked)


def test_a_held_out_curve_counts_only_where_it_is_drawn():
    c = case("held out")
    far = c.fit.trace.held_out.clone()
    far[0] = 1e6 * c.fit.trace.loss.max()
    fit = replace(c.fit, trace=replace(c.fit.trace, loss=c.fit.trace.loss.clamp(max=2 * c.fit.trace.loss.min()), held_out=far))
    assert loss_curves.loss(fit).panels[0].log_y
    assert not loss_curves.loss(fit, held_out=False).panels[0].log_y


def test_a_loss_of_nothing_is_said_to_be_missing_on_an_axis_of_factors():
    c = case("lesson")
    losses = c.fit.trace.loss.clone()
    losses[-1] = 0.0
    fit = replace(c.fit, trace=replace(c.fit.trace, loss=losses))
    picture = loss_curves.loss(fit)
    assert picture.panels[0].log_y
    assert "loss of 0 cannot be shown" in picture.note
    drawn(picture)


@pytest.mark.parametrize(("end", "told"), [(1.0, False), (1.005, False), (1.2, True), (float("inf"), True)])
def test_a_held_out_curve_that_came_to_its_end_has_no_minimum(end, told):
    fit = case("held out").fit
    rows = len(fit.trace.loss)
    held_out = torch.linspace(2, 1, rows, dtype=torch.float64)
    held_out[-1] = end
    held_out[rows // 2] = 1 - 1e-12
    fit = replace(fit, stop=Stop.STEPS, step=int(fit.trace.step[-1]), trace=replace(fit.trace, held_out=held_out))
    shown = loss_curves.loss(fit)
    assert any("held-out loss least" in mark.label for mark in shown.panels[0].marks) == told
    assert ("The held-out loss is least" in shown.alt) == told
