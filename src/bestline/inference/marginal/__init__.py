"""Marginal: what a line says at the levels of a term, averaged over the rest, what they differ by, and how steep the line is.

`means`, `contrasts`, `slopes` and `difference` give a `Marginal`, a table of estimates with the errors that the line keeps. All read the
moments: the rows are read only for the mean of a number that the moments do not tell, and for another covariance. `level_effects` are
those that a line has absorbed.
"""

from bestline.inference.marginal.absorbed_levels import LevelEffects, level_effects
from bestline.inference.marginal.effects import contrasts, difference, means, named, slopes
from bestline.inference.marginal.table import Marginal

__all__ = ["LevelEffects", "Marginal", "contrasts", "difference", "level_effects", "means", "named", "slopes"]
