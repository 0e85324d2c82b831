"""Choose: which columns are features where nobody has named them all, by a `.` in the formula or by a target alone.

A column can serve when it says something that another row could share. What cannot is left out with a sentence why, never in
silence: dates, columns without values, texts that are different in nearly every row, and numbers that only count the rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from bestline.data.design.formula import ParsedFormula, parse, plain
from bestline.data.design.profiles import Learner, Levels
from bestline.data.tables import Field, Kind, Source
from bestline.errors import ColumnError, OptionError, listed, readable

# Kinds of values that are no features, and why.
_UNFIT = {Kind.DATE: "dates are not numbers", Kind.OTHER: "neither numbers nor text", Kind.EMPTY: "every value is missing"}
_MOST_LEVELS = 200  # of a text column that nobody asked for
_SHARED = 0.5  # texts a row, beyond which nearly every row has one of its own
# Names that programs give to a column which numbers the rows; it must do so, too, to be left out.
_COUNTERS = frozenset(
    {"", "unnamed: 0", "index", "id", "row", "rowid", "row_id", "rownames", "row_names", "rownumber", "row_number"}
)
# A dot that stands alone: not in a number, a name or a quoted text.
_DOT = re.compile(r"(?<![\w.)\]`\"'])\.(?![\w.])")


def asked_formula(
    source: Source,
    formula: str | None,
    target: str | Sequence[str] | None,
    features: Sequence[str] | None,
    *,
    weights: str | None,
    aside: str | None,
    learner: Learner,
) -> tuple[ParsedFormula, tuple[str, ...]]:
    """The formula asked for, its `.` or its missing list of features filled with the columns that can serve."""
    if formula is not None:
        if target is not None or features is not None:
            raise OptionError("Give either a formula or a target with features, not both.")
        if not _DOT.search(formula):
            return parse(formula, source.names), ()
        # The dot stands for all columns that the formula does not name; quoted names count as named, too.
        named = set(re.findall(r"[^\W\d]\w*", _DOT.sub(" ", formula))) | ({weights} if weights else set())
        chosen, notes = _choose(source, [f for f in source.fields if f.name not in {*named, aside}], learner)
        present = [n for n in source.names if n in named]  # the parser takes away what the formula names
        return parse(formula, [*present, *chosen]), notes
    targets = [target] if isinstance(target, str) else list(target or source.target or ())
    if not targets:
        raise OptionError("Say what to predict: a formula such as 'y ~ x', or a target column.")
    for name in [*targets, *(features or ())]:
        source.field(name)
    if features is not None:
        wanted = [features] if isinstance(features, str) else list(dict.fromkeys(features))
        if set(wanted) & set(targets):
            raise OptionError(
                f"The target {listed(sorted(set(wanted) & set(targets)))} is among the features; leave it out of them."
            )
        return plain(targets, wanted), ()
    others = [f for f in source.fields if f.name not in (*targets, weights, aside)]
    chosen, notes = _choose(source, others, learner)
    if not chosen:
        raise ColumnError(
            f"No column of {source.label} can serve as a feature{_because(notes)}; name the features, or give a formula."
        )
    return plain(targets, chosen), notes


def _because(notes: Sequence[str]) -> str:
    return f" ({notes[0].split('. Name ')[0][0].lower()}{notes[0].split('. Name ')[0][1:]})" if notes else ""


def _choose(source: Source, fields: Sequence[Field], learner: Learner) -> tuple[list[str], tuple[str, ...]]:
    """Columns that can serve as features, and a sentence for each kind that is left out."""
    found = learner.profile([f.name for f in fields if f.kind is Kind.TEXT]).levels.parts
    left: dict[str, list[str]] = {}
    chosen = []
    for f in fields:
        # The one column that is refused rather than left out.
        if f.note == "mixed dates":  # not even leaving it out is safe: nobody knows what it says
            raise ColumnError(
                f"Column {readable(f.name)} mixes several ways to write a date, so its dates are ambiguous; write them all as 2024-02-01, or name the features to leave it out."
            )
        reason = _unfit(f, found.get(f.name))
        if f.name.casefold() in _COUNTERS and f.kind is Kind.NUMBER and _counts_rows(source, f.name):
            reason = "it numbers the rows, as an index that some program wrote"
        if reason is None:
            chosen.append(f.name)
        else:
            left.setdefault(reason, []).append(f.name)
    notes = [
        f"Left out {listed(names, most=8)}: {reason}. Name {'it' if len(names) == 1 else 'them'} in a formula or as features to use "
        f"{'it' if len(names) == 1 else 'them'} all the same."
        for reason, names in left.items()
    ]
    return chosen, tuple(notes)


def _counts_rows(source: Source, name: str) -> bool:
    """Whether a column holds the rows' own numbers, from 0 or from 1, as far as the first batch shows."""
    batch = next(iter(source.batches([name])), None)
    if batch is None or batch.rows < 3:
        return False
    # The first batch is enough: a measurement that counts 65,536 rows up from 0 or 1 is none.
    count = torch.arange(batch.rows, dtype=torch.float64)
    values = batch.numbers([name])[:, 0].cpu()
    return torch.equal(values, count) or torch.equal(values, count + 1)


def _unfit(f: Field, found: Levels | None) -> str | None:
    """Why a column that nobody asked for should not be a feature, or None when it can be."""
    if f.kind in _UNFIT or found is None:
        return _UNFIT.get(f.kind)
    distinct = len(found.counts)
    if distinct == 0:
        return "every value is missing"
    if found.overflowing or distinct > _SHARED * found.present:
        return "nearly every row has a text of its own, so it looks like an identifier"
    if distinct > _MOST_LEVELS:
        return f"a text of over {_MOST_LEVELS} levels looks like an identifier"
    if distinct == 1 and not found.missing:
        return "every row has the same text"
    return None
