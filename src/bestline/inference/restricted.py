"""Restricted least squares: what the weights are worth when linear restrictions hold them, A w = c.

    w = w0 + U v       covariance of w = s^2 U (U' X'WX U)^-1 U'       s^2 = residual sum of squares / (n - rank of X U)

The columns of U span the directions that the restrictions leave free; so a weight that they fix has the error 0, and each
restriction gives a degree of freedom back (Greene 2018, 5.5; Stata's cnsreg, statsmodels' fit_constrained). Of bounds those that hold
the line are restrictions here, as if they had been known: the errors are conditional on which they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics import Bowl, Comoments, Scaling, Weights, eigenvectors, of_one_size, rank_tolerance, singular_vectors

NAN = float("nan")
_ROUNDING = 1e-13  # of the lengths of two directions: less of their product is none
_FAINT = 1e-8  # of a direction's length: less of a weight in it is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The free directions of one target's weights, in standardised columns.

    Attributes
    ----------
    factor : Tensor (d, r)
        F with covariance F F' of the weights as standardised, for residuals of variance 1.
    df : int
        Residual degrees of freedom.
    undetermined : Tensor (d, .)
        Directions of the weights as standardised, along which the line does not change.
    """

    factor: Tensor
    df: int
    undetermined: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Restricted:
    """Standard errors of weights that restrictions hold.

    Attributes
    ----------
    scaling : Scaling
        Standard scores, in which the factors are told.
    held : tuple of Held
        Target by target.
    sigma : Tensor (k,)
        Residual standard deviation; NaN without degrees of freedom.
    conditional : bool
        Whether some of the restrictions are bounds that hold the line.
    """

    scaling: Scaling
    held: tuple[Held, ...]
    sigma: Tensor
    conditional: bool

    @property
    def title(self) -> str:
        """What such errors are called."""
        return "restricted least squares" + self.conditional * ", given which bounds hold the line"

    @classmethod
    def of(
        cls, moments: Comoments, scaling: Scaling, weights: Weights, active: tuple[Tensor, ...], *, conditional: bool
    ) -> Restricted:
        """Of weights (d, k) in the data's units, held by restrictions A (m, d) of each target; `moments` of the training rows."""
        bowl = Bowl.of(moments, scaling)
        # The floor and what lies above it, both not negative: no difference of large sums.
        floor = bowl.losses(scaling.to_trained(weights)).clamp(min=0)
        change = scaling.of_changes.to_data(_each_alone(*weights.shape))  # (d, d, k)
        held = tuple(_held(bowl, A @ change[:, :, i].T, moments) for i, A in enumerate(active))
        # Other bounds hold each target, so each has degrees of freedom of its own.
        free = torch.tensor([one.df if one.df > 0 else NAN for one in held], dtype=torch.float64)
        sigma = (floor * (moments.weight / free)).sqrt() * scaling.target_scale
        return cls(scaling, held, sigma, conditional)

    @property
    def df(self) -> int:
        """Degrees of freedom of Student's t; of several targets the fewest."""
        return min(one.df for one in self.held)

    @property
    def covariance(self) -> Tensor:
        """Of the weights of each target in the data's units, (k, d, d); NaN for weights that are not determined."""
        found = []
        for i, (factor, known) in enumerate(self._factors()):
            own = self.sigma[i] ** 2 * (factor @ factor.T)
            own[~known], own[:, ~known] = NAN, NAN
            found.append(own)
        return torch.stack(found)

    @property
    def std_error(self) -> Tensor:
        """Of every weight of each target, (k, d)."""
        found = [torch.where(known, factor.norm(dim=1), NAN) for factor, known in self._factors()]
        return self.sigma[:, None] * torch.stack(found)

    def variance_of_mean(self, X: Tensor, target: int = 0) -> Tensor:
        """Variance of the line's height at rows X (n, p) in the data's units, (n,); NaN where the line is not determined."""
        return self.sigma[target] ** 2 * self.leverage(X, torch.ones(len(X), dtype=torch.float64), target)

    def leverage(self, slopes: Tensor, constant: Tensor, target: int) -> Tensor:
        """Variance of `slopes` (m, p) times those of a target, and `constant` (m,) times its intercept, over the residual variance, (m,).

        NaN where they are not determined.
        """
        scaling, own = self.scaling, self.held[target]
        # In standard scores: about the means the intercept and the slopes hardly cancel, however far from zero the columns are.
        center, scale = scaling.center[: scaling.p], scaling.scale[: scaling.p]
        Z = (slopes - constant[:, None] * center) / scale
        size = (slopes.abs() + (constant[:, None] * center).abs()) / scale
        if scaling.intercept:
            Z, size = (torch.cat([part, constant[:, None]], 1) for part in (Z, size))
        blind = ((Z @ own.undetermined).abs() > _FAINT * Z.norm(dim=1, keepdim=True)).any(1)
        return torch.where(blind, NAN, _moved(Z, own.factor, size).square().sum(1))

    def _factors(self) -> list[tuple[Tensor, Tensor]]:
        """F (d, r) of each target's weights in the data's units over the target's scale, and which of them are determined."""
        d, k = len(self.held[0].factor), len(self.held)
        # For a residual of one unit of the target: scales of targets are in sigma already.
        change = self.scaling.of_changes.to_data(_each_alone(d, k)) / self.scaling.target_scale
        found = []
        for i, one in enumerate(self.held):
            # A weight is a sum over directions: it is determined where none of those along which the line stays the same is in it.
            T = change[:, :, i].T
            loose = (T @ one.undetermined).abs() > _FAINT * T.norm(dim=1, keepdim=True)
            found.append((_moved(T, one.factor, T), ~loose.any(1)))
        return found


