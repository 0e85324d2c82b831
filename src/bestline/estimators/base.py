"""What all estimators share: a line predicts; and those that need only moments learn from rows that come in parts."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from bestline.api.fit import fit
from bestline.api.model import Model
from bestline.calls import answering, with_hints
from bestline.data.design import learn
from bestline.data.moments import Moments
from bestline.data.runner import calmly
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning, DataError, OptionError
from bestline.estimators.arrays import Array, TrainingTable, as_numpy, checked_features, checked_table
from bestline.estimators.parameters import Rules, check_parameters
from bestline.numerics import Comoments, Refined
from bestline.training import too_wide
from bestline.training.least_squares import Solved

if TYPE_CHECKING:
    from pandas import DataFrame


@answering(
    {
        "params coef coefs weights slope slopes": "the slopes are .coef_, the intercept .intercept_",
        "coef_ intercept_ n_features_in_": "it is there once fit(X, y) was called",
        "intercept bias": "the intercept is .intercept_",
        "summary tidy conf_int pvalues tvalues bse rsquared aic bic diagnose plot save to_sql to_onnx": (
            "a fitted estimator's .model_ is a bestline.Model, with all of that: .model_.summary()"
        ),
        "formula resid residuals fittedvalues": "formulas are read by bestline.fit(data, 'y ~ x')",
    }
)
class LinearEstimator(RegressorMixin, BaseEstimator):
    """A line with `coef_` and `intercept_`."""

    _rules: ClassVar[Rules] = {}

    def predict(self, X: Array) -> Array:
        """Predictions (n,), or (n, k) for several targets, for features X (n, p): arrays, frames, sparse matrices or tensors."""
        check_is_fitted(self)
        features, home = checked_features(self, X)
        home.refuse_stranger(self)
        # In NumPy, as scikit-learn predicts: a product with X in its own precision, sparse or dense, without copies.
        coef, intercept = as_numpy(self.coef_), as_numpy(self.intercept_)
        prediction = features @ coef.T
        prediction = prediction.toarray() if hasattr(prediction, "toarray") else np.asarray(prediction)
        return home.sent(self._shaped(prediction + intercept))

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        with_hints(cls)

    def _shaped(self, prediction: Any) -> Any:
        return prediction

    def _check(self) -> None:
        check_parameters(self, self._rules)

    def _set_learnt(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


class ModelledEstimator(LinearEstimator, ABC):
    """A line that keeps the moments of its rows, and so is a `bestline.Model` too."""

    fit_intercept: bool
    _moments: Comoments | None
    _rounded: tuple[int, ...] = ()

    @property
    def model_(self) -> Model:
        """The line as a `bestline.Model`: summary, intervals, pictures, saving, export. Made when first asked for."""
        check_is_fitted(self)
        if "_model" not in self.__dict__:
            self._model = self._as_model()
        return self._model

    @property
    def coef_table_(self) -> DataFrame:
        """One row a weight: term, estimate, std_error, statistic, p_value, conf_low, conf_high. NaN where a penalty is at work."""
        return self.model_.tidy()

    @property
    def digits_(self) -> Any:
        """How many digits of each weight are right, at least, by name; NaN where a penalty is at work."""
        return self.model_.digits

    @abstractmethod
    def _as_model(self) -> Model:
        """The line as a model, from what was learnt."""

    def _named_moments(self) -> Moments:
        """The moments that were kept, under the features' names."""
        if self._moments is None:
            raise AttributeError("There are too many columns to keep their moments beside the line; `model_` needs them.")
        names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(self.n_features_in_)])
        named = named_moments(self._moments, [str(name) for name in names], intercept=self.fit_intercept)
        columns = (*named.design.names, *named.design.targets)
        return replace(named, design=replace(named.design, rounded=tuple(columns[j] for j in self._rounded)))

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        # A pickle of the estimator holds what it has learnt; the model is made again from that.
        return {name: value for name, value in state.items() if name != "_model"}


