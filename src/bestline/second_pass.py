"""Second pass: what moments cannot say of a fitted line. Robust errors, influence and diagnosis read the training rows again.

All of it speaks of least squares without a penalty, and of the rows the line was fitted to: anything else is refused by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bestline import diagnose as diagnostics
from bestline import explain, hypotheses
from bestline.basis import Basis, Totals, other_rows
from bestline.collinearity import Collinearity, collinearity
from bestline.diagnose import Diagnosis
from bestline.errors import (
    BestlineWarning,
    ColumnError,
    DataError,
    MissingValuesError,
    NumericalError,
    OptionError,
    listed,
    readable,
)
from bestline.evidence import Evidence, Lens
from bestline.hypotheses import Comparison, Line, Restrictions, Verdict
from bestline.influence import dfbetas
from bestline.influence import influence as influence_of
from bestline.robust import Cov, Covariance, Kind, Meat, sandwich
from bestline.rows import Rows
from bestline.scaling import Scaling
from bestline.splitting import part_labels, row_count
from bestline.tables import Batch, Source

if TYPE_CHECKING:
    from pandas import DataFrame

    from bestline.model import Model

_MOST_CELLS = 50_000_000  # of a table with a line for every row
_NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Some of the training rows, and where they stand.

    Attributes
    ----------
    batch : Batch
    rows : Rows
    at : Tensor (n,)
        Their places in the batch.
    """

    batch: Batch
    rows: Rows
    at: Tensor

    @property
    def numbers(self) -> Tensor:
        """Their numbers in the whole table, counted from 0; rows left out keep theirs."""
        return self.batch.start + self.at

    def groups(self, column: str) -> tuple[Tensor, Sequence[str]]:
        """Codes (n,) of a column, and what they stand for; raises MissingValuesError for a row without a value."""
        codes, names = self.batch.text(column)
        codes = codes.cpu()[self.at]
        if bool((codes < 0).any()):
            where = self.batch.where(int(self.at[codes < 0][0]))
            raise MissingValuesError(
                f"Column {readable(column)} has no value at {where}, so that row has no cluster; fill it in, or leave the row out."
            )
        return codes, names


def numbered(model: Model, data: Any = None, *, also: Sequence[str] = ()) -> Iterator[Numbered]:
    """The training rows once more, batch by batch, with their numbers; columns `also` can be read from the batches.

    Raises
    ------
    OptionError
        For a model without its rows (loaded, or made from moments), when `data` is not given.
    """
    source, labels = rows_of(model, data)
    for name in also:
        source.field(name)
    for batch in source.batches(list(dict.fromkeys([*model.design.reads(), *also]))):
        encoded = model.design.rows(batch)
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        rows = encoded.rows.to("cpu")
        if labels is not None:
            own = labels[batch.start : batch.start + batch.rows][at] == 0
            rows, at = rows[own], at[own]
        if len(rows):
            yield Numbered(batch, rows, at)


def rows_of(model: Model, data: Any, *, target: bool = True) -> tuple[Source, Tensor | None]:
    """Where the training rows are, and with a split the part of every row; other data may lack the `target`."""
    if data is not None:
        source, _ = model._source(data)
        model.design.check(source, target=target)
        return source, _parts_again(model, source)
    if model.source is None:
        raise OptionError("A loaded model, or one made from moments, has no rows; give the training data to this call.")
    return model.source, model.labels


def _parts_again(model: Model, source: Source) -> Tensor | None:
    """The part of every row of a table that was split when the model was fitted; None for other data, such as one part alone."""
    split = None if model.recipe is None else model.recipe.arguments.get("split")
    if split is None or row_count(source) != sum(model.sizes.values()) + model.collected.dropped:
        return None
    return part_labels(source, split, model.plan.seed)


