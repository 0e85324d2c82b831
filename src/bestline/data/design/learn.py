"""Learn a Design: choose the columns, and read the table as often as their states need: often not at all.

Plain number columns need no reading: their types are known. Categories need one pass for their levels, imputation the same
pass for the means, `center`, `scale` and `poly` one or two more over their arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bestline.data.design.choose import asked_formula
from bestline.data.design.columns import coded, draft_of
from bestline.data.design.design import Design
from bestline.data.design.expressions import expression
from bestline.data.design.formula import powers
from bestline.data.design.profiles import CountGaps, Learner, Learnt, Mean, Training
from bestline.data.progress import Progress
from bestline.data.tables import Kind, Source
from bestline.errors import ColumnError, MissingValuesError, OptionError, listed, readable


def learn(
    source: Source,
    *,
    formula: str | None = None,
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    weights: str | None = None,
    missing: str = "raise",
    degree: int = 1,
    training: Training | None = None,
    aside: str | None = None,
    progress: Progress | None = None,
) -> Design:
    """The design of a formula, or of a target and features; without either, of all columns that can serve.

    Parameters
    ----------
    source : Source
    formula : str, optional
        Such as `y ~ x1 + C(g)`.
    target, features : str and sequence of str, optional
        Columns by name, in place of a formula; `features` are all others that can serve if left out.
    weights : str, optional
        Column of weights.
    missing : {"raise", "drop", "impute"}
    aside : str, optional
        A column that is no feature unless it is named.
    degree : int
        Above 1, every column x is followed by its powers I(x ** 2), ..., I(x ** degree).
    training : callable, optional
        Tells which rows of a batch are training rows; means and states are learnt from these alone, levels from all rows.
    progress : callable, optional
        Hears of each pass: (what, fraction).

    Raises
    ------
    FormulaError, ColumnError, MissingValuesError, DataError
    """
    if missing not in ("raise", "drop", "impute"):
        raise OptionError(f"`missing` must be 'raise', 'drop' or 'impute'; got {missing!r}.")
    if weights is not None and source.field(weights).kind is not Kind.NUMBER:
        raise ColumnError(f"The weights in column {readable(weights)} are not numbers; name a column of numbers.")
    learner = Learner(source, Learnt(weights, training), progress)
    asked, notes = asked_formula(source, formula, target, features, weights=weights, aside=aside, learner=learner)
    # What has to be read, and how often: levels and means in one pass; states need means, and polynomials the range of their argument.
    if degree > 1:
        asked = powers(asked, degree, {f.name for f in source.fields if f.kind is Kind.NUMBER})
    draft = draft_of(source, asked, weights, missing)
    profiles = learner.profile(draft.categories, draft.numbers if missing == "impute" else ())
    design, remarks = coded(draft, source, profiles.levels.parts)
    if missing == "impute":
        design = replace(design, means=_means(draft.numbers, profiles.means.parts))
    texts = [f.text for f in (*design.factors, *design.responses) if f.kind == "expression"]
    # Where gaps are imputed, a transform learns from the filled column, which is what it will be given.
    states = learner.states(texts, design.means if missing == "impute" else None)
    table = tuple(n for n in source.names if n not in design.target_columns and n != weights)
    return replace(design, states=states, table=table, notes=(*notes, *remarks, *_target_notes(design, source)))


def _means(numbers: Sequence[str], found: Mapping[str, Mean]) -> dict[str, float]:
    empty = [name for name in numbers if found[name].weight == 0]
    if empty:
        raise MissingValuesError(f"{listed(empty)} has no values in the training rows, so no mean to impute; leave it out.")
    return {name: found[name].mean for name in numbers}


def _target_notes(design: Design, source: Source) -> list[str]:
    notes = []
    for response in design.responses:
        if response.kind == "number" and source.field(response.column).note == "bool":
            notes.append(
                f"The target {readable(response.text)} is true or false: the line is fitted to 0 and 1, a linear probability."
            )
        elif response.kind == "expression":
            notes.append(
                f"The target is {readable(response.text)}: predictions and errors are in its units, and turning a prediction back does "
                f"not give the mean of {listed(expression(response.text).columns)}."
            )
    return notes


def missing_values(design: Design, source: Source) -> MissingValuesError:
    """The refusal of missing values, with how many there are in which column."""
    gaps = source.reduce(CountGaps(tuple(design.reads()), frozenset(design.texts)))
    counts = ", ".join(f"{readable(name)} {count:,}" for name, count in gaps.columns.parts.items() if count)
    return MissingValuesError(
        f"{gaps.gapped:,} of the {gaps.rows:,} rows of {source.label} have missing values ({counts}); choose missing='drop' (--missing drop) "
        f"to leave them out, or missing='impute' to fill them in."
    )
