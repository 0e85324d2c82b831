"""Resampling: what the weights would have been, had other rows been drawn; errors without a formula.

`draws` says how often each row or cluster counts in each sample, `replicates` solves for all samples at once, `intervals` reads them,
and `bootstrap` is the door. Outsiders import from here.
"""

from bestline.inference.resampling.bootstrap import Bootstrap, bootstrap
