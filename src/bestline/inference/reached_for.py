"""Reached for: a line's numbers by the names of statsmodels, scikit-learn and R, and what other names are called here.

rsquared aic bic nobs llf ssr df_resid ...       coef_ intercept_ score(X, y) ...       sigma deviance vcov ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from bestline.calls import checked
from bestline.errors import NumericalError
from bestline.inference.fitted import FittedLine
from bestline.inference.prediction import evaluate
from bestline.inference.tables import glance, intercept
from bestline.inference.why_not import why_not

# Of least squares: columns of `glance` by statsmodels' names and by R's.
_GLANCED = {
    "rsquared_adj": "adj_r_squared",
    "adj_r_squared": "adj_r_squared",
    "aic": "aic",
    "bic": "bic",
    "llf": "log_lik",
    "log_lik": "log_lik",
    "logLik": "log_lik",
    "fvalue": "statistic",
    "f_pvalue": "p_value",
    "sigma": "sigma",
}

ELSEWHERE = {
    "resid residuals resid_ res": "a model keeps no rows: model.augment() has `resid` of its training rows, model.augment(data) of others",
    "fittedvalues fitted_values fitted yhat y_hat predicted": (
        "a model keeps no rows: model.augment() has `fitted` of its training rows, model.predict(data) of others"
    ),
    "resid_pearson standardized_residuals std_resid rstandard rstudent": "model.augment() has `std_resid`",
    "hat hatvalues leverage cooksd cooks_distance get_influence outlier_test dffits dfbetas": "model.influence() has them of every row",
    "get_prediction prediction": "model.predict(data, interval='prediction')",
    "get_robustcov_results cov_HC0 cov_HC1 cov_HC2 cov_HC3 HC0_se HC1_se HC2_se HC3_se": (
        "model.summary(cov='HC3'), tidy(cov='HC3') and covariance('HC3') have robust standard errors"
    ),
    "tss sst total_ss centered_tss uncentered_tss ess mse_total mse_model": "model.anova() has sums of squares, and model.ssr that of the residuals",
    "anova_lm Anova aov": "model.anova() tests each term",
    "regsubsets leaps bestglm best_subset stepAIC stepwise dredge select": "model.subsets(by='bic') tries all subsets of the terms",
    "emmeans lsmeans marginal_means margins ggpredict avg_predictions": "model.means('term') has the means of its levels, averaged over the others",
    "pairwise pairs comparisons avg_comparisons t_test_pairwise pairwise_tukeyhsd tukey": "model.contrasts('term', adjust='tukey') compares levels",
    "fixef ranef fixed_effects estimated_effects entity_effects absorbed_effects": "model.effects() has what each absorbed level adds",
    "emtrends avg_slopes get_margeff marginal_effects": "model.slopes('column', by='term') says how steep the line is",
    "f_test t_test wald_test linear_hypothesis": "model.wald('x = 0, z = 0') tests restrictions",
    "condition_number eigenvals vif durbin_watson jarque_bera het_breuschpagan": "model.diagnose() tells of it",
    "get_params set_params params_ alpha_ alpha l1_ratio": "how it was fitted is in model.plan and model.recipe",
    "predict_proba decision_function classes_": "a line predicts numbers: model.predict(data)",
    "train partial_fit refit": "a model does not change: bestline.fit(data, formula) makes another",
    "history losses loss_curve_ loss_ loss val_loss train_loss": "model.trace.loss has the loss of every step, model.trace.frame() all of them",
    "learning_rate lr eta0": "the first learning rate is model.rate, the largest stable one model.rate_limit",
    "n_iter n_iter_ epochs epoch": "the number of updates is model.trace.step[-1]",
    "parameters state_dict eval forward module weight bias": "model.to_torch() is a module of torch",
    "se std_err std_errs std_error std_errors stderr standard_errors": "standard errors are model.bse",
    "n n_rows rows_ nrow n_samples": "the number of rows is model.nobs",
    "loglik loglikelihood": "it is model.log_lik",
    "p_values pvals pval p": "it is model.pvalues",
    "t_values tstats t_stats t": "it is model.tvalues",
    "confint ci intervals": "it is model.conf_int()",
    "slope beta betas theta coeffs": "the slopes are model.coef, with the intercept model.params",
    "coefs coeff coefficient": "the slopes are model.coef, with their standard errors model.tidy()",
    "intercept0 const": "the intercept is model.intercept",
    "r2_score R2 r_2 R_squared": "model.rsquared is of the training rows, model.held_out.r2 of others",
    "mae": "model.evaluate(data).mae: absolute errors need the rows",
    "dump to_pickle save_model export": "model.save('name.bestline')",
    "onnx export_onnx": "model.to_onnx('name.onnx')",
    "sql": "model.to_sql('table')",
    "code to_code source_code": "model.script()",
    "show draw figure plot_loss plot_fit": "pictures are model.plot.overview(), .data(), .loss(), ...",
    "summary2 describe info print": "model.summary()",
    "data frame df X y endog exog": "a model keeps no rows; model.rows() reads its training rows again",
    "test transform fit_transform fit_predict": "model.evaluate(data) and model.predict(data)",
    "feature_importances_ importance": "model.plot.coefficients() shows weights with their intervals",
    "cv_results_ mse_path_ best_params_": "all penalties that were tried are in model.cv",
}


def _glanced(column: str) -> Callable[[FittedLine], Any]:
    def glanced(line: FittedLine) -> Any:
        _arrived(line)
        return _each(line, glance(line)[column].tolist())

    return glanced


def _each(line: FittedLine, values: Iterable[Any]) -> Any:
    """One target's value as it is, those of several by the target's name."""
    values = list(values)
    if len(line.targets) == 1:
        return values[0]
    import pandas as pd

    return pd.Series(values, index=list(line.targets))


def _classical(line: FittedLine) -> Any:
    if line.inference is None:
        raise NumericalError(
            "it is of least squares without a penalty or bounds; model.fitted_scores and model.held_out are there."
        )
    return line.inference


def _arrived(line: FittedLine) -> Any:
    """The same where the weights are that solution; else its figures are another line's."""
    found = _classical(line)
    if not line.settled:
        raise NumericalError(f"{why_not(line)}; model.fitted_scores and model.held_out are of the line as it is.")
    return found


