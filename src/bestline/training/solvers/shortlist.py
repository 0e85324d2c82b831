"""Shortlist: along a segment of the path most columns stay as they are, so that only a shortlist has to be decided about.

Between two events, weights and pulls are straight lines in l1 (the path of a lasso is piecewise linear: Osborne, Presnell &
Turlach 2000), which predicts where a weight will reach zero and where a column will
pull hard enough to enter:

    w(l1) = 0           at  l1 - w / (dw / dl1)             a weight leaves
    |pull(l1)| = l1 f / 2   where the line of the pull meets that of the threshold, from above or below: a column enters

Columns to which that may happen soon make the shortlist U; the other active columns are the core C,
which keeps its signs s; the others have no weight. With the core eliminated,

    M = G_CC + l2 f     S = G_UU - G_UC M^-1 G_CU     pull_U = h_U - G_UC M^-1 (h_C - l1 f_C s / 2) - S w_U

a lasso of the shortlist is left, whose equations are small under every penalty of the segment (the rules that leave columns out
of a path, as in Tibshirani et al. 2012, and Cholesky's factor of the rest kept, as in Efron et al. 2004). Whether nothing else
happened is seen from all signs and pulls in the end; as far as that holds the solutions are those of all columns, and what did
happen is on the next shortlist. Where that leads nowhere, all columns are decided about, as where they are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.semidefinite import RANK_TOLERANCE
from bestline.training.solvers.active_sets import ROUNDING, Cells, State, ladder

_AHEAD = 4  # penalties that one factorisation serves, when they differ in l1 only
_MANY = 256  # columns from which on a shortlist is worth while
_SHORT = 64  # columns on the shortlist, at least
_SHARE = 0.75  # of the shortlist to which something is predicted to happen before the segment ends
_SMALL = 0.125  # of the mean size of the weights: smaller ones may leave, whichever way they went
_LONG = 24  # penalties in a segment, at most
_TRIES = 8  # at one penalty, before all columns are decided about


def active_sets(
    curvature: Tensor,
    linear: Tensor,
    square: Tensor,
    l1: Tensor,
    l2: Tensor,
    *,
    factors: Tensor,
    positive: bool,
    start: Tensor | None,
    top: Tensor,
) -> tuple[Tensor, int]:
    """Solutions (s, m, p, k) along the path, and the rounds made.

    Parameters
    ----------
    curvature, linear, square : Tensor (s, p, p), (s, p, k), (s, k)
        G, h and the targets' second moments.
    l1, l2 : Tensor (m, k)
    factors : Tensor (p,)
    positive : bool
    start : Tensor (s, p, k) or None
        Weights near the first solution.
    top : Tensor (k,)
        An l1 under which no weight is left; the path starts there when no start is given.
    """
    s, p, k = linear.shape
    size = curvature.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    present = size > 0
    size = torch.where(present, size, 1.0)
    height = torch.where(square > 0, square, 1.0).sqrt()
    units = (height[:, None, :] / size[:, :, None]).mT.reshape(s * k, p)  # of the cells' weights
    l1, l2, told = ladder(l1, l2, top if start is None else l1[0])
    scaled = torch.zeros(s, p + 1, p + 1, dtype=torch.float64)
    inside = scaled[:, :p, :p]
    torch.div(curvature, torch.mul(size[:, :, None], size[:, None, :], out=inside), out=inside)
    # Every column and every target is brought to size 1, so that one tolerance suits all of them and nobody's units decide; the
    # penalties stay as they are, and what they are multiplied by, the thresholds and ridges, takes the units.
    cells = Cells(
        curvature=scaled,
        linear=(linear / size[:, :, None] / height[:, None, :]).mT.reshape(s * k, p),
        drift=torch.zeros(s * k, p, dtype=torch.float64),
        owner=torch.arange(s).repeat_interleave(k),
        present=present.repeat_interleave(k, 0),
        l1=l1.T.repeat(s, 1),
        l2=l2.T.repeat(s, 1),
        threshold=factors * units / (2 * height.reshape(-1, 1) ** 2),
        ridge=(factors / size**2).repeat_interleave(k, 0),
        positive=positive,
        ahead=_AHEAD if bool((l2 == l2[:1]).all()) else 1,
    )
    state = State.at_start(cells, None if start is None else start.mT.reshape(s * k, p) / units)
    steady = bool((l2 == l2[:1]).all()) and bool((l1.diff(dim=0) <= 0).all())
    # A shortlist is for paths that go down under one and the same l2, and for many columns; else all are decided about.
    rounds = _by_segments(cells, state) if p >= _MANY and steady and start is None else 0
    rounds += cells.solve(state)
    found = state.found[:, told] * units[:, None]
    return found.reshape(s, k, len(told), p).permute(0, 2, 3, 1), rounds


def _by_segments(cells: Cells, state: State) -> int:
    """Segment after segment as far as that leads, and the rounds made."""
    trend, rounds = _Trend.at_start(cells), 0
    # Invariant: state.found holds proven solutions of all penalties before state.at, and state.sign the signs of the last of them.
    # A segment that does not advance doubles its shortlist (turns); after a few such tries the cell is left to whole rounds.
    cores = [_Core.empty(cells.linear.shape[1]) for _ in cells.linear]
    while len(todo := ((state.at < state.ends) & (state.turns < _TRIES)).nonzero()[:, 0]):
        segment = _Segment.next(todo, cells, state, trend, [cores[cell] for cell in todo.tolist()])
        inner, made = segment.solved(state)
        segment.advance(cells, state, trend, inner)
        rounds += made
    state.turns[:] = 0
    return rounds


@dataclass(frozen=True, slots=True, eq=False)
class _Trend:
    """Where the paths were last, and which way they went.

    Attributes
    ----------
    l1 : Tensor (c, 1)
    pull : Tensor (c, p)
    dw, dpull : Tensor (c, p)
        How weights and pulls change with l1.
    missed : Tensor (c, p)
        Columns that were not on the shortlist and ought to have been.
    """

    l1: Tensor
    pull: Tensor
    dw: Tensor
    dpull: Tensor
    missed: Tensor

    @classmethod
    def at_start(cls, cells: Cells) -> _Trend:
        """Without weights, where the first column is about to enter."""
        force = cells.linear if cells.positive else cells.linear.abs()
        top = (force / cells.threshold.clamp(min=1e-300)).amax(1, keepdim=True).clamp(min=0)
        still = torch.zeros_like(cells.linear)
        return cls(top, cells.linear.clone(), still, still.clone(), torch.zeros_like(still, dtype=torch.bool))

    def predicted(self, cells: Cells, state: State, todo: Tensor) -> tuple[Tensor, Tensor]:
        """The shortlist (t, u), and until which l1 it is predicted to do, (t, 1)."""
        l1, w, pull, dw, dpull = (part[todo] for part in (self.l1, state.w, self.pull, self.dw, self.dpull))
        edge, level = cells.threshold[todo], pull - l1 * dpull  # the pull at l1 = 0
        up, down = _between(level / (edge - dpull), l1), _between(-level / (edge + dpull), l1)
        enters = up if cells.positive else torch.maximum(up, down)
        # For each column the l1 at which something is predicted to happen to it next; 0 where nothing is.
        event = torch.where(w != 0, _between(l1 - w / dw, l1), enters).masked_fill(~cells.present[todo], -1.0)
        event = event.masked_fill(self.missed[todo], torch.inf)
        # Long enough to reach one more penalty, whatever is predicted till then; twice as long where it was not.
        here = cells.l1[todo].gather(1, state.at[todo, None])
        needed = int((event >= here).sum(1).amax() / _SHARE) + 1
        u = min(max(_SHORT * 2 ** int(state.turns[todo].amax()), needed), event.shape[1])
        until = event.topk(int(_SHARE * (u - 1)) + 1, dim=1).values[:, -1:].clamp(min=0)
        # The other places go to those that pull nearly hard enough as it is, and to the smallest weights.
        size = w.abs()
        typical = size.sum(1, keepdim=True) / (w != 0).sum(1, keepdim=True).clamp(min=1)
        near = torch.where(w == 0, (pull.abs() / edge.clamp(min=1e-300)).clamp(max=l1), l1 * (1 - size / (_SMALL * typical)))
        near = near.masked_fill(~cells.present[todo], -torch.inf)
        order = torch.where((event >= until) & (event > 0), event + 2 * l1, near)
        return order.topk(u, dim=1).indices, until

    def follow(self, todo: Tensor, state: State, l1: Tensor, w: Tensor, pull: Tensor, run: Tensor) -> None:
        """Cells have gone on by `run` of the penalties l1 (t, n), with solutions and pulls (t, n, p)."""
        gone = (run > 0).nonzero()[:, 0]
        to, last = todo[gone], run[gone] - 1
        before = (last - 1).clamp(min=0)
        first = (last == 0)[:, None]
        # Slopes from the last two solutions; from the last one and the state before, where there is only one.
        step = l1[gone, last, None] - torch.where(first, self.l1[to], l1[gone, before, None])
        step = torch.where(step == 0, torch.inf, step)
        for now, then, change in ((w, state.w, self.dw), (pull, self.pull, self.dpull)):
            here = now[gone, last]
            change[to] = (here - torch.where(first, then[to], now[gone, before])) / step
            then[to] = here
        self.l1[to] = l1[gone, last, None]


def _between(at: Tensor, l1: Tensor) -> Tensor:
    """Those between l1 and 0; 0 else."""
    return torch.where((at >= 0) & (at <= l1 * (1 + 1e-9)), at, 0.0)


@dataclass(slots=True, eq=False)
class _Core:
    """Columns C of one cell that keep their weights' signs, with M = L L', and the shortlist U beside them.

    Attributes
    ----------
    columns : Tensor (a,)
        C, in the order in which they were eliminated.
    room : Tensor (p, p)
        L' in its corner.
    short : Tensor (u,)
        U.
    half : Tensor (a, u + 2)
        L^-1 (G_CU, h_C, f_C s / 2).
    """

    columns: Tensor
    room: Tensor
    short: Tensor
    half: Tensor

    @classmethod
    def empty(cls, p: int) -> _Core:
        """Before the first column."""
        none = torch.zeros(0, dtype=torch.long)
        return cls(none, torch.empty(p, p, dtype=torch.float64), none, torch.zeros(0, 2, dtype=torch.float64))

    @property
    def factor(self) -> Tensor:
        """L (a, a)."""
        a = len(self.columns)
        return self.room[:a, :a].T

    def become(self, wanted: Tensor, G: Tensor, ridge: Tensor) -> bool:
        """Change to the columns wanted, (p,), all of them in C or U; False when they are dependent.

        What was eliminated before the first column that leaves remains as it is, and so do its rows of L^-1 G, which are those
        of the new L'.
        """
        a = len(self.columns)
        r = int(wanted[self.columns].long().cumprod(0).sum())
        known = torch.cat([self.columns[r:], self.short])
        place = wanted[known].nonzero()[:, 0]
        new = known[place]
        above = torch.cat([self.room[:r, r:a], self.half[:r, : len(self.short)]], 1).index_select(1, place)
        corner = G.index_select(0, new).index_select(1, new) - above.T @ above
        corner.diagonal().add_(ridge[new])
        factor, failed = torch.linalg.cholesky_ex(corner, upper=True)
        self.columns = torch.cat([self.columns[:r], new])
        a = len(self.columns)
        self.room[:r, r:a], self.room[r:a, r:a] = above, factor
        return not failed and bool((factor.diagonal() ** 2 > RANK_TOLERANCE * len(G) ** 0.5).all())

    def eliminate(self, short: Tensor, G: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """What is left of G (u, u) and of h and f s / 2, (u, 2), on a shortlist; `right` (p, 2)."""
        rows, C, u = G.index_select(0, short), self.columns, len(short)
        both = torch.cat([rows.index_select(1, C).T, right[C]], 1)
        self.short, self.half = short, torch.linalg.solve_triangular(self.factor, both, upper=False)
        taken = self.half[:, :u].T @ self.half
        return rows.index_select(1, short) - taken[:, :u], right[short] - taken[:, u:]

    def weights(self, found: Tensor, l1: Tensor) -> Tensor:
        """Of the core, (n, a), under penalties l1 (n,), beside those of the shortlist, (n, u)."""
        u = len(self.short)
        left = self.half[:, u, None] - self.half[:, u + 1, None] * l1 - self.half[:, :u] @ found.T
        return torch.linalg.solve_triangular(self.factor.T, left, upper=True).T


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    """The next penalties of some cells.

    Attributes
    ----------
    todo : Tensor (t,)
    short : Tensor (t, u)
        The columns on the shortlist.
    sign : Tensor (t, p)
        Of the core, 0 outside.
    cores : list of _Core
    rest : Cells
        The lasso of the shortlist.
    count : Tensor (t,)
        How many penalties are meant; none where the core's columns are dependent.
    """

    todo: Tensor
    short: Tensor
    sign: Tensor
    cores: list[_Core]
    rest: Cells
    count: Tensor

    @classmethod
    def next(cls, todo: Tensor, cells: Cells, state: State, trend: _Trend, cores: list[_Core]) -> _Segment:
        """As far as the shortlist is predicted to do."""
        short, until = trend.predicted(cells, state, todo)
        ahead = state.at[todo, None] + torch.arange(_LONG)
        l1 = cells.l1[todo].gather(1, ahead.clamp(max=cells.l1.shape[1] - 1))
        count = ((l1 >= until) & (ahead < state.ends[todo, None])).long().cumprod(1).sum(1).clamp(min=1)
        l1 = l1[:, : int(count.amax())]
        (t, u), p = short.shape, cells.linear.shape[1]
        sign = state.sign[todo].scatter(1, short, 0.0)
        threshold, ridge = cells.threshold[todo], cells.l2[todo, :1] * cells.ridge[todo]
        right = torch.stack([cells.linear[todo], threshold * sign], 2)
        # Of each cell's shortlist: S, and its pulls without weights as two columns, the part without l1 and what l1 is multiplied by.
        curvature, force = torch.zeros(t, u + 1, u + 1, dtype=torch.float64), torch.empty(t, u, 2, dtype=torch.float64)
        for i, core in enumerate(cores):
            G = cells.curvature[cells.owner[todo[i]], :p, :p]
            if not core.become(sign[i] != 0, G, ridge[i]):
                count[i] = 0
            curvature[i, :u, :u], force[i] = core.eliminate(short[i], G, right[i])
        rest = Cells(
            curvature=curvature,
            linear=force[:, :, 0],
            drift=force[:, :, 1],
            owner=torch.arange(t),
            present=cells.present[todo].gather(1, short),
            l1=l1,
            l2=cells.l2[todo, :1].expand(-1, l1.shape[1]),
            threshold=threshold.gather(1, short),
            ridge=cells.ridge[todo].gather(1, short),
            positive=cells.positive,
            ahead=cells.ahead,
            beside=(state.w[todo] * sign).sum(1),
        )
        return cls(todo, short, sign, cores, rest, count)

    def solved(self, state: State) -> tuple[State, int]:
        """The lasso of the shortlist, and the rounds made."""
        inner = State.at_start(self.rest, state.w[self.todo].gather(1, self.short))
        inner.ends[:] = self.count
        return inner, self.rest.solve(inner)

    def advance(self, cells: Cells, state: State, trend: _Trend, inner: State) -> None:
        """On, as far as all signs and pulls allow; what forbids it is missed."""
        todo, n = self.todo, self.rest.l1.shape[1]
        # The shortlist's solution is that of all columns as far as no sign of the core has turned and no column outside pulls too
        # hard: these are the conditions of the optimum, looked at for every column. `run` penalties in a row hold.
        w, pull = self._whole(cells, inner.found)
        misfit = self._misfit(cells, w, pull)
        run = (~misfit.any(2) & (torch.arange(n) < inner.at[:, None])).long().cumprod(1).sum(1)
        cell, step = (torch.arange(n) < run[:, None]).nonzero(as_tuple=True)
        state.found[todo[cell], state.at[todo[cell]] + step] = w[cell, step]
        trend.follow(todo, state, self.rest.l1, w, pull, run)
        moved = run > 0
        missed = misfit[torch.arange(len(todo)), run.clamp(max=n - 1)] & (run < inner.at)[:, None]
        trend.missed[todo] = missed | (trend.missed[todo] & ~moved[:, None])
        state.at[todo] += run
        state.sign[todo] = state.w[todo].sign()
        state.turns[todo] = torch.where(moved, 0, torch.where(inner.at > 0, state.turns[todo] + 1, _TRIES))

    def _whole(self, cells: Cells, found: Tensor) -> tuple[Tensor, Tensor]:
        """Solutions of all columns from those of the shortlist, (t, n, u), and all pulls, both (t, n, p)."""
        n, p = found.shape[1], self.sign.shape[1]
        w = torch.zeros(len(found), n, p, dtype=torch.float64).scatter_(2, self.short[:, None].expand(-1, n, -1), found)
        fitted = torch.zeros_like(w)
        for i, (core, m) in enumerate(zip(self.cores, self.count.tolist(), strict=True)):
            w[i, :m, core.columns] = core.weights(found[i, :m], self.rest.l1[i, :m])
            torch.matmul(w[i, :m], cells.curvature[cells.owner[self.todo[i]], :p, :p], out=fitted[i, :m])
        ridge = cells.l2[self.todo, :1] * cells.ridge[self.todo]
        return w, cells.linear[self.todo, None] - fitted.addcmul_(ridge[:, None], w)

    def _misfit(self, cells: Cells, w: Tensor, pull: Tensor) -> Tensor:
        """Which columns of the core have weights of another sign, and which others pull too hard, (t, n, p)."""
        wrong = w * self.sign[:, None] < 0
        edge = self.rest.l1[:, :, None] * cells.threshold[self.todo, None]
        hard = (pull if cells.positive else pull.abs()) > edge + ROUNDING * (1 + w.abs().sum(2, keepdim=True))
        return wrong | (hard & ((self.sign == 0) & cells.present[self.todo])[:, None] & (w == 0))
