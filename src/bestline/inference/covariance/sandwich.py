"""The sandwich: from the training rows, by one pass, to a covariance of the weights in the data's units.

covariance of w = T (filling) T' unit^2        weights = T sum q sqrt(w) y, so T is the bread in the basis's coordinates
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bestline.data.passes import Pass
from bestline.errors import NumericalError, listed
from bestline.inference.coordinates import Basis, Totals
from bestline.inference.covariance.base import CovarianceKind, Filling, Repeating, Sandwich
from bestline.inference.numbered_rows import Numbered
from bestline.wording import count

NO_ERRORS = "No standard errors: "  # how a note begins that says why
UNTOLD = "the rows do not tell them"  # where no more is known of why
NOTHING = 1e-20  # of the classical variance: less is the rounding of zero, for up to 1e12 rows
_DEPENDS = 1e-10  # squared share of a weight that rows determine by themselves: less is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """A covariance of the weights that does not rest on equal variances.

    Attributes
    ----------
    kind : CovarianceKind
    covariance : Tensor (k, d, d)
        Of the weights of each target, in the data's units, the intercept last; NaN for weights whose errors are not known.
    std_error : Tensor (k, d)
        Right even where its square would leave float64's range.
    df : int
        Degrees of freedom of Student's t.
    title : str
        As a table calls it, with what only the rows tell.
    about_mean : Tensor (k, d, d)
        Of the slopes and of the line's height at the training means, which takes the intercept's place: no offset of the columns takes
        digits from it. 0 for columns that others say already.
    blind : Tensor (d, d) or None
        In the same places, how far each depends on rows that determine a weight by themselves, of which nothing is known.
    groups : tuple of int
        How many clusters or times there are.
    notes : tuple of str
        What people should know of it.
    lacks : str
        Why it has no error of any weight; empty where it has one.
    """

    kind: CovarianceKind
    covariance: Tensor
    std_error: Tensor
    df: int
    title: str
    about_mean: Tensor
    blind: Tensor | None = None
    groups: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    lacks: str = ""

    @property
    def clusters(self) -> int | None:
        """How many there are; of several columns the fewest."""
        return min(self.groups, default=None)

    @property
    def said(self) -> str:
        """Which it is, with the number of clusters."""
        if not self.groups:
            return self.title
        counts = [f"{n:,}" for n in self.groups[:-1]] + [count(self.groups[-1], self.kind.unit)]
        return f"{self.title}, {' and '.join(counts)}"

    def variance_of_height(self, away: Tensor, leverage: Tensor, constant: Tensor | None = None) -> Tensor:
        """Variance of the line's height (n, k) at rows `away` (n, p) from the training mean, or from zero without an intercept.

        `leverage` (n,) is that of the rows, were their weight 1. NaN where a row depends on what is not known. With `constant` (n,) the
        height at the training mean counts so often, and not once: 0 times in a difference of heights.
        """
        # The height at the mean has the intercept's place; without an intercept there is none.
        ones = torch.ones(len(away), self.about_mean.shape[1] - away.shape[1], dtype=torch.float64)
        ones = ones if constant is None else ones * constant[:, None]
        rows = torch.cat([away, ones], 1)
        found = torch.einsum("na,kab,nb->nk", rows, self.about_mean, rows).clamp(min=0)
        if self.blind is None:
            return found
        depends = torch.einsum("na,ab,nb->n", rows, self.blind, rows) > _DEPENDS * leverage
        return torch.where(depends[:, None], float("nan"), found)


@dataclass(frozen=True, slots=True, eq=False)
class Meat:
    """What rows put between two slices of bread, and what tells whether these are the training rows; adds up."""

    totals: Totals
    found: Any

    def __add__(self, other: Meat) -> Meat:
        return Meat(self.totals + other.totals, self.found + other.found)


@dataclass(frozen=True, eq=False)
class CollectMeat(Pass[Numbered, Meat]):
    """The pass that puts every row between the bread."""

    basis: Basis
    kind: Sandwich

    @property
    def columns(self) -> tuple[str, ...]:
        """The kind's."""
        return self.kind.reads

    def empty(self) -> Meat:
        """Of no rows."""
        return Meat(Totals.none(self.basis), self.kind.none(self.basis))

    def of(self, batch: Numbered) -> Meat:
        """Of some rows."""
        seen = self.basis.see(batch.rows)
        # The totals say afterwards whether these were the training rows: data given for a loaded line may be others.
        return Meat(Totals.of(seen), self.kind.of(self.basis, batch, seen))


