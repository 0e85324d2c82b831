"""Laws of passes: however the rows are cut, in whatever order parts are added, wherever they are computed, the digits are the same."""

from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.data.collected import Collect, Kept
from bestline.data.design import learn
from bestline.data.design.learn import drafted
from bestline.data.design.profiles import CountGaps, Gram, Learnt, Profile, Summarise
from bestline.data.exact_sums import SumExactly
from bestline.data.folds import ByHash, ByPart, ByValue, FindValues, Together, Values
from bestline.data.grown import Grow, Grown, Into, rough_means
from bestline.data.passes import Named, Pass
from bestline.data.runner import summed
from bestline.data.split import InPart, part_labels, weighted_rows
from bestline.data.tables import open_source
from bestline.data.tables.source import even
from bestline.inference.coordinates import AddUp, Fold
from bestline.inference.covariance.named import parse_cov
from bestline.inference.covariance.sandwich import CollectMeat
from bestline.inference.diagnostics.residual_sums import Lens, SumResiduals
from bestline.inference.numbered_rows import OverTraining
from bestline.inference.prediction import _Judge
from bestline.inference.uncertainty import basis_of
from bestline.numerics.comoments import Comoments
from bestline.numerics.exact_sums import CrossProducts

# Parts are added in another order than the rows stand in: what differs is rounding, of sums over a few hundred rows.
RELATIVE, ABSOLUTE = 1e-9, 1e-9

N = 400


def table() -> pd.DataFrame:
    draw = np.random.default_rng(8)
    frame = pd.DataFrame(
        {
            "a": draw.normal(1e3, 2, N),
            "b": draw.exponential(size=N),
            "group": draw.choice(["north", "south", "west"], N),
            "firm": draw.choice(list("pqrstu"), N),
            "w": draw.integers(0, 3, N).astype(float),
        }
    )
    frame["y"] = frame.a - frame.b + draw.normal(size=N)
    return frame


FRAME = table()
HOLES = FRAME.assign(b=FRAME.b.where(FRAME.index % 7 > 0), group=FRAME.group.where(FRAME.index % 11 > 0))
FORMULA = "y ~ a + b + group + poly(b, 2):a + scale(a)"


def _passes() -> dict[str, tuple[pd.DataFrame, Pass[Any, Any]]]:
    source = open_source(FRAME)
    design = learn(source, formula=FORMULA, weights="w")
    drops = learn(open_source(HOLES), formula=FORMULA, missing="drop")
    labels = part_labels(weighted_rows(source, None), (0.6, 0.2, 0.2), 1)
    counted = Learnt("w", InPart(labels))
    calls = tuple(c for f in design.factors if f.kind == "expression" for c in _calls(f.text))
    ranges = source.reduce(Summarise(calls, None, counted)).parts
    line = bl.fit(FRAME, "y ~ a + b + group", weights="w", split=(0.6, 0.2, 0.2))
    basis = basis_of(line)
    by_value = ByValue("firm", tuple("pqrstu"))

    def over(inner: Pass[Any, Any]) -> Pass[Any, Any]:
        return OverTraining(line.design, line.labels, inner)

    return {
        "collect": (FRAME, Collect(design)),
        "collect folds": (FRAME, Collect(design, 5, ByHash.of(design, 5, 0))),
        "collect by column": (HOLES, Collect(drops, 6, by_value)),
        "collect parts": (FRAME, Collect(design, 18, ByPart(labels, 6, by_value))),
        "collect and keep": (FRAME, Collect(design, 2, ByHash.of(design, 2, 0), Kept(1e9))),
        "grow": (FRAME, _growing(FRAME, "y ~ a*group + firm + scale(b)", "raise", counted)),
        "grow over gaps": (HOLES, _growing(HOLES, "y ~ a + b*group + I(b**2)", "impute", Learnt())),
        "values": (FRAME, FindValues("firm")),
        "rows": (FRAME, CountGaps((), frozenset())),
        "profile": (HOLES, Profile(("group", "firm"), ("a", "b"), counted)),
        "arguments": (HOLES, Summarise(calls, {"b": 1.0}, counted)),
        "polynomials": (FRAME, Gram(calls, None, counted, ranges=ranges)),
        "gaps": (HOLES, CountGaps(("a", "b", "group"), frozenset({"group"}))),
        "robust": (FRAME, over(CollectMeat(basis, parse_cov("HC3")))),
        "clusters": (FRAME, over(CollectMeat(basis, parse_cov("cluster:firm")))),
        "evidence": (FRAME, over(SumResiduals(Lens.on(basis)))),
        "triangle": (FRAME, over(Fold(basis))),
        "totals": (FRAME, over(AddUp(basis))),
        "scores": (FRAME, _Judge(line.design, line.plan, line.weights)),
        "exact sums": (FRAME, SumExactly(design, ByPart(labels, 1, Together()))),
    }


