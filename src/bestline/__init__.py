"""bestline fits straight lines and planes to data: watch them learn, trust the numbers, scale to any number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module that owns it. Loaded on first use, so that `import bestline` loads neither torch nor pyarrow.
_HOME = {
    "Descent": "solvers",
    "ElasticNet": "estimators",
    "ElasticNetCV": "estimators",
    "Exact": "solvers",
    "Fit": "fitting",
    "HuberRegressor": "estimators",
    "InteriorPoint": "solvers",
    "Lasso": "estimators",
    "LassoCV": "estimators",
    "LinearRegression": "estimators",
    "Model": "model",
    "Moments": "collect",
    "Proximal": "solvers",
    "Ridge": "estimators",
    "RidgeCV": "estimators",
    "Rows": "rows",
    "SGDRegressor": "estimators",
    "Step": "solvers",
    "Stochastic": "solvers",
    "Stop": "solvers",
    "Trace": "fitting",
    "compare": "second_pass",
    "errors": "errors",
    "fit": "from_table",
    "load": "modelfile",
    "nn": "nn",
    "preflight": "before",
    "samples": "samples",
    "surface": "surfaces",
    "sweep": "before",
    "synthetic": "synthetic",
}
_MODULES = frozenset({"errors", "nn", "samples", "synthetic"})

__all__ = [
    "Descent",
    "ElasticNet",
    "ElasticNetCV",
    "Exact",
    "Fit",
    "HuberRegressor",
    "InteriorPoint",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "Model",
    "Moments",
    "Proximal",
    "Ridge",
    "RidgeCV",
    "Rows",
    "SGDRegressor",
    "Step",
    "Stochastic",
    "Stop",
    "Trace",
    "__version__",
    "compare",
    "errors",
    "fit",
    "load",
    "nn",
    "preflight",
    "samples",
    "surface",
    "sweep",
    "synthetic",
]

if TYPE_CHECKING:
    from bestline import errors, nn, samples, synthetic
    from bestline.before import preflight, sweep
    from bestline.collect import Moments
    from bestline.estimators import (
        ElasticNet,
        ElasticNetCV,
        HuberRegressor,
        Lasso,
        LassoCV,
        LinearRegression,
        Ridge,
        RidgeCV,
        SGDRegressor,
    )
    from bestline.fitting import Fit, Trace
    from bestline.from_table import fit
    from bestline.model import Model
    from bestline.modelfile import load
    from bestline.rows import Rows
    from bestline.second_pass import compare
    from bestline.solvers import Descent, Exact, InteriorPoint, Proximal, Step, Stochastic, Stop
    from bestline.surfaces import surface


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bestline' has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"bestline.{_HOME[name]}")
        value = module if name in _MODULES else getattr(module, name)
    except AttributeError as error:  # would otherwise surface as "cannot import name", hiding the cause
        raise ImportError(f"bestline.{name} could not be loaded") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
