"""How large a learning rate may be, which to take when nobody says, and how many steps it then takes.

Along a direction of curvature c, a step of rate r multiplies the distance to the bottom by 1 - r c. So descent converges if and
only if r < 2 / L, L being the largest curvature; momentum b moves the limit to 2 (1 + b) / L (Polyak 1964), Nesterov's form of it
(1983), as torch has it, to 2 (1 + b) / ((1 + 2 b) L). With momentum each direction follows a recurrence of two terms,

    z(t+2) = (l1 + l2) z(t+1) - l1 l2 z(t)      z(t) / z(0) = l2^t + (first - l2) (l1^t - l2^t) / (l1 - l2)

where z(1) = first z(0); plain descent is the case l1 = first = 1 - r c, l2 = 0. So the loss after any number of steps is known
without making them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from bestline.numerics import Bowl, Square, Weights, eigenvalues, eigenvectors, rank_tolerance, singular_vectors
from bestline.training.objective import Objective, RowLoss

DROP = 1e-3  # "converged", when rates are compared: 0.1% of the reducible loss remains
HORIZON = 1_000_000_000  # steps nobody waits for
_WINDOW = 64  # steps looked at together


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """A bowl along its principal directions, the flat ones left out.

    Attributes
    ----------
    curvature : Tensor (m,)
        Second derivative of the loss along each direction, descending, all above 0.
    energy : Tensor (m,)
        Loss above the floor that lies along each direction at the start; the losses of several targets added up.
    """

    curvature: Tensor
    energy: Tensor

    @classmethod
    def of(cls, bowl: Bowl, start: Weights, units: Tensor | None = None) -> Modes:
        """The modes of `bowl` seen from `start` (d, k), `units` (k,) of each target's loss."""
        curvature, directions = principal(bowl.curvature)
        energy = curvature[:, None] / 2 * (directions.T @ (start - bowl.bottom)) ** 2
        return cls(curvature, energy.sum(1) if units is None else energy @ units)

    @property
    def gap(self) -> float:
        """Loss above the floor at the start."""
        return float(self.energy.sum())


def principal(H: Square) -> tuple[Tensor, Tensor]:
    """Curvatures 2 h (m,), descending, and directions (d, m) of the bowl of a positive semidefinite H (d, d), flat ones left out.

    The columns are brought to one scale before what is flat is decided, so units do not matter, and the small curvatures come
    from singular values of a factor of H: they keep digits where those of H itself drown in the large ones (Demmel & Veselić
    1992).
    """
    # H = S C S with S the columns' sizes: C has ones on its diagonal, and of C it is decided what is flat. With C = V L V', the
    # singular values of the factor S V L^1/2 squared are the eigenvalues of H.
    size = H.diagonal().clamp(min=0).sqrt()
    kept = size > 0
    if not bool(kept.any()):
        return H.new_zeros(0), H.new_zeros(len(H), 0)
    values, vectors = eigenvectors(H[kept][:, kept] / torch.outer(size[kept], size[kept]))
    there = values > values[-1] * rank_tolerance(len(values))
    factor = H.new_zeros(len(H), int(there.sum()))
    factor[kept] = size[kept, None] * vectors[:, there] * values[there].sqrt()
    directions, singular, _ = singular_vectors(factor)
    return 2 * singular**2, directions


def curvatures(objective: Objective, at: Weights) -> Tensor:
    """Second derivatives of the loss along its principal directions, ascending: exact for squared loss, else at `at`.

    For other losses only the largest is found, by power iteration on products with the Hessian.
    """
    bowl = objective.bowl
    if bowl is not None:
        return 2 * eigenvalues(bowl.curvature)
    return torch.tensor([_largest_curvature(objective.smooth, at) + objective.penalty.curvature], dtype=torch.float64)


def limit(optimizer: Optimizer, largest: float) -> float | None:
    """Largest stable rate of full-batch training for curvature `largest`; None where no such limit is known.

    Known for torch's SGD, with momentum and Nesterov's too; weight decay adds to the curvature.
    """
    group = optimizer.param_groups[0]
    if type(optimizer) is not torch.optim.SGD or group["dampening"] or group["maximize"]:
        return None
    largest += group["weight_decay"]
    return stable(largest, momentum=group["momentum"], nesterov=group["nesterov"]) if largest > 0 else None


