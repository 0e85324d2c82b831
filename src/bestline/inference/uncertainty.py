"""Uncertainty: the covariance of the weights, classical or robust, and the coefficient tables made from it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import torch

from bestline.calls import is_whole
from bestline.data.design.weight_kinds import PROBABILITY, refuse_classical
from bestline.data.progress import Progress
from bestline.errors import ColumnError, NumericalError, OptionError, as_written, warn
from bestline.inference import classical, hypotheses
from bestline.inference.coordinates import Basis, Totals, other_rows
from bestline.inference.covariance.base import Classical, Cov, CovarianceKind, Repeating, Sandwich, ToldByGroups
from bestline.inference.covariance.named import parse_cov
from bestline.inference.covariance.sandwich import NO_ERRORS, CollectMeat, CollectRepeated, Covariance, sandwich
from bestline.inference.edged_lines import edged_errors, found_errors
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import Verdict
from bestline.inference.restricted import Restricted
from bestline.inference.training_rows import look, rows_of
from bestline.inference.why_not import refuse, why_not_edged

# Where there is nothing to test: a line without slopes that the data determine.
_NO_TEST = Verdict("", math.nan, math.nan, ())


def basis_of(line: FittedLine, data: Any = None) -> Basis:
    """The coordinates of the training rows."""
    inference = refuse(line, "There is no leverage")
    return _taking(line, Basis.of(line.training, line.scaling, inference.kept, lambda over: look(line, over, data)))


def rough_basis(line: FittedLine) -> Basis:
    """The same from the moments alone: at hand for a loaded line, right to fewer digits where columns are nearly collinear."""
    return _taking(line, Basis.of(line.training, line.scaling, refuse(line, "There is no leverage").kept))


def _taking(line: FittedLine, basis: Basis) -> Basis:
    """The basis with the degrees of freedom that absorbed effects take."""
    return replace(basis, taken=line.design.levels_taken)


def covariance(line: FittedLine, cov: Cov | None = None, data: Any = None) -> classical.Inference | Covariance | Restricted:
    """The covariance of the weights: the line's own, classical from the moments, or robust ones from one more pass over the training rows.

    Parameters
    ----------
    line : FittedLine
    cov : str or mapping, optional
        By default that which the line was fitted with. "classical", "HC0" to "HC3"; {"cluster": column} or {"cluster": [a, b]}, with
        "type": "CR1", "CR2" or "CR3"; {"hac": column or None, "lags": m}, Newey-West of rows in order of a column or as they stand;
        {"driscoll-kraay": times, "lags": m}. As text: "cluster:firm,year", "hac:week,lags=4". Of median, quantile and
        Huber lines "robust" or "iid", of the first two "nid", of the last "H2" or "H3".
    data
        The training rows, for a model that has none.

    Raises
    ------
    NumericalError
        For penalties, own losses and own forward functions, without residual degrees of freedom, for fewer than two clusters, and
        where HC2 or HC3 would divide by zero for every weight.
    DataError
        When `data` are not the training rows, or a row has no cluster or no place in the order.
    """
    if line.edged:
        return _told(line, edged_errors(line, cov, data))
    robust = cov is not None and isinstance(parse_cov(cov), Sandwich)
    if line.restricted is not None and not robust:
        return line.restricted
    inference = refuse(line, f"There are no {'robust ' if robust else ''}standard errors")
    found = _of_kind(line, cov, data, inference)
    return _told(line, found) if isinstance(found, Covariance) else found


def _told(line: FittedLine, found: Covariance) -> Covariance:
    """The covariance, with a warning of what there is to say of one that is not the line's own."""
    for note in found.notes if found is not line.robust else ():
        warn(note)
    return found


def _of_kind(
    line: FittedLine, cov: Cov | None, data: Any, inference: classical.Inference, progress: Progress | None = None
) -> classical.Inference | Covariance:
    """The covariance asked for, of the least-squares weights; what is to be said of it is in its notes."""
    if cov is None:
        return line.robust or inference
    kind = parse_cov(cov)
    if not isinstance(kind, Sandwich):
        _refuse_classical(line)
        return inference
    if line.robust is not None and kind == line.robust.kind and data is None:
        return line.robust
    of_groups = _of_groups(line, kind, inference) if data is None else None
    if of_groups is not None:
        return of_groups
    absorbed = line.design.absorbed
    if absorbed is not None and kind.by_leverage:
        raise OptionError(
            f"{kind.title} needs the leverage of every row, and that of absorbed effects is not computed; use {kind.plainest}, or write "
            f"C({as_written(absorbed.columns[0])}) as a column in place of the bar."
        )
    kind = kind.on(rows_of(line, data)[0])
    see: Any = partial(look, line, data=data, progress=progress)
    basis = Basis.of(line.training, line.scaling, inference.kept, see)
    if absorbed is not None:
        basis = replace(basis, taken=kind.taken(absorbed, see))
    # Bread from the moments, filling from one pass; what is met on it must add up to the rows of the bread.
    meat = see(CollectRepeated(basis, kind) if isinstance(kind, Repeating) else CollectMeat(basis, kind))
    # Such as rows that were not in order: once more, kept and sorted.
    again = kind.again(meat.found)
    if again is not None:
        kind = again
        meat = see(CollectMeat(basis, kind))
    check_same_rows(basis, meat.totals)
    return sandwich(basis, meat.found, kind, inference.determined, line.names)


