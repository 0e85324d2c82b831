"""Active sets: the solution of a lasso or elastic net is a system of linear equations, once one knows which weights are not zero.

    on the active weights   (G + l2 f) w = h - l1 f sign / 2            off them   |h - G w| <= l1 f / 2

So guess the active weights and their signs, solve, and mend the guess: a weight that came out with the wrong sign leaves, a
column that pulls too hard enters. When nothing is left to mend the solution is exact, to rounding. From one penalty to the
next, a little smaller, the guess is right already or nearly so.

All data sets and targets take each step together. Mending many weights at once is quick but may go in circles (the primal-dual
active set method of Hintermueller, Ito & Kunisch 2003, continued along the path as in Fan, Jiao & Lu 2014). After some rounds
only one column enters at a time and no weight passes zero: the objective then falls in every round (feature-sign search, Lee,
Battle, Raina & Ng 2007), and no guess comes twice. Columns that repeat others never enter beside them: the solution given is
one of those whose active columns are independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from bestline.numerics import minimum_norm, rank_tolerance

ROUNDING = 32 * torch.finfo(torch.float64).eps  # of a sum of products, relative to the sizes of what is added up
_BOLD = 8  # rounds at one penalty in which many weights are mended at once
_NEAR = 0.5  # penalties fall by no smaller factor from one solution to the next; steps between are made and not told


def ladder(l1: Tensor, l2: Tensor, before: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """The penalties (steps, k) in the order in which they are solved, some between those asked for; and where those are."""
    steps: list[Tensor] = []
    told: list[int] = []
    # From one penalty to the next the guess of the active set is good only as long as they are close: where l1 falls by more than
    # half, steps between are put in, each by the same factor.
    for here in l1:
        share = (here / before.clamp(min=1e-300)).clamp(1e-9, 1.0)
        between = int(math.log(float(share.amin())) / math.log(_NEAR))
        steps += [torch.where(share < 1, before * share ** (i / (between + 1)), here) for i in range(1, between + 1)]
        told.append(len(steps))
        steps.append(here)
        before = here
    ladder = torch.stack(steps)
    number = torch.bucketize(torch.arange(len(steps)), torch.tensor(told))
    mixed = torch.where(l1 > 0, l2 / l1.clamp(min=1e-300), 0.0)[number] * ladder  # steps between keep the mixture
    return ladder, torch.where((l1 > 0)[number] & (l2 != l2[:1]).any(), mixed, l2[number]), told


@dataclass(slots=True, eq=False)
class State:
    """How far each cell is.

    Attributes
    ----------
    at : Tensor (c,)
        The penalty that is being solved for.
    turns : Tensor (c,)
        Rounds made at it.
    w : Tensor (c, p)
    sign : Tensor (c, p)
        Of the active weights; 0 where a weight is not active.
    fresh : Tensor (c, p)
        Which became active in the last round.
    found : Tensor (c, steps, p)
    ends : Tensor (c,)
        The penalty before which it ends.
    """

    at: Tensor
    turns: Tensor
    w: Tensor
    sign: Tensor
    fresh: Tensor
    found: Tensor
    ends: Tensor

    @classmethod
    def at_start(cls, cells: Cells, start: Tensor | None) -> State:
        """At zero, or at weights given."""
        c, p = cells.linear.shape
        w = torch.zeros(c, p, dtype=torch.float64) if start is None else torch.where(cells.present, start, 0.0)
        w = w.clamp(min=0) if cells.positive else w
        whole = torch.zeros(c, dtype=torch.long)
        found = torch.zeros(c, cells.l1.shape[1], p, dtype=torch.float64)
        return cls(whole, whole.clone(), w, w.sign(), torch.zeros_like(w, dtype=torch.bool), found, whole + cells.l1.shape[1])

    def settle(self, cells: Tensor) -> None:
        """The present weights are the solution; on to the next penalty."""
        if not len(cells):
            return
        self.found[cells, self.at[cells]] = self.w[cells]
        self.at[cells] += 1
        self.turns[cells] = 0
        self.fresh[cells] = False


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One problem for each data set and target, its columns and target of size 1, each with its own penalties.

    Attributes
    ----------
    curvature : Tensor (s, p + 1, p + 1)
        A column of zeros last.
    linear, drift : Tensor (c, p)
        Without weights column j pulls with linear_j - l1 drift_j; of whole problems the drift is 0.
    owner : Tensor (c,)
        Which data set a cell belongs to; those of one data set lie together.
    present : Tensor (c, p)
        Which columns are not all zero.
    l1, l2 : Tensor (c, steps)
    threshold, ridge : Tensor (c, p)
        What l1 and l2 are multiplied by: column j enters when it pulls harder than l1 threshold_j.
    positive : bool
    ahead : int
        Under how many penalties the equations are solved at once; 1 where l2 differs among them.
    beside : Tensor (c,), optional
        Sum of the sizes of weights beside these, where there are any; a cell whose active columns are dependent then ends.
    """

    curvature: Tensor
    linear: Tensor
    drift: Tensor
    owner: Tensor
    present: Tensor
    l1: Tensor
    l2: Tensor
    threshold: Tensor
    ridge: Tensor
    positive: bool
    ahead: int
    beside: Tensor | None = None

    def solve(self, state: State) -> int:
        """Rounds until every cell is at its end, and how many they were."""
        rounds = 0
        while bool((state.at < state.ends).any()):
            self._round(state)
            rounds += 1
        return rounds

    def _round(self, state: State) -> None:
        """Solve on the active weights, under this penalty and the next ones; go on as far as that holds; mend the guess."""
        # Invariant: of every cell, found[: at] are solutions; w and sign are the guess for the penalty `at`. Under the same signs the
        # solution is linear in l1, so one factorisation serves several penalties ahead: all that hold are taken at once.
        todo = (state.at < state.ends).nonzero()[:, 0]
        ahead = state.at[todo, None] + torch.arange(self.ahead)
        beyond, ahead = ahead >= state.ends[todo, None], ahead.clamp(max=self.l1.shape[1] - 1)
        l1 = self.l1[todo].gather(1, ahead)[:, :, None]
        force = self.linear[todo, None] - l1 * self.drift[todo, None]  # (t, ahead, p)
        threshold = l1 * self.threshold[todo, None]
        ridge = self.l2[todo, state.at[todo], None] * self.ridge[todo]
        target, dependent = self._target(todo, state.sign[todo], force, threshold, ridge)
        wrong = target * state.sign[todo, None] < 0
        excess, pull = self._excess(todo, target, state.sign[todo], force, threshold, ridge)
        good = ~(wrong | (excess > 0)).any(2) & ~beyond & ~dependent[:, None]
        run = good.long().cumprod(1).sum(1)
        cell, step = (torch.arange(self.ahead) < run[:, None]).nonzero(as_tuple=True)
        state.found[todo[cell], ahead[cell, step]] = target[cell, step]
        gone = run > 0
        state.w[todo[gone]] = target[gone, run[gone] - 1]
        state.at[todo] += run
        state.turns[todo] = torch.where(gone, 0, state.turns[todo])
        state.fresh[todo] &= ~gone[:, None]
        for one in dependent.nonzero()[:, 0].tolist():
            if self.beside is None:
                self._untangle(int(todo[one]), state, ridge[one])
            else:
                state.ends[todo[one]] = state.at[todo[one]]
        left = ((run < self.ahead) & (state.at[todo] < state.ends[todo]) & ~dependent).nonzero()[:, 0]
        here = run[left]
        _mend(state, todo[left], target[left, here], wrong[left, here], excess[left, here], pull[left, here])
        stuck = todo[state.turns[todo] > _BOLD + 20 + 10 * self.linear.shape[1]]  # the duality gap will tell
        state.settle(stuck[state.at[stuck] < state.ends[stuck]])

    def _target(self, todo: Tensor, sign: Tensor, force: Tensor, threshold: Tensor, ridge: Tensor) -> tuple[Tensor, Tensor]:
        """Solutions (t, ahead, p) if the active weights keep their signs; and which cells' active columns are dependent."""
        active = sign != 0
        most = int(active.sum(1).amax()) if active.numel() else 0
        target = torch.zeros_like(threshold)
        if not most:
            return target, torch.zeros(len(todo), dtype=torch.bool)
        p, many = sign.shape[1], self.ahead
        own, order = active.to(torch.int8).sort(dim=1, descending=True, stable=True)
        # Cells with fewer active columns are filled up with the column of zeros, made 1 on the diagonal.
        order = torch.where(own[:, :most] > 0, order[:, :most], p)
        place = (self.owner[todo, None] * (p + 1) + order) * (p + 1)
        system = self.curvature.view(-1).take(place[:, :, None] + order[:, None, :])
        system.diagonal(dim1=1, dim2=2).add_(pad(ridge, (0, 1), value=1.0).gather(1, order))
        wide = order[:, None].expand(-1, many, -1)
        right = pad(force - threshold * sign[:, None], (0, 1)).gather(2, wide)
        factor, failed = torch.linalg.cholesky_ex(system)
        # A pivot is what is left of a column of size 1 once the others have explained what they can of it.
        least = factor.diagonal(dim1=1, dim2=2).amin(1)
        dependent = (failed > 0) | ~(least**2 > rank_tolerance(p))
        half = torch.linalg.solve_triangular(factor, right.mT, upper=False)
        solution = torch.linalg.solve_triangular(factor.mT, half, upper=True).mT
        return pad(target, (0, 1)).scatter_(2, wide, solution)[:, :, :p], dependent

    def _excess(
        self, todo: Tensor, target: Tensor, sign: Tensor, force: Tensor, threshold: Tensor, ridge: Tensor
    ) -> tuple[Tensor, Tensor]:
        """By how much inactive columns pull harder than their threshold, and the pulls, (t, ahead, p)."""
        s, (c, p), many = len(self.curvature), self.linear.shape, self.ahead
        # One product for all cells of a data set, which lie together; cells that are done take part with zeros.
        everywhere = target
        if len(todo) < c:
            everywhere = torch.zeros(c, many, p, dtype=torch.float64)
            everywhere[todo] = target
        fitted = (self.curvature[:, :p, :p] @ everywhere.reshape(s, -1, p).mT).mT.reshape(c, many, p)
        pull = force - fitted[todo] - ridge[:, None] * target
        beside = 0.0 if self.beside is None else self.beside[todo, None, None]
        rounding = ROUNDING * (1 + beside + target.abs().sum(2, keepdim=True))
        excess = (pull if self.positive else pull.abs()) - threshold - rounding
        return torch.where(((sign == 0) & self.present[todo])[:, None], excess, -1.0), pull

    def _untangle(self, cell: int, state: State, ridge: Tensor) -> None:
        """Make the active columns of a cell independent.

        Of several newcomers only the first stays, for now. One that is a combination of the others takes their place: along
        the combination predictions do not change, the penalty falls, until one of the others is zero and leaves.
        """
        w, sign, fresh = state.w[cell], state.sign[cell], state.fresh[cell]
        state.turns[cell] = max(_BOLD, int(state.turns[cell]) + 1)
        entered = fresh.nonzero()[:, 0]
        if len(entered) == 0:
            w[:], sign[:] = 0.0, 0.0  # a start whose columns are dependent
            return
        if len(entered) > 1:
            sign[entered[1:]], fresh[entered[1:]] = 0.0, False
            return
        j = int(entered[0])
        others = ((sign != 0) & ~fresh).nonzero()[:, 0]
        C = self.curvature[self.owner[cell]]  # its last row and column are zeros
        # Column j is the others times c: moving w_j by s sign_j and the others by -s c sign_j leaves all predictions as they are.
        system = C[others][:, others] + torch.diag(ridge[others])
        along = -minimum_norm(system, C[others, j : j + 1])[:, 0] * sign[j]
        falling = along * sign[others] < 0
        reach = torch.where(falling, w[others].abs() / torch.where(falling, along.abs(), 1.0), torch.inf)
        fresh[j] = False
        if not bool(falling.any()):  # pulled with the force of rounding only
            sign[j] = 0.0
            state.settle(torch.tensor([cell]))
            return
        w[others] += reach.amin() * along
        w[j] = reach.amin() * sign[j]
        leaving = others[reach == reach.amin()]
        w[leaving], sign[leaving] = 0.0, 0.0


