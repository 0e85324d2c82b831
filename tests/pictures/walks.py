"""Models to watch."""

from __future__ import annotations

import torch

import bestline as bl

PENGUINS = str(bl.samples.path("penguins"))


LINE = "body_mass_g ~ flipper_length_mm"


def module():
    with torch.random.fork_rng():  # its first weights come from the global state
        return torch.nn.Linear(1, 1)
