"""bestline fits straight lines and planes to data: watch them learn, trust the numbers, scale to any number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestline.api import on_first_use
from bestline.wording import VERSION

__version__ = VERSION

# Public name -> the module that owns it; "" and "data." are for modules. All are loaded on first use: `import bestline` loads
# neither torch nor pyarrow.
_HOME = {
    "Descent": "training.solvers",
    "Design": "api.design",
    "ElasticNet": "estimators",
    "ElasticNetCV": "estimators",
    "Exact": "training.solvers",
    "Fit": "training.outcome",
    "Groups": "api.groups",
    "HuberRegressor": "estimators",
    "InteriorPoint": "training.solvers",
    "Lasso": "estimators",
    "LassoCV": "estimators",
    "LinearRegression": "estimators",
    "Model": "api.model",
    "Moments": "api.moments",
    "Proximal": "training.solvers",
    "Recorder": "api.recorder",
    "Ridge": "estimators",
    "RidgeCV": "estimators",
    "Rows": "numerics.rows",
    "SGDRegressor": "estimators",
    "Step": "training.solvers",
    "Stochastic": "training.solvers",
    "Stop": "training.solvers",
    "Trace": "training.outcome",
    "Windows": "api.windows",
    "compare": "inference.comparison",
    "table": "export.side_by_side",
    "errors": "",
    "fit": "api.fit",
    "fit_groups": "api.groups",
    "fit_rolling": "api.windows",
    "line": "api.chosen_line",
    "load": "api.load",
    "nn": "",
    "plot_data": "api.plot_data",
    "preflight": "api.foresight",
    "samples": "data.",
    "stream": "data.tables",
    "surface": "api.surface",
    "sweep": "api.foresight",
    "synthetic": "data.",
}

__all__ = [
    "Descent",
    "Design",
    "ElasticNet",
    "ElasticNetCV",
    "Exact",
    "Fit",
    "Groups",
    "HuberRegressor",
    "InteriorPoint",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "Model",
    "Moments",
    "Proximal",
    "Recorder",
    "Ridge",
    "RidgeCV",
    "Rows",
    "SGDRegressor",
    "Step",
    "Stochastic",
    "Stop",
    "Trace",
    "Windows",
    "__version__",
    "compare",
    "errors",
    "fit",
    "fit_groups",
    "fit_rolling",
    "line",
    "load",
    "nn",
    "plot_data",
    "preflight",
    "samples",
    "stream",
    "surface",
    "sweep",
    "synthetic",
    "table",
]

if TYPE_CHECKING:
    from bestline import errors, nn
    from bestline.api.chosen_line import line
    from bestline.api.design import Design
    from bestline.api.fit import fit
    from bestline.api.foresight import preflight, sweep
    from bestline.api.groups import Groups, fit_groups
    from bestline.api.load import load
    from bestline.api.model import Model
    from bestline.api.plot_data import plot_data
    from bestline.api.recorder import Recorder
    from bestline.api.surface import surface
    from bestline.api.windows import Windows, fit_rolling
    from bestline.data import samples, synthetic
    from bestline.data.moments import Moments
    from bestline.data.tables import stream
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
    from bestline.export.side_by_side import table
    from bestline.inference.comparison import compare
    from bestline.numerics.rows import Rows
    from bestline.training.outcome import Fit, Trace
    from bestline.training.solvers import Descent, Exact, InteriorPoint, Proximal, Step, Stochastic, Stop


__getattr__ = on_first_use(globals(), _HOME)


def __dir__() -> list[str]:
    return __all__
