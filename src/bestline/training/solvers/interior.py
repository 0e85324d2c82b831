"""Interior point: lines under a loss with edges (Huber's, the absolute, the quantile loss), exactly, in a few dozen steps.

Such a loss is a ceiling over slopes u, loss(r) = max over low <= u <= high of u r - curve u^2 / 2, and so is |w_j|, whose residual is
0 - w_j. With A the rows, those of an l1 penalty among them, and P w the gradient of an l2 penalty, the optimum is where

    A w + curve u + over - under = y      A'u = P w      over (high - u) = under (u - low) = 0      over, under >= 0

u_i is the slope of row i's loss: how hard the row pulls. `over` and `under` say how far its residual lies beyond what that slope
allows, above and below; at the optimum a row whose slope is inside its edges is beyond neither (the two products are 0).

Newton's method on these equations, their zeros held at a small number that shrinks (Mehrotra 1992), takes one least-squares
problem a step: the Frisch-Newton method of quantile regression (Portnoy & Koenker 1997), for all piecewise linear-quadratic
losses (Aravkin, Burke & Pillonetto 2013). Close to the end it shows which rows lie on the line, which beyond an edge and on
which side; what is left then is linear, and is solved as it stands.

How good a point is, no step can hide: any slopes u between their edges with A'u = P w bound the objective from below, so the gap
between it and that bound, row by row loss(r) - u r + curve u^2 / 2 >= 0, is what other weights could still gain at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from bestline.calls import with_hints
from bestline.errors import OptionError
from bestline.numerics import Weights, least_squares, minimum_norm
from bestline.training.losses.piecewise import Piecewise
from bestline.training.objective import LineForward, Objective, RowLoss
from bestline.training.solvers.base import Converging, Step

_CHUNK = 32_768  # rows whose products are made at a time: they stay in the cache
_SHORT = 0.9995  # of the way to the nearest edge
_NEAR, _NEAR_BENT = 1e-3, 0.1  # gaps below which the rows' sides are worth a guess; where they can be mended, sooner
_GUESSES = 8
_MORE = 30  # steps beyond the tolerance to find out on which sides of their edges the last rows lie
_NOTHING = 1e-20  # of the height: what is left of the gap when there is nothing to gain any more
_SLACK = 1e-11  # rounding that a guess may show, in the units of residuals and slopes


@with_hints
@dataclass(frozen=True, slots=True)
class InteriorPoint(Converging):
    """Minimise the Huber, absolute or quantile loss of a line, with or without penalties.

    Where several lines are as good, as a median between two rows is, the one given lies in their middle.

    Attributes
    ----------
    tol : float
        Stop when the duality gap, over the objective without weights, is below this.
    steps : int
        Most steps of Newton's method; some 10 to 30 will do.
    """

    name: ClassVar[str] = "interior-point"
    tol: float = 1e-10
    steps: int = 200

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the weights after every step; nothing here is random."""
        problems, center = _problems(objective)
        # Targets have nothing in common but the rows' features; each goes on until it is settled, and all are told together.
        points = [_Point.first(problem, start[:, i] + center @ start[:, i]) for i, problem in enumerate(problems)]
        index, weights, violation = 0, start, max((point.gap for point in points), default=0.0)
        while True:
            losses, gradient = objective.evaluate(weights)
            yield Step(index, weights, losses, gradient, violation)
            if all(point.settled for point in points):
                return
            points = [point if point.settled else point.next(self.tol) for point in points]
            index, weights = index + 1, torch.stack([point.w - center @ point.w for point in points], 1)
            violation = max(point.gap for point in points)


