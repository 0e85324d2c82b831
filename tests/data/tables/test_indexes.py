"""Objects of pandas whose indexes differ go together by position, and that is said at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bestline as bl
from bestline.data.tables import index_notes
from bestline.errors import BestlineWarning

n = 40
X = pd.DataFrame(np.random.default_rng(0).normal(size=(n, 2)), columns=["a", "b"])
y = pd.Series(X.a - X.b + np.random.default_rng(1).normal(size=n), name="y")
w = pd.Series(np.random.default_rng(2).uniform(1, 2, n))
ORDER = np.random.default_rng(3).permutation(n)

PAIRS: dict[str, tuple[Any, Any, str]] = {
    "another order": (X, y.iloc[ORDER], "`X` and `y` have the same index labels in another order"),
    "other labels": (X, y.set_axis(range(1, n + 1)), r"`X` and `y` have different indexes.*row 1 is 0 in `X` and 1 in `y`"),
    "a lag": (pd.concat([X, X]).iloc[: n - 1].reset_index(drop=True), y.iloc[1:], "different indexes"),
    "frames": (X, y.to_frame().iloc[::-1], "another order"),
    "dates": (
        X.set_axis(pd.date_range("2024-01-01", periods=n)),
        y.set_axis(pd.date_range("2024-01-02", periods=n)),
        "row 1 is 2024-01-01 00:00:00 in `X` and 2024-01-02",
    ),
    "labels of several types": (X.set_axis([*range(n - 1), "z"]), y.set_axis(["z", *range(n - 1)]), "another order"),
    "text": (X.set_axis([f"r{i}" for i in range(n)]), y, "row 1 is r0 in `X` and 0 in `y`"),
    "series": (X.a, y.iloc[ORDER], "another order"),
}


@pytest.mark.parametrize("what", PAIRS)
def test_pairs_are_put_together_by_position_with_a_warning(what: str) -> None:
    left, right, said = PAIRS[what]
    with pytest.warns(BestlineWarning, match=said) as caught:
        model = bl.fit((left, right))
    assert sum("by position" in str(c.message) for c in caught) == 1
    assert any("by position" in note for note in model.notes)
    plain = bl.fit((left.to_numpy(), np.asarray(right)))
    assert model.params.to_numpy() == pytest.approx(plain.params.to_numpy(), rel=1e-12)


DOORS: dict[str, Callable[[], object]] = {
    "weights": lambda: bl.fit(X.assign(y=y), "y ~ a + b", weights=w.iloc[ORDER]),
    "weights of a pair": lambda: bl.fit((X, y), weights=w.iloc[ORDER]),
    "dict of series": lambda: bl.fit({"a": X.a, "y": y.iloc[ORDER]}, "y ~ a"),
    "moments": lambda: bl.fit(bl.Moments.collect({"a": X.a, "y": y.iloc[ORDER]}, "y ~ a")),
    "preflight": lambda: bl.preflight((X, y.iloc[ORDER])),
    "evaluate": lambda: bl.fit((X, y)).evaluate((X, y.iloc[ORDER])),
    "evaluate X, y": lambda: bl.fit((X, y)).evaluate(X, y.iloc[ORDER]),
    "predict": lambda: bl.fit((X, y)).predict({"a": X.a, "b": X.b.iloc[ORDER]}),
    "estimator": lambda: bl.LinearRegression().fit(X, y.iloc[ORDER]),
    "estimator's weights": lambda: bl.Ridge().fit(X, y, sample_weight=w.iloc[ORDER]),
    "partial fit": lambda: bl.LinearRegression().partial_fit(X, y.iloc[ORDER]),
    "robust estimator": lambda: bl.HuberRegressor().fit(X, y.iloc[ORDER]),
    "stochastic estimator": lambda: bl.SGDRegressor(max_iter=5, tol=None).fit(X, y.iloc[ORDER]),
    "chosen penalty": lambda: bl.LassoCV(cv=3).fit(X, y.iloc[ORDER]),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.filterwarnings("ignore:(?!.*by position)")
def test_every_door_says_it(door: str) -> None:
    with pytest.warns(BestlineWarning, match="another order; rows were put together by position") as caught:
        DOORS[door]()
    assert len({str(c.message) for c in caught}) == 1


def test_what_agrees_or_has_no_index_is_not_spoken_of() -> None:
    same = [
        (X, y),
        (X, y.to_numpy()),
        (X.to_numpy(), y.iloc[ORDER]),
        (X.iloc[ORDER], y.iloc[ORDER]),
        (X, y.set_axis(np.arange(n).astype(object))),
        (pl.DataFrame({"a": [1.0, 2]}), pl.Series([1.0, 2])),
        (X, list(y)),
        (X, y.iloc[:5]),  # other lengths are refused, not warned of
        {"a": X.a, "y": y},
        X,
        [[1.0, 2.0]],
    ]
    assert [index_notes(data) for data in same] == [()] * len(same)
    columns = {"a": X.a, "b": X.b.iloc[ORDER], "c": w.set_axis(range(1, n + 1)), "y": y}
    assert [note.split(";")[0] for note in index_notes(columns)] == [
        "`a` and `b` have the same index labels in another order",
        "`a` and `c` have different indexes",
    ]


def test_a_long_label_is_told_shortly() -> None:
    names = [["k" * 200 + str(i) for i in range(30)], ["m" * 200 + str(i) for i in range(30)]]
    x = pd.DataFrame({"x": np.arange(30.0)}, index=names[0])
    with pytest.warns(BestlineWarning, match=r"row 1 is k{30}…k{7}0 in `X` and m{30}…m{7}0 in `y`"):
        bl.fit((x, pd.Series(np.arange(30.0) ** 1.5, index=names[1])))