def stable(largest: float, *, momentum: float = 0.0, nesterov: bool = False) -> float:
    """The rate below which descent on a bowl of largest curvature `largest` converges, and above which it diverges."""
    b = momentum
    return 2 * (1 + b) / ((1 + 2 * b) * largest) if nesterov else 2 * (1 + b) / largest


def predicted_steps(modes: Modes, rates: Tensor, left: float, *, momentum: float = 0.0, nesterov: bool = False) -> Tensor:
    """For each rate (r,) the step from which on the loss stays at most `left` above the floor; infinite beyond a billion."""
    if modes.gap <= left:
        return torch.zeros_like(rates)
    bound = _settled(modes, rates, left, momentum, nesterov)
    if not momentum:
        return bound
    # Invariant: from step `end` on the loss stays below `left`. The window before it is made exactly, and its last step above is
    # the answer; where none is above, the window is passed over.
    # Backwards from the bound, which is near: where it is not tight the directions die out fast.
    end, found = bound.clone(), torch.where(bound.isinf(), bound, -1.0)
    while bool((found < 0).any()):
        begin = (end - _WINDOW).clamp(min=0)
        above = _gaps(modes, rates, begin, momentum, nesterov) > left
        last = _WINDOW - above.flip(1).to(torch.uint8).argmax(1)  # one past it
        found = torch.where((found < 0) & above.any(1), begin + last, found)
        end = begin
    return found


def _settled(modes: Modes, rates: Tensor, left: float, momentum: float, nesterov: bool) -> Tensor:
    """A number of steps that is enough for each rate (r,): every direction taken at the height of its swing.

    With no momentum nothing swings, and it is the least such number.
    """
    big, small, apart, gain = _envelope(modes.curvature, rates[:, None], momentum, nesterov)

    def enough(t: Tensor) -> Tensor:
        power, lesser = big ** (t[:, None] - 1), small ** t[:, None]
        # |z(t)| <= |l2|^t + |first - l2| |l1^t - l2^t| / |l1 - l2|, and the divided difference is at most t |l1|^(t-1).
        reach = lesser + gain * torch.minimum(t[:, None] * power, (big * power + lesser) / apart)
        return reach**2 @ modes.energy <= left  # no number, where a rate explodes, is not enough

    # Later than any direction still grows: t l^t with l^2 <= b turns at -2 / log b.
    low = torch.full_like(rates, math.ceil(1 - 4 / math.log(momentum)) if momentum else 1.0)
    high = torch.where(enough(low), low, float(HORIZON))
    never = ~enough(high)
    # Bisection, for all rates together: `high` steps are enough, `low` are not (or are the fewest that are looked at).
    while bool((high - low > 1).any()):
        middle = ((low + high) / 2).floor()
        there = enough(middle)
        high, low = torch.where(there, middle, high), torch.where(there, low, middle)
    return torch.where(never, torch.inf, high)


