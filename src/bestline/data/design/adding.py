"""Adding: what is learnt of a table's columns from sums that an engine makes where the rows are.

    levels of a column      means      count, mean, squares and range of an expression      products of several

An engine adds up as it likes, so each term is asked for in two pieces (see `numerics.pooled`), and about a first mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bestline.data.passes import Added, Adder, CannotAddError
from bestline.numerics.pooled import splitter


def known(value: Any) -> Any:
    """1 where an engine's expression has a value, for sums: 0 x + 1 is as missing as x is, and no number where x is not finite."""
    return value * 0.0 + 1.0


def pieces(name: str, term: Any, largest: float, n: int) -> dict[str, Any]:
    """A term of a sum over n rows in the two pieces that keep its digits; its size is at most `largest`."""
    sigma = splitter(largest, n)
    high = (term + sigma) - sigma
    return {f"high {name}": high, f"low {name}": term - high}


def whole(found: Added, name: str) -> Tensor:
    """The sum of each group (n,) that was asked for in pieces."""
    return found.sums[f"high {name}"] + found.sums[f"low {name}"]


def levels_added(column: str, where: Any, weight: Any, engine: Adder) -> tuple[Counter[str], dict[str, float], int, int, float]:
    """How often each level of a column comes and what its rows weigh; rows with a value and without, and what these weigh."""
    found = engine.added({} if weight is None else {"w": weight}, dict, where=where, keys=[column])
    codes, seen = found.keys.text(column)
    weights = found.count.double() if weight is None else found.sums["w"]
    # Several values may be written alike; the entry before all is that of rows without a value.
    missing, *counts = torch.zeros(len(seen) + 1, dtype=torch.long).index_add_(0, codes + 1, found.count).tolist()
    lost, *sums = torch.zeros(len(seen) + 1, dtype=torch.float64).index_add_(0, codes + 1, weights).tolist()
    return Counter(dict(zip(seen, counts, strict=True))), dict(zip(seen, sums, strict=True)), sum(counts), missing, lost


def means_added(columns: Sequence[str], where: Any, weight: Any, engine: Adder) -> dict[str, tuple[float, float]]:
    """The weight and the mean of each column in the rows that have a value."""
    values = {name: engine.number(name) for name in columns}
    rough = _rough(values, where, engine, {} if weight is None else {"the weight": weight})
    heaviest = 1.0 if weight is None else float(rough.high["the weight"][0])

    def asked(v: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in columns:
            there, term = known(v[name]), v[name]
            if weight is not None:
                there, term = there * v["the weight"], term * v["the weight"]
            found |= pieces(name, term, heaviest * _size(rough, name), int(rough.count[0])) | {f"weight of {name}": there}
        return found

    moved = {name: x - _mean(rough, name) for name, x in values.items()}
    found = engine.added(moved | ({} if weight is None else {"the weight": weight}), asked, where=where)
    total = {name: float(found.sums[f"weight of {name}"][0]) for name in columns}
    return {
        name: (total[name], _mean(rough, name) + float(whole(found, name)[0]) / total[name]) if total[name] > 0 else (0.0, 0.0)
        for name in columns
    }


def spreads_added(values: Mapping[str, Any], where: Any, engine: Adder) -> dict[str, tuple[int, float, float, float, float]]:
    """Count, mean, sum of squared deviations, least and largest of each expression; CannotAddError where one is no number."""
    rough = _rough(values, where, engine, {})
    count = int(rough.count[0])
    if not all(float(rough.sums[f"known {name}"][0]) == count for name in values):
        raise CannotAddError("an argument is not a finite number")

    def asked(v: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in values:
            largest = _size(rough, name)
            found |= pieces(name, v[name], largest, count) | pieces(f"square {name}", v[name] * v[name], largest**2, count)
        return found

    found = engine.added({name: x - _mean(rough, name) for name, x in values.items()}, asked, where=where)
    spreads = {}
    for name in values:
        rest = float(whole(found, name)[0]) / max(count, 1)
        squares = max(float(whole(found, f"square {name}")[0]) - count * rest**2, 0.0)
        spreads[name] = (count, _mean(rough, name) + rest, squares, float(rough.low[name][0]), float(rough.high[name][0]))
    return spreads


def products_added(terms: Sequence[Any], where: Any, engine: Adder) -> Tensor:
    """Sums of the products of several expressions, each from -1 to 1."""
    values = {f"p{i}": term for i, term in enumerate(terms)}
    n, pairs = int(engine.added({}, dict, where=where).count[0]), [(i, j) for j in range(len(terms)) for i in range(j + 1)]

    def asked(v: Mapping[str, Any]) -> dict[str, Any]:
        return {key: piece for i, j in pairs for key, piece in pieces(f"{i} {j}", v[f"p{i}"] * v[f"p{j}"], 1.0, n).items()}

    found = engine.added(values, asked, where=where)
    sums = torch.zeros(len(terms), len(terms), dtype=torch.float64)
    for i, j in pairs:
        sums[i, j] = sums[j, i] = float(whole(found, f"{i} {j}")[0])
    return sums


def _rough(values: Mapping[str, Any], where: Any, engine: Adder, more: Mapping[str, Any]) -> Added:
    """Sum, number of finite values, and range of each expression. Raises CannotAddError where one is infinite."""
    found = engine.added(
        {**values, **more},
        lambda v: {name: v[name] for name in values} | {f"known {name}": known(v[name]) for name in values},
        where=where,
        ends=[*values, *more],
    )
    if not all(bool(total.isfinite().all()) for total in found.sums.values()):
        raise CannotAddError("a number is not finite")
    return found


def _mean(rough: Added, name: str) -> float:
    return float(rough.sums[name][0]) / max(float(rough.sums[f"known {name}"][0]), 1.0)


def _size(rough: Added, name: str) -> float:
    """How far any value lies from the first mean; 0 where there is none."""
    mean = _mean(rough, name)
    size = max(abs(float(end[name][0]) - mean) for end in (rough.low, rough.high))
    return size if size == size else 0.0  # noqa: PLR0124  NaN: no row has a value
