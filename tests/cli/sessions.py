"""Sessions in pages."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

Run = Callable[..., SimpleNamespace]
