"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

from bestline.errors import BestlineWarning

settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def quiet() -> Iterator[None]:
    """Where the notes of a fit are not the point."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        yield


@pytest.fixture(autouse=True)
def untouched_global_state() -> Iterator[None]:
    """No test, and nothing it calls, may move the global random stream of torch."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "the global random state of torch was moved"