@dataclass(frozen=True, eq=False)
class CollectRepeated(CollectMeat):
    """The same of a kind that can do with rows of which each stands for many."""

    kind: Repeating

    def of_repeated(self, batch: Numbered, count: Tensor, squares: Tensor) -> Meat:
        """Of rows that each stand for many; see `OfRepeated`."""
        seen = self.basis.see(batch.rows)
        # Residuals of rows alike in the features: their sum, and their squares', are known though none of them is.
        # In units of the basis, weighed as one row of them is.
        spread = squares * (seen.root[:, None] / self.basis.unit) ** 2
        size = (count[:, None] * seen.e**2 + spread).sqrt()
        summed = replace(seen, e=seen.e * count[:, None])
        totals = Totals(
            int(count[seen.root > 0].sum()), float((count * seen.leverage).sum()), summed.e.T @ seen.q, (size**2).sum(0)
        )
        return Meat(totals, self.kind.of_repeated(self.basis, batch, summed, replace(seen, e=size)))


def sandwich(basis: Basis, found: Any, kind: Sandwich, determined: Tensor, names: tuple[str, ...] = ()) -> Covariance:
    """The covariance of the weights from the filling of all training rows.

    Parameters
    ----------
    basis, kind
    found
        What the kind has found in all training rows.
    determined : Tensor (d,)
        Which weights the data determine; the others get NaN.
    names : tuple of str
        Of the weights, (d,).

    Raises
    ------
    NumericalError
        Without residual degrees of freedom, with fewer than two clusters, and where rows that determine weights by themselves leave
        no weight whose error is known.
    """
    # A line that can go through every row leaves no residuals, and so says nothing of the errors.
    if basis.df <= 0:
        raise NumericalError("Robust standard errors need residual degrees of freedom: more rows than weights.")
    filling = kind.filling(basis, found)
    T = basis.weights()
    middle, mending = _positive(filling, T, determined)
    middle = middle * (basis.rss > 0)[:, None, None]  # a line through every point has no errors, but for rounding
    unknown = _unknown(T, filling, kind, determined)
    nothing = _nothing_left(basis, T, middle) & determined & ~unknown
    notes = (
        *filling.notes,
        *mending,
        *said_unknown(kind, unknown & determined, names),
        *_said_nothing_left(kind, nothing, names, mended=bool(mending)),
    )
    # Where columns repeat each other the weights are a choice among equals, and no error of theirs means anything.
    told = replace(filling, notes=notes)
    if bool((nothing | ~determined | unknown).all()):  # nor is anything known of sums of weights, such as predictions
        told = replace(told, blind=torch.eye(basis.rank, dtype=torch.float64))
    return of_weights(basis, kind, told, middle, determined & ~unknown & ~nothing)


def of_weights(basis: Basis, kind: CovarianceKind, filling: Filling, middle: Tensor, known: Tensor) -> Covariance:
    """The covariance of the weights from that of the coordinates, `middle` (k, r, r); NaN for weights not `known`, (d,) or (k, d)."""
    T = basis.weights()
    about = T.clone()
    if basis.intercept:  # the height at the means is the intercept's own coordinate
        about[-1] = 0.0
        about[-1, 0] = basis.count**-0.5
    scaled, size = _across(T, middle)
    scaled = torch.where(known[..., :, None] & known[..., None, :], scaled, float("nan"))
    std_error = scaled.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt() * size[:, 0] * basis.unit[:, None]
    units = (basis.unit**2)[:, None, None]
    covariance = scaled * (size @ size.T) * units
    centred, size = _across(about, middle)
    blind = None if filling.blind is None else about @ filling.blind @ about.T
    return Covariance(
        kind,
        covariance,
        std_error,
        filling.df,
        filling.title,
        centred * (size @ size.T) * units,
        blind,
        filling.groups,
        filling.notes,
        "" if bool(std_error.isfinite().any()) else filling.lacks or UNTOLD,
    )


