"""Uncertainty: the covariance of the weights, classical or robust, and the coefficient tables made from it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

import torch

from bestline.calls import is_whole
from bestline.errors import ColumnError, OptionError, warn
from bestline.inference import classical, hypotheses
from bestline.inference.coordinates import Basis, Totals, other_rows
from bestline.inference.covariance.base import Cov, Sandwich
from bestline.inference.covariance.clustered import Clustered
from bestline.inference.covariance.named import parse_cov
from bestline.inference.covariance.sandwich import CollectMeat, Covariance, sandwich
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import Verdict
from bestline.inference.training_rows import look
from bestline.inference.why_not import refuse


def basis_of(line: FittedLine, data: Any = None) -> Basis:
    """The coordinates of the training rows."""
    inference = refuse(line, "There is no leverage")
    return Basis.of(line.training, line.scaling, inference.kept, lambda over: look(line, over, data))


def rough_basis(line: FittedLine) -> Basis:
    """The same from the moments alone: at hand for a loaded line, right to fewer digits where columns are nearly collinear."""
    return Basis.of(line.training, line.scaling, refuse(line, "There is no leverage").kept)


def covariance(line: FittedLine, cov: Cov = "classical", data: Any = None) -> classical.Inference | Covariance:
    """The covariance of the weights: classical from the moments, robust ones from one more pass over the training rows.

    Parameters
    ----------
    line : FittedLine
    cov : str or mapping
        "classical", "HC0" to "HC3", or {"cluster": column} (as text: "cluster:column").
    data
        The training rows, for a model that has none.

    Raises
    ------
    NumericalError
        For penalties, other losses and own forward functions, without residual degrees of freedom, and where HC2 or HC3 would divide
        by zero.
    DataError
        When `data` are not the training rows.
    """
    kind = parse_cov(cov)
    if not isinstance(kind, Sandwich):
        return refuse(line, "There are no standard errors")
    inference = refuse(line, "There are no robust standard errors")
    basis = _basis_of_groups(line, kind, inference.kept) if data is None else None
    if basis is not None and isinstance(kind, Clustered):
        # The folds are the clusters: their moments say it all, and no row is read.
        summed: Any = kind.of_groups(basis, dict(zip(line.moments.values, line.moments.folds, strict=True)))
    else:
        basis = basis_of(line, data)
        # Bread from the moments, filling from one pass; what is met on it must add up to the rows of the bread.
        meat = look(line, CollectMeat(basis, kind), data)
        check_same_rows(basis, meat.totals)
        summed = meat.found
    found = sandwich(basis, summed, kind, inference.determined)
    _warn_of_few(line, found.clusters)
    return found


def _basis_of_groups(line: FittedLine, kind: Sandwich, kept: tuple[int, ...]) -> Basis | None:
    """The coordinates of the training rows where there are moments of each cluster, and these lose no digits; else None."""
    if not isinstance(kind, Clustered) or line.collected.by != kind.column:
        return None
    moments = line.moments
    if any(fold.cancelled != 1 for fold in moments.folds):
        return None
    basis = Basis.of_moments(line.training, line.scaling, kept)
    return basis if basis is not None and moments.rows == basis.count else None


def check_same_rows(basis: Basis, totals: Totals) -> None:
    """Raise DataError when the rows that were met add up to others than those of training."""
    if not totals.same(basis):
        raise other_rows(totals.rows, basis.count)


def _warn_of_few(line: FittedLine, clusters: int | None) -> None:
    """Errors clustered by few groups are too small as a rule (Cameron, Gelbach & Miller 2008)."""
    if clusters is None or clusters > len(line.names):
        return
    warn(
        f"{clusters} clusters are no more than the {len(line.names)} weights: standard errors clustered by them come out too small, some near "
        f"zero; do not rely on them."
    )


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


def errors_of(line: FittedLine, cov: Cov = "classical", data: Any = None) -> classical.Uncertainty | None:
    """What a coefficient table needs; None where classical errors do not exist. Robust ones say why they do not."""
    return covariance(line, cov, data) if isinstance(parse_cov(cov), Sandwich) else line.inference


def tables(
    line: FittedLine, level: float = 0.95, cov: Cov = "classical", data: Any = None
) -> list[list[classical.Coefficient]]:
    """The coefficient table of every target, at one pass."""
    return tables_by(line, errors_of(line, cov, data), level)


def tables_by(line: FittedLine, errors: classical.Uncertainty | None, level: float) -> list[list[classical.Coefficient]]:
    """The coefficient table of every target, by these errors."""
    return [
        classical.coefficients(line.names, line.weights, errors, level=level, settled=line.settled, target=i)
        for i in range(len(line.targets))
    ]


def glances(line: FittedLine, inference: classical.Inference) -> list[classical.Glance]:
    """The figures of the whole fit, for every target."""
    intercept, constant = line.design.intercept, line.constant is not None
    targets = range(len(line.targets))
    return [classical.glance(line.training, inference, intercept=intercept, constant=constant, target=i) for i in targets]


def df_model(line: FittedLine, inference: classical.Inference) -> int:
    """Degrees of freedom of the numerator of the F test that compares a line with its mean, or with zero where it has no constant."""
    return inference.rank - (not line.about_zero)


def overall(line: FittedLine, errors: Covariance, *, target: int = 0) -> Verdict | None:
    """The F test that all slopes which the data determine are zero, by robust errors; None where there are none to test."""
    p, d = line.design.p, len(line.names)
    own = [j for j in range(p) if not errors.std_error[target, j].isnan()]
    if not 0 < len(own) <= errors.df:
        return None
    about = f"are all slopes zero? standard errors: {errors.kind.title}"
    # Aliased slopes have no error, and nothing can be tested about them: the others say all that the line says.
    A = torch.eye(d, dtype=torch.float64)[own]
    if line.constant is not None:  # a line that is constant has weights in proportion to these, and not of zero
        if len(own) < p or p < 2:
            return None
        about = f"is the line constant? standard errors: {errors.kind.title}"
        A = torch.linalg.qr(line.constant[:, None], mode="complete").Q[:, 1:].T
    with suppress(OptionError):  # so nearly collinear that float64 takes the slopes for one
        return hypotheses.wald(A, line.names, line.weights[:, target], errors.covariance[target], errors.df, about=about)
    return None
