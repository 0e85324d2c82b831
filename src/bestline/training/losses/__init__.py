"""Losses: what a miss costs. One class a loss, one row in `named`.

`base` is the contract: a loss says what it is in the units that training sees, and how it is written in a script. Losses that
are straight beyond their edges are `piecewise`, which the interior point solves exactly. Only outsiders import from here.
"""

from bestline.training.losses.base import Loss, LossFunction
from bestline.training.losses.named import LOSSES, parse_loss
from bestline.training.losses.piecewise import Piecewise, absolute, huber, quantile
from bestline.training.losses.squared import squared
