"""From a table to a model: `bestline.fit`.

open the data -> learn the design -> one pass: moments of folds or parts -> train -> Model
"""

from __future__ import annotations

import inspect
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.climb import climbed
from bestline.collect import Grouping, Kept, Moments, Progress, by_hash, by_label, by_value, collect, read_again
from bestline.design import Design, asked_categories, degree_of, learn
from bestline.errors import BestlineWarning, ColumnError, DataError, DivergedWarning, OptionError, readable
from bestline.findings import findings
from bestline.fitting import Fit, Watch
from bestline.model import Model, Parts
from bestline.moments import Moments as Statistic
from bestline.moments import total
from bestline.recipe import Recipe
from bestline.rows import Rows
from bestline.selection import KINDS, Selection, refuse_wide, select
from bestline.solvers.auto import choose
from bestline.solvers.base import Solver, Stop, is_number
from bestline.solvers.exact import Exact
from bestline.solvers.proximal import Proximal
from bestline.solvers.stochastic import Stochastic
from bestline.splitting import check_shares, part_labels, three_shares
from bestline.tables import Batch, Source, open_source
from bestline.training import Part, Plan, Start, UserForward, UserLoss, parse_loss

if TYPE_CHECKING:
    from bestline.pictures.sample import Sample

_ROWS_ON_GPU = 100_000  # below this, training on rows is done sooner on the CPU
_KEPT_BYTES = 4e9  # rows that training needs are kept up to here, and read anew in every epoch beyond
_WIDE = 2_000  # columns from which on `cv` of fewer rows than columns is for the estimators that work on the rows
_PENALISED = 30  # rows a column below which a penalty is tried when the user has asked for nothing in particular


