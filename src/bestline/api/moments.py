"""Moments, as `import bestline` opens them: with the engines there, whose data are taken as any others are."""

from __future__ import annotations

from bestline.data.moments import Moments
from bestline.engines.choose import placed

__all__ = ["Moments", "placed"]
