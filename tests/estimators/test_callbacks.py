"""Callbacks hear of every step and may stop."""

from __future__ import annotations

import pytest

from estimators.examples import made, table


@pytest.mark.parametrize(("name", "task"), [("SGDRegressor", "epoch"), ("HuberRegressor", "newton step")])
def test_callbacks_hear_of_every_step_and_may_stop(name, task):
    pytest.importorskip("sklearn.callback")

    class Hearing:
        def __init__(self, most):
            self.most, self.scores, self.torn_down = most, [], False

        def setup(self, estimator, context):
            self.scores.clear()

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            if context.task_name == task:
                self.scores.append(fitted_estimator.score(X, y))
            return len(self.scores) >= self.most

        def teardown(self, estimator, context):
            self.torn_down = True

    X, y, _ = table(300)
    y[:20] += 50
    ear = Hearing(10**6)
    line = made(name).set_callbacks(ear).fit(X, y)
    assert len(ear.scores) == line.n_iter_
    assert ear.scores[-1] == pytest.approx(line.score(X, y))
    assert ear.torn_down
    short = made(name).set_callbacks(Hearing(2)).fit(X, y)
    assert short.n_iter_ == 2
