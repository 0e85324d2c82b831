"""Exact solve: least squares without rounding, where the moments in float64 do not leave digits enough.

    w = (X'WX)^-1 X'Wy        every number rounded once, at the very end

One more pass over the rows collects X'WX and X'Wy without any error (`exact_sums`); the system, as large as the number of columns,
is solved in whole numbers with a proved bound (`elimination`); and what is rounded to float64 at the end (`interval`) is the exact
solution for the columns as stored. So the digits that are claimed are a theorem, not an estimate.

What columns that are computed, such as log(x), have lost before they came here is another matter: `digits_within` says what
that leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from bestline.numerics.digits import MOST
from bestline.numerics.doubled import Doubled
from bestline.numerics.elimination import Eliminated, System, eliminated, factored
from bestline.numerics.exact_sums import CrossProducts, TooWideError
from bestline.numerics.interval import Known, decided, digits_left, nearest_double, pairs_of, root_of, scaled, table_of
from bestline.numerics.rows import Features, Rows, Square, Weights

# Of a stored number that was computed in a few steps from others, relative: half a unit a step, and some to spare.
_ROUNDING = 2.0**-52
_STEEP = 1e-3  # closeness below which products of rows and weights are taken in twice the digits
_SECOND_ORDER = 1.1  # what the first order leaves out below that
MOST_COLUMNS = 200  # elimination takes a second for 100, and eight times that for 200
_FIRST_ORDER = 0.01  # errors, beside what sets the columns apart, up to which the first order of them stands for all


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """The exact least-squares solution for the columns as stored, every number rounded once.

    Columns that earlier ones say already are redundant, and taken out first: this is the line of the others. Once the effects are
    `shared` with the redundant columns, a weight is determined only where none of them could take some of it over; the others are
    one choice among many, and have no errors and no digits.

    Attributes
    ----------
    weights : Tensor (d, k)
        In the data's units, the intercept last; 0 for redundant columns, unless their effects are `shared`.
    std_error : Tensor (k, d)
        NaN where no degrees of freedom are left, and for weights that are not determined.
    digits, std_error_digits : Tensor (d, k), (k, d)
        How many digits of each are right, 15 at most: proved, not estimated. Fewer only near the edge of float64's range; NaN for
        weights that are not determined.
    sigma, rss, tss : Tensor (k,)
        Residual standard deviation, residual and total sums of squares; the last about zero without an intercept.
    inverse : Tensor (d, d)
        (X'WX)^-1 of the columns that are not redundant, in the data's units; 0 for the others.
    closeness : Tensor (p,)
        Size of what the other columns and the intercept leave of each column, over its own size: 1 when it stands alone, and
        1e-9 when all but its ninth digit is a combination of others; NaN for redundant columns.
    size : Tensor (p,)
        Size of each column's numbers.
    distinct : Tensor, bool
        False where the last places of the numbers stored decide: rounding them otherwise could make the columns dependent.
    weights_below : Tensor (d, k)
        What rounding has left out of the weights, likewise rounded.
    factor, factor_below : Tensor (d, d)
        Lower triangle F with F F' = inverse, and what rounding has left out of it: |F'x|^2 keeps the digits that x' inverse x
        loses, for the square of the columns' condition does not enter.
    kept : Tensor, bool (d,)
        False for redundant columns.
    alias : Tensor (d, m)
        For every redundant column, in their order, the combination of columns that is zero in every row: -1 for itself, and its
        coefficients on the kept ones.
    alias_below : Tensor (d, m)
        What rounding has left out of `alias`.
    proved : Tensor, bool (m,)
        Whether that is so exactly; else as far as the rounding of the numbers stored can tell.
    """

    weights: Weights
    std_error: Tensor
    digits: Tensor
    std_error_digits: Tensor
    sigma: Tensor
    rss: Tensor
    tss: Tensor
    inverse: Square
    closeness: Tensor
    size: Tensor
    distinct: Tensor
    weights_below: Weights
    factor: Square
    factor_below: Square
    kept: Tensor
    alias: Tensor
    alias_below: Tensor
    proved: Tensor

    @property
    def rank(self) -> int:
        """Number of columns that are not redundant, the intercept's included."""
        return int(self.kept.sum())

    @property
    def determined(self) -> Tensor:
        """Which weights are determined, (d,)."""
        return ~self.digits.isnan().any(1)

    @property
    def steep(self) -> bool:
        """Whether float64 would lose more than a few digits of a line's height."""
        return bool((self.closeness < _STEEP).any())

    def height(self, X: Features, below: Features | None = None, constant: Tensor | None = None) -> Tensor:
        """The line at rows X + below (n, p), (n, k); in twice the digits where that is needed.

        With `constant` (n,) the intercept counts so often, and not once: 0 times in a difference of heights.
        """
        return self._times(X, below, self.weights, self.weights_below, constant)

    def residual(self, y: Tensor, X: Features, below: Features | None = None) -> Tensor:
        """Y - the line, (n, k), which may be a small part of y."""
        line = self._rows(X, below, None) @ Doubled.of(self.weights, self.weights_below)
        found = (Doubled.of(y) - line).high
        return torch.where(found.isfinite(), found, y - self.height(X, below))

    def squares_left(self, products: CrossProducts) -> Tensor:
        """Sum of squares that the line leaves of any rows with these exact cross products, (k,); rounded once."""
        k = self.weights.shape[1]
        both = zip(self.weights.T.tolist(), self.weights_below.T.tolist(), strict=True)
        found = []
        for i, (high, low) in enumerate(both):
            own = [Fraction(h) + Fraction(b) for h, b in zip(high, low, strict=True)]
            target = [Fraction(-1 if j == i else 0) for j in range(k)]
            found.append(scaled(products.squares([*own, *target]), 0))
        return torch.tensor(found, dtype=torch.float64)

    def leverage(self, X: Features, below: Features | None = None, constant: Tensor | None = None) -> Tensor:
        """X' (X'WX)^-1 x of rows X + below (n, p), (n,); times sigma^2 it is the variance of the line's height."""
        return self._times(X, below, self.factor, self.factor_below, constant).square().sum(1)

    def _times(self, X: Features, below: Features | None, high: Tensor, low: Tensor, constant: Tensor | None) -> Tensor:
        plain = self._rows(X, None, constant).high @ high
        if not self.steep:
            return plain
        found = (self._rows(X, below, constant) @ Doubled.of(high, low)).high
        return torch.where(found.isfinite(), found, plain)  # near the edge of float64's range

    def _rows(self, X: Features, below: Features | None, constant: Tensor | None) -> Doubled:
        # As many columns of ones as there are more weights than features: one, or none without an intercept.
        ones = X.new_ones(len(X), len(self.weights) - X.shape[1])
        ones = ones if constant is None else ones * constant[:, None]
        return Doubled.of(torch.cat([X, ones], 1), None if below is None else torch.cat([below, ones * 0], 1))

    def shared(self, scale: Tensor) -> Refined:
        """The same line, with the weights of smallest norm for columns in units of `scale` (p,), the intercept's not counted.

        As stored, every number counts: where only rounding sets a redundant column apart, the line of all columns is another one, and
        no digits are claimed.
        """
        # A column that does not vary has nothing to share: its weight is 0, and the intercept's is that of the line without it.
        p = len(scale)
        shares = (self.alias[:p] != 0).sum(0) > 1
        alias, below = self.alias[:, shares], self.alias_below[:, shares]
        claimed = float(self.proved.all())
        if not alias.shape[1]:
            return replace(self, digits=self.digits * claimed, std_error_digits=self.std_error_digits * claimed)
        unit = (alias[:p].abs() * scale[:, None]).amax(0)
        # w + N z is as good for every z. Its slopes are shortest where N'S^2 (w + N z) = 0, S the scale: a QR of S N gives that z.
        Q, R = torch.linalg.qr(alias[:p] * (scale[:, None] / unit))
        high, low = self.weights, self.weights_below
        for _ in range(2):  # once more for what rounding has left of the first
            z = -torch.linalg.solve_triangular(R, Q.T @ (high[:p] * scale[:, None]), upper=True) / unit[:, None]
            found = Doubled.of(high, low) + Doubled.of(alias, below) @ Doubled.of(z)
            touched = (alias != 0).any(1)[:, None]
            high, low = torch.where(touched, found.high, high), torch.where(touched, found.low, low)
        unknown = torch.where(touched, math.nan, 0.0)
        return replace(
            self,
            weights=high,
            weights_below=low,
            digits=self.digits * claimed + unknown,
            std_error=self.std_error + unknown.T,
            std_error_digits=self.std_error_digits * claimed + unknown.T,
        )

    def known_to(self, lost: Tensor) -> Refined:
        """The same with no more digits claimed than columns allow of which float64 has `lost` something; see `digits_within`."""
        digits, error_digits = digits_within(lost, self.weights, self.inverse, self.rss)
        return replace(
            self, digits=torch.minimum(self.digits, digits), std_error_digits=torch.minimum(self.std_error_digits, error_digits)
        )


def digits_within(lost: Tensor, weights: Weights, inverse: Square, rss: Tensor) -> tuple[Tensor, Tensor]:
    """Most digits that weights (d, k), and their standard errors (k, d), can claim where the columns are known to errors only.

    To first order, errors dX and dy of norms `lost` (p + k,), column by column, move them by

        |dw_j|      <= sum_i |V_ji| lost_i sqrt(rss) + sqrt(V_jj) (sum_i lost_i |w_i| + lost_y)
        |ds_j|/s_j  <= sum_i |V_ji| lost_i / sqrt(V_jj) + (sum_i lost_i |w_i| + lost_y) / sqrt(rss)

    where V is the inverse of X'WX: differentiate V X'Wy (Golub & Van Loan 2013, 5.3). Where the errors are not small beside what
    sets the columns apart, nothing is claimed. Of several lines at once every argument has the same first axes.
    """
    d, p = weights.shape[-2], lost.shape[-1] - weights.shape[-1]
    if not bool(lost.any()):
        most = torch.full_like(weights, float(MOST))
        return most, most.mT
    # The intercept's column of ones is exact, so it has lost nothing.
    x = torch.cat([lost[..., :p], lost.new_zeros(*lost.shape[:-1], d - p)], -1)
    V, own, lost_y = inverse.abs(), inverse.diagonal(dim1=-2, dim2=-1).sqrt(), lost[..., p:]
    moved = (x[..., None] * weights.abs()).sum(-2) + lost_y  # (k,)
    pulled = (V @ x[..., None])[..., 0]
    # The products of the two errors are taken along: they cost nothing and can only lower a claim.
    error = pulled[..., None] * (rss.sqrt() + moved)[..., None, :] + own[..., None] * moved[..., None, :]
    relative = (pulled / own)[..., None, :] + (moved / rss.sqrt())[..., None]
    # sum_j lost_j sqrt(V_jj): 1 / sqrt(V_jj) is the length of what the others leave of column j.
    first_order = ((x * own).sum(-1) < _FIRST_ORDER)[..., None, None]
    touched = (x > 0).any(-1)[..., None] | (lost_y > 0)  # (k,)
    digits = digits_left(_SECOND_ORDER * error / weights.abs(), touched[..., None, :].expand_as(error))
    return digits * first_order, digits_left(_SECOND_ORDER * relative, touched[..., None].expand_as(relative)) * first_order


def refined(
    rows: Iterable[tuple[Rows, Features | None]], p: int, k: int, *, intercept: bool, rounding: bool = False
) -> Refined | None:
    """Least squares of all rows, exactly: one pass, constant memory, the same bits from any batches, threads and devices.

    Parameters
    ----------
    rows : iterable of (Rows, Tensor (n, p) or None)
        Rows in the data's units, batch by batch, each with what float64 has left out of X; None: nothing.
    p, k : int
        Number of features and targets.
    intercept : bool
    rounding : bool
        As in `solved`.

    Returns
    -------
    Refined or None
        None where a weight is beyond the range of float64; where all columns are zeros; and where exact sums would take too long:
        more than 200 columns, or numbers that lie too far apart.
    """
    d = p + intercept
    # Asked before a row is read: a pass over the data for nothing would be a long one.
    if d > MOST_COLUMNS or d == 0:
        return None
    products = CrossProducts.empty(d + k)
    try:
        for batch, below in rows:
            products = products + CrossProducts.of(batch, below, intercept=intercept)
    except TooWideError:
        return None
    return solved(products, d, intercept=intercept, rounding=rounding)


def solved(products: CrossProducts, d: int, *, intercept: bool, rounding: bool = False) -> Refined | None:
    """The solution from exact cross products of the d columns of X (the intercept's included) and the targets.

    With `rounding`, columns that only the rounding of the numbers stored sets apart from combinations of others are redundant
    too, as soon as there are any.
    """
    found = eliminated(products, d, intercept=intercept) if products.count else None
    line = None if found is None else _rounded(products.count, found, intercept=intercept)
    if line is None or not rounding or bool(line.distinct):
        return line
    again = eliminated(products, d, intercept=intercept, rounding=True)
    return None if again is None else _rounded(products.count, again, intercept=intercept)


def _rounded(count: int, found: Eliminated, *, intercept: bool) -> Refined | None:
    """Everything in the data's units and in float64, each number rounded once; None where weights leave its range."""
    system, solution, all_sizes = found.system, found.solution, found.whole.size
    d, k = solution.weights.shape
    size, df, least = system.size, count - d, Fraction(1, 1 << system.least)
    weights, digits = table_of(
        [[nearest_double(solution.weight(j, i), size[d + i] - size[j], least) for i in range(k)] for j in range(d)]
    )
    alias = _alias(found)
    # A coefficient that float64 cannot hold, as of numbers about 1e300 on those about 1e-300, would seem to be none.
    if not bool(weights.isfinite().all()) or alias is None:
        return None
    rss = [decided(Known(r, b), least) for r, b in zip(solution.rss, solution.rss_bound, strict=True)]
    tss = [system.about_mean(i) if intercept else system.target(i) for i in range(k)]
    # What has no degrees of freedom stays NaN: a line through every point says nothing of its error.
    errors, sigma = torch.full((k, d), math.nan, dtype=torch.float64), torch.full((k,), math.nan, dtype=torch.float64)
    error_digits = errors
    if df > 0:
        share = Known(Fraction(1, df), Fraction(0))
        variance = [solution.variance(j) * share for j in range(d)]
        sigma = table_of([[root_of(rss[i], share, size[d + i]) for i in range(k)]])[0][0].contiguous()
        errors, error_digits = table_of(
            [[root_of(rss[i], variance[j], size[d + i] - size[j]) for j in range(d)] for i in range(k)]
        )
    # From here to the end: numbers that say how near to dependent the columns are, for which float64 is enough.
    V = torch.tensor([[v / (1 << solution.bits) for v in row] for row in solution.inverse], dtype=torch.float64)
    length, all_lengths = _lengths(system), _lengths(found.whole)
    left = 1 / V.diagonal().sqrt()  # length of what the other columns leave of each
    unit, all_units = (
        torch.tensor([scaled(Fraction(1), -s) for s in sizes], dtype=torch.float64) for sizes in (size, all_sizes)
    )
    # A column in units of 2^size has a weight in units of 2^-size; the factor of the inverse, too, row by row.
    factor, factor_below = pairs_of(
        [
            [Fraction(int(f), 1 << solution.bits) / Fraction(2) ** s for f in row]
            for row, s in zip(factored(solution.inverse, solution.bits), size[:d], strict=True)
        ]
    )
    _, below = pairs_of(
        [[solution.weight(j, i).value * Fraction(2) ** (size[d + i] - size[j]) for i in range(k)] for j in range(d)]
    )
    among = _Among(torch.tensor(found.kept), found.whole.d)
    p = among.d - intercept
    return Refined(
        weights=among.rows(weights),
        std_error=among.rows(errors.T, math.nan).T.contiguous(),
        digits=among.rows(digits, math.nan),
        std_error_digits=among.rows(error_digits.T, math.nan).T.contiguous(),
        sigma=sigma,
        rss=torch.tensor([scaled(r.value, 2 * s) for r, s in zip(rss, size[d:], strict=True)], dtype=torch.float64),
        tss=torch.tensor([scaled(t, 2 * s) for t, s in zip(tss, size[d:], strict=True)], dtype=torch.float64),
        inverse=among.both(V * unit[:d, None] * unit[:d]),
        closeness=among.rows((left / length)[:, None], math.nan)[:p, 0],
        size=(all_lengths / all_units[: among.d])[:p] / math.sqrt(count),
        # A change of every column i by eps of its size moves what is left of column j by eps sum_i |V_ij| / V_jj at most.
        distinct=(_ROUNDING * (V.abs() @ length) * left < 1).all(),
        weights_below=among.rows(below),
        factor=among.both(factor),
        factor_below=among.both(factor_below),
        kept=among.rows(torch.ones(d, 1))[:, 0] > 0,
        alias=alias[0],
        alias_below=alias[1],
        proved=torch.tensor([column.exactly for column in found.redundant], dtype=torch.bool),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Among:
    """Puts numbers of the kept columns among those of all d."""

    kept: Tensor
    d: int

    def rows(self, own: Tensor, others: float = 0.0) -> Tensor:
        """Rows (kept, m), as rows (d, m)."""
        found = torch.full((self.d, own.shape[1]), others, dtype=torch.float64)
        found[self.kept] = own.double()
        return found

    def both(self, own: Square) -> Square:
        """A matrix (kept, kept), as one (d, d)."""
        return self.rows(self.rows(own).T).T.contiguous()


def _lengths(system: System) -> Tensor:
    """Length of each column of X, in its unit."""
    return torch.tensor([int(a) / (1 << system.bits) for a in system.A.diagonal()], dtype=torch.float64).sqrt()


def _alias(found: Eliminated) -> tuple[Tensor, Tensor] | None:
    """What each redundant column is a combination of, (d, m), and what rounding leaves out of it; None beyond float64's range."""
    shape = (found.whole.d, len(found.redundant))
    cells = [[Fraction(0)] * shape[1] for _ in range(shape[0])]
    for at, column in enumerate(found.redundant):
        cells[column.column][at] = Fraction(-1)
        for i, c in column.on.items():
            cells[i][at] = c
    alias, below = (part.reshape(shape) for part in pairs_of(cells))
    whole = sum(1 + len(column.on) for column in found.redundant)
    return (alias, below) if bool(alias.isfinite().all()) and int((alias != 0).sum()) == whole else None