def fit(
    data: Any,
    formula: str | None = None,
    *,
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    solver: str | Solver | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    penalty_factors: Mapping[str, float] | None = None,
    cv: str | None = None,
    folds: int | str = 5,
    loss: UserLoss = "squared",
    forward: UserForward | str | None = None,
    weights: Any = None,
    missing: str = "raise",
    standardize: bool | None = None,
    split: Sequence[float] | None = None,
    start: Start | None = None,
    seed: int = 0,
    device: str = "auto",
    digits: int = 8,
    progress: Progress | None = None,
    watch: Watch | bool | None = None,
    **descent: Any,
) -> Model:
    """Fit a line to data.

    The objective is (1/n) sum (y - y_hat)^2 + l1 sum |w| + l2 sum w^2 on the columns as trained: standardised ones, unless
    `standardize` is false. So `l2` = alpha / n is scikit-learn's `Ridge(alpha)` on standardised columns, `l1` = 2 alpha its
    `Lasso(alpha)` on standardised columns and target. The intercept is never penalised.

    Parameters
    ----------
    data
        A path, several, a glob or URL; a pandas, polars or pyarrow frame; a dict of arrays; a pair (X, y) of arrays or
        tensors, y (n,), (n, 1) or (n, k); or `Moments`, or the path of a .moments file, then without any data.
    formula : str, optional
        Such as `"mpg ~ weight + C(origin)"`; or give `target` and `features` by name. Left out, the features are all other
        columns that can serve.
    solver : str or Solver, optional
        "exact", "proximal", "interior-point", "stochastic", the name of an optimiser, or an object such as
        `Descent("adam", lr=0.1, steps=200)` or `Stochastic(steps=5)`. By default exact, or what the penalty and the loss need.
    l1, l2 : float
        Penalty weights, not negative.
    penalty_factors : mapping, optional
        How much of the penalties a column takes, by the name of the column or of its term: 0 leaves it free, 2 counts twice; those
        not named take 1. So {"age": 0, "species": 0} penalises neither age nor the levels of species.
    cv : {"ridge", "lasso", "enet"}, optional
        Choose the penalty by K-fold cross-validation: `l2`, `l1`, or both together. All that were tried are in `Model.cv`.
    folds : int or str
        Number of folds for out-of-fold scores and `cv`; or a column whose values are the folds, for rows that belong together:
        each line is then judged by groups of which it has seen no row. That column is no feature unless it is named.
    loss : str or callable
        "squared", "huber" (its threshold 1.345 times a robust scale of the residuals; "huber:10" for one in the target's units),
        "absolute", "quantile" (the median; "quantile:0.9" for others), or a function (prediction (n, k), y (n, k)) -> losses
        (n, k) or (n,), or one number.
    forward : nn.Module, callable or str, optional
        An own model, trained on the rows: a module of X (n, p), or a function (X, w (p, k), b (k,)) -> (n, k). Or "polynomial"
        or "polynomial:3": powers of every column up to that degree, by default 2, without interactions. That is the line
        `y ~ x + I(x ** 2) + I(x ** 3)`, with all that lines have: the exact solution, intervals, right digits. For columns of
        numbers alone, and a degree from 1 to 10.
    weights : str or array (n,), optional
        Column of weights, or the weights; not negative. Rows of weight 0 count as absent.
    missing : {"raise", "drop", "impute"}
        Refuse missing values; leave their rows out; or fill numbers with the mean of the training rows and give categories a
        level of their own. Rows without a target are dropped by the last two.
    standardize : bool, optional
        Train on standardised columns (by the training rows only); results are in the data's units either way. By default true
        for lines, false for own forward functions.
    split : sequence of 2 or 3 shares, optional
        Training, (validation,) and test rows, drawn by `seed`: the test part gets ceil(share * n), validation
        ceil(share * n), training the rest; no part may be empty. n counts all rows: those left out because a value is missing
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
    began = time.perf_counter()
    given = {name: value for name, value in locals().items() if name in _DEFAULTS} | descent
    recipe = Recipe.of(data, formula, given, _DEFAULTS)
    degree = 1
    if isinstance(forward, str):
        degree, forward = degree_of(forward), None
    chosen = choose(
        solver,
        squared=loss == "squared",
        line=forward is None,
        l1=l1,
        piecewise=isinstance(loss, str) and loss != "squared",
        **descent,
    )
    options = _Options(
        solver=chosen,
        l1=l1,
        l2=l2,
        penalty_factors=penalty_factors,
        cv=cv,
        folds=folds,
        loss=loss,
        forward=forward,
        missing=missing,
        standardize=_standardised(standardize, forward),
        split=split,
        start=start,
        seed=seed,
        device=device,
        digits=digits,
    )
    if isinstance(data, str | os.PathLike) and str(data).endswith(".moments"):
        data = Moments.load(data)
    if isinstance(data, Moments):
        if formula is not None or weights is not None:
            raise OptionError(
                "Moments have their formula and weights already; choose among their columns by `target` and `features`."
            )
        if degree > 1:
            raise OptionError(
                "Moments have their columns already; collect those of a formula with powers, such as y ~ x + I(x**2)."
            )
        gathered = _from_moments(data, target, features, options)
    else:
        gathered = _gather(data, formula, target, features, weights, options, degree, progress)
    asked = (
        solver is not None or descent or l1 or l2 or cv is not None or formula is not None or features is not None or degree > 1
    )
    free = not asked and loss == "squared" and forward is None and gathered.tabular
    model = _trained(gathered, options, free=free, watch=watch, progress=progress)
    model.seconds = time.perf_counter() - began
    model.recipe = recipe
    _tell(model)
    return model


_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(fit).parameters.items()
    if name not in ("data", "formula", "progress", "watch", "device", "descent")
}


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """The checked arguments of `fit` that do not name data."""

    solver: Solver
    l1: float
    l2: float
    penalty_factors: Mapping[str, float] | None
    cv: str | None
    folds: int | str
    loss: UserLoss
    forward: UserForward | None
    missing: str
    standardize: bool
    split: Sequence[float] | None
    start: Start | None
    seed: int
    device: str
    digits: int

    def __post_init__(self) -> None:
        if self.cv not in (None, *KINDS):
            raise OptionError(f"`cv` chooses the penalty of 'ridge', 'lasso' or 'enet'; got {self.cv!r}.")
        line = isinstance(self.solver, Exact) and self.loss == "squared" and self.forward is None
        if self.cv and (not line or self.l1 or self.l2):
            raise OptionError(f"`cv={self.cv!r}` chooses the penalty for squared loss of a line; leave out solver, l1 and l2.")
        if self.penalty_factors is not None and not isinstance(self.penalty_factors, Mapping):
            raise OptionError(f"`penalty_factors` names columns, as in {{'age': 0}}; got {self.penalty_factors!r}.")
        if self.penalty_factors and not (self.cv or self.l1 or self.l2):
            raise OptionError("`penalty_factors` share out a penalty, and there is none; give l1, l2 or cv.")
        if not isinstance(self.folds, str) and not (isinstance(self.folds, int) and 2 <= self.folds <= 1_000):
            raise OptionError(f"`folds` must be a whole number from 2 to 1,000, or the name of a column; got {self.folds!r}.")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise OptionError(f"`seed` must be a whole number from 0 to 2^31 - 1; got {self.seed!r}.")
        if not isinstance(self.digits, int) or not 0 <= self.digits <= 15:
            raise OptionError(f"`digits` must be a whole number from 0 to 15; got {self.digits!r}.")
        if self.device not in ("auto", "cpu") and not self.device.startswith("cuda"):
            raise OptionError(f"`device` must be 'auto', 'cpu' or 'cuda'; got {self.device!r}.")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise OptionError("There is no CUDA device that torch can use here; use device='cpu' or 'auto'.")
        if self.device.startswith("cuda") and isinstance(self.solver, Stochastic):
            raise OptionError("One row at a time is work for a CPU; leave `device` out, or use Descent(batch_size=1).")
        if self.forward is not None and not callable(self.forward):
            raise OptionError(f"`forward` is an nn.Module, a function (X, w, b), or 'polynomial:3'; got {self.forward!r}.")
        if not callable(self.loss):
            parse_loss(self.loss)
        if self.split is not None:
            check_shares(self.split)

    def placed(self, rows: int) -> torch.device:
        """Where training on rows happens."""
        if self.device != "auto" or isinstance(self.solver, Stochastic):
            return torch.device(self.device if self.device != "auto" else "cpu")
        return torch.device("cuda" if torch.cuda.is_available() and rows >= _ROWS_ON_GPU else "cpu")


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    """A design, its moments by group, the rows if they are needed, and what the groups mean.

    `grouping` is there when the rows are needed and too many to keep: it tells the groups again where they are read again. `by` is
    the column whose values are the folds, if they are.
    """

    design: Design
    moments: Moments
    rows: Rows | None
    group: Tensor | None
    tabular: bool
    notes: tuple[str, ...] = ()
    source: Source | None = None
    labels: Tensor | None = None
    grouping: Grouping | None = None
    by: str | None = None


def _standardised(standardize: bool | None, forward: UserForward | None) -> bool:
    if forward is not None and standardize:
        raise OptionError(
            "An own forward function sees the columns as they are; standardise them before, or leave `standardize` out."
        )
    return forward is None if standardize is None else standardize


def _gather(
    data: Any,
    formula: str | None,
    target: str | Sequence[str] | None,
    features: Sequence[str] | None,
    weights: Any,
    options: _Options,
    degree: int,
    progress: Progress | None,
) -> _Gathered:
    by_name = isinstance(weights, str) or weights is None
    source = open_source(data, text=asked_categories(formula), extra=None if by_name else {"weights": weights})
    column = weights if by_name else "weights"
    labels, training = None, None
    if options.split is not None:
        labels = part_labels(source, options.split, options.seed)
        training = _training_rows(labels)
    by = options.folds if isinstance(options.folds, str) else None
    grouping, folds = _grouping(source, options, progress)
    design = learn(
        source,
        formula=formula,
        target=target,
        features=features,
        weights=column,
        missing=options.missing,
        degree=degree,
        training=training,
        aside=by,
        progress=progress,
    )
    remark = () if by is None else _of_folds(by, design)
    if options.cv:
        refuse_wide(design.p, folds)
    plan = _plan(design, options)
    keep = Kept(_KEPT_BYTES, None if plan.squared_line else _too_many(plan)) if plan.of_rows else None
    grouping = grouping if labels is None else by_label(labels, folds, grouping)
    groups = folds if labels is None else 3 * folds
    moments = collect(source, design, groups, grouping, keep=keep, progress=progress)
    notes, tabular = source.notes + design.notes + remark, source.target is None
    if keep is not None and keep.full:
        notes += (_STREAMED.format(size=keep.bytes / 1e9, score="" if options.split else _NO_SCORE),)
        return _Gathered(design, moments, None, None, tabular, notes, source, labels, grouping, by)
    rows, group = keep.rows() if keep is not None else (None, None)
    return _Gathered(design, moments, rows, group, tabular, notes, source, labels, by=by)


def _of_folds(by: str, design: Design) -> tuple[str, ...]:
    """What is to be said when the folds' column is part of the formula; the target it cannot be."""
    if by in design.target_columns:
        raise OptionError(f"The folds' column {readable(by)} is the target; name one that says which rows belong together.")
    if not any(factor.kind == "category" and factor.column == by for factor in design.factors):
        return ()
    return (
        f"{readable(by)} is a feature, and its values are the folds: each line is judged by a level that it has never seen.",
    )


