"""Colours: what is told apart by people with any kind of colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bestline.pictures.marks import RUNS
from bestline.pictures.palette import THEMES

# Machado, Oliveira & Fernandes (2009): linear RGB as seen without one kind of cone.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
APART = 15  # differences in CIELAB: Okabe & Ito's own blue and green are 17 apart without the third kind of cone


def lab(colour: str, cones: str) -> np.ndarray:
    """CIE 1976 L*a*b* under D65 of an sRGB colour."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.clip(np.array(SEEN[cones]) @ np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4), 0, 1)
    xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (xyz @ linear) / np.array([0.95047, 1, 1.08883]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("cones", SEEN)
def test_runs_and_the_start_are_told_apart(theme, cones):
    styles = THEMES[theme].styles
    colours = [styles[f"run{i}"].colour for i in range(RUNS)] + [styles["start"].colour]
    for one, other in combinations(colours, 2):
        assert np.linalg.norm(lab(one, cones) - lab(other, cones)) > APART, (one, other)


def test_the_end_of_training_is_not_taken_for_the_step_that_a_film_shows():
    for theme in THEMES.values():
        assert theme.styles["end"].marker != theme.styles["path"].marker
        assert theme.styles["end"].colour == theme.styles["path"].colour
