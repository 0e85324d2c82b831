"""Why a line has no standard errors: a descent that was stopped on its way has none, one that has arrived has them."""

from __future__ import annotations

import numpy as np
import pytest

import bestline as bl
from bestline.errors import NumericalError
from bestline.inference.why_not import refuse, why_not

X = np.arange(12.0)
DATA = {"x": X, "y": 3 * X + np.cos(X)}


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_descent_has_errors_only_when_it_has_arrived() -> None:
    stopped = bl.fit(DATA, "y ~ x", solver="sgd", lr=0.1, steps=2)
    arrived = bl.fit(DATA, "y ~ x", solver="sgd", lr=0.3, steps=500)
    assert why_not(stopped) == "training stopped before the least-squares solution (solver='exact' reaches it)"
    assert why_not(arrived) is None
    assert refuse(arrived, "No influence") is arrived.inference
    with pytest.raises(NumericalError, match="No influence here: training stopped before"):
        refuse(stopped, "No influence")


def test_the_refusal_names_robust_errors_only_where_these_were_asked_for() -> None:
    ridge = bl.fit(DATA, "y ~ x", l2=0.1)
    for cov, said in {None: "no standard", "classical": "no standard", "HC1": "no robust standard"}.items():
        with pytest.raises(NumericalError, match=f"There are {said} errors here: classical standard errors do not hold under"):
            ridge.covariance(cov)
