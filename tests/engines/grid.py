"""The cases that every engine is held to: what it gives is what one process gives of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import bestline as bl

# Parts are merged in another order than the rows stand in, so the last digits are rounding.
DIGITS: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-12}


def table(n: int = 900, seed: int = 3) -> pd.DataFrame:
    """Rows with gaps, weights, a category, firms, and errors that spread unevenly; the level `east` comes late."""
    draw = np.random.default_rng(seed)
    a, b, group = draw.normal(5, 2, n), draw.normal(size=n), draw.choice(["north", "south", "west"], n)
    group[n - 60 : n - 30] = "east"
    y = 2 * a - b + (group == "west") + draw.normal(scale=0.5 + 0.2 * np.abs(b), size=n)
    frame = pd.DataFrame(
        {"a": a, "b": b, "group": group, "w": draw.uniform(0.5, 2, n), "firm": draw.choice(list("pqrstuvw"), n), "y": y}
    )
    frame.loc[draw.choice(n, 25, replace=False), "b"] = np.nan
    frame.loc[draw.choice(n, 10, replace=False), "group"] = None
    return frame


FITS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("y ~ a", {}),
    "dropped": ("y ~ a + b + group", {"missing": "drop"}),
    "imputed": ("y ~ a + b + group", {"missing": "impute"}),
    "weighted": ("y ~ a + b + group + a:b", {"missing": "drop", "weights": "w"}),
    "terms": ("log(y + 20) ~ poly(a, 2) + scale(b) + center(a):b + C(group)", {"missing": "impute"}),
    "folds of a column": ("y ~ a + b + group", {"missing": "drop", "folds": "firm"}),
    "split": ("y ~ a + group", {"missing": "drop", "split": (0.6, 0.2, 0.2), "seed": 4}),
    "penalty": ("y ~ a + b + group", {"missing": "drop", "cv": "ridge"}),
    "descent": ("y ~ a + b", {"missing": "drop", "solver": "adam", "steps": 20}),
    "absolute": ("y ~ a + b", {"missing": "drop", "loss": "absolute"}),
}


def same_fit(data: Any, frame: pd.DataFrame, case: str, **engine: Any) -> tuple[bl.Model, bl.Model]:
    """The line fitted there and here, once they are the same."""
    formula, asked = FITS[case]
    here, there = bl.fit(frame, formula, **asked), bl.fit(data, formula, **asked, **engine)
    assert there.names == here.names
    for what in ("coef", "params"):
        np.testing.assert_allclose(np.asarray(getattr(there, what)), np.asarray(getattr(here, what)), **DIGITS)
    if here.inference is not None:
        np.testing.assert_allclose(there.bse, here.bse, **DIGITS)
    assert there.held_out.rows == here.held_out.rows
    np.testing.assert_allclose(there.held_out.rmse, here.held_out.rmse, rtol=1e-9)
    assert there.sizes == here.sizes
    assert there.collected.dropped == here.collected.dropped
    return there, here


def same_second_passes(data: Any, frame: pd.DataFrame, new: Any, new_frame: pd.DataFrame, **engine: Any) -> None:
    """Robust errors, diagnosis, influence, scores and predictions."""
    there, here = same_fit(data, frame, "dropped", **engine)
    for cov in ("HC0", "HC3", {"cluster": "firm"}):
        np.testing.assert_allclose(there.covariance(cov).std_error, here.covariance(cov).std_error, **DIGITS)
    pd.testing.assert_frame_equal(there.influence(), here.influence(), rtol=1e-7, atol=1e-10)
    assert str(there.diagnose()) == str(here.diagnose())
    np.testing.assert_allclose(there.evaluate(new).mae, here.evaluate(new_frame).mae, rtol=1e-12)
    np.testing.assert_allclose(here.predict(new), here.predict(new_frame), rtol=1e-12)


def same_groups(data: Any, frame: pd.DataFrame, **engine: Any) -> None:
    """A line for each group."""
    asked: dict[str, Any] = {"by": "firm", "missing": "drop", "weights": "w"}
    here, there = bl.fit_groups(frame, "y ~ a + b", **asked), bl.fit_groups(data, "y ~ a + b", **asked, **engine)
    by = ["firm", "term"]
    pd.testing.assert_frame_equal(
        there.tidy().sort_values(by, ignore_index=True), here.tidy().sort_values(by, ignore_index=True), rtol=1e-9
    )


def same_moments(data: Any, frame: pd.DataFrame, **engine: Any) -> None:
    """Moments, a shared design, and what they are asked."""
    here, there = (bl.Moments.collect(d, "y ~ a + group", missing="impute", **e) for d, e in ((frame, {}), (data, engine)))
    assert str(there) == str(here)
    design = bl.Design.learn(data, "y ~ a + group", missing="impute", **engine)
    assert [f.levels for f in design.factors] == [f.levels for f in here.design.factors]
    assert bl.preflight(data, "y ~ a", **engine).steps == bl.preflight(frame, "y ~ a").steps


def same_refusal(data: Any, frame: pd.DataFrame, formula: str, **engine: Any) -> str:
    """The error of rows that cannot be used; that of one process."""
    messages = []
    for rows, given in ((frame, {}), (data, engine)):
        try:
            bl.fit(rows, formula, **given)
        except bl.errors.BestlineError as error:
            messages.append(f"{type(error).__name__}: {error}")
    assert len(messages) == 2
    return messages[1] if messages[0] == messages[1] else " | ".join(messages)