def _grouping(source: Source, options: _Options, progress: Progress | None) -> tuple[Grouping, int]:
    """The fold of every row, and the number of folds."""
    if isinstance(options.folds, str):
        return by_value(source, options.folds, progress)
    return by_hash(options.folds, options.seed), options.folds


_STREAMED = "The rows take {size:.3g} GB, too much to be kept: they are read anew in every epoch and mixed on their way.{score}"
_NO_SCORE = (
    " There is no error out of fold, which would take as many trainings as there are folds; give `split` for a held-out one."
)


def _too_many(plan: Plan) -> str:
    return (
        f"Training with {'an own forward function' if plan.forward is not None else f'loss {plan.loss!r}'} needs the rows in memory, and "
        f"they take more than {_KEPT_BYTES / 1e9:.3g} GB; use loss='squared' with the line, or fewer rows."
    )


def _from_moments(
    moments: Moments, target: str | Sequence[str] | None, features: Sequence[str] | None, options: _Options
) -> _Gathered:
    if isinstance(options.folds, str):
        raise OptionError("Folds by a column need the rows; these are moments only, whose folds are made.")
    if options.split is not None:
        raise OptionError("A split needs the rows; these are moments only. Leave `split` out: the score is out of fold.")
    if target is not None or features is not None:
        moments = moments.select(target, features)
    return _Gathered(moments.design, moments, None, None, tabular=False)


