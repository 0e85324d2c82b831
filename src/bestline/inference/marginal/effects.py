"""Effects: what a line says on average at the levels of a term, what the levels differ by, and how steep it is.

    means       the line at each level of a term, the other terms at a reference grid       (R's emmeans; Searle, Speed & Milliken 1980)
    contrasts   differences of these
    slopes      d line / d column, exactly, whatever stands in the formula                   (R's emtrends)
    difference  the line at one row less the line at another

All are linear combinations of the weights, and their errors follow from the line's covariance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bestline.calls import checked, is_number, no_such, one_of
from bestline.data.design.grid import Grid, derivatives_at, known_at, known_derivative_at, levels_of, rows_at
from bestline.errors import ColumnError, DataError, NumericalError, OptionError, as_written, listed, readable, warn
from bestline.inference.covariance.base import Cov
from bestline.inference.fitted import FittedLine
from bestline.inference.marginal.adjustment import check_adjust
from bestline.inference.marginal.combinations import Combinations, estimated
from bestline.inference.marginal.reference_grid import ReferenceGrid, columns_of
from bestline.inference.marginal.table import Marginal, in_own_units, place_said, said_of, tabled
from bestline.inference.prediction import check_units
from bestline.inference.training_rows import opened
from bestline.inference.why_not import refuse_absorbed
from bestline.wording import on_columns

METHODS = ("pairwise", "reference", "sequential", "mean")
_MOST = 10_000  # comparisons


@checked
def means(
    line: FittedLine,
    term: Any,
    *,
    by: Any = None,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
    units: str = "own",
    level: float = 0.95,
    cov: Cov | None = None,
    data: Any = None,
) -> Marginal:
    """Marginal means: the line at each level of a term, averaged over the levels of the other categories.

    Parameters
    ----------
    line : FittedLine
    term : str or list of str
        A column, or several: "species", "species:sex", ["species", "sex"]. Each combination of their levels has a row; of a column of
        numbers its mean, or the values in `at`.
    by : str or list of str, optional
        Further columns whose values stand in rows, as groups.
    at : mapping, optional
        Column -> the value, or values, at which to look. One value is held there; several have a row each. By default numbers stand
        at their training mean, by weight.
    weights : {"equal", "observed"}
        How the levels of other categories count in the average: each the same, or as often as the training rows have them, by weight.
    units : {"own", "fitted"}
        Of a line of `log(y)`, as in `predict`: those of y, into which a mean and its interval are turned back, the standard error by the
        delta method; or those of log(y). Averages, t and p are of log(y) always.
    level, cov, data
        As in `tidy`; `data` are also read for the mean of a number that the moments do not tell, such as that of x in log(x).

    Returns
    -------
    Marginal
        `frame()` has the term's columns, those of `by`, estimate, std_error, statistic, p_value, conf_low, conf_high.

    Raises
    ------
    OptionError, ColumnError
        For a term, a level or a value that the line has not, and for a mean that is not known.
    DataError
        For more than 10,000 rows.
    NumericalError
        For own forward functions and what diverged, and with `cov` where there are no standard errors.
    """
    _refuse(line)
    refuse_absorbed(
        line,
        "A marginal mean needs the errors of effects, which are not computed (contrasts and slopes do not; `effects` has what each level adds)",
    )
    asked = ReferenceGrid.of(line, term, by, at, weights)
    of, filled = asked.combinations(lambda grid: _heights(line, grid), data)
    check_units(units)
    # Averages of a median line are of medians, and no mean of any rows.
    what = f"Marginal {line.plan.cost.estimates or 'mean'}s"
    return _answer(line, f"{what}{_of(filled.term)}", filled, of, filled.cells, level, cov, data, units=units)


@checked
def contrasts(
    line: FittedLine,
    term: Any,
    *,
    by: Any = None,
    at: Mapping[str, Any] | None = None,
    method: str | Mapping[str, Mapping[Any, float]] = "pairwise",
    adjust: str = "none",
    weights: str = "equal",
    level: float = 0.95,
    cov: Cov | None = None,
    data: Any = None,
) -> Marginal:
    """Differences of the marginal means of a term, in each group of `by`.

    Parameters
    ----------
    line, term, by, at, weights, level, cov, data
        As in `means`.
    method : str or mapping
        "pairwise": each level less each one before it; "reference": each less the first; "sequential": each less the one before it;
        "mean": each less the mean of all. Or contrasts of one's own: label -> {level: how often it counts}.
    adjust : {"none", "bonferroni", "sidak", "holm", "tukey"}
        For how many comparisons are made at once, in each group; Tukey's is for all pairs. See `adjustment`.

    Returns
    -------
    Marginal
        `frame()` has `contrast`, the columns of `by`, and the numbers as in `means`.

    Raises
    ------
    OptionError
        Also for a term with one level only, and for another method or adjustment.
    """
    _refuse(line)
    asked = ReferenceGrid.of(line, term, by, at, weights)
    adjust = check_adjust(adjust, pairwise=isinstance(method, str) and method == "pairwise")
    cells = asked.cells
    if len(cells) < 2:
        raise OptionError(_nothing_to_compare(asked))
    # Each contrast is a row of shares over the cells that add up to zero: so the intercept and whatever all share is gone.
    labels, shares = _contrasts(cells, method)
    groups = len(asked.groups)
    if len(labels) * groups > _MOST:
        raise DataError(
            f"These are {len(labels) * groups:,} comparisons, and {_MOST:,} are the most; use method='reference', or choose levels with `at`."
        )

    def differences(grid: Grid) -> Combinations:
        # Group by group, so that no matrix of all groups against all is made.
        own = _heights(line, grid)
        parts = [own[i * len(cells) : (i + 1) * len(cells)].contrasted(shares) for i in range(groups)]
        joined = (torch.cat([getattr(part, name) for part in parts]) for name in ("slopes", "constant", "known"))
        return Combinations(*joined)

    of, filled = asked.combinations(differences, data)
    # Each group of `by` is a family of its own: people compare within it.
    families = [range(i * len(labels), (i + 1) * len(labels)) for i in range(groups)]
    places, k = [(label,) for label in labels], len(cells)
    return _answer(
        line,
        f"Contrasts{_of(filled.term)}",
        filled,
        of,
        places,
        level,
        cov,
        data,
        adjust=adjust,
        families=families,
        means=k,
    )


@checked
def slopes(
    line: FittedLine,
    column: str,
    *,
    by: Any = None,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
    level: float = 0.95,
    cov: Cov | None = None,
    data: Any = None,
) -> Marginal:
    """How steep the line is in a column of numbers: by how much the prediction changes for one unit more of it.

    The derivative of every column of the line is taken exactly, of polynomials, functions and interactions alike. Where it depends on
    other columns, or on the column itself, it is that at the places asked for.

    Parameters
    ----------
    line, by, at, weights, level, cov, data
        As in `means`.
    column : str

    Returns
    -------
    Marginal
        `frame()` has the columns of `by` and of several values in `at`, and the numbers as in `means`.

    Raises
    ------
    OptionError
        Also for a category; `contrasts` compares its levels.
    """
    _refuse(line)
    names = columns_of(line, column, "column")
    if len(names) != 1:
        raise OptionError(f"`slopes` takes one column of numbers; got {readable(repr(column))}.")
    (name,) = names
    # True and false too: a step from one to the other is a contrast.
    if name in levels_of(line.design):
        raise OptionError(f"{readable(name)} is a category, which has no slope; contrasts({name!r}) compares its levels.")
    asked = ReferenceGrid.of(line, None, by, at, weights)

    def derivatives(grid: Grid) -> Combinations:
        known = known_derivative_at(line.design, grid, name)
        return Combinations(derivatives_at(line.design, grid, name), torch.zeros_like(known), known)

    of, filled = asked.combinations(derivatives, data)
    return _answer(line, f"Slopes in {readable(name)}", filled, of, filled.cells, level, cov, data)


@checked
def difference(
    line: FittedLine, rows: Any, others: Any, *, level: float = 0.95, cov: Cov | None = None, data: Any = None
) -> Marginal:
    """Predictions at rows less those at others, row by row, with the errors of the differences.

    Parameters
    ----------
    line, level, cov, data
        As in `means`.
    rows, others
        As `predict` takes rows: as many of both, or one of either.

    Raises
    ------
    DataError
        For other numbers of rows.
    """
    _refuse(line)
    refuse_absorbed(line, "Differences of predictions need the errors of effects, which are not computed")
    first, second = _encoded(line, rows), _encoded(line, others)
    if len(first) != len(second) and 1 not in (len(first), len(second)):
        raise DataError(f"There are {len(first):,} rows and {len(second):,} others; give as many of both, or one of either.")
    # The intercept is gone from a difference; so is whatever both rows share.
    apart = first - second
    found = estimated(line, Combinations(apart[:, :-1], torch.zeros(len(apart), dtype=torch.float64), apart[:, -1]), cov, data)
    places, unsaid = tabled(line, found, [(i,) for i in range(len(apart))], level=level)
    title = f"Differences of predictions of {listed(line.targets)}"
    return _told(Marginal(title, ("row",), line.targets, tuple(places), level, found.cov, found.df, (), tuple(unsaid)))


def named(line: FittedLine, term: Any) -> tuple[str, ...]:
    """The columns of the table that a term names."""
    return columns_of(line, term, "term")


def _refuse(line: FittedLine) -> None:
    if line.plan.forward is not None:
        raise NumericalError(
            "Marginal means, contrasts and slopes are of lines; an own forward function has predictions alone."
        )
    if line.diverged:
        raise NumericalError(
            "Training diverged, and its weights say nothing of the data; use a smaller rate, or solver='exact'."
        )


def _heights(line: FittedLine, grid: Grid) -> Combinations:
    known = known_at(line.design, grid)
    return Combinations(rows_at(line.design, grid), torch.ones_like(known), known)


def _encoded(line: FittedLine, rows: Any) -> Tensor:
    """Rows to predict as columns of the line, and last what is known of the target, (n, p + 1); NaN in those without a prediction."""
    source, _ = opened(line, rows)
    pieces = []
    for batch in source.batches(line.design.needs):
        new = line.design.features(batch)
        X = new.X.cpu()
        known = X.new_zeros(len(X)) if new.known is None else new.known.cpu()
        pieces.append(torch.cat([X, known[:, None]], 1))
    return torch.cat(pieces) if pieces else torch.empty(0, line.design.p + 1, dtype=torch.float64)


def _answer(
    line: FittedLine,
    what: str,
    asked: ReferenceGrid,
    of: Combinations,
    cells: Sequence[tuple[Any, ...]],
    level: float,
    cov: Cov | None,
    data: Any,
    *,
    adjust: str = "none",
    families: Sequence[Sequence[int]] = (),
    means: int = 0,
    units: str = "fitted",
) -> Marginal:
    found = estimated(line, of, cov, data)
    at = [(*cell, *group) for group in asked.groups for cell in cells]
    columns = (*(("contrast",) if means else asked.term), *asked.by)
    places, unsaid = tabled(line, found, at, level=level, adjust=adjust, families=families, means=means)
    if units == "own":
        places = in_own_units(places, dict(zip(line.targets, line.inverses, strict=True)))
    notes = (*asked.told, *said_of(adjust, families), *_scale(line, units))
    return _told(
        Marginal(
            f"{what}: {on_columns(line.design.formula, line.design.p)}",
            columns,
            line.targets,
            tuple(places),
            level,
            found.cov,
            found.df,
            notes,
            tuple(unsaid),
            at_means=tuple(asked.at_means.items()),
            turned_back=_turned_back(line) if units == "own" else (),
        )
    )


def _turned_back(line: FittedLine) -> tuple[tuple[str, str], ...]:
    """Targets such as log(y) that estimates were turned back from, and the columns that they are medians of now."""
    both = zip(line.design.responses, line.inverses, strict=True)
    return tuple((factor.text, back.column) for factor, back in both if back is not None)


def _of(term: Sequence[str]) -> str:
    return f" of {listed(term)}" if term else ""


def _told(found: Marginal) -> Marginal:
    for sentence in found.warnings:
        warn(sentence)
    return found


def _scale(line: FittedLine, units: str) -> list[str]:
    """What the estimates are units of, where the formula has no column on its left."""
    said = []
    for factor, back in zip(line.design.responses, line.inverses, strict=True):
        own = readable(factor.text)
        if back is not None and units == "own":
            said.append(f"Means of {own} turned back: medians of {readable(back.column)}; t and p are those of {own}.")
        elif back is not None and back.rate == 1.0 and back.base == 0.0 and units == "fitted":
            said.append(f"In units of {own}: exp(d) of a difference d is a ratio of {readable(back.column)}.")
        elif factor.kind == "expression":
            said.append(f"In units of {own}.")
    return said


def _nothing_to_compare(asked: ReferenceGrid) -> str:
    if not asked.term:
        return "`contrasts` compares the levels of a term; name one of the line's categories, or numbers with their values in `at`."
    known = levels_of(asked.line.design)
    numbers = [name for name in asked.term if name not in known]
    if numbers:
        return (
            f"{readable(numbers[0])} is a column of numbers: give the values to compare, as at={{{numbers[0]!r}: [1.0, 2.0]}}, or fit with "
            f"C({as_written(numbers[0])}) where they are levels; slopes({numbers[0]!r}) says how steep the line is in it."
        )
    return f"{listed(asked.term)} has one level here, so there is nothing to compare."


def _contrasts(cells: Sequence[tuple[Any, ...]], method: Any) -> tuple[list[str], Tensor]:
    """Labels and shares (c, t) of the differences between t cells."""
    names = [place_said(cell) for cell in cells]
    t = len(cells)
    eye = torch.eye(t, dtype=torch.float64)
    if isinstance(method, Mapping):
        return _own_contrasts(names, method)
    if not one_of(method, METHODS):
        raise no_such("method of contrasts", method, METHODS, more=" Contrasts of your own: {label: {level: number}}.")
    # Later less earlier: the sign of the coefficients, whose reference is the first level; R's emmeans turns it round.
    if method == "mean":
        return [f"{name} - mean" for name in names], eye - 1 / t
    pairs = {
        "pairwise": [(j, i) for i in range(t) for j in range(i + 1, t)],
        "reference": [(j, 0) for j in range(1, t)],
        "sequential": [(j, j - 1) for j in range(1, t)],
    }[method]
    if len(pairs) > _MOST:
        raise DataError(
            f"{t:,} levels have {len(pairs):,} pairs, and {_MOST:,} are the most; use method='reference', or choose some with `at`."
        )
    return [f"{names[j]} - {names[i]}" for j, i in pairs], eye[[j for j, _ in pairs]] - eye[[i for _, i in pairs]]


def _own_contrasts(names: Sequence[str], method: Mapping[Any, Any]) -> tuple[list[str], Tensor]:
    shares = torch.zeros(len(method), len(names), dtype=torch.float64)
    if not method:
        raise OptionError("`method` has no contrast; give {label: {level: number}}.")
    for row, (label, own) in enumerate(method.items()):
        if not isinstance(own, Mapping) or not all(is_number(v) and abs(v) < float("inf") for v in own.values()):
            raise OptionError(f"The contrast {readable(str(label))} needs {{level: number}}; got {readable(repr(own))}.")
        for key, value in own.items():
            name = ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
            if name not in names:
                raise ColumnError.missing(name, names, "the term", what="level")
            shares[row, names.index(name)] = float(value)
        # What does not add up to zero is no comparison: it would depend on where the target's zero is.
        if abs(float(shares[row].sum())) > 1e-10 * float(shares[row].abs().sum()) or not bool(shares[row].any()):
            raise OptionError(f"The numbers of the contrast {readable(str(label))} must add up to zero, and not all be zero.")
    return [str(label) for label in method], shares


__all__ = ["METHODS", "contrasts", "difference", "means", "named", "slopes"]