class MomentsEstimator(MultiOutputMixin, ModelledEstimator):
    """A line that is a function of the moments of its rows, whether they come at once or in parts."""

    _refined: Refined | None

    @calmly
    def fit(self, X: Array, y: Array, sample_weight: Array = None) -> Self:
        """Fit the line to rows X (n, p) and y (n,) or (n, k), with weights (n,) if given."""
        self._check()
        return self.learnt_from(checked_table(self, X, y, sample_weight))

    def learnt_from(self, table: TrainingTable, moments: Comoments | None = None) -> Self:
        """The same from rows that are checked, and their moments where these are known."""
        if self._takes_rows(table):
            self._learn_rows(table)
        else:
            too_wide.refuse_moments(table.p)
            self._learn(table.moments() if moments is None else moments, table, exact=True)
        return self

    @calmly
    def partial_fit(self, X: Array, y: Array, sample_weight: Array = None) -> Self:
        """Learn from more rows, exactly: in whatever order and parts rows come, the line is that of one fit to all of them.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self
        """
        self._check()
        first = not hasattr(self, "coef_")
        # Later rows must have the columns of the first ones; `reset` is scikit-learn's word for that.
        table = checked_table(self, X, y, sample_weight, reset=first, part=True)
        before, rounded = (None, ()) if first else (self._moments, self._rounded)
        if not first and before is None:
            raise DataError(
                "This line was fitted to fewer rows than columns, whose moments were not kept; begin with `partial_fit` instead of `fit`."
            )
        if before is not None and before.q != table.p + table.rows.y.shape[1]:
            raise DataError(
                f"These rows have {table.rows.y.shape[1]} targets, those before had {before.q - table.p}; give the same targets."
            )
        moments = table.moments()
        # Moments add up exactly, so it does not matter how the rows were parted: there is no forgetting and no rate.
        self._learn(moments if before is None else before + moments, table)
        self._rounded = tuple(sorted({*rounded, *self._rounded}))
        return self

    @abstractmethod
    def _takes_rows(self, table: TrainingTable) -> bool:
        """Whether the line is found from the rows themselves, which then are fewer than columns and say it in less room."""

    @abstractmethod
    def _learn_rows(self, table: TrainingTable) -> None:
        """Set all that is learnt from the rows."""

    @abstractmethod
    def _learn(self, moments: Comoments, table: TrainingTable, *, exact: bool = False) -> None:
        """Set all that is learnt from moments; the table says what shapes and types results have.

        With `exact` the table holds all rows there are, and may be read again for digits that moments have lost.
        """

    def _set(self, line: Solved, moments: Comoments | None, table: TrainingTable, *, flat: bool) -> None:
        """Set `coef_` and `intercept_` in the shape of the target, the precision of the features, and where the data live."""
        # The model of the line before, if anybody asked for it, is no model of this one.
        self.__dict__.pop("_model", None)
        self._moments, self._refined, self._rounded = moments, line.refined, table.rounded
        coef, level = (values.numpy().astype(table.dtype) for values in (line.slopes.T, line.intercept))
        self.coef_ = table.home.learnt(coef[0] if flat else coef)
        self.intercept_ = table.home.learnt(level[0] if table.flat else level) if self.fit_intercept else 0.0

    @abstractmethod
    def _penalties(self) -> tuple[float, float]:
        """The l1 and l2 penalties in our scale, for `model_`."""

    def _as_model(self) -> Model:
        if self._moments is None:
            raise AttributeError(
                "There are fewer rows than columns, and their moments were not kept; `model_` needs more rows."
            )
        # AttributeError, here and above and below: then `hasattr(estimator, "model_")` says whether there is a model.
        if getattr(self, "positive", False):
            raise AttributeError("A model has no bounds on its slopes; this line has.")
        try:
            l1, l2 = self._penalties()
        except OptionError as error:
            raise AttributeError(str(error)) from error
        named = self._named_moments()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BestlineWarning)  # the same sentences are in the model's notes
            # `digits=0`: nothing is asked for, since moments alone have no more to give.
            model = fit(named, l1=l1, l2=l2, standardize=False, digits=0)
        # The exact solution needs the rows, which a model of moments has not: what `fit` has found is handed on.
        found = self._refined
        if found is None:
            return model
        # Of numbers that were rounded it is exact, too, but its digits are not those of the numbers as they came.
        return replace(model, fit=replace(model.fit, weights=found.weights), refined=None if self._rounded else found)


class ChosenEstimator(LinearEstimator):
    """A line whose penalty was chosen by cross-validation: what the line of all rows knows of itself, it knows."""

    _fitted: MomentsEstimator

    @property
    def model_(self) -> Model:
        """The line fitted to all rows as a `bestline.Model`."""
        return self._fitted.model_

    @property
    def coef_table_(self) -> DataFrame:
        """One row a weight, as in LinearRegression; standard errors are NaN."""
        return self._fitted.coef_table_

    def _set_fitted(self, fitted: MomentsEstimator, *names: str) -> None:
        self._fitted = fitted
        for name in ("n_features_in_", "feature_names_in_"):  # the table was checked by this estimator, maybe not by that one
            if hasattr(self, name):
                setattr(fitted, name, getattr(self, name))
        self._set_learnt({name: getattr(fitted, name) for name in ("coef_", "intercept_", *names)})


def named_moments(moments: Comoments, features: Sequence[str], *, intercept: bool) -> Moments:
    """Moments of unnamed columns as those of a table with these features; the targets are y, or y0, y1, ..."""
    k = moments.q - len(features)
    targets = ["y"] if k == 1 else [f"y{i}" for i in range(k)]
    # A feature may be called y.
    while set(targets) & set(features):
        targets = [f"{name}_" for name in targets]
    # A design is learnt from a table: two rows of numbers are enough to say that every column is a number.
    tiny = torch.arange(2, dtype=torch.float64)
    design = learn(open_source(dict.fromkeys((*features, *targets), tiny)), target=targets, features=features)
    design = replace(design, intercept=intercept)
    # Unnamed moments do not know the range of a column: no prediction is outside of it.
    unknown = torch.full((len(features),), float("inf"), dtype=torch.float64)
    return Moments(design, (moments,), -unknown, unknown)