def robustly(line: FittedLine, kind: CovarianceKind | None, progress: Progress | None = None) -> FittedLine:
    """The line with the covariance that its fit asked for: everything that shows an error uses it from now on.

    Weights that training left on their way have none, see `errors_of`. Where nothing was asked for, lines under a loss with edges keep
    the first of their kinds, and others the classical one.
    """
    if line.edged:
        return _edged(line, kind)
    if isinstance(kind, Classical):  # of moments the kind of weights was not known before
        _refuse_classical(line)
    if not isinstance(kind, Sandwich) or line.inference is None or not line.settled:
        return line
    if line.source is None and _of_groups(line, kind, line.inference) is None:
        raise OptionError(
            f"Moments have no rows, which standard errors of the kind {kind.title} need; fit the rows. For clusters of one column moments "
            f"collected by it will do: Moments.collect(data, formula, by=column)."
        )
    found = _of_kind(line, kind, None, line.inference, progress)
    assert isinstance(found, Covariance)  # noqa: S101  a sandwich makes one
    return FittedLine.of(line, robust=found, notes=(*line.notes, *found.notes))


def _edged(line: FittedLine, kind: CovarianceKind | None) -> FittedLine:
    """The same of a line under a loss with edges."""
    if why_not_edged(line) is not None:
        return line
    try:
        found = found_errors(line, kind)
    except NumericalError as error:  # such as columns that float64 cannot tell apart
        return FittedLine.of(line, notes=(*line.notes, f"{NO_ERRORS}{error}"))
    # A line of few rows is one all the same: nobody who has not asked for errors is warned that there are none.
    told = found.notes if kind is not None or not found.lacks else ()
    return FittedLine.of(line, robust=found, notes=(*line.notes, *told))


def _of_groups(line: FittedLine, kind: Sandwich, inference: classical.Inference) -> Covariance | None:
    """The covariance without a look at any row: where the folds are its clusters, whose moments say it all and lose no digits."""
    if line.collected.by is None or not (isinstance(kind, ToldByGroups) and kind.told_by(line.collected.by)):
        return None
    moments, basis = line.moments, Basis.of_moments(line.training, line.scaling, inference.kept)
    if basis is None or moments.rows != basis.count or any(fold.cancelled != 1 for fold in moments.folds):
        return None
    found = kind.of_groups(basis, dict(zip(moments.values, moments.folds, strict=True)))
    return sandwich(basis, found, kind, inference.determined, line.names)


def check_same_rows(basis: Basis, totals: Totals) -> None:
    """Raise DataError when the rows that were met add up to others than those of training."""
    if not totals.same(basis):
        raise other_rows(totals.rows, basis.count)


class Targeted(Protocol):
    """What has targets: one line, or the lines of groups."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, (k,)."""
        ...


def target_number(line: Targeted, target: int | str) -> int:
    """A target's number, from its number or name; raises OptionError for what is neither."""
    if isinstance(target, str):
        if target not in line.targets:
            raise OptionError(f"{ColumnError.missing(target, line.targets, 'this line', what='target')}")
        return line.targets.index(target)
    if not is_whole(target) or not 0 <= target < len(line.targets):
        raise OptionError(f"There is no target {target!r:.60}; this line has {len(line.targets)}, counted from 0.")
    return target


def notes_by(line: FittedLine, robust: Covariance | None) -> tuple[str, ...]:
    """The line's notes, without those about standard errors that are not the ones shown; what there is to say of these is warned of."""
    own = () if line.robust is None or line.robust is robust else line.robust.notes
    return tuple(note for note in line.notes if note not in own)


