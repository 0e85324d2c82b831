"""Self-test: two problems whose answers NIST has certified, solved here and now, and how many of their digits come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from bestline.api.fit import fit
from bestline.data import samples
from bestline.data.runner import thread_count
from bestline.inference.peers import agreed

# Statistical Reference Datasets of NIST, https://www.itl.nist.gov/div898/strd: weights, the intercept last, and their standard errors.
_CERTIFIED = {
    "norris": (
        "y ~ x",
        (1.00211681802045, -0.262323073774029),
        (0.429796848199937e-03, 0.232818234301152),
    ),
    "longley": (
        "employed ~ deflator + gnp + unemployed + armed_forces + population + year",
        (
            15.0618722713733,
            -0.358191792925910e-01,
            -2.02022980381683,
            -1.03322686717359,
            -0.511041056535807e-01,
            1829.15146461355,
            -3482258.63459582,
        ),
        (
            84.9149257747669,
            0.334910077722432e-01,
            0.488399681651699,
            0.214274163161675,
            0.226073200069370,
            455.478499142212,
            890420.383607373,
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One problem, solved.

    Attributes
    ----------
    name : str
    weights, errors : float
        Digits in which the worst weight and the worst standard error agree with the certified ones, 15 at the most.
    """

    needed: ClassVar[float] = 13.0  # digits: certified values have 15 themselves, and float64 holds just under 16
    name: str
    weights: float
    errors: float

    @property
    def good(self) -> bool:
        """Whether the answers are those of NIST."""
        return min(self.weights, self.errors) >= self.needed


def workers() -> tuple[int, list[str]]:
    """How many threads go through rows here, and the devices that torch can train on."""
    return thread_count(), ["cpu", *(f"cuda: {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count()))]


def solve_certified() -> list[Tried]:
    """All of them, solved."""
    found = []
    for name, (formula, weights, errors) in _CERTIFIED.items():
        line = fit(samples.path(name), formula)
        own = line.weights[:, 0], torch.tensor(line.bse[list(line.names)].to_numpy(), dtype=torch.float64)
        certified = (torch.tensor(values, dtype=torch.float64) for values in (weights, errors))
        worst = [min(15.0, float(agreed(a, b).min())) for a, b in zip(own, certified, strict=True)]
        found.append(Tried(name, *worst))
    return found
