"""Limits: what weights may be. Between bounds, and in linear relations to each other.

    low <= w_j <= high        A w = c        A w >= c

They are said of the weights in the data's units, as people know them, and carried over to the columns as trained: a line stays a
line under scaling, so a linear restriction stays one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.calls import is_number
from bestline.data.design import Design
from bestline.errors import ColumnError, OptionError, listed, readable
from bestline.numerics import Scaling, Weights
from bestline.numerics.quadratic import quadratic_program
from bestline.training.restrictions import LinearForm, linear_forms
from bestline.wording import plain, said

Bounds: TypeAlias = Any  # {name: (low, high)}, (low, high) of all slopes, or text such as "price=:0, size=0:1"
Interval: TypeAlias = tuple[float, float]

ALL = ""  # the name under which the interval of all slopes stands
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf"
# A name may hold signs of its own, as C(g)[T.a=b] and poly(x, 2)[1] do: it ends at the first "=" behind which two ends follow.
_TEXT = re.compile(rf"\s*(?:(?P<name>.+?)\s*=)?\s*(?P<low>{_NUMBER})?\s*:\s*(?P<high>{_NUMBER})?\s*(?:[,;\n]|\Z)")
_HOW = "`bounds` names weights, as in {'price': (None, 0)}, or is (0, None) for all slopes"
_AT = 1e-12  # of a weight's own size: so near to its bound it is at it


def read_bounds(bounds: Bounds) -> dict[str, Interval]:
    """Intervals by name, that of all slopes under `ALL`; raises OptionError for what is none, before any row is read."""
    if bounds is None:
        return {}
    if isinstance(bounds, str):
        return _of_text(bounds)
    if isinstance(bounds, Mapping):
        return {_name(name): _interval(own, f"the bounds of {readable(str(name))}") for name, own in bounds.items()}
    if isinstance(bounds, Sequence) and bounds and all(isinstance(text, str) for text in bounds):
        return _merged([_of_text(text) for text in bounds])
    return {ALL: _interval(bounds, "`bounds`")}


def plainly(bounds: Mapping[str, Interval]) -> Any:
    """Bounds as they are asked for again, in plain values that JSON has: {name: (low, high)}, or (low, high) of all slopes."""
    # Infinite ends are written as none, for JSON has no infinity.
    found = {name: tuple(None if math.isinf(end) else end for end in ends) for name, ends in bounds.items()}
    if ALL not in found:
        return found or None
    if len(found) == 1:
        return found[ALL]
    ends = {name: ":".join("" if end is None else repr(end) for end in own) for name, own in found.items()}
    return [f"{name}={own}" if name != ALL else own for name, own in ends.items()]


def read_constraints(constraints: Any) -> tuple[str, ...]:
    """Texts of linear restrictions; raises OptionError for what is no text."""
    texts = () if constraints is None else (constraints,) if isinstance(constraints, str) else constraints
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise OptionError(f"`constraints` is text such as 'a + b = 1', or several such texts; got {constraints!r:.80}.")
    if any(not text.strip(" ,;\n") for text in texts):
        raise OptionError("`constraints` has a text that says nothing; write such as 'a + b = 1', or leave it out.")
    return tuple(texts)


def _of_text(text: str) -> dict[str, Interval]:
    at, found = 0, list[dict[str, Interval]]()
    while at < len(text.rstrip(" ,;\n")):
        match = _TEXT.match(text, at)
        if match is None or match.end() == at:
            raise OptionError(
                f"`bounds` as text are a name and its ends, as price=:0 or size=0:1, or 0: for all slopes; {readable(text[at:].strip())} cannot be read."
            )
        ends = [None if match[end] is None else float(match[end]) for end in ("low", "high")]
        name = ALL if match["name"] is None else match["name"].strip("`\"' ")
        found.append({name: _interval(ends, f"the bounds of {readable(name)}" if name else "`bounds`")})
        at = match.end()
    if not found:
        raise OptionError(f"{_HOW}; got an empty text.")
    return _merged(found)


def _merged(found: Iterable[dict[str, Interval]]) -> dict[str, Interval]:
    merged: dict[str, Interval] = {}
    for own in found:
        twice = next((name for name in own if name in merged), None)
        if twice is not None:
            raise OptionError(f"`bounds` says twice what {readable(twice) if twice else 'all slopes'} may be; say it once.")
        merged |= own
    return merged


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise OptionError(f"{_HOW}; {name!r} is no name.")
    return name


def _interval(ends: Any, of: str) -> Interval:
    """Two ends, None for none; the lower is not above the upper."""
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise OptionError(f"{_HOW}; {of} are two ends, (low, high), and None is no end; got {ends!r:.60}.")
    low, high = (_end(end, none, of) for end, none in zip(ends, (-math.inf, math.inf), strict=True))
    if low > high or low == math.inf or high == -math.inf:
        raise OptionError(f"No weight is between {said(low)} and {said(high)}: {of} are (low, high), the lower end first.")
    return low, high


def _end(end: Any, none: float, of: str) -> float:
    if end is None:
        return none
    if not is_number(end) or math.isnan(end):
        raise OptionError(f"The ends of {of.removeprefix('the bounds of ')} are numbers, or None for no end; got {end!r:.60}.")
    return float(end)


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Where weights (d,) of one target may lie, in the columns as trained: C w = b in the first `equalities` rows, C w >= b beyond."""

    C: Tensor
    b: Tensor
    equalities: int


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What the weights of these columns may be, in the data's units.

    Attributes
    ----------
    names : tuple of str
        Of the weights, (d,), the intercept last.
    lower, upper : tuple of float
        Bounds (d,); infinite where there is none.
    forms : tuple of LinearForm
        Linear restrictions.
    """

    names: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    forms: tuple[LinearForm, ...] = ()

    @classmethod
    def of(cls, bounds: Mapping[str, Interval], constraints: Sequence[str], design: Design) -> Limits | None:
        """Of the columns of a design; None where nothing is limited.

        Raises OptionError for names that are no weights, and for limits that no weights can meet.
        """
        if not bounds and not constraints:
            return None
        names = (*design.names, *(("Intercept",) if design.intercept else ()))
        lower, upper = [-math.inf] * len(names), [math.inf] * len(names)
        # What is said of all is said first, of a term before its columns: the nearer word counts.
        for name, (low, high) in sorted(bounds.items(), key=lambda item: (item[0] != ALL, item[0] in names)):
            for j in _own(name, names, design):
                lower[j], upper[j] = low, high
        # Every text is read by itself, so that a name with a comma ends where the text does.
        forms = [form for text in constraints for form in linear_forms(text, names)]
        limits = cls(names, tuple(lower), tuple(upper), tuple(forms))
        limits.check()
        return limits

    @property
    def bounded(self) -> bool:
        """Whether there are inequalities, so that which of them hold the line is seen in the data."""
        ends = zip(self.lower, self.upper, strict=True)
        return any(low < high and (low > -math.inf or high < math.inf) for low, high in ends) or any(
            form.inequality for form in self.forms
        )

    @property
    def kinds(self) -> str:
        """Of which kinds they are, in words."""
        ends = any(low > -math.inf or high < math.inf for low, high in zip(self.lower, self.upper, strict=True))
        return kinds(bounds=ends or not self.forms, constraints=bool(self.forms))

    @property
    def ends(self) -> dict[str, list[float | None]]:
        """The bounds by name, None for no end, as JSON has it."""
        each = zip(self.names, self.lower, self.upper, strict=True)
        found = {name: [None if math.isinf(end) else end for end in (low, high)] for name, low, high in each}
        return {name: own for name, own in found.items() if own != [None, None]}

    @property
    def relations(self) -> list[str]:
        """The linear restrictions as they were written."""
        return list(dict.fromkeys(form.text for form in self.forms))

    @property
    def told(self) -> list[str]:
        """All limits as people write them."""
        ends = [_bound(*one) for one in zip(self.names, self.lower, self.upper, strict=True)]
        return [*filter(None, ends), *self.relations]

    def check(self) -> None:
        """Raise OptionError where no weights meet all limits."""
        region, words = self._rows()
        if not self.forms:  # ends in their order can always be met
            return
        # In units of each restriction's largest number: what it is multiplied by says nothing.
        size = region.C.abs().amax(1)
        d = len(self.names)
        # Nearest to 0: whatever the data, there is a solution or there is none.
        found = quadratic_program(
            torch.eye(d, dtype=torch.float64),
            torch.zeros(d, dtype=torch.float64),
            region.C / size[:, None],
            region.b / size,
            region.equalities,
        )
        if found.conflict:
            against = list(dict.fromkeys(words[i] for i in found.conflict))
            raise OptionError(f"No weights meet {listed(against, most=6)} all at once; change or leave out one of them.")

    def regions(self, scaling: Scaling, k: int) -> tuple[Region, ...]:
        """The same for the weights of each of k targets as trained."""
        d, (own, _) = len(self.names), self._rows()
        zero = scaling.to_data(torch.zeros(d, k, dtype=torch.float64))
        # Weights in the data's units are zero + sum_j w_j change[j], (d, d, k).
        change = scaling.of_changes.to_data(torch.eye(d, dtype=torch.float64)[:, :, None].expand(d, d, k).contiguous())
        # a' w = c becomes (change a)' w = c - a' zero: the intercept's share of every slope is in it.
        return tuple(Region(own.C @ change[:, :, i].T, own.b - own.C @ zero[:, i], own.equalities) for i in range(k))

    def held(self, weights: Weights, scaling: Scaling) -> Weights:
        """Solved weights (d, k) in the data's units, those at a bound but for rounding at it exactly."""
        size = scaling.of_changes.to_data(torch.ones_like(weights)).abs()
        if len(self.names) > scaling.p:  # b = c_y - sum w_j c_j: what it is made of may be far larger
            slopes = weights[: scaling.p] * scaling.center[: scaling.p, None]
            size[-1] = scaling.target_scale + scaling.center[scaling.p :].abs() + slopes.abs().sum(0)
        # The way from the columns as trained multiplies and divides: a bound of 0.3 comes back as 0.29999999999999998.
        for end in (self.lower, self.upper):
            edge = torch.tensor(end, dtype=torch.float64)[:, None]
            near = (weights - edge).abs() <= _AT * torch.maximum(size, edge.abs().nan_to_num(posinf=0.0))
            weights = torch.where(near & edge.isfinite(), edge, weights)
        return weights + 0.0  # -0.0 would show a sign

    def sides(self, weights: Weights, target: int = 0) -> list[str]:
        """Where each weight of a target is: "lower" or "upper" at that bound, "fixed" where both are one, "" between."""
        found = []
        for w, low, high in zip(weights[:, target].tolist(), self.lower, self.upper, strict=True):
            found.append("fixed" if low == high else "lower" if w == low else "upper" if w == high else "")
        return found

    def holds_back(self, weights: Weights) -> bool:
        """Whether an inequality holds some weight, without which it would go on."""
        k = weights.shape[1]
        sides = [side for i in range(k) for side in self.sides(weights, i)]
        forms = (form for form in self.forms if form.inequality)
        return "lower" in sides or "upper" in sides or any(_met(form, weights[:, i]) for form in forms for i in range(k))

    def active(self, weights: Weights, target: int = 0) -> Tensor:
        """The restrictions A (m, d) that hold weights with equality, each once: A w = c."""
        # An inequality that is met holds the line as an equality does: whether it pushes, the data say and not the restriction.
        rows = [form.weights for form in self.forms if not form.inequality or _met(form, weights[:, target])]
        eye = torch.eye(len(self.names), dtype=torch.float64)
        held = [eye[j] for j, side in enumerate(self.sides(weights, target)) if side]
        return torch.stack([*rows, *held]) if rows or held else eye[:0]

    def to_dict(self) -> dict[str, Any]:
        """As JSON, which has no infinity."""
        return {
            "lower": [None if math.isinf(low) else low for low in self.lower],
            "upper": [None if math.isinf(high) else high for high in self.upper],
            "forms": [[form.text, form.weights.tolist(), form.value, form.inequality] for form in self.forms],
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any], names: tuple[str, ...]) -> Limits:
        """The inverse of `to_dict`; raises ValueError for what does not fit the weights."""
        lower = tuple(-math.inf if low is None else float(low) for low in facts["lower"])
        upper = tuple(math.inf if high is None else float(high) for high in facts["upper"])
        forms = tuple(
            LinearForm(str(text), torch.tensor([float(w) for w in own], dtype=torch.float64), float(value), bool(inequality))
            for text, own, value, inequality in facts["forms"]
        )
        if len(lower) != len(names) or len(upper) != len(names) or any(len(form.weights) != len(names) for form in forms):
            raise ValueError("limits that do not fit its weights")
        return cls(names, lower, upper, forms)

    def _rows(self) -> tuple[Region, list[str]]:
        """All limits as rows, equalities first, and how each is written."""
        eye = torch.eye(len(self.names), dtype=torch.float64)
        # Both ends of a bound are rows of their own, but where they are one: two opposite inequalities would hold each other.
        equal = [(form.weights, form.value, form.text) for form in self.forms if not form.inequality]
        above = [(form.weights, form.value, form.text) for form in self.forms if form.inequality]
        for j, (name, low, high) in enumerate(zip(self.names, self.lower, self.upper, strict=True)):
            if low == high:
                equal.append((eye[j], low, _bound(name, low, high)))
                continue
            above += [(eye[j], low, _bound(name, low, math.inf))] if low > -math.inf else []
            above += [(-eye[j], -high, _bound(name, -math.inf, high))] if high < math.inf else []
        rows = equal + above
        if not rows:
            return Region(eye[:0], eye[:0].sum(1), 0), []
        values = torch.tensor([value for _, value, _ in rows], dtype=torch.float64)
        return Region(torch.stack([own for own, _, _ in rows]), values, len(equal)), [text for *_, text in rows]


