"""One pass in which the design grows finds what the passes that learn it first find."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
import bestline.data.gather as gathering
import bestline.files as store
from bestline.data.collected import Collected
from bestline.data.design import Design
from bestline.data.gather import Query, gather
from bestline.data.tables import Batch, Source, open_source

N = 400


def table(seed: int = 0, holes: bool = False) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": draw.normal(1e6, 2, N),
            "b": draw.exponential(size=N) + 0.1,
            "g": draw.choice(["north", "south", "west", "east"], N),
            "h": draw.choice(["u", "v"], N),
            "c": draw.choice([2.0, 10.0, 3.0], N),
            "w": draw.integers(0, 3, N) / 2,
        }
    )
    # Late levels, and one that only rows of weight 0 have.
    frame.loc[N - 3 :, "g"] = "zenith"
    frame.loc[frame.index[:2], ["g", "w"]] = ["nobody", 0.0]
    frame["y"] = frame.a - frame.b + (frame.g == "west") + draw.normal(size=N)
    if holes:
        for at, name in enumerate(["a", "b", "g", "h", "y", "c"]):
            frame[name] = frame[name].where(frame.index % (7 + at) > 0)
    return frame


FORMULAS = [
    "y ~ a + g",
    "y ~ a + b + g*h",
    "y ~ g - 1",
    "y ~ a + C(c) + g:h",
    "y ~ C(g, Treatment('south')):a + log(b)",
    "y ~ center(a) + scale(b) + g",
    "log(b) + y ~ a*g",
    "y ~ a:b + I(b**2) + C(c):b",
    "y ~ a + b + a:b + g:a + g:a:b",
]


class InPieces(Source):
    """The same rows in batches of few."""

    def __init__(self, data: object, size: int) -> None:
        self.own, self.rows = open_source(data), size
        self.label, self.fields, self.count = self.own.label, self.own.fields, self.own.count

    def _batches(self, names, size, progress, order) -> Iterator[Batch]:  # type: ignore[no-untyped-def]
        self.times = getattr(self, "times", 0) + 1
        yield from self.own._batches(names, min(size, self.rows), progress, order)


def twice(monkeypatch: pytest.MonkeyPatch, query: Query) -> gathering.Gathered:
    """What is found when the design is learnt first."""
    with monkeypatch.context() as patch:
        patch.setattr(gathering, "can_grow", lambda draft: False)
        return gather(query)


def agree(one: Collected, two: Collected, design: Design) -> None:
    for a, b in zip(one.groups, two.groups, strict=True):
        assert (a.count, a.log_weight) == (b.count, pytest.approx(b.log_weight))
        assert a.weight == pytest.approx(b.weight, rel=1e-14)
        torch.testing.assert_close(a.center, b.center, rtol=1e-13, atol=1e-9)
        size = b.scatter.diagonal().sqrt()
        bound = torch.outer(size, size)
        assert bool(((a.scatter - b.scatter).abs() <= 1e-12 * bound + 1e-300).all()), design.names
        assert torch.equal(a.spread == 0, b.spread == 0)
    torch.testing.assert_close(one.low, two.low, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(one.high, two.high, rtol=1e-13, atol=1e-13)
    assert (one.read, one.dropped, one.strange) == (two.read, two.dropped, two.strange)
    assert dict(one.imputed.parts) == dict(two.imputed.parts)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("missing", ["raise", "drop", "impute"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_one_pass_finds_what_two_find(monkeypatch, formula, missing, weights):
    data = table(holes=missing != "raise")
    for size, split in itertools.product((37, N), (None, (0.6, 0.2, 0.2))):
        query = Query(InPieces(data, size), formula, weights=weights, missing=missing, split=split, at_once=True)
        one = gather(query)
        two = twice(monkeypatch, query)
        facts, others = one.design.to_dict(), two.design.to_dict()
        for fact in (facts, others):
            fact["means"] = {name: pytest.approx(mean, rel=1e-13) for name, mean in fact["means"].items()}
            fact["states"] = {
                call: {what: pytest.approx(number, rel=1e-13) for what, number in state.items()}
                for call, state in fact["states"].items()
            }
            for factor in fact["factors"]:
                factor["shares"] = tuple(pytest.approx(share, rel=1e-13) for share in factor["shares"])
        assert facts == others
        assert one.notes == two.notes
        agree(one.found, two.found, one.design)


def collected(data: pd.DataFrame, formula: str, **how: object) -> bl.Moments:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a level that is alone, a target that is transformed
        return bl.Moments.collect(data, formula, weights="w", **how)


MEETING = [formula for formula in FORMULAS if "Treatment" not in formula]


@pytest.mark.parametrize("missing", ["raise", "drop", "impute"])
@pytest.mark.parametrize("formula", MEETING)
def test_parts_that_met_different_levels_and_gaps_add_and_are_taken_away(formula, missing, tmp_path):
    if missing == "impute" and "center" in formula:
        return  # learnt after the gaps are filled, so both parts must share a design
    # In order of the levels, so that no part knows all of them, nor has the mean of the others.
    data = table(holes=missing != "raise").sort_values(["g", "h"])
    cuts = [0, 90, 100, 250, N]
    *parts, whole = (collected(data[a:b], formula, missing=missing) for a, b in (*itertools.pairwise(cuts), (0, N)))
    for i, part in enumerate(parts):
        part.save(tmp_path / f"{i}.moments")
    parts = [bl.Moments.load(tmp_path / f"{i}.moments") for i in range(len(parts))]
    assert len({part.design.names for part in parts}) > 1 or "g" not in formula
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        joined = sum(parts[i] for i in order)
        same_moments(joined, whole, 1e-10)
        torch.testing.assert_close(joined.low, whole.low, rtol=1e-12, atol=1e-9)
        torch.testing.assert_close(joined.high, whole.high, rtol=1e-12, atol=1e-9)
    same_moments(joined - parts[2], parts[0] + parts[1] + parts[3], 1e-9)


def test_a_level_whose_rows_were_all_taken_away_leaves_no_rounding_behind():
    data = table().assign(w=lambda frame: frame.w + 0.1)
    gone = data.g == "zenith"
    for formula in ("y ~ b + g", "y ~ g*b"):
        whole, part = (collected(d, formula, folds=2) for d in (data, data[gone]))
        rest, own = whole - part, collected(data[~gone], formula, folds=2)
        assert rest.design.names == own.design.names
        assert max(fold.cancelled for fold in rest.folds) < 10
        assert bl.fit(rest).digits["b"] >= 10
        assert dict(bl.fit(rest).params) == pytest.approx(dict(bl.fit(own).params), rel=1e-9)


@pytest.mark.parametrize("what", ["count", "level", "scatter", "part", "fill"])
def test_a_file_whose_growth_is_of_other_rows_is_refused(what):
    moments = collected(table(holes=True), "y ~ b + g", missing="impute")
    tensors, facts = moments._stored()
    tensors, grew = dict(tensors), facts["growth"]
    if what == "count":
        grew["groups"][0][0] += 1
    elif what == "level":
        levels = grew["levels"]["g"]
        levels["counts"]["south"], levels["weights"]["south"] = 0, 0.0
        levels["counts"] = {name: count for name, count in levels["counts"].items() if name != "south"}
    elif what == "scatter":
        tensors["grown.0.scatter"] = tensors["grown.0.scatter"] * 2
    elif what == "part":
        grew["keys"][0] = [[7, 0]]
    else:
        grew["fills"]["b"] = "much"
    content = store.packed("moments", 2, tensors, facts)
    with pytest.raises(bl.errors.ModelFileError, match="damaged"):
        bl.Moments.from_bytes(content)


def same_moments(one: bl.Moments, two: bl.Moments, digits: float) -> None:
    assert one.design.names == two.design.names
    assert (one.rows, one.dropped, one.imputed) == (two.rows, two.dropped, two.imputed)
    for a, b in zip(one.folds, two.folds, strict=True):
        size = b.scatter.diagonal().sqrt()
        assert a.count == b.count
        assert bool(((a.scatter - b.scatter).abs() <= digits * torch.outer(size, size) + 1e-300).all())
        torch.testing.assert_close(a.center, b.center, rtol=digits, atol=1e-9)


def test_only_what_is_not_linear_is_read_more_than_once():
    passes = {
        "y ~ a + g": 1,
        "y ~ a + center(b)": 2,  # and a look at the first rows
        "y ~ a + poly(b, 2)": 3,
        "y ~ a + I(center(b)**2)": 2,
        "y ~ g:center(b)": 3,
    }
    for formula, times in passes.items():
        source = InPieces(table(), 50)
        gather(Query(source, formula, at_once=True))
        assert source.times == times, formula


def test_a_level_in_held_out_rows_alone_is_left_out_as_ever(monkeypatch):
    data = table()
    data["g"] = "old"
    labels = gather(Query(data, "y ~ a", split=(0.6, 0.2, 0.2))).labels
    data.loc[labels.numpy() == 2, "g"] = "new"
    data.loc[data.index[labels.numpy() == 0][:9], "g"] = "other"
    query = Query(InPieces(data, 64), "y ~ a + g", split=(0.6, 0.2, 0.2), at_once=True)
    one, two = gather(query), twice(monkeypatch, query)
    assert one.found.strange == int((labels == 2).sum()) > 0
    assert one.notes == two.notes
    agree(one.found, two.found, one.design)


def test_an_expression_of_filled_columns_is_right_whichever_it_reads(monkeypatch):
    data = table(holes=True)
    for formula in ("y ~ I(a*b)", "y ~ scale(b)", "y ~ I(1/b) + log(b)", "y ~ I(b**2):g + b"):
        query = Query(InPieces(data, 64), formula, missing="impute", at_once=True)
        one, two = gather(query), twice(monkeypatch, query)
        agree(one.found, two.found, one.design)


def test_a_constant_with_gaps_stays_one(monkeypatch):
    data = table()
    data["k"] = np.where(data.index % 3 > 0, 0.1, np.nan)
    found = gather(Query(InPieces(data, 33), "y ~ k + a", missing="impute", at_once=True)).found
    assert all(float(group.spread[0]) == 0 for group in found.groups)
    assert (float(found.low[0]), float(found.high[0])) == (0.1, 0.1)


def test_columns_without_number_take_passes_of_their_own(monkeypatch):
    draw = np.random.default_rng(1)
    data = pd.DataFrame({"k": "k" + pd.Series(draw.integers(0, 1_500, 6_000).astype(str)), "y": draw.normal(size=6_000)})
    query = Query(InPieces(data, 3_000), "y ~ k", at_once=True)
    one = gather(query)
    assert one.growth is None
    assert one.design.p == data.k.nunique() - 1
    halves = [bl.Moments.collect(data[data.k.str[-1].isin(list(part))], "y ~ k") for part in ("01234", "56789")]
    assert all(half.growth is not None for half in halves)
    with pytest.raises(bl.errors.DataError, match="more columns than can grow"):
        _ = halves[0] + halves[1]