def _plan(design: Design, options: _Options, rows: int = 0) -> Plan:
    return Plan(
        features=design.names,
        targets=design.targets,
        intercept=design.intercept,
        solver=options.solver,
        l1=float(options.l1),
        l2=float(options.l2),
        loss=options.loss,
        forward=options.forward,
        standardize=options.standardize,
        start=options.start,
        seed=options.seed,
        device=options.placed(rows),
        factors=_factors(options.penalty_factors, design),
    )


def _factors(given: Mapping[str, float] | None, design: Design) -> tuple[float, ...] | None:
    """How much of the penalties each column takes, by the names of columns and terms."""
    if not given:
        return None
    factors = dict.fromkeys(range(design.p), 1.0)
    for name, factor in given.items():
        own = [j for j, column in enumerate(design.columns) if name in (column.name, column.term)]
        if not own:
            known = dict.fromkeys([*(c.term for c in design.columns), *design.names])
            raise OptionError(f"`penalty_factors`: {ColumnError.missing(str(name), known, 'the features')}")
        if not (is_number(factor) and 0 <= factor < float("inf")):
            raise OptionError(f"`penalty_factors` are finite and not negative; got {factor!r} for {name!r}.")
        factors |= dict.fromkeys(own, float(factor))
    if not any(factors.values()):
        raise OptionError("`penalty_factors` leave every column free, so nothing is penalised; leave l1, l2 and cv out.")
    return tuple(factors.values())


