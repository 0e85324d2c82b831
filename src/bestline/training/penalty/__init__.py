"""Penalties: what training adds to the loss, so that weights stay small or few. One class a penalty, one row in `named`.

`base` is the contract: value, gradient and prox, and what the penalty says of itself. Solvers ask what it is by these, and
never which class it belongs to. Only outsiders import from here.
"""

from bestline.training.penalty.base import Penalty
from bestline.training.penalty.elastic_net import ElasticNetPenalty