def _moved(along: Tensor, factor: Tensor, size: Tensor) -> Tensor:
    """How far combinations (m, d) of the weights move with each free direction of `factor` (d, r), (m, r); what restrictions fix by 0.

    The numbers of a combination were told from some as large as `size` (m, d), and are as right as these are.
    """
    found = along @ factor
    # Rounding turns a direction by so much of its length, whatever single numbers in it are.
    return torch.where(found.abs() <= _ROUNDING * torch.outer(size.norm(dim=1), factor.norm(dim=0)), 0.0, found)


def _each_alone(d: int, k: int) -> Tensor:
    """A change of 1 of each weight by itself, of all targets alike, (d, d, k)."""
    return torch.eye(d, dtype=torch.float64)[:, :, None].expand(d, d, k).contiguous()


def _held(bowl: Bowl, A: Tensor, moments: Comoments) -> Held:
    """The free directions under A w = c, with A (m, d) in the columns of the bowl."""
    d = A.shape[1]
    U = torch.eye(d, dtype=torch.float64)
    if len(A):
        length = A.norm(dim=1, keepdim=True)
        _, s, _ = singular_vectors(A / torch.where(length > 0, length, 1.0))
        # Restrictions that say what others say take no direction away.
        rank = int((s > 1e-10 * s[0]).sum())
        # Beyond the directions that A spans, the columns of a whole Q are those that are free.
        spanned = singular_vectors(A / torch.where(length > 0, length, 1.0))[2][:rank]
        U = torch.linalg.qr(spanned.T, mode="complete")[0][:, rank:]
    # On the free directions alone, so that columns which restrictions tell apart are told apart.
    G, size = of_one_size(U.T @ bowl.curvature @ U)
    if not len(G):
        return Held(torch.zeros(d, 0, dtype=torch.float64), moments.count, torch.zeros(d, 0, dtype=torch.float64))
    # F F' is the inverse on these directions: each eigenvector over the root of its eigenvalue, and no inverse is made.
    values, vectors = eigenvectors(G)
    firm = values > values[-1] * rank_tolerance(d)
    V = U @ (vectors / size[:, None])
    factor = V[:, firm] / (values[firm] * moments.weight).sqrt()
    loose = V[:, ~firm]
    return Held(factor, moments.count - int(firm.sum()), loose / loose.norm(dim=0).clamp(min=1e-300))
