"""Api: the doors that `import bestline` opens. No numbers happen here.

`fit` reads as five lines: request, gather, prepare, train, finish. `model` is the face of a fitted line, methods of at most
three lines; `foresight` has `preflight` and `sweep`. Here is how a door opens: what is behind it is loaded when it is first
asked for, so that neither `import bestline` nor `bestline --help` loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestline.calls import missing, spelt_out

# What commands need beside the public names of `bestline` -> the module that owns it.
_HOME = {
    "parse_cov": "inference.covariance.named",
    "animate": "pictures.watch",
    "contrasts": "inference.marginal",
    "fresh": "files",
    "label": "pictures.watch",
    "level_effects": "inference.marginal",
    "means": "inference.marginal",
    "open_source": "data.tables",
    "page_of": "pictures.watch",
    "panels": "pictures.diagnostics",
    "read_table": "data.tables",
    "refuse_early": "files",
    "refuse_format": "pictures.watch",
    "refuse_look": "pictures.watch",
    "save": "pictures.render.mpl",
    "score_facts": "inference.summary",
    "slopes": "inference.marginal",
    "solve_certified": "api.self_test",
    "workers": "api.self_test",
    "watch_runs": "pictures.watch",
    "worth_watching": "pictures.watch",
    "write_drawing": "pictures.render.mpl",
    "write_sweep": "pictures.sweep_file",
    "write_with": "data.tables",
    "written_as": "pictures.sweep_file",
}

# What people ask `bestline` for, and what is there for it.
_ELSEWHERE = spelt_out(
    {
        "ols OLS lm glm GLM WLS wls regress linregress LinearModel train model regression linear_regression polyfit lstsq": (
            "a line is fitted by bestline.fit(data, 'y ~ x') or bestline.fit(X, y)"
        ),
        "read_csv read read_parquet open read_table": "bestline.fit('table.csv', 'y ~ x') reads files by itself",
        "LogisticRegression Logit logit SGDClassifier": "a line predicts numbers, and no classes; scikit-learn has LogisticRegression",
        "SGD Adam GradientDescent GD Momentum LBFGS": "an optimiser is a setting: bestline.Descent('adam', lr=0.1)",
        "plot show": "pictures are methods of a model: model.plot.overview(); before a fit bestline.plot_data(data, 'y ~ x')",
        "watch animate film": "a film is a method of a model: model.watch(), model.animate('film.gif')",
        "save dump": "a model saves itself: model.save('name.bestline')",
        "predict evaluate summary bootstrap conformal subsets regsubsets best_subset stepAIC stepwise": "it is a method of a model: bestline.fit(...).predict(data)",
        "lesson lessons": "lessons' data are bestline.synthetic.lesson('slope-and-bias')",
        "penguins load_data datasets data": "data to try are bestline.samples.penguins()",
        "lr_find find_lr lr_finder": "bestline.preflight(data, 'y ~ x') tells rates",
        "GridSearchCV cross_val_score cross_validate": "bestline.fit(data, 'y ~ x').held_out is out of fold already",
        "Quantile QuantileRegressor quantreg": "bestline.fit(data, 'y ~ x', loss='quantile:0.9')",
        "add_constant": "a line has an intercept by itself",
    }
)

__all__ = [
    "animate",
    "contrasts",
    "fresh",
    "label",
    "level_effects",
    "means",
    "on_first_use",
    "open_source",
    "page_of",
    "panels",
    "parse_cov",
    "read_table",
    "refuse_early",
    "refuse_format",
    "refuse_look",
    "save",
    "score_facts",
    "slopes",
    "solve_certified",
    "watch_runs",
    "workers",
    "worth_watching",
    "write_drawing",
    "write_sweep",
    "write_with",
    "written_as",
]

if TYPE_CHECKING:
    from bestline.api.self_test import solve_certified, workers
    from bestline.data.tables import open_source, read_table, write_with
    from bestline.files import fresh, refuse_early
    from bestline.inference.covariance.named import parse_cov
    from bestline.inference.marginal import contrasts, level_effects, means, slopes
    from bestline.inference.summary import score_facts
    from bestline.pictures.diagnostics import panels
    from bestline.pictures.render.mpl import save, write_drawing
    from bestline.pictures.sweep_file import write_sweep, written_as
    from bestline.pictures.watch import animate, label, page_of, refuse_format, refuse_look, watch_runs, worth_watching


def on_first_use(namespace: dict[str, Any], homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562) for names that live elsewhere in bestline and load torch, pyarrow or matplotlib.

    Parameters
    ----------
    namespace : dict
        The module's `globals()`; a name that was loaded stays there, so that it is looked up once.
    homes : mapping
        Name -> the module that owns it, below `bestline`. A home that ends in a dot is the package of a module of that name.
    """

    def load(name: str) -> Any:
        if name not in homes:
            if name.startswith("_"):  # Python's own questions
                raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
            raise AttributeError(missing(namespace["__name__"], name, homes, _ELSEWHERE))
        home = f"bestline.{homes[name]}"
        try:
            value = import_module(home + name) if home.endswith(".") else getattr(import_module(home), name)
        except AttributeError as error:  # would otherwise surface as "cannot import name", hiding the cause
            raise ImportError(f"{namespace['__name__']}.{name} could not be loaded") from error
        # From now on it is a name like any other: `__getattr__` is asked only for what is not there.
        namespace[name] = value
        return value

    return load


__getattr__ = on_first_use(globals(), _HOME)