def why_not(model: Model) -> str | None:
    """Why this line has no covariance, influence or diagnosis; None where it has."""
    plan = model.plan
    if plan.forward is not None:
        return "an own forward function is no line of least squares"
    if plan.loss != "squared":
        return f"the loss {plan.loss if isinstance(plan.loss, str) else 'given'} is not the squared one"
    if plan.l1 or plan.l2:
        return "a penalty shrinks the weights, and no standard error or p-value is honest about that"
    if model.inference is None or not model.settled:
        return "training stopped before the least-squares solution (solver='exact' reaches it)"
    return None


def _refuse(model: Model, what: str) -> explain.Inference:
    reason = why_not(model)
    if reason is not None:
        raise NumericalError(f"{what} here: {reason}.")
    inference: explain.Inference | None = model.inference
    assert inference is not None  # noqa: S101  `why_not` has looked
    return inference


def basis_of(model: Model, data: Any = None) -> Basis:
    """The coordinates of the training rows."""
    inference = _refuse(model, "There is no leverage")
    return Basis.of(model.training, _scaling(model), inference.kept, lambda: (part.rows for part in numbered(model, data)))


def rough_basis(model: Model) -> Basis:
    """The same from the moments alone: at hand for a loaded model, right to fewer digits where columns are nearly collinear."""
    return Basis.of(model.training, _scaling(model), _refuse(model, "There is no leverage").kept)


def _scaling(model: Model) -> Scaling:
    return Scaling.of(model.training, model.design.p, intercept=model.design.intercept, standardize=True)


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
        return _refuse(model, "There are no standard errors")
    inference = _refuse(model, "There are no robust errors")
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
    _check_same(basis, meat.totals)
    found = sandwich(basis, meat, kind, ~inference.std_error[0].isnan())
    _warn_of_few(model, found.clusters)
    return found


def _present(codes: Tensor, names: Sequence[str]) -> tuple[Tensor, Sequence[str]]:
    """Only the groups that have a row."""
    used, codes = codes.unique(return_inverse=True)
    return codes, [names[g] for g in used.tolist()]


def _check_same(basis: Basis, totals: Totals) -> None:
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


# --- tests of weights ----------------------------------------------------------------------------------------------------


def wald(
    model: Model, restrictions: Restrictions, cov: Cov = "classical", data: Any = None, *, target: int | str = 0
) -> Verdict:
    """Wald's test of linear restrictions on the weights.

    Parameters
    ----------
    model : Model
    restrictions
        Text such as `"weight = 0, horsepower = 2 * weight"`, several such texts, a matrix (m, d) in the order of `model.names`,
        or (matrix, values (m,)).
    cov, data
        As in `covariance`.
    target : int or str
    """
    at = target_number(model, target)
    found = covariance(model, cov, data)
    return hypotheses.wald(
        restrictions, model.names, model.weights[:, at], found.covariance[at], found.df, about=f"errors: {Kind.of(cov).title}"
    )


def compare(small: Model, large: Model, *, target: int | str = 0) -> Comparison:
    """The F test of two nested lines of the same rows: is the larger one better than chance would make it?

    Raises
    ------
    OptionError
        When the small line has a column that the large one lacks, or both have the same.
    DataError
        When they were fitted to different rows or targets.
    NumericalError
        For penalties, other losses and own forward functions.
    """
    for model in (small, large):
        _refuse(model, "There is no F test")
    name = small.targets[target_number(small, target)]
    if name not in large.targets:
        raise OptionError(f"The lines have different targets: {listed(small.targets)} and {listed(large.targets)}.")
    lacking = [n for n in small.names if n not in large.names]
    if lacking and not (lacking == ["Intercept"] and _spans_constant(large)):
        raise OptionError(
            f"The small line has {listed(lacking)}, which the large one lacks: they are not nested. Compare their held-out errors."
        )
    lines = _line(small, small.targets.index(name)), _line(large, large.targets.index(name))
    y = [(m.training, m.design.p + m.targets.index(name)) for m in (small, large)]
    same = [(m.count, m.weight, float(m.center[j]), float(m.spread[j])) for m, j in y]
    if same[0][0] != same[1][0] or not np.allclose(same[0], same[1], rtol=1e-9, atol=1e-9 * same[0][3]):
        raise DataError(
            f"The lines were fitted to different rows ({same[0][0]:,} and {same[1][0]:,}), or to other weights; leave out rows with a "
            f"missing value before both fits."
        )
    return Comparison(*lines, test=hypotheses.nested(*lines))