def _positive(filling: Filling, T: Tensor, determined: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """The middle, and what is to be said of it: mended where it would leave a weight a negative variance."""
    if filling.mended is None:
        return filling.middle, ()
    few = f"The covariance {filling.title} is not positive semidefinite, as few clusters can make it"
    variances = _across(T, filling.middle)[0].diagonal(dim1=1, dim2=2)[:, determined]
    if bool((variances >= 0).all()):
        return filling.middle, (f"{few}: a test of several weights at once may not exist.",)
    return filling.mended, (f"{few}, and would leave a weight without an error: negative variances count as 0.",)


def _across(T: Tensor, middle: Tensor) -> tuple[Tensor, Tensor]:
    """T (middle) T' with every row of T brought to a size that can be squared, (k, d, d), and these sizes (d, 1).

    Covariances are squares of weights, which may leave float64's range where standard errors do not: so the sizes come back last.
    """
    size = T.abs().amax(1, keepdim=True) if T.shape[1] else torch.ones(len(T), 1, dtype=torch.float64)
    rows = T / torch.where(size > 0, size, 1.0)
    return rows @ middle @ rows.T, size


def _nothing_left(basis: Basis, T: Tensor, middle: Tensor) -> Tensor:
    """Weights of each target whose variance is rounding, (k, d).

    The normal equations make residuals add up to 0 with every column: where each cluster has columns of its own, so they do in each
    cluster, and what would be squared is the rounding of zero.
    """
    own = _across(T, middle)[0].diagonal(dim1=1, dim2=2)
    usual = _across(T, torch.eye(T.shape[1], dtype=torch.float64)[None])[0].diagonal(dim1=1, dim2=2)
    return (own <= NOTHING * usual * basis.sigma[:, None] ** 2) & (basis.rss > 0)[:, None]


def _said_nothing_left(kind: CovarianceKind, nothing: Tensor, names: tuple[str, ...], *, mended: bool) -> tuple[str, ...]:
    without = [name for name, is_nothing in zip(names, nothing.any(0).tolist(), strict=False) if is_nothing]
    if not without:
        return ()
    if mended:
        return (f"No variance of {listed(without)} is left then, so there is no such standard error.",)
    return (
        f"The residuals that tell of {listed(without)} add up to 0 in every {kind.unit}, whatever the errors are, so there is no such standard "
        f"error; take one that is not {kind.title}.",
    )


def depends(T: Tensor, blind: Tensor) -> Tensor:
    """Which rows of T (d, r) reach into the directions that `blind` (r, r) projects onto, (d,)."""
    scaled, _ = _across(T, blind[None])
    whole, _ = _across(T, torch.eye(T.shape[1], dtype=torch.float64)[None])
    return scaled[0].diagonal() > _DEPENDS * whole[0].diagonal()


def _unknown(T: Tensor, filling: Filling, kind: Sandwich, determined: Tensor) -> Tensor:
    """Which weights (d,) depend on rows that determine a weight by themselves."""
    if filling.blind is None:
        return torch.zeros(len(T), dtype=torch.bool)
    unknown = depends(T, filling.blind)
    if bool(unknown[determined].all()):
        raise NumericalError(
            f"{kind.title} divides by 1 - leverage, and a {kind.unit} determines a weight by itself (leverage 1), on which every weight "
            f"depends; use {kind.plainest}, or leave out the column or level that only it has."
        )
    return unknown


def said_unknown(kind: CovarianceKind, unknown: Tensor, names: tuple[str, ...]) -> tuple[str, ...]:
    """What there is to say of weights `unknown` (d,), because rows determine them by themselves."""
    without = [name for name, is_unknown in zip(names, unknown.tolist(), strict=False) if is_unknown]
    if not without:
        return ()
    return (
        f"{kind.unit.capitalize()}s determine {listed(without)} by themselves (leverage 1): no residual says how far off {'it is' if len(without) == 1 else 'they are'}, "
        f"so there is no such standard error; those of the other weights hold.",
    )