def _df(line: FittedLine) -> int:
    """Residual degrees of freedom: of least squares, or of another line that has errors."""
    return line.robust.df if line.edged and line.robust is not None else int(_classical(line).df_resid)


def _training(line: FittedLine, measure: str) -> Any:
    return _each(line, getattr(line.fitted_scores, measure))


def _cov_params(line: FittedLine) -> Callable[[], Any]:
    own = line.robust if line.edged else None
    arrived = own or _arrived(line)
    covariance = (line.robust or arrived).covariance
    import pandas as pd

    frames = [pd.DataFrame(of.numpy(), index=list(line.names), columns=list(line.names)) for of in covariance]

    @checked
    def cov_params() -> Any:
        """The covariance of the weights, of several targets by their names."""
        return frames[0] if len(frames) == 1 else dict(zip(line.targets, frames, strict=True))

    return cov_params


def _coef(line: FittedLine) -> Any:
    slopes = line.weights[: line.slope_count].T.numpy().copy()  # (k, p), as scikit-learn has several targets
    return slopes[0] if len(line.targets) == 1 else slopes


def _intercept(line: FittedLine) -> Any:
    value = intercept(line)
    return value if len(line.targets) == 1 else np.asarray(value)


def _score(line: FittedLine) -> Callable[..., float]:
    @checked
    def score(X: Any, y: Any = None) -> float:
        """R2 on rows with a known target, of a table or of X and y; of several targets their mean, as scikit-learn has it."""
        data = X
        scores = evaluate(line, data if y is None else (data, y))
        r2 = scores.r2 if scores.r2_about_mean is None else scores.r2_about_mean
        return float(sum(r2) / len(r2))

    return score


VALUES: dict[str, Callable[[FittedLine], Any]] = {
    **{name: _glanced(column) for name, column in _GLANCED.items()},
    "nobs": lambda line: line.training.count,
    "n_obs": lambda line: line.training.count,
    "df_resid": _df,
    "df_residual": _df,
    "df_model": lambda line: (
        line.training.count - _classical(line).df_resid - int(not line.about_zero or line.design.absorbed is not None)
    ),
    "ssr": lambda line: _each(line, _arrived(line).rss.tolist()),
    "deviance": lambda line: _each(line, _arrived(line).rss.tolist()),
    "mse_resid": lambda line: _each(line, (_arrived(line).sigma ** 2).tolist()),
    "scale": lambda line: _each(line, (_arrived(line).sigma ** 2).tolist()),
    "cov_params": _cov_params,
    "vcov": _cov_params,
    "mse": lambda line: _training(line, "mse"),
    "rmse": lambda line: _training(line, "rmse"),
    **{name: lambda line: _training(line, "r2") for name in ("rsquared", "r_squared", "r2")},
    "formula": lambda line: line.design.formula,
    "coef_": _coef,
    "intercept_": _intercept,
    "score": _score,
    "n_features_in_": lambda line: len(line.design.needs),
    "feature_names_in_": lambda line: np.array(line.design.needs, dtype=object),
    "endog_names": lambda line: line.targets[0] if len(line.targets) == 1 else list(line.targets),
    "exog_names": lambda line: list(line.names),
    "feature_names": lambda line: list(line.features),
}
_WITH_ERRORS = {"df_resid", "df_residual", "cov_params", "vcov"}
_OF_LEAST_SQUARES = {*_GLANCED, "df_model", "ssr", "deviance", "mse_resid", "scale"}


def there(line: FittedLine) -> list[str]:
    """The names of `VALUES` that a line has."""
    lacking = (
        set() if line.least_squares else _OF_LEAST_SQUARES if line.edged and line.robust else _OF_LEAST_SQUARES | _WITH_ERRORS
    )
    return [name for name in VALUES if name not in lacking]