def _problems(objective: Objective) -> tuple[list[_Problem], Tensor]:
    """One for each target, in centred columns; and what has to be added to weights, as a matrix (d, d), for these columns.

    Slopes do not feel where the columns are centred, but digits do.
    """
    smooth, terms = objective.smooth, objective.penalty.terms
    if not (isinstance(smooth, RowLoss) and isinstance(smooth.loss, Piecewise) and isinstance(smooth.forward, LineForward)):
        raise OptionError(
            "`InteriorPoint` minimises the huber, absolute or quantile loss of a line; use solver='exact' for the squared loss, "
            "'lbfgs' or 'adam' for own losses and forwards."
        )
    if terms is None:
        raise OptionError("`InteriorPoint` knows the penalties l1 and l2 only; use solver='proximal' for others.")
    rows, loss = smooth.rows, smooth.loss
    if rows.w is not None and bool((rows.w <= 0).any()):
        rows = rows[rows.w > 0]
    n, k = rows.y.shape
    one = torch.ones(n, 1, dtype=rows.X.dtype, device=rows.X.device)
    X, d = rows.X, len(terms.factors)
    center = torch.zeros(d, d, dtype=X.dtype, device=X.device)
    if smooth.forward.intercept:
        center[-1, :-1] = X.mean(0)
        X = torch.cat([X - center[-1, :-1], one], 1)
    # A row's weight multiplies its loss, which is a loss of the same kind with other edges and another curve:
    #     share loss(r) = max over share low <= u <= share high of u r - (curve / share) u^2 / 2
    share = one[:, 0] if rows.w is None else rows.w / rows.w.mean()
    low, high = (torch.as_tensor(edge, dtype=X.dtype, device=X.device).expand(k) for edge in (loss.low, loss.high))
    # More than all rows together can pull is as good as twice that: the weight is 0.
    steepest = share * max(float(low.abs().max()), float(high.abs().max()))
    bound = torch.minimum(n * terms.l1 * terms.factors, 2 * (X.abs().T @ steepest) + (X.abs().sum(0) == 0))
    edged = (bound > 0).nonzero()[:, 0]
    ridge = 2 * n * terms.l2 * terms.factors
    # Below the rows, those of the l1 penalty: their targets are 0, they do not bend, and their edges are the penalty's.
    edge, zero = bound[edged], torch.zeros_like(bound[edged])
    curve = torch.cat([loss.curve / share, zero])
    each = [(rows.y[:, i], share * low[i], share * high[i]) for i in range(k)]
    bounded = [(torch.cat([y, zero]), torch.cat([below, -edge]), torch.cat([above, edge])) for y, below, above in each]
    return [_Problem(X, edged, *own, curve, ridge) for own in bounded], center


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """One target: the sum of the rows' losses, and n times the penalty.

    Attributes
    ----------
    X : Tensor (n, d)
        The column of ones included.
    edged : Tensor (e,)
        Which weights have an l1 penalty. Each is one more row, with the weight itself as prediction and 0 as target.
    y, low, high, curve : Tensor (n + e,)
    ridge : Tensor (d,)
        The diagonal of P.
    """

    X: Tensor
    edged: Tensor
    y: Tensor
    low: Tensor
    high: Tensor
    curve: Tensor
    ridge: Tensor

    @property
    def near(self) -> float:
        """Gap below which the rows' sides are worth a guess."""
        return _NEAR_BENT if bool((self.curve > 0).any()) else _NEAR

    def residual(self, w: Tensor) -> Tensor:
        """Of all rows, y - A w, (n + e,)."""
        return self.y - torch.cat([self.X @ w, w[self.edged]])

    def back(self, u: Tensor) -> Tensor:
        """A'u, (d,)."""
        n = len(self.X)
        return (self.X.T @ u[:n]).index_add(0, self.edged, u[n:])

    def normal(self, D: Tensor) -> Tensor:
        """A' diag(D) A, (d, d)."""
        n, d = self.X.shape
        found = torch.zeros(d, d, dtype=self.X.dtype, device=self.X.device)
        for i in range(0, n, _CHUNK):
            X = self.X[i : i + _CHUNK]
            found.addmm_(X.T, X * D[i : i + len(X), None])
        found.diagonal().index_add_(0, self.edged, D[n:])
        return found

    def rows(self, index: Tensor) -> Tensor:
        """Some rows of A, (m, d)."""
        n, d = self.X.shape
        unit = torch.eye(d, dtype=self.X.dtype, device=self.X.device)[self.edged]
        return torch.cat([self.X[index[index < n]], unit[index[index >= n] - n]])

    def losses(self, r: Tensor) -> Tensor:
        """Of every row, (n + e,)."""
        bent = self.curve > 0
        edge = torch.where(r > 0, self.high, self.low)
        u = torch.where(bent, torch.clamp(r / torch.where(bent, self.curve, 1.0), self.low, self.high), edge)
        return u * r - self.curve * u**2 / 2

    def solved(self, w: Tensor, u: Tensor, at_high: Tensor, at_low: Tensor) -> tuple[Tensor, Tensor] | None:
        """Weights and slopes that obey the equations near w and u, when it is known which rows lie beyond an edge; None where none do."""
        inside, curve = ~(at_high | at_low), torch.where(self.curve > 0, self.curve, 1.0)
        bent, on_line = inside & (self.curve > 0), (inside & (self.curve == 0)).nonzero()[:, 0]
        # Rows beyond an edge pull with that edge, bent rows inside with r / curve; of rows on the line, whose loss has a corner
        # there, the slope is unknown and the residual 0.
        r = self.residual(w)
        u = torch.where(at_high, self.high, torch.where(at_low, self.low, torch.where(bent, r / curve, u)))
        # Unknown: by how much the weights move, and the slopes of the rows that lie on the line.
        K = self.normal(torch.where(bent, 1 / curve, 0.0)) + torch.diag(self.ridge)
        # In terms of Q'r and Q'u of the rows on the line, A_on = Q R, for these may be more than there are weights.
        Q, R = torch.linalg.qr(self.rows(on_line).cpu())
        moved = _saddle(K.cpu(), R, (self.back(u) - self.ridge * w).cpu(), Q.T @ r[on_line].cpu())
        if moved is None:
            return None
        w, n = w + moved[0].to(u), len(self.X)
        w[self.edged[on_line[on_line >= n] - n]] = 0.0  # all but rounding is none
        u = torch.where(bent, self.residual(w) / curve, u).index_add(0, on_line, (Q @ moved[1]).to(u))
        return w, u

    def gap(self, w: Tensor, u: Tensor) -> float:
        """What other weights can still gain: row by row what u gives away, and what A'u = P w misses."""
        r = self.residual(w)
        given = (self.losses(r) - u * r + self.curve * u**2 / 2).clamp(min=0).sum()
        return float(given + ((self.back(u) - self.ridge * w) * w).abs().sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Where the method stands.

    Attributes
    ----------
    w : Tensor (d,)
    above, below : Tensor (n + e,)
        How far each row's slope u lies from the two edges; numbers of their own, for near an edge u itself has no digits left.
    over, under : Tensor (n + e,)
        How far each residual lies beyond the upper and the lower edge.
    height : float
        The objective without weights.
    gap : float
        Duality gap, over the height.
    settled : bool
        No step will do better.
    """

    problem: _Problem
    w: Tensor
    above: Tensor
    below: Tensor
    over: Tensor
    under: Tensor
    height: float
    gap: float
    settled: bool = False

    @classmethod
    def first(cls, problem: _Problem, w: Tensor) -> _Point:
        """At weights given; with all slopes 0, which lies between the edges."""
        r = problem.residual(w)
        height = float(problem.losses(problem.y).sum()) or 1.0
        # Both distances start well away from 0: a point next to an edge can hardly move along it.
        room = 0.1 * float(r.abs().mean()) + 1e-6 if len(r) else 1.0
        gap = problem.gap(w, torch.zeros_like(r)) / height
        over, under = r.clamp(min=0) + room, (-r).clamp(min=0) + room
        return cls(problem, w, problem.high, -problem.low, over, under, height, gap, settled=len(w) == 0)

    @property
    def u(self) -> Tensor:
        """The rows' slopes, (n + e,)."""
        return torch.where(self.above < self.below, self.problem.high - self.above, self.problem.low + self.below)

    def next(self, tol: float) -> _Point:
        """After a step of Newton's method; or the solution, once the rows' sides can be told."""
        # Invariant: `at` has the smallest gap so far, and below the tolerance only while it falls. Beyond the tolerance steps go on
        # for the sake of the rows' sides alone, since what they settle is exact.
        at = self
        for _ in range(_MORE):
            after = at._stepped()
            if after is None or (at.gap <= tol and after.gap >= at.gap):
                break
            exact = after._exact() if after.gap < after.problem.near else None
            if exact is not None and exact.gap <= tol:
                return exact
            at = after
            if at.gap > tol:
                return at
        return replace(at, settled=True)  # near enough, though the sides of some rows cannot be told

    def _stepped(self) -> _Point | None:
        """Predict, see how far the edges let one go, and correct (Mehrotra 1992); None where float64 allows no step."""
        problem, u, above, below, over, under = self.problem, self.u, self.above, self.below, self.over, self.under
        # With the changes of u, over and under eliminated row by row, what is left is weighted least squares:
        #     (A' D A + P) dw = A' D q - (P w - A'u)        du = D (q - A dw)
        # D is small for rows beyond an edge, whose slope cannot change, and large for rows whose residual is about 0.
        D = 1 / (problem.curve + over / above + under / below)
        missing = problem.residual(self.w) - problem.curve * u - over + under
        pull = problem.ridge * self.w - problem.back(u)
        system, now = problem.normal(D) + torch.diag(problem.ridge), float((over * above + under * below).sum())
        if now <= _NOTHING * self.height or not bool(system.isfinite().all() & missing.isfinite().all()):
            return None

        def direction(up: Tensor, down: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            q = missing - up / above + down / below
            dw = minimum_norm(system.cpu(), (problem.back(D * q) - pull)[:, None].cpu())[:, 0].to(q)
            du = D * (q - torch.cat([problem.X @ dw, dw[problem.edged]]))
            return dw, du, (up + over * du) / above, (down - under * du) / below

        # Predictor: aim at products of 0 at once, to see how much of them a step could remove.
        _, du, dover, dunder = direction(-over * above, -under * below)
        reach = _reach((above, -du), (below, du), (over, dover), (under, dunder))
        left = ((over + reach * dover) * (above - reach * du) + (under + reach * dunder) * (below + reach * du)).sum()
        # Corrector: aim at a mean product that is the smaller the more the predictor would have removed (its share cubed), and
        # take the predictor's own products du dover into account, which Newton's linear equations leave out.
        target = (float(left) / now) ** 3 * now / (2 * len(u))
        dw, du, dover, dunder = direction(target - over * above + du * dover, target - under * below - du * dunder)
        reach = min(1.0, _SHORT * _reach((above, -du), (below, du), (over, dover), (under, dunder)))
        after = [value + reach * change for value, change in ((above, -du), (below, du), (over, dover), (under, dunder))]
        w = self.w + reach * dw
        if not bool(w.isfinite().all()) or not all(bool((value > 0).all()) for value in after):
            return None
        found = replace(self, w=w, above=after[0], below=after[1], over=after[2], under=after[3])
        return replace(found, gap=problem.gap(w, found.u) / self.height)

    def _exact(self) -> _Point | None:
        """The solution, if the rows lie where they seem to. Those that do not change sides, which is Newton's method; None if in vain."""
        # A row is taken to be at an edge when its slope is nearer to it, as a share of their distance, than its residual is to 0, as
        # a share of the typical one: of the two factors of a product that goes to 0 the smaller one is the zero.
        problem, typical, w = self.problem, float((self.over + self.under).mean()), self.w
        high, low, curve = problem.high, problem.low, problem.curve
        width, bent = high - low, curve > 0
        at_high, at_low = self.above / width < self.over / typical, self.below / width < self.under / typical
        for _ in range(_GUESSES):
            found = problem.solved(w, self.u, at_high, at_low)
            if found is None:
                return None
            w, u = found
            r = problem.residual(w)
            beyond, slack = r - curve * u, _SLACK * (float(r.abs().mean()) + float(problem.y.abs().mean()))
            holds = (u <= high + _SLACK * width) & (u >= low - _SLACK * width)
            holds &= torch.where(at_high, beyond >= -slack, torch.where(at_low, beyond <= slack, beyond.abs() <= slack))
            if bool(holds.all()):
                return replace(self, w=w, gap=problem.gap(w, u.clamp(low, high)) / self.height, settled=True)
            # Rows whose loss bends may change sides, and each change lowers the objective (Newton's method for Huber's loss, Madsen
            # & Nielsen 1990); where a row with a corner is on the wrong side, the guess came too early.
            if not bool(holds[~bent].all()) or not bool(bent.any()):
                return None
            at_high = torch.where(bent, r > curve * high, at_high)
            at_low = torch.where(bent, r < curve * low, at_low)
        return None


def _reach(*pairs: tuple[Tensor, Tensor]) -> float:
    """How far one can go, 1 at most, until one of the positive numbers is 0; of pairs (number, change)."""
    shares = [torch.where(change < 0, number / -change, 1.0).amin() for number, change in pairs]
    return min(1.0, *map(float, shares))


def _saddle(K: Tensor, R: Tensor, pull: Tensor, gap: Tensor) -> tuple[Tensor, Tensor] | None:
    """Weights w and v of smallest norm with K w - R'v = pull and R w = gap; None where no numbers come out."""
    # Weights in units in which columns are of size 1, and both blocks of like size, so that small singular values mean dependence.
    d, m = len(K), len(R)
    units = torch.cat([K, R]).abs().amax(0) if d else K.new_zeros(0)  # of the columns
    units = torch.where(units > 0, units, 1.0)
    stiff = float((K / torch.outer(units, units)).abs().max()) or 1.0
    system = torch.cat(
        [torch.cat([K / torch.outer(units, units) / stiff, -(R / units).T], 1), torch.cat([R / units, K.new_zeros(m, m)], 1)]
    )
    right = torch.cat([pull / units / stiff, gap])[:, None]
    found = least_squares(system, right)
    # Once more for what the first solution left, as iterative refinement does.
    found = (found + least_squares(system, right - system @ found))[:, 0]
    return (found[:d] / units, found[d:] * stiff) if bool(found.isfinite().all()) else None