def errors_of(
    line: FittedLine, cov: Cov | None = None, data: Any = None
) -> classical.Inference | Covariance | Restricted | None:
    """What a coefficient table needs; None where classical errors do not exist. Robust ones that are asked for say why they do not.

    Every door asks here. Weights on their way have none: an error says how far an estimate moves from sample to sample, that of the
    solution says it of the solution, and a descent that stops early is another estimator, whose weights move less and are off.
    """
    if cov is None:
        return (line.robust or line.inference or line.restricted) if line.settled else None
    if line.edged or isinstance(parse_cov(cov), Sandwich):
        return covariance(line, cov, data)
    _refuse_classical(line)
    return (line.inference or line.restricted) if line.settled else None


def _refuse_classical(line: FittedLine) -> None:
    """Raise OptionError for classical errors of a line with probability weights."""
    if line.least_squares:
        refuse_classical(line.design.weight_kind)


def errors_name(errors: classical.Uncertainty | None) -> str:
    """What the standard errors of a table are called."""
    return "none" if errors is None or (isinstance(errors, Covariance) and errors.lacks) else errors.title


def tables(
    line: FittedLine, level: float = 0.95, cov: Cov | None = None, data: Any = None
) -> list[list[classical.Coefficient]]:
    """The coefficient table of every target, at one pass."""
    return tables_by(line, errors_of(line, cov, data), level)


def tables_by(line: FittedLine, errors: classical.Uncertainty | None, level: float) -> list[list[classical.Coefficient]]:
    """The coefficient table of every target, by these errors."""
    return [classical.coefficients(line.names, line.weights, errors, level=level, target=i) for i in range(len(line.targets))]


def glances(line: FittedLine, robust: Covariance | None = None) -> list[classical.Glance] | None:
    """The figures of the whole fit, for every target; the F test by `robust` errors where they are given.

    None for what is no line of least squares, or stopped before it got there: they would be another line's.
    """
    inference = line.inference
    if inference is None or not line.settled:
        return None
    intercept, constant = line.design.intercept, line.constant is not None
    targets = range(len(line.targets))
    absorbed, taken = line.design.absorbed, line.design.levels_taken
    squares = [None] * len(line.targets) if absorbed is None else absorbed.squares.tolist()
    found = [
        classical.glance(
            line.training, inference, intercept=intercept, constant=constant, target=i, squares=squares[i], taken=taken
        )
        for i in targets
    ]
    if line.design.weight_kind == PROBABILITY:  # of a sample so drawn there is no likelihood
        none = math.nan
        sizes = line.observation_sd.tolist()
        found = [replace(g, sigma=s, log_lik=none, aic=none, bic=none) for g, s in zip(found, sizes, strict=True)]
    if robust is None:
        return found
    tests = [overall(line, robust, target=i) or _NO_TEST for i in targets]
    return [replace(g, statistic=test.statistic, p_value=test.p_value) for g, test in zip(found, tests, strict=True)]


def whole_test(line: FittedLine, robust: Covariance | None, glance: classical.Glance, target: int) -> Verdict | None:
    """The F test of the whole line: Wald's by robust errors, else that of sums of squares; None where there is none."""
    if robust is not None:
        return overall(line, robust, target=target)
    if line.inference is None or not math.isfinite(glance.statistic):
        return None
    degrees = (df_model(line, line.inference), glance.df_residual)
    return Verdict("all slopes", glance.statistic, glance.p_value, degrees)


def df_model(line: FittedLine, inference: classical.Inference) -> int:
    """Degrees of freedom of the numerator of the F test that compares a line with its mean, or with zero where it has no constant."""
    return inference.rank - (not line.about_zero)


def overall(line: FittedLine, errors: Covariance, *, target: int = 0) -> Verdict | None:
    """The F test that all slopes which the data determine are zero, by robust errors; None where there are none to test."""
    p, d = line.design.p, len(line.names)
    own = [j for j in range(p) if not errors.std_error[target, j].isnan()]
    if not 0 < len(own) <= errors.df:
        return None
    about = f"are all slopes zero? standard errors: {errors.title}"
    # Aliased slopes have no error, and nothing can be tested about them: the others say all that the line says.
    A = torch.eye(d, dtype=torch.float64)[own]
    if line.constant is not None:  # a line that is constant has weights in proportion to these, and not of zero
        if len(own) < p or p < 2:
            return None
        about = f"is the line constant? standard errors: {errors.title}"
        A = torch.linalg.qr(line.constant[:, None], mode="complete").Q[:, 1:].T
    # So nearly collinear that float64 takes the slopes for one, or a covariance that few clusters made not positive.
    with suppress(OptionError, NumericalError):
        return hypotheses.wald(A, line.names, line.weights[:, target], errors.covariance[target], errors.df, about=about)
    return None
