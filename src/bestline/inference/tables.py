"""Tables: a line's numbers as pandas series and frames, under the names that statsmodels and broom have for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.inference import classical
from bestline.inference.covariance.base import Cov
from bestline.inference.fitted import FittedLine
from bestline.inference.uncertainty import errors_name, errors_of, glances, tables, tables_by
from bestline.inference.why_not import refuse, why_not

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def by_name(line: FittedLine, values: Tensor, names: Sequence[str]) -> Series | DataFrame:
    """Values (m, k) as a series by name; as a frame with a column a target when there are several."""
    import pandas as pd

    if values.shape[1] == 1:
        return pd.Series(values[:, 0].tolist(), index=list(names), dtype=float)
    return pd.DataFrame(values.numpy(), index=list(names), columns=list(line.targets))


def intercept(line: FittedLine) -> float | Series:
    """The intercept; 0 for a line without one. One a target when there are several."""
    import pandas as pd

    # The last parameter of an own module is whatever it is, and no intercept.
    own = line.own_module is None and line.design.intercept
    values = line.weights[-1].tolist() if own else [0.0] * len(line.targets)
    return values[0] if len(values) == 1 else pd.Series(values, index=list(line.targets))


def column(line: FittedLine, name: str) -> Series | DataFrame:
    """One column of the coefficient tables, such as "std_error", by the names of the weights."""
    values = [[getattr(c, name) for c in table] for table in tables(line)]
    return by_name(line, torch.tensor(values, dtype=torch.float64).T, line.names)


def tidy(line: FittedLine, level: float = 0.95, cov: Cov | None = None, data: Any = None) -> DataFrame:
    """One row a weight, by broom's names: term, estimate, std_error, statistic, p_value, conf_low, conf_high.

    Which errors these are is in its `attrs["cov"]`, "none" of a line whose training stopped on the way. Under bounds a last column, `at_bound`, is "lower", "upper", "fixed" or "".
    """
    import pandas as pd

    # broom has one row a term; several targets stand below each other, told apart by a first column.
    frames = []
    errors = errors_of(line, cov, data)
    for i, (target, table) in enumerate(zip(line.targets, tables_by(line, errors, level), strict=True)):
        frame = pd.DataFrame(table)
        if line.plan.limits is not None:
            frame["at_bound"] = line.plan.limits.sides(line.weights, i)
        if len(line.targets) > 1:
            frame.insert(0, "target", target)
        frames.append(frame)
    whole = pd.concat(frames, ignore_index=True)
    whole.attrs["cov"] = errors_name(errors)
    return whole


def conf_int(line: FittedLine, level: float = 0.95, cov: Cov | None = None, data: Any = None) -> DataFrame:
    """Intervals of the weights, columns `low` and `high`; for least squares without a penalty."""
    frame = tidy(line, level, cov, data).rename(columns={"conf_low": "low", "conf_high": "high"})
    one = len(line.targets) == 1
    return frame.set_index("term" if one else ["target", "term"])[["low", "high"]]


def glance(line: FittedLine) -> DataFrame:
    """One row a target: nobs, r_squared, adj_r_squared, sigma, F statistic, p_value, log_lik, aic, bic.

    `aic` and `bic` count the coefficients and not sigma, as statsmodels does; R counts sigma, too: 2 and log(n) higher.

    Of a line without a constant r_squared, adj_r_squared and F are about zero; two columns more say so: r_squared_about, which is
    "zero", and r_squared_about_mean. With absorbed effects r_squared counts them, and r_squared_within does not. Of a line with robust errors F and p_value are Wald's test by them, and a column `cov` names them.

    Where training stopped before the least-squares solution r_squared is of the line as it is, what belongs to the solution is NaN, and a
    column `note` says so.
    """
    import pandas as pd

    if line.diverged:
        refuse(line, "There is nothing to glance at")
    if line.inference is None:
        plan, limits = line.plan, line.plan.limited_by.replace(" and ", " or ")
        other = "an own forward function" if plan.forward is not None else "another loss"
        has = limits or ("a penalty" if plan.penalised else other)
        raise NumericalError(
            f"`glance` is for plain least squares, and this line has {has}; look at `fitted_scores` and `held_out`."
        )
    found = glances(line, line.robust)
    if found is None:  # an F or AIC of the exact line beside the R2 of this one would be taken for its own
        n, df = line.training.count, line.inference.df_resid
        found = [classical.Glance(n, df, r2, *[math.nan] * 7) for r2 in line.fitted_scores.r2]
    table = pd.DataFrame(found, index=list(line.targets))
    if not line.settled:
        table["note"] = f"{why_not(line)}; r_squared is of the line as it is"
    if line.design.absorbed is not None:
        table["r_squared_within"] = line.fitted_scores.r2_within
    elif line.about_zero:  # it would be taken for the usual one
        table["r_squared_about"], table["r_squared_about_mean"] = "zero", line.fitted_scores.r2_about_mean
    if line.robust is not None and line.settled:
        table["cov"] = line.robust.title
    return table