def _roots(curvature: Tensor, rate: Tensor | float, b: float, nesterov: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Factor of the first step, sum and product of l1 and l2."""
    pull = rate * curvature
    first = 1 - (1 + b) * pull if nesterov else 1 - pull
    return first, first + b, b * (1 - pull) if nesterov else torch.full_like(pull, b)


def _envelope(curvature: Tensor, rate: Tensor, b: float, nesterov: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """|l1| >= |l2|, |l1 - l2| and |first - l2|."""
    first, trace, product = _roots(curvature, rate, b, nesterov)
    # l1 and l2 are the roots of l^2 - trace l + product. Below zero `square` makes them complex: then both are of size
    # sqrt(product) and the way down is a swing. The larger root without cancellation, the other from the product.
    square = trace**2 - 4 * product
    apart = square.abs().sqrt()
    big = (trace + torch.where(trace < 0, -apart, apart)) / 2
    small = torch.where(big == 0, 0.0, product / big)
    swings = square < 0
    modulus = product.clamp(min=0).sqrt()
    gain = torch.where(swings, torch.hypot(first - trace / 2, apart / 2), (first - small).abs())
    big, small = (torch.where(swings, modulus, root.abs()) for root in (big, small))
    return big, small, apart.clamp(min=1e-300), gain


def _gaps(modes: Modes, rates: Tensor, begin: Tensor, b: float, nesterov: bool) -> Tensor:
    """Loss above the floor of each rate (r,) after `begin` (r,) steps and those that follow: (r, window), exactly."""
    first, trace, product = _roots(modes.curvature, rates[:, None], b, nesterov)
    root = (trace**2 - 4 * product).to(torch.complex128).sqrt()
    big = (trace + torch.where(trace < 0, -root, root)) / 2
    small = torch.where(big == 0, 0.0, product / big)
    apart = big - small

    def share(t: Tensor) -> Tensor:
        # Where the roots all but meet, their divided difference is the derivative.
        close = apart.abs() * t < 1e-6
        spread = torch.where(close, t * big ** (t - 1), (big**t - small**t) / torch.where(apart == 0, 1.0, apart))
        return (small**t + (first - small) * spread).real

    t = begin[:, None]
    now, then = torch.where(t == 0, 1.0, share(t.clamp(min=1))), share(t + 1)
    gaps = []
    for _ in range(_WINDOW):
        gaps.append(now**2 @ modes.energy)
        now, then = then, trace * then - product * now
    return torch.stack(gaps, 1)


def best_rate(bowl: Bowl, start: Weights, *, momentum: float = 0.0, nesterov: bool = False) -> float:
    """The rate with the fewest predicted steps from this start until 0.1% of the reducible loss remains."""
    modes = Modes.of(bowl, start)
    if not len(modes.curvature):
        return 1.0
    largest = float(modes.curvature[0])
    # Rates are tried as shares of the limit; the best lies near it when the curvatures are alike, at about half when they are not.
    edge = stable(largest, momentum=momentum, nesterov=nesterov)
    rates = torch.linspace(0.05, 0.97, 93, dtype=torch.float64) * edge
    steps = predicted_steps(modes, rates, DROP * modes.gap, momentum=momentum, nesterov=nesterov)
    return float(rates[int(steps.argmin())]) if bool(steps.isfinite().any()) else 1 / largest


def automatic(optimizer: Optimizer, objective: Objective, start: Weights, batch_size: int | None) -> float:
    """The rate for `lr="auto"`.

    Full-batch descent on a bowl, with momentum or without, takes the rate of fewest predicted steps. On slices of m rows, L is
    the expected smoothness of Gower et al. (2019, ICML), and the rate 1 / (2 L). Optimisers that move every weight by about the
    rate itself, such as Adam, take a twentieth of the way to the bottom.
    """
    bowl = objective.bowl
    if isinstance(optimizer, torch.optim.LBFGS):
        return 1.0
    if not isinstance(optimizer, torch.optim.SGD):
        away = float((start - bowl.bottom).abs().max()) if bowl is not None and len(start) else 2.0
        return max(away / 20, 1e-3)  # a start near the bottom still needs room to move
    largest = float(curvatures(objective, start)[-1]) if len(start) else 0.0
    if not 0 < largest < float("inf"):
        return 0.1
    group = optimizer.param_groups[0]
    if batch_size is not None:
        return 1 / (2 * _expected_smoothness(objective, largest, batch_size)) * (1 - group["momentum"])
    if bowl is not None and not group["weight_decay"] and limit(optimizer, largest) is not None:
        return best_rate(bowl, start, momentum=group["momentum"], nesterov=group["nesterov"])
    return 1 / (largest + group["weight_decay"])


def _expected_smoothness(objective: Objective, largest: float, m: int) -> float:
    if objective.slices is None:
        return largest
    n = len(objective.slices)
    worst = 2 * objective.slices.longest() if n else 1.0
    if n <= 1:
        return max(worst, largest)
    # Between that of single rows (m = 1: the longest row's) and that of all rows (m = n).
    m = min(m, n)
    return n * (m - 1) / (m * (n - 1)) * largest + (n - m) / (m * (n - 1)) * worst


def _largest_curvature(smooth: object, at: Weights, rounds: int = 30) -> float:
    assert isinstance(smooth, RowLoss)  # noqa: S101  the only other Smooth
    leaf = at.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(smooth.losses(leaf).sum(), leaf, create_graph=True)
    if not gradient.requires_grad:  # the loss is linear in the weights: no curvature at all
        return 0.0
    # Power iteration: products with the Hessian turn any direction towards that of the largest curvature, and its length is it.
    direction = torch.ones_like(at) / max(at.numel(), 1) ** 0.5
    size = 0.0
    for _ in range(rounds):
        (product,) = torch.autograd.grad(gradient, leaf, direction, retain_graph=True, allow_unused=True)
        size = float(product.norm()) if product is not None else 0.0
        if not 0 < size < float("inf"):
            return 0.0
        direction = product / size
    return size
