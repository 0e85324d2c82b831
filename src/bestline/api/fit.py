"""From a table to a model: `bestline.fit`.

request: what was asked, checked -> gather: one pass over the rows -> prepare: plan and parts -> train -> Model
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from bestline.api.model import Model
from bestline.calls import data_first
from bestline.data.progress import Progress
from bestline.data.runner import calmly
from bestline.data.unnamed_columns import Which
from bestline.errors import BestlineWarning, DivergedWarning, warn
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.named import parse_cov
from bestline.inference.from_fit import finished
from bestline.training import Fit, Request, Solver, Stop, Watch
from bestline.training.gather import gather
from bestline.training.limits import Bounds
from bestline.training.own_forward import UserForward
from bestline.training.plan import UserLoss
from bestline.training.prepare import Prepared, prepare
from bestline.training.task import Part, Start
from bestline.training.worth_watching import stands_still, to_watch


@data_first
@calmly
def fit(
    data: Any,
    formula: Any = None,
    *,
    target: Which | None = None,
    features: Which | None = None,
    solver: str | Solver | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    penalty_factors: Mapping[str, float] | None = None,
    bounds: Bounds | None = None,
    constraints: str | Sequence[str] | None = None,
    cv: str | None = None,
    folds: int | str = 5,
    loss: UserLoss = "squared",
    forward: UserForward | str | None = None,
    weights: Any = None,
    weight_kind: str = "analytic",
    missing: str = "raise",
    standardize: bool | None = None,
    split: Sequence[float] | None = None,
    start: Start | None = None,
    seed: int = 0,
    device: str = "auto",
    digits: int = 8,
    cov: Cov | None = None,
    engine: Any = None,
    progress: Progress | None = None,
    watch: Watch | bool | None = None,
    **descent: Any,
) -> Model:
    """Fit a line to data.

    The objective is (1/n) sum (y - y_hat)^2 + l1 sum |w| + l2 sum w^2 on the columns as trained: unless `standardize` is false,
    columns and target are standardised, which the scale of `l1` depends on. So `l2` = alpha / n is scikit-learn's `Ridge(alpha)` on standardised columns, `l1` = 2 alpha its
    `Lasso(alpha)` on standardised columns and target. The intercept is never penalised.

    Parameters
    ----------
    data
        A path, several, a glob or URL; a pandas, polars or pyarrow frame; a dict of arrays; a pair (X, y) of arrays or
        tensors, y (n,), (n, 1) or (n, k); or `Moments`, or the path of a .moments file, then without any data.
    formula : str, optional
        Such as `"mpg ~ weight + C(origin)"`, before or behind the data: `fit("mpg ~ weight", frame)` is the same. Behind an array or
        frame X it may be y instead: `fit(X, y)` is `fit((X, y))`.
    target, features : str, int or sequence of those, optional
        Columns by name, in place of a formula; left out, the features are all other columns that can serve. A number is the
        column called so, as frames made of arrays have them; of an array it is the place: 2 is the column x2, -1 the last.
    solver : str, Solver or class of torch.optim, optional
        "exact", "proximal", "interior-point", "stochastic", the name of an optimiser in any spelling, or an object such as
        `Descent("adam", lr=0.1, steps=200)` or `Stochastic(steps=5)`. By default exact, or what the penalty and the loss need.
    l1, l2 : float
        Penalty weights of the lasso and of ridge (weight decay), not negative; both are the elastic net.
    penalty_factors : mapping, optional
        How much of the penalties a column takes, by the name of the column or of its term: 0 leaves it free, 2 counts twice; those
        not named take 1. So {"age": 0, "species": 0} penalises neither age nor the levels of species.
    bounds : mapping, pair or str, optional
        What weights may be, in the data's units: {"price": (None, 0), "Intercept": (0, None)}, by the name of a column or of its term;
        or (0, None) for all slopes; as text "price=:0". Solved for exactly, with an l2 penalty or none. A standard error then takes
        the bounds that hold the line for known, and the summary says so.
    constraints : str or sequence of str, optional
        Linear restrictions of the weights, such as "a + b = 1" or "a <= 2 * b, b <= 1". Standard errors are those of restricted least
        squares.
    cv : {"ridge", "lasso", "enet"}, optional
        Choose the penalty by K-fold cross-validation: `l2`, `l1`, or both together. All that were tried are in `Model.cv`.
    folds : int or str
        Number of folds for out-of-fold scores and `cv`; or a column whose values are the folds, for rows that belong together:
        each line is then judged by groups of which it has seen no row. That column is no feature unless it is named.
    loss : str or callable
        "squared", "huber" (its threshold 1.345 times a robust scale of the residuals; "huber:10" for one in the target's units),
        "absolute", "quantile" (the median; "quantile:0.9" for others), by these names or those of scikit-learn and torch ("mse",
        "mae", `nn.HuberLoss()`); or a function (prediction, y) -> losses of the rows, or one number. Of one target it is given (n,)
        and (n,), of several (n, k) and (n, k).
    forward : nn.Module, callable or str, optional
        An own model, trained on the rows: a module of X (n, p), or a function (X, w (p, k), b (k,)) -> (n, k). Or "polynomial"
        or "polynomial:3": powers of every column up to that degree, by default 2, without interactions. That is the line
        `y ~ x + I(x ** 2) + I(x ** 3)`, with all that lines have: the exact solution, intervals, right digits. For columns of
        numbers alone, and a degree from 1 to 10.
    weights : str or array (n,), optional
        Column of weights, or the weights; not negative. Rows of weight 0 count as absent.
    weight_kind : {"analytic", "frequency", "probability"}
        What the weights are, as Stata tells them apart. "analytic" (aweight): a row is a mean of so many observations, its variance
        sigma^2 / weight; n is the number of rows. "frequency" (fweight): a row stands for so many equal rows; whole numbers, n is their sum,
        and every number is that of the table with its rows repeated. "probability" (pweight): the row represents so many units of the
        population; n is the number of rows, and the standard errors are robust ones, HC1 where `cov` says nothing else.
    missing : {"raise", "drop", "impute"}
        Refuse missing values; leave their rows out; or fill numbers with the mean of the training rows and give categories a
        level of their own. Rows without a target are dropped by the last two.
    standardize : bool, optional
        Train on standardised columns (by the training rows only); results are in the data's units either way. By default true
        for lines, false for own forward functions.
    split : sequence of 2 or 3 shares or numbers of rows, optional
        Training, (validation,) and test rows, drawn by `seed`: the test part gets ceil(share * n), validation
        ceil(share * n), training the rest; no part may be empty. Whole numbers such as (35, 7, 8) are rows, and add up to n. n counts all rows: those left out because a value is missing
        leave afterwards. By default all rows are trained on and the error is out of fold.
    start : mapping, sequence or tensor, optional
        First weights in the data's units, by name or in the order of the weights with the intercept last; by default small
        and seeded. The exact solver only records it, as step 0.
    seed : int
        Of folds, split, start and order of rows, each with a generator of its own.
    device : {"auto", "cpu", "cuda"}
        Where training on rows is done; results come back to the CPU.
    digits : int
        Right digits asked for; fewer are warned of.
    cov : str or mapping, optional
        Which standard errors the line has, for everything that shows one: summary, tests, intervals of coefficients and predictions,
        reports, the saved file. By default those that go with the loss and the weights: "classical" for least squares, "HC1" under
        probability weights, "robust" for the absolute, quantile and Huber losses. "classical": errors are independent and vary alike. "HC0" to "HC3" (HC3): independent, and differ in
        size (heteroscedasticity). {"cluster": "firm"}, {"cluster": ["firm", "year"]}: correlated within groups, CR1; "type": "CR2" or
        "CR3" for few groups. {"hac": "week", "lags": 4}: Newey-West, rows in order of a column (None: as they stand), correlated with
        their neighbours; {"driscoll-kraay": "year", "lags": 2}: the same for panels. Without lags, floor(4 (n / 100)^(2/9)) of them.
        As one text "cluster:firm,year" and "hac:week,lags=4". Lines by the absolute, quantile and Huber losses have kinds of their own:
        "robust", theirs by default, for errors of any spread, and "iid" for errors alike in all rows; of quantiles with options
        "bandwidth" ("hall-sheather", "bofinger", "chamberlain") and "density" ("own", "fits", "common"; "nid" is short for "fits"), of Huber lines "form" ("H1", "H2", "H3").
        They need one more pass over the rows. The columns named are no features unless the formula has them; with missing="drop" rows without a value there are left out.
    engine : str or client, optional
        Who reads the rows: "dask" for a Dask cluster of this machine, the address of one such as "tcp://host:8786", or a client; by
        default this process. Files are read by its workers, some row groups each. Frames of an engine bring their own.
    progress : callable, optional
        Hears of passes over the data: (what, fraction).
    watch : callable or True, optional
        Hears of every training Step, in the data's units; true shows training as it happens, in a notebook as a live figure.
    **descent
        Fields of `Descent` for a solver given by name: lr, steps, batch_size, schedule, patience, tol. Of `Stochastic` for
        "stochastic": lr, steps (its epochs), rate, power, average, patience, tol.

    Returns
    -------
    Model

    Raises
    ------
    DataError, OptionError, NumericalError
        And their subclasses; see `bestline.errors`.

    Warns
    -----
    BestlineWarning
        Once for everything the user should know; the same sentences are in `Model.notes`.
    """
    kind = None if cov is None else parse_cov(cov, loss)
    asked = {**locals(), "cov": kind and kind.text}
    request = Request.of(data, formula, asked, DEFAULTS, beside=kind.columns if kind else ())
    gathered = gather(request.query, progress)
    prepared = prepare(request, gathered)
    fit = watched(prepared, watch)
    return told(Model.of(finished(request, prepared, fit, progress, kind)))


DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(fit).parameters.items()
    if name not in ("data", "formula", "progress", "watch", "device", "descent")
}


def watched(prepared: Prepared, watch: Watch | bool | None) -> Fit:
    """Train, and let `watch` hear of every step; the live picture, which true asks for, shows some of the rows."""
    if watch is not True:
        return prepared.train(watch or None)
    from bestline.pictures import live  # matplotlib

    plan = prepared.plan
    with live.watching(watch, live.few_rows(prepared)) as hear:
        # What takes no time is done first: only then is it known whether there was anything to see.
        if not plan.squared_line or (plan.solver.loop is not None and plan.solver.whole_gradient != "sgd"):
            return prepared.train(hear)
        fit = prepared.train()
        if not stands_still(plan, fit):
            return prepared.train(hear)
        training = prepared.parts.training.moments
        seen, words = to_watch(plan, training)
        seen.run(Part(training), None, hear)
    warn(f"The line was solved at once. {words}")
    return fit


def told(model: Model) -> Model:
    """The model, and its notes as warnings, once."""
    for note in model.notes:
        warn(note, DivergedWarning if model.stop is Stop.DIVERGED and note == model.advice else BestlineWarning)
    return model
