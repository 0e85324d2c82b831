"""Learn a Design: choose the columns, and read the table as often as their states need: often not at all.

Plain number columns need no reading: their types are known. Categories need one pass for their levels, imputation the same
pass for the means, `center`, `scale` and `poly` one or two more over their arguments.

Where nobody has named all features, by a `.` in the formula or by a target alone, they are chosen. A column can serve when
it says something that another row could share. What cannot is left out with a sentence why, never in silence: dates, columns
without values, texts that are different in nearly every row, and numbers that only count the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Number
from typing import Any

import torch

from bestline.calls import no_such
from bestline.data.design.columns import coded
from bestline.data.design.design import Design
from bestline.data.design.draft import Draft, draft_of
from bestline.data.design.expressions import expression
from bestline.data.design.factors import numbers_read
from bestline.data.design.formula import ParsedFormula, parse, plain, powers
from bestline.data.design.inverse import can_be_turned_back
from bestline.data.design.learner import Learner
from bestline.data.design.profiles import CountGaps, Gaps, Learnt, Levels, Mean, Profiles, Training
from bestline.data.design.weight_kinds import ANALYTIC
from bestline.data.progress import Progress
from bestline.data.tables import Field, Kind, Source
from bestline.errors import ColumnError, FormulaError, MissingValuesError, OptionError, listed, readable
from bestline.wording import LEFT_TO_RIGHT

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


def learn(source: Source, **asked: Any) -> Design:
    """The design that `drafted` begins, with all that the rows say; arguments and errors are the same."""
    return learnt(*drafted(source, **asked)).as_read(source)


def drafted(
    source: Source,
    *,
    formula: str | None = None,
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    weights: str | None = None,
    weight_kind: str = ANALYTIC,
    missing: str = "raise",
    degree: int = 1,
    training: Training | None = None,
    aside: Sequence[str] = (),
    beside: Sequence[str] = (),
    levels: Mapping[str, Sequence[str]] | None = None,
    absorbing: bool = False,
    progress: Progress | None = None,
) -> tuple[Draft, Learner]:
    """The draft of a formula, or of a target and features; without either, of all columns that can serve; and who learns the rest.

    Parameters
    ----------
    source : Source
    formula : str, optional
        Such as `y ~ x1 + C(g)`.
    target, features : str and sequence of str, optional
        Columns by name, in place of a formula; `features` are all others that can serve if left out.
    weights : str, optional
        Column of weights.
    weight_kind : {"analytic", "frequency", "probability"}
    missing : {"raise", "drop", "impute"}
    aside : sequence of str
        Columns that are no features unless they are named.
    beside : sequence of str
        Columns that a row must have a value of though the line does not read them.
    levels : mapping, optional
        Column -> levels that count as found though no row may have them.
    degree : int
        Above 1, every column x is followed by its powers I(x ** 2), ..., I(x ** degree).
    absorbing : bool
        Whether a bar in the formula is understood: whoever asks then takes the effects behind it out.
    training : callable, optional
        Tells which rows of a batch are training rows: levels, means and states are learnt from these alone.
    progress : callable, optional
        Hears of each pass: (what, fraction).

    Raises
    ------
    FormulaError, ColumnError, MissingValuesError, DataError
    """
    if missing not in ("raise", "drop", "impute"):
        raise no_such("way to treat `missing` values", missing, ("raise", "drop", "impute"))
    if weights is not None:
        check_weights(source, weights)
    learner = Learner(source, Learnt(weights, training), progress)
    asked, notes = _asked_formula(source, formula, target, features, weights=weights, aside=aside, learner=learner)
    if asked.absorbed and not absorbing:
        raise FormulaError(
            f"The formula {readable(asked.text)} has absorbed effects behind its bar, which `fit` alone takes out, from all rows of one "
            f"table; write + C(g) here for a factor of few levels."
        )
    if degree > 1:
        asked = powers(asked, degree, {f.name for f in source.fields if f.kind is Kind.NUMBER})
    draft = draft_of(source, asked, weights, missing)
    apart = {*numbers_read(draft.responses), weights}
    draft = replace(
        draft,
        table=tuple(n for n in source.names if n not in apart),
        notes=(*notes, *asked.notes),
        levels=levels or {},
        weight_kind=weight_kind,
        # A row without a level of what is absorbed has no effect, so it must have one, as it must have a cluster.
        beside=tuple(dict.fromkeys([*beside, *(name for by in asked.absorbed for name in by)])),
    )
    return draft, learner.counting(draft.counted(training))


def learnt(draft: Draft, learner: Learner) -> Design:
    """The design of a draft, once the rows have been gone through for what is not known of it."""
    # Levels and means in one pass; states need means, and polynomials the range of their argument, so they take one or two more.
    design = levelled(draft, learner.profile(draft.texts, draft.number_columns() if draft.missing == "impute" else ()))
    # Where gaps are imputed, a transform learns from the filled column, which is what it will be given.
    return replace(design, states=learner.states(draft.calls, design.means if draft.missing == "impute" else None))


def levelled(draft: Draft, profiles: Profiles) -> Design:
    """The design of a draft whose columns are known, but for what its functions learn. Raises MissingValuesError."""
    design = coded(draft, with_levels(profiles.levels.parts, draft.levels))
    if draft.missing == "impute":
        design = replace(design, means=_means(draft.number_columns(), profiles.means.parts))
    return replace(design, notes=(*design.notes, *_target_notes(design)))


def checked_levels(levels: Any) -> dict[str, list[str]]:
    """Levels by column as people give them, as texts; raises OptionError for what are none."""
    if levels is None:
        return {}
    if not isinstance(levels, Mapping) or not all(isinstance(name, str) for name in levels):
        raise OptionError(f"`levels` names columns and their levels, as in {{'city': ['Rome', 'Oslo']}}; got {levels!r:.80}.")
    found = {}
    for name, given in levels.items():
        each = list(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping) else None
        if each is None or not all(isinstance(level, str | Number) and str(level) != "nan" for level in each):
            raise OptionError(f"`levels` of {readable(name)} are a list of texts or numbers; got {given!r:.80}.")
        found[name] = [level if isinstance(level, str) else str(level).removesuffix(".0") for level in each]
    return found


def with_levels(found: Mapping[str, Levels], more: Mapping[str, Sequence[str]]) -> dict[str, Levels]:
    """The levels that were found and those that are known besides, which no row has. Raises OptionError for a column that is no category."""
    for name in more:
        if name not in found:
            raise OptionError(f"`levels`: {ColumnError.missing(name, found, 'the categories of the formula')}")
    return {name: levels.also(more.get(name, ())) for name, levels in found.items()}


def check_weights(source: Source, weights: str) -> None:
    """Raise ColumnError unless the column of weights holds numbers."""
    if source.field(weights).kind is not Kind.NUMBER:
        raise ColumnError(f"The weights in column {readable(weights)} are not numbers; name a column of numbers.")


def _means(numbers: Sequence[str], found: Mapping[str, Mean]) -> dict[str, float]:
    empty = [name for name in numbers if found[name].weight == 0]
    if empty:
        raise MissingValuesError(f"{listed(empty)} has no values in the training rows, so no mean to impute; leave it out.")
    return {name: found[name].mean for name in numbers}


def _target_notes(design: Design) -> list[str]:
    notes = []
    for response in design.responses:
        if response.truth:
            notes.append(
                f"The target {readable(response.text)} is true or false: the line is fitted to 0 and 1, a linear probability."
            )
        elif response.kind == "expression" and not can_be_turned_back(response):
            notes.append(
                f"The target is {readable(response.text)}, which cannot be turned back into {listed(expression(response.text).columns)}: "
                f"predictions and errors are in its units."
            )
    return notes


def missing_values(read: Design | Draft, source: Source, groups: Sequence[str] = ()) -> MissingValuesError:
    """The refusal of missing values, with how many there are in which column, those that tell the groups among them."""
    names = tuple(dict.fromkeys([*read.reads(), *groups]))
    gaps = source.reduce(CountGaps(names, frozenset([*read.texts, *groups])))
    counts = ", ".join(f"{readable(name)} {count:,}" for name, count in gaps.columns.parts.items() if count)
    return MissingValuesError(
        f"{gaps.gapped:,} of the {gaps.rows:,} rows of {source.label} have missing values ({counts}); choose missing='drop' (--missing drop) "
        f"to leave them out, or missing='impute' to fill them in{_beyond_the_edge(gaps, source)}."
    )


def _beyond_the_edge(gaps: Gaps, source: Source) -> str:
    """That the first rows have no row before them, where a lag lacks values."""
    shifted = source.shifts([name for name, count in gaps.columns.parts.items() if count])
    return "; a lag has no value in rows that have no row before them, nor a lead in the last" if shifted else ""


# --- columns that can serve ----------------------------------------------------------------------------------------------


def _asked_formula(
    source: Source,
    formula: str | None,
    target: str | Sequence[str] | None,
    features: Sequence[str] | None,
    *,
    weights: str | None,
    aside: Sequence[str],
    learner: Learner,
) -> tuple[ParsedFormula, tuple[str, ...]]:
    """The formula asked for, its `.` or its missing list of features filled with the columns that can serve."""
    if formula is not None:
        if target is not None or features is not None:
            raise OptionError("Give either a formula or a target with features, not both.")
        if not any(LEFT_TO_RIGHT in name for name in source.names):  # copied from what was printed, where our own marks stand
            formula = formula.replace(LEFT_TO_RIGHT, "")
        if not _DOT.search(formula):
            return parse(formula, source.names), ()
        # The dot stands for all columns that the formula does not name; quoted names count as named, too.
        named = set(re.findall(r"[^\W\d]\w*", _DOT.sub(" ", formula))) | ({weights} if weights else set())
        chosen, notes = _choose(source, [f for f in source.fields if f.name not in {*named, *aside}], learner)
        present = [n for n in source.names if n in named]  # the parser takes away what the formula names
        return parse(formula, [*present, *chosen]), notes
    targets = [target] if isinstance(target, str) else list(target or source.target or ())
    if not targets:
        raise OptionError("Say what to predict: a formula such as 'y ~ x', or a target column.")
    for name in [*targets, *(() if features is None else features)]:
        source.field(name)
    if features is not None:
        wanted = [features] if isinstance(features, str) else list(dict.fromkeys(features))
        if set(wanted) & set(targets):
            raise OptionError(
                f"The target {listed(sorted(set(wanted) & set(targets)))} is among the features; leave it out of them."
            )
        return plain(targets, wanted), ()
    others = [f for f in source.fields if f.name not in (*targets, weights, *aside)]
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