def kinds(*, bounds: bool, constraints: bool) -> str:
    """What limits weights, in words; empty where nothing does."""
    return " and ".join(["bounds"] * bounds + ["constraints"] * constraints)


def _own(name: str, names: tuple[str, ...], design: Design) -> list[int]:
    """The weights that a name stands for: a column, all columns of a term, all slopes."""
    if name == ALL:
        return list(range(design.p))
    # A column and its term may be called alike, as numbers are; of the levels of a category the term is the shorter name.
    own = [names.index(name)] if name in names else [j for j, c in enumerate(design.columns) if c.term == name]
    if not own:
        known = dict.fromkeys([*names, *(c.term for c in design.columns)])
        raise OptionError(f"`bounds`: {ColumnError.missing(name, known, 'this line', what='weight')}")
    return own


def _bound(name: str, low: float, high: float) -> str:
    """A bound as people write it; nothing where there is none."""
    shown = plain(name)
    if low == high:
        return f"{shown} = {said(low)}"
    if low > -math.inf and high < math.inf:
        return f"{said(low)} <= {shown} <= {said(high)}"
    return f"{shown} >= {said(low)}" if low > -math.inf else f"{shown} <= {said(high)}" if high < math.inf else ""


def _met(form: LinearForm, w: Tensor) -> bool:
    terms = float((form.weights * w).abs().sum()) + abs(form.value)
    return abs(float(form.weights @ w) - form.value) <= 1e-10 * terms