def _spans_constant(model: Model) -> bool:
    """Whether columns without an intercept add up to one all the same: all levels of a category."""
    moments, p = model.training, model.design.p
    ones = Scaling.of(moments, p, intercept=False, standardize=True)
    scatter = moments.scatter[:p, :p] * torch.outer(moments.unit[:p], moments.unit[:p]) / moments.weight
    center = moments.center[:p]
    second = (scatter + torch.outer(center, center)) / torch.outer(ones.scale[:p], ones.scale[:p])
    m = center / ones.scale[:p]
    explained = float(m @ torch.linalg.lstsq(second, m[:, None], driver="gelsd").solution[:, 0])
    return explained > 1 - 1e-9


def _line(model: Model, target: int) -> Line:
    inference = _refuse(model, "There is no F test")
    facts = explain.glance(model.training, inference, intercept=model.design.intercept, target=target)
    return Line(
        model.design.formula, float(inference.rss[target]), facts.df_residual, facts.aic, facts.bic, facts.adj_r_squared
    )


# --- diagnosis -----------------------------------------------------------------------------------------------------------


def columns_of(model: Model) -> Collinearity:
    """How far the columns can be told apart; from the moments."""
    inference = _refuse(model, "There is no diagnosis")
    aliased = {alias.column: list(alias.on) for alias in inference.aliased}
    return collinearity(model.training, _scaling(model), model.features, inference.kept, aliased)


def diagnosis(model: Model, data: Any = None, *, target: int | str = 0) -> Diagnosis:
    """A second look at the training rows: see `Diagnosis`. One pass, or two where the columns are nearly collinear.

    Parameters
    ----------
    model : Model
    data
        The training rows, for a model that has none.
    target : int or str
    """
    at = target_number(model, target)
    collinear = columns_of(model)
    lens = Lens.on(basis_of(model, data), at)
    evidence = Evidence.empty(lens)
    for part in numbered(model, data):
        evidence = evidence + Evidence.of(lens, part.rows, part.numbers)
    _check_same(lens.basis, evidence.totals)
    return diagnostics.diagnose(lens, evidence, collinear, formula=model.design.formula, target=model.targets[at])


def influence(model: Model, data: Any = None, *, target: int | str = 0) -> DataFrame:
    """Every training row's influence on the line; one line a row, the index its number counted from 0.

    Columns: resid, hat, std_resid, rstudent, cooksd, dffits, cov_ratio, and for every weight the change in standard errors when
    the row is left out, `dfb_` before its name.

    Raises
    ------
    OptionError
        When the table would have more than 50 million numbers; `diagnose` keeps its size.
    """
    import pandas as pd

    at = target_number(model, target)
    basis = basis_of(model, data)
    if basis.count * (7 + len(model.names)) > _MOST_CELLS:
        raise OptionError(f"A table of the influence of {basis.count:,} rows is too large; `diagnose` keeps its size.")
    frames, totals = [], Totals.none(basis)
    for part in numbered(model, data):
        seen = basis.see(part.rows)
        found = influence_of(basis, seen, at)
        columns = {
            n: getattr(found, n).numpy() for n in ("resid", "hat", "std_resid", "rstudent", "cooksd", "dffits", "cov_ratio")
        }
        columns |= {f"dfb_{name}": moved.numpy() for name, moved in zip(model.names, dfbetas(basis, seen, at).T, strict=True)}
        frames.append(pd.DataFrame(columns, index=part.numbers.numpy()))
        totals = totals + Totals.of(seen)
    _check_same(basis, totals)
    return pd.concat(frames)