def _growing(frame: pd.DataFrame, formula: str, missing: str, counted: Learnt) -> Grow:
    source = open_source(frame)
    draft, _ = drafted(source, formula=formula, missing=missing)
    return Grow(draft, rough_means(source, draft, counted), counted, Into(3, ByHash.of(draft, 3, 0)))


def _calls(text: str) -> tuple[Any, ...]:
    from bestline.data.design import expression

    return tuple(expression(text).calls)


PASSES = _passes()


def digits(part: Any) -> Any:
    """A part as numbers that do not depend on the order of its additions, but for rounding."""
    if isinstance(part, Comoments):
        return [part.count, part.weight, part.log_weight, *part.center.tolist(), *part.spread.tolist()]
    if isinstance(part, CrossProducts):
        # A power of two may stand in the whole number or beside it.
        return [part.count, [[int(x) for x in row] for row in part.over((-1200,) * len(part.low), -1200)]]
    if isinstance(part, Named):
        return {str(name): digits(value) for name, value in part.parts.items()}
    if isinstance(part, Grown):  # columns stand in the order in which they were first met
        return [digits(part.columns(tuple(sorted(part.keys, key=str)))), digits(part.profiles), digits(part.arguments)]
    if isinstance(part, Values):
        return sorted(part.first, key=lambda value: part.first[value])  # only which comes before which is told
    if isinstance(part, Kept):
        rows = torch.cat(sorted((r.X for r, _ in part.parts), key=len)) if part.parts else torch.zeros(0)
        return [part.bytes, float(rows.sum())]
    if is_dataclass(part):
        return {
            f.name: digits(getattr(part, f.name))
            for f in fields(part)
            if f.name not in ("inside_steps", "ends", "R", "place", "sums")
        } | _whole(part)
    if isinstance(part, torch.Tensor):
        return part.to(torch.float64).nan_to_num(-1.0, 1e300, -1e300)
    if isinstance(part, dict):
        return {name: digits(part[name]) for name in sorted(part)}
    if isinstance(part, tuple | list):
        return [digits(p) for p in part]
    return part


def _whole(part: Any) -> dict[str, Any]:
    """What stands for fields that are the same only together."""
    found: dict[str, Any] = {}
    if hasattr(part, "ends"):
        found["steps"] = part.steps
    if hasattr(part, "R"):
        found["product"] = digits(part.R.T @ part.R)  # signs of rows are free
    if hasattr(part, "place"):
        found["sums"] = {name: digits(part.sums[g]) for name, g in sorted(part.place.items())}
    return found


def close(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, torch.Tensor):
        return a.shape == b.shape and torch.allclose(a, b, rtol=RELATIVE, atol=ABSOLUTE)
    if isinstance(a, float):
        return a == pytest.approx(b, rel=RELATIVE, abs=ABSOLUTE)
    return bool(a == b)


def through_a_pickle(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  our own


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=6)
@given(
    cuts=st.lists(st.integers(1, N - 1), max_size=4, unique=True),
    mix=st.randoms(use_true_random=False),
    threads=st.sampled_from([1, 3]),
)
def test_any_cut_any_order_any_process_gives_the_same_digits(name: str, cuts: list[int], mix: Any, threads: int):
    frame, over = PASSES[name]
    whole = open_source(frame).reduce(over)
    pieces = [
        batch.after(a)
        for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), N], strict=True)
        for batch in open_source(frame.iloc[a:b].reset_index(drop=True)).batches(over.columns, size=150)
    ]
    mix.shuffle(pieces)
    there = through_a_pickle(over)  # as a worker elsewhere gets it
    found = summed(pieces, lambda batch: through_a_pickle(there.of(batch)), over.empty(), threads=threads)
    assert close(digits(found), digits(whole))


@pytest.mark.parametrize("name", PASSES)
def test_no_rows_add_nothing(name: str):
    frame, over = PASSES[name]
    (batch,) = open_source(frame).batches(over.columns)
    part = over.of(batch)
    for same in (over.empty() + part, part + over.empty()):
        assert close(digits(same), digits(part))


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_changes_nothing_that_it_is_given(name: str):
    frame, over = PASSES[name]
    (batch,) = open_source(frame).batches(over.columns)
    first, kept = digits(over.of(batch)), pickle.dumps(frame)
    assert close(digits(over.of(batch)), first)
    assert pickle.dumps(frame) == kept


def test_names_that_only_one_side_has_stay_as_they_are():
    assert (Named({"a": 1, "b": 2}) + Named({"b": 3, "c": 4})).parts == {"a": 1, "b": 5, "c": 4}


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_batches_are_alike_and_no_larger_than_asked_for(rows: int, most: int) -> None:
    size = even(rows, most)
    assert 1 <= size <= most
    if rows > most:
        batches = -(-rows // size)
        assert size * batches - rows < batches  # no batch is much smaller than the others but for rounding
