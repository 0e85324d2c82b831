"""Routing: what `fit` is given besides the data goes to the splitter or the scorer, by scikit-learn's metadata routing."""

from __future__ import annotations

from typing import Any

from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from bestline.errors import OptionError
from bestline.estimators.arrays import Array


def routed(estimator: Any, params: dict[str, Any], sample_weight: Array, *, to: str = "splitter") -> dict[str, Any]:
    """Keyword arguments for the splitter's `split` or the scorer, by scikit-learn's metadata routing."""
    # scikit-learn's default: nothing is routed, and a scorer alone is handed the weights.
    if not get_config()["enable_metadata_routing"]:
        refuse(estimator, params)
        return {"sample_weight": sample_weight} if to == "scorer" and sample_weight is not None else {}
    if sample_weight is not None:
        params = params | {"sample_weight": sample_weight}
    # With routing on, everything that `fit` was given besides X and y goes where it was asked for, weights included.
    found = process_routing(estimator, "fit", **params)
    return dict(found.splitter.split if to == "splitter" else found.scorer.score)


def router(owner: Any, **callees: Any) -> MetadataRouter:
    """What parameters of an estimator's `fit` go where: to its `splitter`, to its `scorer`."""
    found = MetadataRouter(owner=owner).add_self_request(owner)
    for role, callee in callees.items():
        method = {"splitter": "split", "scorer": "score"}[role]
        found.add(method_mapping=MethodMapping().add(caller="fit", callee=method), **{role: callee})
    return found


def refuse(estimator: Any, params: dict[str, Any]) -> None:
    """Raise OptionError for parameters that need routing while it is off."""
    if params:
        raise OptionError(
            f"Passing extra keyword arguments to {type(estimator).__name__}.fit is only supported if enable_metadata_routing=True; "
            f"set it by sklearn.set_config, or leave out {', '.join(params)}."
        )
