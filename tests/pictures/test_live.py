"""The live picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.pictures import live
from bestline.pictures.sample import Sample
from bestline.training.solvers.base import Step
from pictures.walks import PENGUINS

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


LINE = "body_mass_g ~ flipper_length_mm"


class Screen:
    def __init__(self):
        self.shown, self.closed = [], 0

    def show(self, picture, text):
        self.shown.append((picture, text))

    def close(self):
        self.closed += 1


def test_live_shows_the_last_state_and_stays_small():
    screen = Screen()
    watch = live.Live(screen)
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.01, steps=5_000, watch=watch.hear)
    watch.close()
    assert screen.closed == 1
    picture, text = screen.shown[-1]
    assert "step 5,000" in text
    curve = picture.panels[-1].marks[0]
    assert curve.x[-1] == 5_000
    assert len(curve.x) <= 401
    losses = dict(zip(model.trace.step.tolist(), model.trace.loss.tolist(), strict=True))
    assert all(losses[int(x)] == pytest.approx(y) for x, y in zip(curve.x, curve.y, strict=True))


def test_live_draws_the_line_over_the_rows_of_one_feature(walked):
    rows = next(iter(walked.rows()))
    watch = live.Live(Screen(), Sample.draw(rows, walked.features, walked.targets))
    bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=3, watch=watch.hear)
    watch.close()
    scatter, curve = watch.picture().panels
    assert len(scatter.marks[0].x) == len(rows)
    assert curve.marks[0].x[-1] == 3


def test_watched_steps_tell_how_far_the_exact_solution_is():
    heard: list[Step] = []
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=20, watch=heard.append)
    assert [step.index for step in heard] == list(range(21))
    np.testing.assert_allclose([step.gap for step in heard], model.trace.gap, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([step.loss for step in heard], model.trace.loss, rtol=1e-12)


def test_watch_true_outside_a_notebook_trains_as_ever(walked):
    again = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=60, split=(0.8, 0.2), start=(0, 0), watch=True)
    assert torch.equal(again.weights, walked.weights)