def _mend(state: State, cells: Tensor, target: Tensor, wrong: Tensor, excess: Tensor, pull: Tensor) -> None:
    """Mend the guess of cells whose solution on the active weights, the target (t, p), is not the optimum.

    Weights whose sign would turn become zero and leave. Where none has to leave, what pulls too hard enters.
    """
    state.turns[cells] += 1
    # Boldly, all that is wrong is mended at once, as in Newton's method: quick, but it may come back to a guess. Carefully, the way
    # to the target ends at the first weight that reaches zero and one column enters at a time: the objective falls every round.
    careful, blocked = state.turns[cells, None] > _BOLD, wrong.any(1, keepdim=True)
    w, sign, leaving, entering = target, state.sign[cells], wrong, (excess > 0) & ~blocked
    idle = cells[:0]
    if bool(careful.any()):
        # Only the first on the way leaves, and the way ends there; only the hardest enters.
        begin, slow = state.w[cells], careful & blocked
        crossing = torch.where(wrong, begin / torch.where(wrong, begin - target, 1.0), torch.inf)
        first = torch.where(slow, crossing.amin(1, keepdim=True), torch.inf)
        leaving = wrong & (crossing <= first)
        w = torch.where(slow, begin + first.clamp(max=1) * (target - begin), target)
        entering &= ~careful | (torch.arange(w.shape[1]) == excess.argmax(1, keepdim=True))
        # A single newcomer that leaves at once pulled with the force of rounding only.
        idle = cells[(slow & (first == 0))[:, 0] & (leaving == state.fresh[cells]).all(1)]
    state.w[cells] = w.masked_fill(leaving, 0.0)
    state.sign[cells] = torch.where(entering, pull.sign(), sign.masked_fill(leaving, 0.0))
    state.fresh[cells] = entering
    state.settle(idle)
