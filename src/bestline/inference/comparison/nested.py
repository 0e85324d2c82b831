"""Nested: tests of restrictions on the weights, and of lines against larger ones that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bestline.calls import checked
from bestline.data.design import offset_terms
from bestline.errors import DataError, NumericalError, OptionError, listed
from bestline.inference import hypotheses
from bestline.inference.comparison.paired import PairedComparison, paired
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import ComparedLine, Comparison, Verdict
from bestline.inference.uncertainty import covariance, glances, target_number
from bestline.inference.why_not import refuse
from bestline.numerics import eigenvectors
from bestline.training.restrictions import Restrictions

_NOTHING = 1e-12  # of squared lengths of columns of zeros and ones

# --- tests of weights ----------------------------------------------------------------------------------------------------


def wald(
    line: FittedLine, restrictions: Restrictions, cov: Cov | None = None, data: Any = None, *, target: int | str = 0
) -> Verdict:
    """Wald's test of linear restrictions on the weights.

    Parameters
    ----------
    line : FittedLine
    restrictions
        Text such as `"weight = 0, horsepower = 2 * weight"`, several such texts, a matrix (m, d) in the order of `line.names`,
        or (matrix, values (m,)).
    cov, data
        As in `covariance`.
    target : int or str
    """
    at = target_number(line, target)
    found, weights = covariance(line, cov, data), line.weights[:, at]
    about = f"standard errors: {found.title}"
    return hypotheses.wald(restrictions, line.names, weights, found.covariance[at], found.df, about=about)


@checked
def compare(
    *models: FittedLine, target: int | str = 0, held_out: bool = False, data: Any = None
) -> Comparison | PairedComparison:
    """F tests of nested models of the same rows, each beside the one before it: does it explain more than chance would?

    With `held_out`, models of any columns by their errors on rows that they have not seen: the same rows and the same folds for all, each
    with its difference from the first, and the standard error of that.

    The residual variance is that of the last model, as in R's `anova` and statsmodels' `anova_lm`. Where the last one keeps robust
    errors it is Wald's test by them, that what each model has more is zero.

    Parameters
    ----------
    *models : FittedLine
        Two or more, from the smallest to the largest.
    target : int or str
        By its number in the first model, or its name.
    held_out : bool
        Whether to compare held-out errors; see `comparison.paired`.
    data
        With `held_out`, the rows, for models that have none.

    Raises
    ------
    OptionError
        When a model has a column that the next one lacks, or both have the same.
    DataError
        When they were fitted to different rows or targets.
    NumericalError
        For penalties, other losses and own forward functions.
    """
    for line in models:
        if not isinstance(line, FittedLine):
            raise OptionError(f"compare takes two models of bestline.fit, the small one first; got {type(line).__name__}.")
    if len(models) < 2:
        raise OptionError("compare takes two models or more, the small one first; model.anova() tests the terms of one.")
    if held_out:
        return paired(models, data, target=target)
    if data is not None:
        raise OptionError("`data` are for held_out=True; F tests need no rows.")
    for line in models:
        refuse(line, "There is no F test")
    name = models[0].targets[target_number(models[0], target)]
    if len({None if line.design.absorbed is None else line.design.absorbed.by for line in models}) > 1:
        raise OptionError(
            "The models do not absorb the same effects, so they do not compare by an F test; absorb the same in all."
        )
    for small, large in pairwise(models):
        _refuse_unnested(small, large, name)
    lines = tuple(_line(line, line.targets.index(name)) for line in models)
    errors = models[-1].robust
    if errors is None:
        return Comparison(lines, tuple(hypotheses.nested(lines)))
    return Comparison(lines, tuple(_robustly(models, errors, name)), cov=errors.title)


def _refuse_unnested(small: FittedLine, large: FittedLine, name: str) -> None:
    """Raise OptionError or DataError unless the small line is a part of the large one, of the same rows."""
    if name not in large.targets:
        raise OptionError(f"The models have different targets: {listed(small.targets)} and {listed(large.targets)}.")
    # Nested: every column of the small line is one of the large. A constant may be there in the disguise of all levels of a category.
    lacking = [n for n in small.names if n not in large.names]
    if lacking and not (lacking == ["Intercept"] and large.constant is not None):
        raise OptionError(
            f"The small model has {listed(lacking)}, which the large one lacks: they are not nested. Compare their held-out errors: "
            f"compare(a, b, held_out=True)."
        )
    # Both are looked at before the rows: they change the targets, or how rows count, so that the same rows would look like others.
    known = [" + ".join(offset_terms(line.design.offsets)) for line in (small, large)]
    if known[0] != known[1]:
        raise OptionError(
            f"The models know another part of the target beforehand ({known[0] or 'none'} and {known[1] or 'none'}), so they do not compare by "
            f"an F test. Take the same offset in both, or compare their held-out errors: compare(a, b, held_out=True)."
        )
    kinds = small.design.weight_kind, large.design.weight_kind
    if kinds[0] != kinds[1]:
        raise OptionError(
            f"The models have {kinds[0]} and {kinds[1]} weights, so they do not compare; fit both with one `weight_kind`."
        )
    # Two tables of as many rows, of one weight and with a target of one mean and spread are taken for the same rows.
    y = [(m.training, m.design.p + m.targets.index(name)) for m in (small, large)]
    same = [(m.count, m.weight, float(m.center[j]), float(m.spread[j])) for m, j in y]
    if same[0][0] != same[1][0] or not np.allclose(same[0], same[1], rtol=1e-9, atol=1e-9 * same[0][3]):
        raise DataError(f"The models were fitted to {_apart(small, large)}")


def _apart(small: FittedLine, large: FittedLine) -> str:
    """In what the rows of two lines differ, as far as their moments tell, and what to do."""
    counts = small.training.count, large.training.count
    weighted = [line.design.weights is not None for line in (small, large)]
    if any(line.collected.dropped for line in (small, large)) and counts[0] != counts[1]:
        return f"different rows ({counts[0]:,} and {counts[1]:,}); leave out rows with a missing value before both fits."
    if weighted[0] != weighted[1]:
        return f"other weights: {'the small' if weighted[0] else 'the large'} one has weights, and the other has none; give both the same."
    if all(weighted) and counts[0] == counts[1]:
        return f"other weights, or to other rows ({counts[0]:,} each); give both the same rows and the same weights."
    also = ", for rows of weight 0 do not count" if all(weighted) else ""
    return f"different rows ({counts[0]:,} and {counts[1]:,}{also}); fit both to the same rows."


def _robustly(models: Sequence[FittedLine], errors: Covariance, target: str) -> list[Verdict]:
    """Wald's tests that what each line has more than the one before it is zero, by the errors of the last."""
    large = models[-1]
    at, known = large.targets.index(target), refuse(large, "There is no test").determined
    shared = [name for name, is_known in zip(large.names, known.tolist(), strict=True) if not is_known]
    if large.shares and shared:
        raise NumericalError(
            f"{listed(shared)} of the large model say the same and share their effect, so no test by {errors.title} errors says what is "
            f"new; fit it with aliased='drop'."
        )
    own = torch.nonzero(known)[:, 0]
    # What each line can say, in weights of the large one, and last what none of them can: each block is at right angles to all others.
    blocks, free = [], torch.eye(len(own), dtype=torch.float64)
    for line in models[:-1]:
        held = _within(line, large)[own]
        left = free.T @ held
        values, vectors = eigenvectors(left @ left.T)
        # Columns are few and of zeros, ones and whole sums of these: what is no more than rounding is far below.
        new = values > _NOTHING
        blocks.append(free @ vectors[:, new])
        free = free @ vectors[:, ~new]
    blocks.append(free)
    if any(not block.shape[1] for block in blocks[1:]):
        raise OptionError("The large model has no weight that the small one lacks; there is nothing to test.")
    # A line says that what the later ones have more is zero; so the last one's weights go first.
    covariance, weights = errors.covariance[at][own][:, own], large.weights[own, at]
    explained = hypotheses.in_turn([block.T for block in reversed(blocks[1:])], weights, covariance)[::-1]
    about = f"whether the weights that only the large model has are zero; standard errors: {errors.title}"
    more = [block.shape[1] for block in blocks[1:]]
    return [
        hypotheses.verdict("more weights", value / m, m, errors.df, about=about)
        for value, m in zip(explained, more, strict=True)
    ]


def _within(small: FittedLine, large: FittedLine) -> Tensor:
    """The columns of the small line in those of the large one; a constant of its own may be there as the sum of a category's levels."""
    held = torch.zeros(len(large.names), len(small.names), dtype=torch.float64)
    for j, name in enumerate(small.names):
        if name in large.names:
            held[large.names.index(name), j] = 1.0
        elif large.constant is not None:
            held[:, j] = large.constant
    return held


def _line(line: FittedLine, target: int) -> ComparedLine:
    inference, found = refuse(line, "There is no F test"), glances(line)
    assert found is not None  # noqa: S101  `refuse` has looked
    rss, of = float(inference.rss[target]), found[target]
    return ComparedLine(line.design.formula, rss, of.df_residual, of.aic, of.bic, of.adj_r_squared)
