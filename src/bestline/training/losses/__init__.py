"""Losses: what a miss costs. Only outsiders import from here."""

from bestline.training.losses.base import Loss as Loss
from bestline.training.losses.base import LossFunction as LossFunction
from bestline.training.losses.named import LOSSES as LOSSES
from bestline.training.losses.named import parse_loss as parse_loss
from bestline.training.losses.piecewise import Piecewise as Piecewise
from bestline.training.losses.piecewise import absolute as absolute
from bestline.training.losses.piecewise import huber as huber
from bestline.training.losses.piecewise import quantile as quantile
from bestline.training.losses.squared import squared as squared
