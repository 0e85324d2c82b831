"""Quadratic program: the bottom of a bowl among the points that linear restrictions allow.

    minimise  x' G x / 2 - a' x      where  C x = b  in the first rows, and  C x >= b  in the others

A point is the solution if and only if there are multipliers u with G x - a = C' u, none negative for an inequality, and 0 for one
that is not met with equality (Karush 1939; Kuhn & Tucker 1951): these conditions are the certificate, and are looked at last.

The dual method of Goldfarb & Idnani (1983, Mathematical Programming 27:1-33) starts at the bottom of the bowl and takes in, one by
one, the restrictions that are broken; every point on its way is the solution for those taken in, so it ends after finitely many
steps, and says which restrictions cannot hold together. Here it works in coordinates in which the bowl is round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.numerics.factorisation import eigenvectors
from bestline.numerics.rows import Square
from bestline.numerics.semidefinite import of_one_size, rank_tolerance

_EPS = torch.finfo(torch.float64).eps
_ROUNDING = 256 * _EPS  # of the terms of a restriction: so much it may be missed by
_SAME = 1e-10  # of its own length, that others leave of a restriction: less, and it says nothing of its own
_RISE = 1e-5  # along flat directions: the less, the sooner they come to rest, and the more digits a step towards it costs
_ROUNDS = 100
_PUSH = 1e-12  # of the pull: a multiplier below is rounding, and its restriction holds nothing
_MOST = 50  # restrictions taken in or out for each one that there is, before rounding is known to go in circles


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """The solution, and how it is known to be one.

    Attributes
    ----------
    x : Tensor (d,)
        Of several solutions the one of smallest norm.
    multipliers : Tensor (m,)
        u: what the loss would gain, at first, for each unit by which a restriction is loosened.
    active : tuple of int
        The restrictions that hold x, no two of which say the same.
    violation : float
        How far x is from the conditions of the optimum, free of units; infinite where the restrictions cannot all hold.
    conflict : tuple of int
        Restrictions that cannot hold together, none where all can.
    """

    x: Tensor
    multipliers: Tensor
    active: tuple[int, ...]
    violation: float
    conflict: tuple[int, ...] = ()


def quadratic_program(G: Square, a: Tensor, C: Tensor, b: Tensor, equalities: int = 0) -> Optimum:
    """The solution for G (d, d), symmetric and without negative eigenvalues, a (d,) in its range, C (m, d) and b (m,).

    The first `equalities` rows of C hold with equality. Deterministic, and the same in any units of x.
    """
    d, m = len(a), len(b)
    A, size = of_one_size(G)  # x = y / size
    scaled, length = _of_unit_length(C / size)
    inside = _Program(A, a / size, scaled, b / length, equalities)
    # What moments cannot tell from flat is flat, by the same measure as everywhere: then there may be many solutions.
    values, vectors = eigenvectors(A) if d else (A.diagonal(), A)
    flat = vectors[:, values <= values[-1] * rank_tolerance(d)] if d else vectors
    found = inside.solved() if not flat.shape[1] else _resting(inside, flat, size)
    x = found.x / size
    # A restriction of one weight that holds it is met to the last digit: a bound of 0 leaves 0, and not 1e-17.
    alone = (C != 0).sum(1) == 1
    broken = (inside.C @ found.x < inside.b).nonzero()[:, 0].tolist()  # by rounding
    for i in {*found.active, *broken} if not found.conflict else ():
        if alone[i]:
            j = int(C[i].nonzero()[0, 0])
            x[j] = b[i] / C[i, j]
    multipliers = torch.zeros(m, dtype=torch.float64) if not m else found.multipliers / length
    violation = math.inf if found.conflict else inside.violation(x * size, found.multipliers)
    return replace(found, x=x, multipliers=multipliers, violation=violation)


def _of_unit_length(C: Tensor) -> tuple[Tensor, Tensor]:
    length = C.norm(dim=1)
    length = torch.where(length > 0, length, 1.0)
    return C / length[:, None], length


def _resting(program: _Program, flat: Tensor, size: Tensor) -> Optimum:
    """The solution of smallest norm where the bowl is flat along some directions (d, r).

    A bowl that rises along these directions from where the last solution was has one solution only; its solutions come to rest at one
    of the flat bowl after finitely many rounds (proximal points: Rockafellar 1976, SIAM J. Control Optim. 14:877-898).
    """
    # The added rise leaves the curvature along all other directions as it was, so its condition is that of the columns told apart.
    steep = program.G + _RISE * (flat @ flat.T)
    x = torch.zeros_like(program.a)
    for _ in range(_ROUNDS):
        found = replace(program, G=steep, a=program.a + _RISE * (flat @ (flat.T @ x))).solved()
        moved = flat.T @ (found.x - x)
        x = found.x
        if found.conflict or float(moved.abs().amax()) <= 16 * _EPS * (1 + float(x.abs().amax())):
            break
    # A flat direction adds no room that restrictions do not leave: the conflict is the same.
    if found.conflict:
        return found
    # All solutions have the same height at every row: those that do, and are allowed, and no other. The multipliers serve them all.
    seen = torch.linalg.qr(flat, mode="complete").Q[:, flat.shape[1] :].T
    pushing = found.multipliers.abs() > _PUSH * float(program.a.abs().amax())
    pushing[: program.equalities] = True
    held, free = pushing.nonzero()[:, 0].tolist(), (~pushing).nonzero()[:, 0].tolist()
    C, length = _of_unit_length(torch.cat([seen, program.C[held], program.C[free]]) * size)  # in the units of x
    b = torch.cat([seen @ x, program.b[held], program.b[free]]) / length
    # What pushes must stay met by every solution (complementarity), and what does not need only hold.
    least = _Program(torch.eye(len(x), dtype=torch.float64), torch.zeros_like(x), C, b, len(seen) + len(held)).solved()
    if least.conflict:  # by rounding alone: any solution will do
        return found
    order = [-1] * len(seen) + held + free
    active = tuple(sorted({*found.active, *(order[i] for i in least.active if order[i] >= 0)}))
    return replace(found, x=least.x * size, active=active)


@dataclass(frozen=True, slots=True, eq=False)
class _Program:
    """A program whose restrictions have the length 1."""

    G: Square
    a: Tensor
    C: Tensor
    b: Tensor
    equalities: int

    def violation(self, x: Tensor, u: Tensor) -> float:
        """The largest violation of the conditions of the optimum, each over the size of its own terms."""
        G, a, C, b = self.G, self.a, self.C, self.b
        slack = C @ x - b
        inequalities = slice(self.equalities, None)
        # Columns have the length 1, or 0: there nothing pulls, and weights are the measure.
        pull = float(torch.maximum(G.abs() @ x.abs() + a.abs(), x.abs()).amax()) if len(a) else 0.0
        # a is of the size of the weights that nothing holds, and 0 is met to the rounding of those.
        reach = (torch.maximum(x.abs(), a.abs()).amax() + b.abs()).clamp(min=1e-300) if len(a) else b
        # Four conditions: the pulls balance, restrictions hold, inequalities only push, and only those push that are met.
        stationary = (G @ x - a - C.T @ u).abs().amax() / max(pull, 1e-300) if len(a) else torch.zeros(())
        broken = torch.cat([(slack / reach)[: self.equalities].abs(), (-slack / reach)[inequalities].clamp(min=0)])
        negative = (-u[inequalities]).clamp(min=0) / max(pull, 1e-300)
        both = (u[inequalities] / max(pull, 1e-300)) * (slack / reach)[inequalities].abs()
        parts = torch.cat([stationary.reshape(1), broken, negative, both.clamp(min=0)])
        return float(parts.amax())

    def solved(self) -> Optimum:
        """The solution, for G with an inverse."""
        # With G = L L' and y = L' x the bowl is |y - L^-1 a|^2 / 2: round, so that nearest means lowest.
        L, _ = torch.linalg.cholesky_ex(self.G)
        round_ = _Round(
            torch.linalg.solve_triangular(L, self.a[:, None], upper=False)[:, 0],
            torch.linalg.solve_triangular(L, self.C.T, upper=False),
            self.b,
            self.equalities,
        )
        conflict = round_.run()
        active = tuple(round_.active)
        x, u = self._polished(L, round_, round_.point())
        multipliers = torch.zeros_like(self.b)
        multipliers[list(active)] = u
        return Optimum(x, multipliers, active, math.inf if conflict else 0.0, conflict)

    def _polished(self, L: Square, round_: _Round, y: Tensor) -> tuple[Tensor, Tensor]:
        """The point y as x, and the multipliers of its restrictions, each corrected once by what is left of its conditions."""
        Q, R, own = round_.Q, round_.R, round_.active

        def back(y: Tensor) -> Tensor:
            return torch.linalg.solve_triangular(L.T, y[:, None], upper=True)[:, 0]

        def lifted(v: Tensor) -> Tensor:
            return torch.linalg.solve_triangular(R, v[:, None], upper=True)[:, 0] if own else v[:0]

        x, u = back(y), lifted(Q.T @ (y - round_.bottom))
        C, b = self.C[own], self.b[own]
        # Residuals are taken in the units of G itself: the rounding of the change of coordinates is what they show, and mend.
        for _ in range(2):
            pull = torch.linalg.solve_triangular(L, (self.a + C.T @ u - self.G @ x)[:, None], upper=False)[:, 0]
            missed = torch.linalg.solve_triangular(R.T, (b - C @ x)[:, None], upper=False)[:, 0] if own else b
            # In round coordinates: dy - N du = pull, N' dy = missed, with N = Q R.
            dy = pull - Q @ (Q.T @ pull) + Q @ missed
            x, u = x + back(dy), u + lifted(missed - Q.T @ pull)
        return x, u


class _Round:
    """The dual method where the bowl is |y - bottom|^2 / 2, and the restrictions are N' y >= b with N (d, m)."""

    def __init__(self, bottom: Tensor, N: Tensor, b: Tensor, equalities: int) -> None:
        self.bottom, self.N, self.b, self.equalities = bottom, N, b, equalities
        self.length = N.norm(dim=0)
        self.active: list[int] = []
        self.sign: list[float] = []  # of an equality that is missed from above, the other way round
        self.u: list[float] = []
        self.met: set[int] = set()  # what others say already, but for rounding
        self.Q, self.R = torch.linalg.qr(N[:, :0])

    def point(self) -> Tensor:
        """The solution for the restrictions that are active: the nearest point to the bottom where they hold."""
        if not self.active:
            return self.bottom.clone()
        # From the factors anew each time, and not by adding up steps: so rounding does not grow with their number.
        own = torch.linalg.solve_triangular(self.R.T, self.b[self.active][:, None], upper=False)[:, 0]
        return self.bottom - self.Q @ (self.Q.T @ self.bottom) + self.Q @ own

    def run(self) -> tuple[int, ...]:
        """Take in what is broken until nothing is; the restrictions that cannot hold together, where there are any."""
        y = self.point()
        # Equalities first: they are never let go of, so that what follows looks for its way inside them.
        for index in range(self.equalities):
            conflict = self._take_in(index, y)
            if conflict:
                return conflict
            y = self.point()
        for _ in range(_MOST * (len(self.b) + 1)):
            broken = self._broken(y)
            if broken is None:
                break
            conflict = self._take_in(broken, y)
            if conflict:
                return conflict
            y = self.point()
        return ()

    def _missed(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """By how much restrictions are missed (m,), negative where they are; and how much of that is rounding."""
        # What y is made of is as large as the bottom, however near to 0 y itself comes.
        return self.N.T @ y - self.b, _ROUNDING * (self.N.abs().T @ (y.abs() + self.bottom.abs()) + self.b.abs())

    def _broken(self, y: Tensor) -> int | None:
        """The restriction that is broken by most; None where all hold."""
        slack, rounding = self._missed(y)
        # In the round coordinates this is a distance, whatever a restriction was multiplied by.
        by = torch.where(slack < -rounding, slack / self.length.clamp(min=1e-300), 0.0)
        by[: self.equalities] = 0.0
        by[[*self.active, *self.met]] = 0.0
        if not len(by) or float(by.min()) >= 0:
            return None
        return int(by.argmin())

    def _take_in(self, index: int, y: Tensor) -> tuple[int, ...]:
        """Step towards a restriction until it holds, letting go of those that hinder; which cannot hold beside it, if any."""
        equal = index < self.equalities
        slack, rounding = (float(v[index]) for v in self._missed(y))
        sign = -1.0 if equal and slack > 0 else 1.0
        normal = sign * self.N[:, index]
        own = 0.0
        # Each turn either takes the restriction in or lets go of another, of which there are finitely many.
        while True:
            along = self.Q.T @ normal
            across = normal - self.Q @ along
            again = self.Q.T @ across  # twice is enough (Giraud et al. 2005)
            along, across = along + again, across - self.Q @ again
            square = float(across @ across)
            r = torch.linalg.solve_triangular(self.R, along[:, None], upper=True)[:, 0] if self.active else along
            r = r * torch.tensor(self.sign, dtype=torch.float64)
            # Nothing is left of a normal that the active ones span: y cannot move towards it, and only multipliers can.
            dependent = square <= (_SAME * float(self.length[index])) ** 2
            slack = sign * (float(self.N[:, index] @ y) - float(self.b[index]))
            if dependent and abs(slack) <= rounding * (_SAME / _ROUNDING) and (equal or not self._helps(r)):
                self.met.add(index)
                return ()
            # `full` meets the restriction; `partial` is where the first multiplier would turn negative, and that one is let go of.
            full = math.inf if dependent else max(-slack, 0.0) / square
            loosest, partial = self._hindering(r)
            step = min(full, partial)
            # Neither: its normal is a sum of active ones, none of which can give way (Farkas), and these are what it conflicts with.
            if step == math.inf:
                against = [self.active[i] for i in range(len(self.active)) if abs(float(r[i])) > _SAME]
                return tuple(sorted({index, *against}))
            # Multipliers of the active restrictions give way as the new one's grows, so that the pulls stay in balance.
            self.u = [u - step * float(v) for u, v in zip(self.u, r, strict=True)]
            own += step
            if not dependent:
                y = y + step * across
            if step == full:
                self._append(index, sign, own, along * sign, across * sign, square)
                return ()
            for held in (self.active, self.sign, self.u):
                held.pop(loosest)
            self._factored()

    def _helps(self, r: Tensor) -> bool:
        """Whether letting go of an active inequality makes room."""
        return self._hindering(r)[0] >= 0

    def _hindering(self, r: Tensor) -> tuple[int, float]:
        """The active inequality whose multiplier is the first to reach 0, and after which step."""
        best, at = math.inf, -1
        for i, (index, u, v) in enumerate(zip(self.active, self.u, r.tolist(), strict=True)):
            if index >= self.equalities and v > 1e-14 and u / v < best:
                best, at = max(u, 0.0) / v, i
        return at, best

    def _append(self, index: int, sign: float, u: float, along: Tensor, across: Tensor, square: float) -> None:
        """One more active restriction, its normal split into what lies along the others and what does not."""
        size = len(self.active)
        length = math.sqrt(square)
        R = torch.zeros(size + 1, size + 1, dtype=torch.float64)
        R[:size, :size], R[:size, size], R[size, size] = self.R, along, length
        self.Q, self.R = torch.cat([self.Q, (across / length)[:, None]], 1), R
        self.active.append(index)
        self.sign.append(sign)
        self.u.append(u)

    def _factored(self) -> None:
        """Q (d, s) and R (s, s) of the normals of the active restrictions."""
        self.Q, self.R = torch.linalg.qr(self.N[:, self.active])
