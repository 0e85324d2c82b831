"""TODO docstring."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.errors import (
    BestlineWarning,
    ColumnError,
    OptionError,
)
from bestline.inference import classical as explain
from bestline.inference import hypotheses
from bestline.inference.coordinates import Basis, Totals, other_rows
from bestline.inference.hypotheses import Verdict
from bestline.inference.robust import Cov, Covariance, Kind, Meat, sandwich

if TYPE_CHECKING:
    from bestline.api.model import Model

from bestline.inference.training_rows import numbered
from bestline.inference.why_not import refuse


def basis_of(model: Model, data: Any = None) -> Basis:
    """The coordinates of the training rows."""
    inference = refuse(model, "There is no leverage")
    return Basis.of(model.training, model.scaling, inference.kept, lambda: (part.rows for part in numbered(model, data)))


def rough_basis(model: Model) -> Basis:
    """The same from the moments alone: at hand for a loaded model, right to fewer digits where columns are nearly collinear."""
    return Basis.of(model.training, model.scaling, refuse(model, "There is no leverage").kept)


def covariance(model: Model, cov: Cov = "classical", data: Any = None) -> explain.Inference | Covariance:
    """The covariance of the weights: classical from the moments, robust ones from one more pass over the training rows.

    Parameters
    ----------
    model : Model
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
    kind = Kind.of(cov)
    if kind.name == "classical":
        return refuse(model, "There are no standard errors")
    inference = refuse(model, "There are no robust errors")
    basis = basis_of(model, data)
    meat = Meat.empty(basis)
    for part in numbered(model, data, also=[kind.cluster] if kind.cluster else []):
        groups = part.groups(kind.cluster) if kind.cluster else None
        rows = part.rows
        if groups is not None and rows.w is not None and bool((rows.w == 0).any()):  # such rows are not there
            there = rows.w > 0
            rows, groups = rows[there], _present(groups[0][there], groups[1])
        elif groups is not None:
            groups = _present(*groups)
        meat = meat + Meat.of(basis, basis.see(rows), kind, groups)
    check_same_rows(basis, meat.totals)
    found = sandwich(basis, meat, kind, ~inference.std_error[0].isnan())
    _warn_of_few(model, found.clusters)
    return found


def _present(codes: Tensor, names: Sequence[str]) -> tuple[Tensor, Sequence[str]]:
    """Only the groups that have a row."""
    used, codes = codes.unique(return_inverse=True)
    return codes, [names[g] for g in used.tolist()]


def check_same_rows(basis: Basis, totals: Totals) -> None:
    if not totals.same(basis):
        raise other_rows(totals.rows, basis.count)


def _warn_of_few(model: Model, clusters: int | None) -> None:
    """Errors clustered by few groups are too small as a rule (Cameron, Gelbach & Miller 2008)."""
    if clusters is None or clusters > len(model.names):
        return
    warnings.warn(
        f"{clusters} clusters are no more than the {len(model.names)} weights: errors clustered by them come out too small, some near "
        f"zero; do not rely on them.",
        BestlineWarning,
        stacklevel=3,
    )


def target_number(model: Model, target: int | str) -> int:
    """A target's number, from its number or name."""
    if isinstance(target, str):
        if target not in model.targets:
            raise OptionError(f"{ColumnError.missing(target, model.targets, 'the targets')}")
        return model.targets.index(target)
    if not 0 <= target < len(model.targets):
        raise OptionError(f"There is no target {target}; this line has {len(model.targets)}, counted from 0.")
    return target


def errors_of(model: Model, cov: Cov = "classical", data: Any = None) -> explain.Uncertainty | None:
    """What a coefficient table needs; None where classical errors do not exist. Robust ones say why they do not."""
    return model.inference if Kind.of(cov).name == "classical" else covariance(model, cov, data)


def tables(model: Model, level: float = 0.95, cov: Cov = "classical", data: Any = None) -> list[list[explain.Coefficient]]:
    """The coefficient table of every target, at one pass."""
    errors = errors_of(model, cov, data)
    return [
        explain.coefficients(model.names, model.weights, errors, level=level, settled=model.settled, target=i)
        for i in range(len(model.targets))
    ]


def overall(model: Model, errors: Covariance, *, target: int = 0) -> Verdict | None:
    """The F test that all slopes which the data determine are zero, by robust errors; None where there are none to test."""
    p, d = model.design.p, len(model.names)
    own = [j for j in range(p) if not errors.std_error[target, j].isnan()]
    if not 0 < len(own) <= errors.df:
        return None
    about = f"are all slopes zero? errors: {errors.kind.title}"
    A = torch.eye(d, dtype=torch.float64)[own]
    with suppress(OptionError):  # so nearly collinear that float64 takes the slopes for one
        return hypotheses.wald(A, model.names, model.weights[:, target], errors.covariance[target], errors.df, about=about)
    return None
