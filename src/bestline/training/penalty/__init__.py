"""Penalties: what training adds to the loss, so that weights stay small or few. Only outsiders import from here."""

from bestline.training.penalty.base import Penalty as Penalty
from bestline.training.penalty.elastic_net import ElasticNetPenalty as ElasticNetPenalty
