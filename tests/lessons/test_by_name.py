"""Every lesson can be run by its name and says its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import bestline as bl
from bestline.data.synthetic import lesson

pytestmark = pytest.mark.usefixtures("quiet")


def test_the_lessons_run_by_their_own_words():
    """`truth["run"]` is what a reader of the lesson would do; it works for every lesson."""
    for name, _ in bl.synthetic.LESSONS:
        made = lesson(name)
        run: Mapping[str, Any] = made.truth["run"]
        model = bl.fit(made, "y ~ x", **run)
        assert model.stop is bl.Stop.STEPS
        assert len(model.trace) == run["steps"] + 1
        assert model.trace.gap[-1] < 0.2 * model.trace.gap[0]
