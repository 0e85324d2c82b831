"""What lines of every kind say of themselves: summaries, reports, tables of groups and of windows."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

import bestline as bl
from characterisation.cases import attempt, case, line, table


def close(offset: float = 1e5, apart: float = 1e-6) -> pd.DataFrame:
    """Columns far from zero and nearly alike, of which float64 moments give few digits."""
    f = table().assign(a=lambda f: offset + f.x1, b=lambda f: offset + f.x1 + apart * f.x2, c=3.0)
    return f.assign(y=f.y + offset)


def dated() -> pd.DataFrame:
    f = table(True)
    return f.assign(day=[date(2020, 1, 1) + timedelta(days=3 * i) for i in range(len(f))])


FITS: dict[str, Callable[[], bl.Model]] = {
    "exact": lambda: bl.fit(table(), "y ~ x1 + x2 + g"),
    "weights": lambda: bl.fit(table(), "y ~ x1 * h", weights="w"),
    "through zero": lambda: bl.fit(table(), "y ~ x1 + x2 - 1"),
    "level by level": lambda: bl.fit(table(), "y ~ g - 1"),
    "two targets": lambda: bl.fit(table(), "y + z ~ x1 + g", split=(0.6, 0.2, 0.2)),
    "redundant": lambda: bl.fit(close(), "y ~ x1 + c + I(2 * x1) + x2"),
    "redundant, first ones": lambda: bl.fit(close(), "y ~ x1 + c + I(2 * x1) + x2", aliased="drop"),
    "few digits": lambda: bl.fit(close(), "y ~ a + b"),
    "fewer digits": lambda: bl.fit(close(1e9, 1e-7), "y ~ a + b", digits=12),
    "ridge": lambda: bl.fit(table(), "y ~ x1 + x2 + g", l2=0.3),
    "elastic net": lambda: bl.fit(table(), "y ~ x1 + x2 + x3", l1=0.1, l2=0.1, penalty_factors={"x1": 0.3}),
    "chosen": lambda: bl.fit(table(), "y ~ x1 + x2 + x3", cv="ridge", folds=4, penalty_factors={"x1": 0.3}),
    "chosen by groups": lambda: bl.fit(table(), "y ~ x1 + x2 + C(year)", cv="lasso", folds="g", weights="w"),
    "huber": lambda: bl.fit(table(), "y ~ x1 + x2", loss="huber", weights="w"),
    "quantile": lambda: bl.fit(table(), "y ~ x1", loss="quantile:0.9", folds=3),
    "walked": lambda: bl.fit(table(), "y ~ x1 + x2", solver="adam", lr=0.2, steps=300, patience=5, split=(0.6, 0.2, 0.2)),
    "a few steps": lambda: bl.fit(table(), "y ~ x1", solver="sgd", lr=0.1, steps=4, schedule="cosine"),
    "slices": lambda: bl.fit(table(), "y ~ x1", solver="sgd", lr=0.9, steps=40, batch_size=7, standardize=False),
    "beyond the limit": lambda: bl.fit(table(), "y ~ x1 + x2", solver="momentum", lr=5.0, steps=4),
    "row by row": lambda: bl.fit(table(), "y ~ x1 + x2", solver="stochastic", steps=4, l2=0.01, seed=2),
    "gaps left out": lambda: bl.fit(table(True), "y ~ x1 + g", missing="drop", split=(0.7, 0.3)),
    "gaps filled": lambda: bl.fit(table(True), "y ~ x1 + g", missing="impute", split=(0.7, 0.3)),
    "dates": lambda: bl.fit(dated(), "y ~ day + x2", missing="drop"),
    "rows for weights": lambda: bl.fit(table().head(4), "y ~ x1 + x2 + x3"),
    "few rows": lambda: bl.fit(table().head(9), "y ~ x1 + x2 + x3 + w", weights="w"),
    "the mean": lambda: bl.fit(table(), "y ~ 1"),
    "a bend": lambda: bl.fit(table(), "y ~ poly(x2, 2) + x2:h"),
    "exactly": lambda: bl.fit({"x": [1.0, 2.0, 3.0, 5.0], "y": [3.0, 5.0, 7.0, 11.0]}, "y ~ x"),
    "a polynomial": lambda: bl.fit(line(), target="y", forward="polynomial:2"),
    "many names": lambda: bl.fit(
        {f"sensor_of_the_north_station_{i}_in_celsius": np.sin(np.arange(30.0) * (i + 1)) for i in range(4)}
        | {"y": np.arange(30.0) % 7},
        target="y",
    ),
    "moments": lambda: bl.fit(bl.Moments.collect(table(), "y ~ x1 + x2 + g", weights="w", folds=4), features=["x1", "g"]),
    "large numbers": lambda: bl.fit({"x": np.arange(9.0) * 1e130, "y": np.cos(np.arange(9.0)) * 1e140}, "y ~ x"),
}


def told(make: Callable[[], bl.Model]) -> dict[str, Any]:
    m = make()
    whole, short = m.summary(digits=True), m.summary(0.9)
    asked: dict[str, Callable[[], Any]] = {
        "text": lambda: str(short),
        "with digits": lambda: str(whole),
        "facts": lambda: {name: value for name, value in whole.facts.items() if name != "seconds"},
        "print": lambda: str(m),
        "notes": lambda: list(m.notes),
        "glance": m.glance,
        "digits": lambda: [m.digits, attempt(lambda: m.std_error_digits)],
        "diagnosis": lambda: str(m.diagnose()),
        "evaluated": lambda: str(m.evaluate(table() if "y" in m.targets and "x1" in table() else None)),
        "lacking": lambda: [m.lacking(digits) for digits in (4, 15)],
        "first row": lambda: m.predict(table().head(2)),
    }
    return {name: tried(what) for name, what in asked.items()}


def tried(what: Callable[[], Any]) -> Any:
    try:
        return what()
    except (bl.errors.BestlineError, AttributeError, TypeError, ValueError) as refused:
        return refused


for _name, _make in FITS.items():
    case(f"lines: {_name}", partial(told, _make))


def words_of(page: str) -> str:
    """What is read on a page: no pictures, scripts or styles, nor which versions made it."""
    text = re.sub(r"(?s)<(script|style|svg|head)\b.*?</\1>", " ", page)
    text = re.sub(r'\s(src|srcdoc|href)="[^"]*"', " ", text)
    alts = re.findall(r'alt="([^"]*)"', text)
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    return re.sub(r"(bestline|torch|Python|numpy|scipy) \d[\w.+]*", r"\1 #", plain) + " | ".join(alts)


def reported(make: Callable[[], bl.Model]) -> str:
    return words_of(str(make().report().html))


for _name in ("exact", "walked", "chosen", "two targets", "ridge", "few digits", "quantile", "gaps filled", "redundant"):
    case(f"report: {_name}", partial(reported, FITS[_name]))


def many(f: pd.DataFrame) -> pd.DataFrame:
    """Twelve groups of five rows, one of two, and one whose column does not vary."""
    cells = (np.arange(60) // 5).astype(str)
    cells[58:] = "short"
    return f.assign(cell=cells, flat=np.where(cells == "3", 1.0, f.x1))


def grouped() -> dict[str, Any]:
    f = many(table())
    made: dict[str, Callable[[], Any]] = {
        "plain": lambda: bl.fit_groups(f, "y ~ x1", by="cell"),
        "flat": lambda: bl.fit_groups(f, "y ~ flat", by="cell", weights="w", digits=10),
        "two targets": lambda: bl.fit_groups(f, "y + z ~ x1", by=["year", "g"]),
        "ridge": lambda: bl.fit_groups(f, "y ~ x1 + h", by="year", l2=0.2, folds=3, seed=4),
        "gaps": lambda: bl.fit_groups(many(table(True)), "y ~ x1", by="year", missing="drop"),
        "close": lambda: bl.fit_groups(close(), "y ~ a + x2", by="year", digits=13, weights="w"),
        "closer": lambda: bl.fit_groups(close(1e9, 1e-7), "y ~ a + b", by="g"),
        "constant": lambda: bl.fit_groups(close(), "y ~ x1 + c", by="g"),
    }
    return {name: of_many(make) for name, make in made.items()}


def of_many(make: Callable[[], Any]) -> dict[str, Any]:
    lines = make()
    asked: dict[str, Callable[[], Any]] = {
        "repr": lambda: repr(lines),
        "tidy": lines.tidy,
        "narrow": lambda: lines.tidy(0.5),
        "glance": lines.glance,
        "text": lambda: str(lines.summary()),
        "facts": lambda: lines.summary(0.9).facts,
        "pooled": lambda: lines.tidy(pooling="partial"),
        "test": lambda: str(lines.test()),
        "test of the second": lambda: str(lines.test(target=1)),
        "written": lambda: written(lines),
    }
    return {name: tried(what) for name, what in asked.items()}


def written(lines: Any) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lines.csv"
        lines.save(path, level=0.8)
        return "\n".join(
            path.read_text(encoding="utf-8").splitlines()[:8]
        )  # whole lines: last digits differ in number by processor


def rolled() -> dict[str, Any]:
    made: dict[str, Callable[[], Any]] = {
        "window": lambda: bl.fit_rolling(table(), "y ~ x1", window=15, step=7),
        "half-life": lambda: bl.fit_rolling(table(), "y ~ x1 + x2", order="x3", half_life=6, weights="w", step=11),
        "expanding": lambda: bl.fit_rolling(dated(), "y ~ x1", order="day", expanding=20, missing="drop", step=9),
        "close": lambda: bl.fit_rolling(close(1e9, 1e-7), "y ~ a + b", window=30, step=10, digits=12),
        "two targets": lambda: bl.fit_rolling(table(), "y + z ~ x1 + g", order="year", window=40, step=5),
        "level by level": lambda: bl.fit_rolling(table(), "y ~ g - 1", window=12, step=12),
    }
    return {name: of_many(make) for name, make in made.items()}


case("groups of every kind", grouped)
case("windows of every kind", rolled)


def compared() -> dict[str, Any]:
    """Tests of restrictions and of models, in words."""
    m = bl.fit(table(), "y ~ x1 * g + x2", weights="w")
    two = bl.fit(table(), "y + z ~ x1 + x2")
    asked: dict[str, Callable[[], Any]] = {
        "a sum": lambda: m.wald("x1 + 2 * x2 = 1"),
        "at its end": lambda: m.wald("x1 = "),
        "half a name": lambda: m.wald("x1:g[T.b = 0"),
        "twice a product": lambda: m.wald("x1 * x2 = 0"),
        "a fraction": lambda: m.wald("x1 / 3 - x2 / 2 = 0.5, x2 = -(1 - 2)"),
        "divided by 0": lambda: m.wald("x1 / 0 = 1"),
        "the intercept": lambda: m.wald("Intercept = 1", cov="HC1"),
        "quoted": lambda: m.wald("`x1:g[T.b]` = `x1:g[T.c]`"),
        "of the second": lambda: two.wald("x1 = x2", target="z"),
        "a matrix": lambda: m.wald(np.eye(len(m.names))[:2]),
        "a matrix of another width": lambda: m.wald(np.eye(2)),
        "numbers for a right side": lambda: m.wald((np.eye(len(m.names))[:2], [1.0, 2.0])),
        "an empty one": lambda: m.wald(""),
        "compared": lambda: bl.compare(bl.fit(table(), "y ~ x1", weights="w"), m),
        "robustly": lambda: bl.compare(bl.fit(table(), "y ~ x1"), bl.fit(table(), "y ~ x1 + x2 + g")),
        "of two targets": lambda: bl.compare(bl.fit(table(), "y + z ~ x1"), two),
        "of other targets": lambda: bl.compare(bl.fit(table(), "z ~ x1"), bl.fit(table(), "y ~ x1 + x2")),
        "of other weights": lambda: bl.compare(bl.fit(table(), "y ~ x1"), m),
        "agreement": lambda: [row.split()[0] for row in str(two.agree()).splitlines() if row.strip()],
    }
    return {name: tried(lambda what=what: str(what())) for name, what in asked.items()}


case("restrictions and comparisons", compared)


def moved() -> dict[str, Any]:
    """What a saved model still says, and what of it can be trained on."""
    said = {}
    with TemporaryDirectory() as folder:
        for name in ("walked", "chosen", "elastic net", "few digits", "gaps filled", "redundant", "huber"):
            m, path = FITS[name](), Path(folder) / f"{name}.bestline"
            m.save(path)
            back = bl.load(path)
            said[name] = [str(back), attempt(lambda back=back: back.to_dict()), attempt(lambda back=back: back.summary().text)]
            said[name].append(tried(lambda back=back, m=m: torch.equal(back.weights, m.weights)))
    return said


case("models kept and loaded", moved)