def _trained(
    gathered: _Gathered, options: _Options, *, free: bool, watch: Watch | bool | None, progress: Progress | None
) -> Model:
    design, moments = gathered.design, gathered.moments
    plan = _plan(design, options, moments.rows)
    parts, remarks = _parts(gathered, options)
    statistic = parts.training.moments
    check_rows(statistic, plan, design)
    chosen = None
    if options.cv and statistic.count < design.p and design.p > _WIDE:
        raise OptionError(
            f"{statistic.count:,} rows of {design.p:,} columns: their moments are far more than the rows, and would take very long; use "
            f"bestline.LassoCV, ElasticNetCV or RidgeCV, which work on the rows."
        )
    if options.cv or (free and _crowded(statistic, design)):
        plan, chosen, remark = _with_penalty(plan, parts, statistic, design, options.cv)
        remarks += remark
    outcome = _watched(plan, parts, gathered, watch)
    if options.split is not None:
        moments = replace(moments, folds=moments.folds[: len(moments.folds) // 3])
    model = Model(
        design=design,
        plan=plan,
        weights=outcome.weights.cpu(),
        trace=outcome.trace,
        stop=outcome.stop,
        advice=outcome.advice,
        step=outcome.step,
        rate=outcome.rate,
        rate_limit=outcome.rate_limit,
        moments=moments,
        training=statistic,
        seconds=0.0,
        solver=repr(plan.solver),
        parts=parts,
        sizes=_sizes(parts),
        fit=outcome,
        source=gathered.source,
        labels=gathered.labels,
        cv=chosen,
    )
    model = climbed(model, options.digits, progress)
    notes = [*gathered.notes, *remarks, *model.notes, *findings(model, options.digits)]
    model.notes = tuple(dict.fromkeys(notes))
    return model


def _watched(plan: Plan, parts: Parts, gathered: _Gathered, watch: Watch | bool | None) -> Fit:
    """Train, and let `watch` hear of every step; the live picture, which true asks for, shows some of the rows."""
    if watch is not True:
        if watch not in (None, False) and not callable(watch):
            raise OptionError(f"`watch` is a function that hears every step, or True; got {watch!r}.")
        return plan.run(parts.training, parts.held_out, watch or None)
    from bestline.pictures import live

    with live.watching(watch, _few_rows(gathered) if plan.forward is None else None) as hear:
        return plan.run(parts.training, parts.held_out, hear)


def _few_rows(gathered: _Gathered) -> Sample | None:
    """Rows of the first batch, for a line to be drawn over."""
    from bestline.pictures import sample

    source, design = gathered.source, gathered.design
    if source is None or design.p != 1:
        return None
    rows = next((design.rows(batch).rows for batch in source.batches(design.reads())), None)
    return sample.Sample.draw(rows, design.names, design.targets, most=500) if rows is not None and len(rows) else None


def _parts(gathered: _Gathered, options: _Options) -> tuple[Parts, list[str]]:
    """The groups of the one pass as training, held-out and test rows."""
    groups, rows, group = gathered.moments.folds, gathered.rows, gathered.group

    def part(*members: int) -> Part:
        own = None
        if rows is not None and group is not None:
            own = rows if len(members) == len(groups) else rows[torch.isin(group, torch.tensor(members)).to(rows.X.device)]
        whole = total([groups[i] for i in members], groups[0].q)
        if gathered.source is None or gathered.grouping is None:
            return Part(whole, own)
        again = partial(read_again, gathered.source, gathered.design, gathered.grouping, members)
        return Part(whole, None, again, max(1, int(_KEPT_BYTES / 8 / (8 * (whole.q + 1)))))

    if options.split is not None:
        return _split_parts(gathered, options, part), []
    everything = tuple(range(len(groups)))
    if options.solver.rule.patience is None:
        return Parts(part(*everything), folds=groups, fold=group, by=gathered.by), []
    held = next((i for i in everything if groups[i].count), 0)
    rest = tuple(i for i in everything if i != held)
    if sum(groups[i].count for i in rest) == 0:
        raise DataError("Early stopping needs rows to hold out; there are too few.")
    remark = f"Early stopping holds out one fold of {len(groups)}, {groups[held].count:,} rows; give `split` to say which."
    return Parts(part(*rest), part(held)), [remark]


def _split_parts(gathered: _Gathered, options: _Options, part: Callable[..., Part]) -> Parts:
    assert options.split is not None  # noqa: S101  the caller has looked
    groups, group = gathered.moments.folds, gathered.group
    folds = len(groups) // 3
    shares = three_shares(options.split)
    training, validation, test = (part(*range(i * folds, (i + 1) * folds)) for i in range(3))
    for name, share, own in zip(("training", "validation", "test"), shares, (training, validation, test), strict=True):
        if share > 0 and own.moments.count == 0:
            raise DataError(
                f"The {name} part is empty ({gathered.moments.rows} usable rows, split {tuple(options.split)}); use other shares or more rows."
            )
    if options.solver.rule.patience is not None and not shares[1]:
        raise OptionError(
            "Early stopping chooses by the validation part, so `split` needs three shares, such as (0.7, 0.15, 0.15)."
        )
    fold = None if group is None else group[group < folds]
    held_out = validation if shares[1] else test
    return Parts(training, held_out, test if shares[2] else None, groups[:folds], fold, gathered.by)


def _sizes(parts: Parts) -> dict[str, int]:
    sizes = {"training": parts.training.moments.count}
    if parts.held_out is not None and parts.held_out is not parts.test:
        sizes["validation"] = parts.held_out.moments.count
    if parts.test is not None:
        sizes["test"] = parts.test.moments.count
    return sizes


def check_rows(statistic: Statistic, plan: Plan, design: Design) -> None:
    """Raise DataError when these rows allow no fit: too few, too large, or nothing to fit."""
    if statistic.count == 1 and design.intercept:
        raise DataError(
            f"There is only 1 row, and one row cannot say both where a line starts and how it climbs; give more rows, or leave the "
            f"intercept out ({design.targets[0]} ~ x - 1)."
        )
    if not bool(statistic.scatter.isfinite().all()):
        raise DataError("The columns are so large that sums over them leave the range of float64; use other units.")
    if not plan.names:
        raise DataError("There is nothing to fit: no columns and no intercept.")


def _crowded(statistic: Statistic, design: Design) -> bool:
    return 0 < statistic.count < _PENALISED * design.p


def _with_penalty(
    plan: Plan, parts: Parts, statistic: Statistic, design: Design, kind: str | None
) -> tuple[Plan, Selection | None, list[str]]:
    """The plan with the penalty that cross-validation prefers, and all penalties that were tried.

    Unasked, without a kind, that is ridge: only where there are few rows for the columns, and only if the gain is more than its
    own standard error.
    """
    # Chosen for the user, categories are penalised as they stand, 0 or 1: scaling a rare level up would shield it from shrinking.
    unscaled = () if kind else design.indicators
    folds = parts.folds or (statistic,)
    choice = select(
        kind or "ridge",
        folds,
        design.p,
        intercept=design.intercept,
        standardize=plan.standardize,
        unscaled=unscaled,
        factors=None if plan.factors is None else torch.tensor(plan.factors, dtype=torch.float64),
        names=design.names,
        targets=design.targets,
    )
    if choice is None:
        return plan, None, ["Cross-validation needs rows in two folds at least; there is no penalty."] if kind else []
    best, plain = choice.best, float(choice.error[-1])
    l1, l2 = float(choice.l1[best]), float(choice.l2[best])
    if kind and not l1 and not l2:
        words = [f"{len(folds)}-fold cross-validation prefers no penalty: this is least squares."]
        return replace(plan, l2=0.0), choice, words
    if not kind and choice.gain * plain <= max(float(choice.difference[best]), 0.005 * plain):
        return plan, None, []
    named = {"ridge": f"ridge penalty l2={l2:.3g}", "lasso": f"lasso penalty l1={l1:.3g}"}
    what = named.get(choice.kind, f"penalty l1={l1:.3g}, l2={l2:.3g}")
    kept = f" and keeps {int(choice.nonzero[best])} of {design.p} columns" if l1 else ""
    remark = f"A {what} was chosen by {len(folds)}-fold cross-validation: it lowers the out-of-fold error by {choice.gain:.0%}{kept}."
    if not kind:
        remark += (
            f" {statistic.count:,} rows are few for {design.p} columns, and least squares overfits; ask for solver='exact' "
            f"(--solver exact) or give a formula to have least squares all the same."
        )
    solver = Proximal() if l1 else plan.solver
    return replace(plan, l1=l1, l2=l2, unscaled=unscaled, solver=solver), choice, [remark]


def _training_rows(labels: Tensor) -> Callable[[Batch], Tensor]:
    return lambda batch: labels[batch.start : batch.start + batch.rows] == 0


def _tell(model: Model) -> None:
    for note in model.notes:
        kind = DivergedWarning if model.stop is Stop.DIVERGED and note == model.advice else BestlineWarning
        warnings.warn(note, kind, stacklevel=3)
