"""Resampling: what the line would have been, had other rows been drawn or had it not seen some; errors without a formula.

`draws` says how often each row or cluster counts in each sample, `replicates` solves for all samples at once, `intervals` reads them.
`bootstrap` and `conformal` are the doors. Outsiders import from here.
"""

from bestline.inference.resampling.bootstrap import Bootstrap, bootstrap
from bestline.inference.resampling.conformal import ConformalPredictor, conformal, conformal_predictor

__all__ = ["Bootstrap", "ConformalPredictor", "bootstrap", "conformal", "conformal_predictor"]
