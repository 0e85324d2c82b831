"""The penalties by name: the one list of them. A new penalty is a file beside this one and a row here."""

from __future__ import annotations

from bestline.training.penalty.base import Penalty
from bestline.training.penalty.elastic_net import ElasticNetPenalty

PENALTIES: dict[str, type[Penalty]] = {
    "elastic-net": ElasticNetPenalty,
}
