"""Growth in a file: what lets moments grow on, as tensors and plain facts, and whatever a file says held against what it can be.

A file may come from anywhere: its formula is parsed anew, every factor and column is checked against it, and nothing is run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from torch import Tensor

import bestline.data.stored_comoments as stored
from bestline.data.collected import Collected
from bestline.data.design.bases.contrasts import CODINGS
from bestline.data.design.categories import Category
from bestline.data.design.draft import Draft
from bestline.data.design.factors import Factor, stored_factor
from bestline.data.design.formula import ParsedFormula
from bestline.data.design.grammar import Piece
from bestline.data.design.growing import MOST_GROWN, Part, Rough, can_grow
from bestline.data.design.profiles import ArgumentSummary, Levels, Mean, Profiles
from bestline.data.design.weight_kinds import ANALYTIC, checked_kind
from bestline.data.grown import Grown, Growth
from bestline.data.passes import Named

_PREFIX = "grown"


def tensors(growth: Growth) -> dict[str, Tensor]:
    """The tensors of a growth, by name."""
    found = growth.part.found
    named = {f"{_PREFIX}.low": found.low, f"{_PREFIX}.high": found.high}
    for i, group in enumerate(found.groups):
        named |= stored.tensors(group, f"{_PREFIX}.{i}")
    return named


def facts(growth: Growth) -> dict[str, Any]:
    """The rest of it, as JSON."""
    draft, rough, part = growth.draft, growth.rough, growth.part
    found, profiles, formula = part.found, part.profiles, growth.draft.formula
    return {
        "targets": [[piece.text, piece.column] for piece in formula.responses],
        "terms": [[[piece.text, piece.column] for piece in term] for term in formula.terms],
        "intercept": formula.intercept,
        "offsets": [
            [[piece.text, piece.column], asdict(factor)] for piece, factor in zip(formula.offsets, draft.offsets, strict=True)
        ],
        "kinds": [asdict(kind) for kind in draft.kinds.values()],
        "responses": [asdict(response) for response in draft.responses],
        "weights": draft.weights,
        **({} if draft.weight_kind == ANALYTIC else {"weight_kind": draft.weight_kind}),
        "missing": draft.missing,
        "beside": list(draft.beside),
        "declared": {name: list(levels) for name, levels in draft.declared.items()},
        "table": list(draft.table),
        "fills": dict(rough.fills),
        "centres": dict(rough.centres),
        "keys": [[list(part) for part in key] for key in part.keys],
        "groups": [stored.numbers(group) for group in found.groups],
        "read": found.read,
        "dropped": found.dropped,
        "imputed": dict(found.imputed.parts),
        "levels": {name: asdict(levels) | {"counts": dict(levels.counts)} for name, levels in profiles.levels.parts.items()},
        "means": {name: asdict(mean) for name, mean in profiles.means.parts.items()},
        # Without a value there is no range, and JSON has no infinity.
        "arguments": {c.text: asdict(s) if s.count else None for c, s in part.arguments.parts.items()},
    }


def growth(found: Mapping[str, Tensor], told: Mapping[str, Any], groups: int) -> Growth:
    """The growth that `tensors` and `facts` wrote.

    Raises ValueError or KeyError, which say what cannot be, and FormulaError for an expression that formulas do not allow.
    """
    draft = _draft(told)
    if not can_grow(draft) or len(told["groups"]) != groups:
        raise ValueError("a growth of another formula")
    numbers = draft.number_columns() if draft.missing == "impute" else []
    rough = Rough(
        {name: _number(told["fills"][name], "a fill") for name in numbers},
        {call.text: _number(told["centres"][call.text], "a centre") for call in draft.calls},
    )
    keys = tuple(tuple(_part(draft, part) for part in key) for key in told["keys"])
    if len(keys) > MOST_GROWN or len(set(keys)) != len(keys) or not all(keys):
        raise ValueError("columns that have not grown")
    q = len(keys) + len(draft.responses)
    own = tuple(stored.comoments(found, f"{_PREFIX}.{i}", count, q, p=len(keys)) for i, count in enumerate(told["groups"]))
    ends = {"low": found[f"{_PREFIX}.low"], "high": found[f"{_PREFIX}.high"]}
    # A pattern of gaps that was taken away again has a range, but no rows: so nothing is known of how many rows a column has.
    low, high = stored.ranges(ends, len(keys), 0)
    counts = {str(name): stored.whole(count, "imputed") for name, count in told["imputed"].items()}
    read, dropped = stored.whole(told["read"], "read"), stored.whole(told["dropped"], "dropped")
    profiles = Profiles(
        Named({name: _levels(told["levels"][name]) for name in draft.texts}),
        Named({name: Mean(**_numbers(told["means"][name], Mean)) for name in numbers}),
    )
    arguments = Named({call: _summary(told["arguments"][call.text]) for call in draft.calls})
    return Growth(draft, rough, Grown(keys, Collected(own, low, high, read, dropped, Named(counts)), profiles, arguments))


def _draft(told: Mapping[str, Any]) -> Draft:
    targets, terms = (tuple(map(_piece, told["targets"])), tuple(tuple(map(_piece, term)) for term in told["terms"]))
    pieces = tuple(dict.fromkeys(piece for term in terms for piece in term))
    kinds = tuple(_kind(facts) for facts in told["kinds"])
    responses = tuple(stored_factor(facts) for facts in told["responses"])
    known = [(_piece(piece), stored_factor(facts)) for piece, facts in told.get("offsets", ())]  # files of before do not say
    offsets = tuple(factor for _, factor in known)
    if len(responses) != len(targets) or any(r.kind == "category" for r in (*responses, *offsets)):
        raise ValueError("targets that are no numbers")
    if told["missing"] not in ("raise", "drop", "impute"):
        raise ValueError("an unknown rule for missing values")
    return Draft(
        ParsedFormula(targets, terms, bool(told["intercept"]), offsets=tuple(piece for piece, _ in known)),
        dict(zip(pieces, kinds, strict=True)),
        responses,
        None if told["weights"] is None else str(told["weights"]),
        str(told["missing"]),
        {str(name): tuple(map(str, levels)) for name, levels in told["declared"].items()},
        table=tuple(map(str, told["table"])),
        beside=tuple(map(str, told.get("beside", ()))),
        offsets=offsets,
        weight_kind=checked_kind(told.get("weight_kind", ANALYTIC), told["weights"]),
    )


def _piece(told: Sequence[Any]) -> Piece:
    text, column = told
    return Piece(str(text), bool(column))


def _kind(told: Mapping[str, Any]) -> Factor | Category:
    if set(told) <= {f.name for f in fields(Category)}:  # files of before do not say all
        reference, coding, levels = (told.get(name) for name in ("reference", "coding", "levels"))
        if coding not in (None, "treatment", *CODINGS):
            raise ValueError(f"a category of the unknown coding {coding!r}")
        return Category(
            str(told["column"]),
            None if reference is None else str(reference),
            coding or "treatment",
            None if levels is None else tuple(map(str, levels)),
        )
    factor = stored_factor(told)
    if factor.kind == "category":
        raise ValueError("a category whose levels are known")
    return factor


def _part(draft: Draft, told: Sequence[Any]) -> Part:
    """A part of a column, that the formula can have."""
    i, at = told
    kinds = [*draft.kinds.values()]
    if type(i) is not int:
        raise ValueError("a column of no factor")
    if i < 0:
        possible = draft.missing == "impute" and len(kinds) <= -i < len(kinds) + len(draft.number_columns()) and at == 0
    else:
        kind = kinds[i]
        possible = isinstance(at, str) if isinstance(kind, Category) else type(at) is int and 0 <= at < kind.width
    if not possible:
        raise ValueError("a column of parts that do not exist")
    return (i, at)


def _levels(told: Mapping[str, Any]) -> Levels:
    counts = Counter({str(level): stored.whole(count, "a level") for level, count in told["counts"].items()})
    weights = {level: _number(told["weights"][level], "a weight") for level in counts}
    present, missing = stored.whole(told["present"], "present"), stored.whole(told["missing"], "missing")
    return Levels(counts, weights, present, missing, _number(told["missing_weight"], "a weight"))


def _summary(told: Mapping[str, Any] | None) -> ArgumentSummary:
    if told is None:
        return ArgumentSummary()
    return ArgumentSummary(**{**_numbers(told, ArgumentSummary), "count": stored.whole(told["count"], "a count")})


def _numbers(told: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    return {f.name: _number(told[f.name], f.name) for f in fields(kind)}


def _number(told: Any, what: str) -> float:
    if type(told) not in (int, float) or not math.isfinite(told):
        raise ValueError(f"{what}: {told!r} is no number")
    return float(told)
