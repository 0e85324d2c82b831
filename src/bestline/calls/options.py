"""Options: what an option is called elsewhere, and how a call that does not fit is refused.

People come with other libraries in their fingers, `learning_rate` for `lr`; each is answered by the word that is meant.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from bestline.errors import OptionError, in_a_row, listed, near_names, readable

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Kind = TypeVar("_Kind", bound=type)

# Our option <- what scikit-learn, statsmodels, torch, Keras, R and others call it. One that a door does not have is not offered.
_ALIASES = {
    "lr": "learning_rate learning_rate_init eta eta0 step_size stepsize rate learnrate",
    "lrs": "lr rates learning_rate learning_rates",
    "steps": "epochs epoch n_epochs num_epochs max_epochs max_iter maxiter n_iter niter iterations num_iterations max_steps n_steps iters",
    "tol": "tolerance eps epsilon ftol gtol",
    "patience": "early_stopping n_iter_no_change",
    "batch_size": "batch minibatch mini_batch batchsize",
    "schedule": "scheduler lr_scheduler lr_schedule learning_rate_schedule",
    "solver": "optimizer optimiser optimizers optim method algorithm algo",
    "optimizers": "solver solvers optimizer optim method",
    "weight_kind": "weights_type weight_type weights_kind wtype",
    "weights": "sample_weight sample_weights weight w wt case_weights",
    "seed": "random_state random_seed rng generator",
    "folds": "n_folds num_folds n_splits kfold k_folds groups group",
    "bounds": "positive nonnegative non_negative limits lower upper lb ub coef_bounds",
    "constraints": "constraint restriction restrictions equalities",
    "l2": "alpha lambda_ lambd lam reg regularization weight_decay ridge C penalty shrinkage",
    "l1": "alpha lasso l1_ratio penalty",
    "cv": "penalty cross_validation",
    "split": "test_size train_size validation_split validation_fraction val_size holdout",
    "standardize": "standardise standardized standardised normalize normalise normalized scale scaling",
    "missing": "na_action nan_policy na_policy na dropna drop_na handle_missing",
    "loss": "criterion loss_fn loss_function objective metric",
    "forward": "model module net degree",
    "engine": "client scheduler backend executor session",
    "target": "y_col response outcome dependent endog label labels dv y_name",
    "features": "x_cols predictors regressors exog independent columns inputs X_cols variables covariates",
    "start": "init coef_init initial_weights w0 theta0 start_params warm_start",
    "digits": "precision decimals",
    "device": "gpu cuda",
    "watch": "callback callbacks on_step animate live",
    "progress": "verbose verbosity show_progress progress_bar disp",
    "level": "alpha confidence conf_level confidence_level conf ci",
    "interval": "se_fit return_std return_interval intervals kind",
    "cov": "vcov cov_type vcov_type robust se se_type covariance_type cluster clusters hac",
    "kind": "typ type",
    "on_unseen": "handle_unknown unseen unknown",
    "overwrite": "force exist_ok replace",
    "data": "X x newdata new_data exog df dataset",
    "n": "n_samples size rows count num nrows",
    "noise": "sd sigma std scale error",
    "path": "file filename filepath fname name",
    "by": "groups group groupby group_by",
    "at": "cov_reduce newdata grid datagrid atexog",
    "adjust": "adjustment correction multitest p_adjust p_adjust_method",
    "most": "nvmax max_size max_terms k_features max_features n_features_to_select",
    "keep": "force_in forced include fixed",
    "samples": "B R n_boot nboot reps n_resamples replications n_bootstraps iterations",
    "term": "specs spec variables variable factor",
}

# What is no option of these doors, and how else it is said.
_ELSEWHERE = {
    "freq_weights freq_weight fweights fweight fw": "weights='w', weight_kind='frequency'",
    "var_weights var_weight aweights aweight aw": "weights='w', weight_kind='analytic'",
    "pweights pweight pw survey_weights": "weights='w', weight_kind='probability'",
    "subset where filter rows": "the rows are those of the data: give the ones that are meant, as data[data['x'] > 0]",
    "family link glm distribution": "a line predicts numbers, by least squares or another loss: loss='huber', 'absolute' or 'quantile:0.9'",
    "callbacks callback verbose progress log logger print_every": "watch=True shows training as it happens, and model.trace has every step afterwards",
    "fit_intercept intercept add_constant has_constant hasconst no_intercept bias": (
        "a line has an intercept; a formula that ends in - 1, as y ~ x - 1, leaves it out"
    ),
    "positive nonnegative non_negative bounds constraints": (
        "bounds and constraints are those of one line: bestline.fit(data, 'y ~ x', bounds=(0, None)) keeps slopes from being negative"
    ),
    "n_jobs num_threads n_threads threads num_workers workers": "all cores are used; the environment's OMP_NUM_THREADS says how many",
    "level alpha confidence conf_level": "intervals are asked for afterwards: model.conf_int(level=0.9)",
    "interval return_std": "intervals are asked for afterwards: model.predict(data, interval='prediction')",
    "degree polynomial": "powers are asked for by forward='polynomial:3', or in the formula: I(x**2)",
    "momentum nesterov": "a solver has it: momentum or nesterov, with 0.9; in Python also partial(torch.optim.SGD, momentum=0.8)",
    "betas weight_decay_rate": "settings of an optimiser go with it: solver=partial(torch.optim.Adam, betas=(0.9, 0.99))",
    "by groups": "a line for each group is bestline.fit_groups(data, 'y ~ x', by='g'); folds by a column are folds='g'",
    "copy copy_X check_input precompute": "the data are never changed",
    "dtype float32": "all is computed in float64",
    "shuffle": "rows are shuffled by `seed`",
    "plot show": "pictures are asked for afterwards: model.plot.data()",
    "sep delimiter header encoding index_col": "how a file is written is found out by itself; read it by another library where that fails",
}


def _by_name(table: Mapping[str, str]) -> dict[str, list[str]]:
    """Each word of the keys or values of a table -> what stands on its other side."""
    found: dict[str, list[str]] = {}
    for ours, theirs in table.items():
        for name in theirs.split():
            known = found.setdefault(name.casefold(), [])
            if ours not in known:
                known.append(ours)
    return found


_OURS = _by_name(_ALIASES)
_SAID = {name.casefold(): said for names, said in _ELSEWHERE.items() for name in names.split()}
# What a number means where the same word means another one.
_TURNED = {
    "positive": {"bounds": "bounds=(0, None) keeps all slopes from being negative"},
    "alpha": {
        "l2": "scikit-learn's Ridge has l2 = alpha / n, its Lasso l1 = 2 alpha, on standardised columns",
        "level": "level = 1 - alpha",
    },
    "c": {"l2": "larger means a stronger penalty, and C a weaker one"},
    "weight_decay": {"l2": "l2 = weight_decay / 2"},
    "l1_ratio": {"l1": "l1 and l2 are given by themselves"},
    "test_size": {"split": "shares of all parts, as split=(0.8, 0.2)"},
    "validation_split": {"split": "shares of all parts, as split=(0.8, 0.2)"},
    "early_stopping": {"patience": "a number of steps"},
    "group": {"folds": "a column's name"},
    "groups": {"folds": "a column's name"},
    "degree": {"forward": "forward='polynomial:3'"},
}


def hint(name: str, known: Iterable[str], say: Callable[[str], str] = readable, *, all_of_them: bool = True) -> str:
    """What an option that is not known must mean, as the end of a sentence.

    Parameters
    ----------
    name : str
        As it was written.
    known : iterable of str
        The options that there are.
    say : callable
        How an option is shown, such as "--lr" on the command line.
    all_of_them : bool
        Whether all options are told where none is near; otherwise nothing.
    """
    known, folded = list(known), name.casefold().replace("-", "_").strip("_")
    # A name of ours in other letters, `LR`, is that one, whatever it means elsewhere.
    ours = [folded] if folded in known else [own for own in _OURS.get(folded, []) if own in known]
    # Estimators have the words of others: there ours is the one from elsewhere.
    ours = ours or [theirs for theirs in _ALIASES.get(folded, "").split() if theirs in known]
    if ours:
        turned = [text for own, text in _TURNED.get(folded, {}).items() if own in ours]
        return f"did you mean {in_a_row([*map(say, ours)], 'or')}{' (' + turned[0] + ')' if turned else ''}?"
    if folded in _SAID:
        return f"{_SAID[folded]}."
    near = near_names(folded, known)
    # A slip in somebody else's word: `learnig_rate`.
    for other in near_names(folded, _OURS) if not near else ():
        near += [own for own in _OURS[other] if own in known and own not in near]
    # All that there are, where nothing looks like it: then it is not a slip of the finger.
    if near:
        return f"did you mean {in_a_row([*map(say, near)], 'or')}?"
    return f"its options are {in_a_row([*map(say, known)])}." if all_of_them else ""


def refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise OptionError for the first option of `what`, such as `fit`, that it does not know, with the one that is meant."""
    known = list(known)
    for name in given:
        if name not in known:
            raise OptionError(f"{what} has no option {readable(name)}; {hint(name, known)}")


def no_such(what: str, value: object, known: Iterable[str], *, more: str = "") -> OptionError:
    """The error for a word that is none of those known, with the nearest of them: "There is no solver 'adm'; did you mean `adam`?"."""
    known = list(known)
    near = near_names(value, known) if isinstance(value, str) else []
    said = f"did you mean {listed(near, joined='or')}?" if near else f"choose {', '.join(known)}{more}."
    return OptionError(f"There is no {what} {value!r}; {said}")


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The same function, which refuses what it does not take as options are refused, and not in Python's words."""
    signature = inspect.signature(function)

    @wraps(function)
    def called(*args: _P.args, **given: _P.kwargs) -> _R:
        try:
            return function(*args, **given)
        except TypeError:
            # Asked only now, for it costs more than making a Step does: a call that does not fit has done nothing yet.
            try:
                signature.bind(*args, **given)
            except TypeError:
                raise _misfit(function, signature, args, given) from None
            raise

    called.checked = True  # type: ignore[attr-defined]
    return called


def with_hints(kind: _Kind) -> _Kind:
    """A class whose public methods are `checked`, those that it inherits from a class of bestline and a dataclass's `__init__` too."""
    for own in (base for base in kind.__mro__ if base.__module__.partition(".")[0] == "bestline"):
        for name, method in list(vars(own).items()):
            bare = method.__func__ if isinstance(method, classmethod) else method
            if (
                not inspect.isfunction(bare)
                or hasattr(bare, "checked")
                or (name.startswith("_") and name not in ("__init__", "__call__"))
            ):
                continue
            setattr(own, name, classmethod(checked(bare)) if bare is not method else checked(bare))
    return kind


def one_of(value: object, known: Iterable[object]) -> bool:
    """Whether a value is one of those known, whatever it is: of lists and arrays Python cannot even ask."""
    return isinstance(value, str | int | float | bool | None) and value in tuple(known)


def is_number(value: object) -> bool:
    """Whether a setting is a real number, of Python's or of another library's; True and False are none."""
    # NumPy's scalars are registered as Real; bool is an int for Python, but no rate and no tolerance for anybody.
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether a setting is a whole number, of Python's or of another library's; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def needed(value: object, kind: type | tuple[type, ...], said: str) -> None:
    """Raise OptionError for a value of another kind; `said` is what is needed, such as "`predict_batch` takes a batch of a Source"."""
    if not isinstance(value, kind):
        raise OptionError(f"{said}; got an object of the type {readable(type(value).__name__)}.")


# What a function of the user's hears, by the option that takes it.
_HEARD = {"progress": ("what", "share"), "watch": ("step",)}


def check_listeners(given: Mapping[str, Any]) -> None:
    """Raise OptionError for a function that could not be called with what it is to hear, before anything is done."""
    for option, heard in _HEARD.items():
        function = given.get(option)
        if function is None or (option == "watch" and isinstance(function, bool)):
            continue
        words = f"`{option}` is a function of ({', '.join(heard)}), such as print{', or True' * (option == 'watch')}"
        if not callable(function):
            raise OptionError(f"{words}; got {function!r}.")
        try:
            inspect.signature(function).bind(*heard)
        except ValueError:  # of some functions that are not written in Python nobody knows what they take
            continue
        except TypeError as error:
            raise OptionError(f"{words}; what was given cannot be called so: {error}.") from None


def _misfit(
    function: Callable[..., Any], signature: inspect.Signature, args: Sequence[Any], given: Mapping[str, Any]
) -> OptionError:
    """What is wrong with a call that does not fit."""
    own = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    bound = len(args) - (len(signature.parameters) - len(own))
    name = function.__qualname__.split(".")[0] if function.__name__ == "__init__" else function.__name__
    known, places = [p.name for p in own], [p.name for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
    for option in given:
        if option not in known:
            return OptionError(f"{name} has no option {readable(option)}; {hint(option, known)}")
        if option in places[:bound]:
            return OptionError(f"{name} was given {readable(option)} twice, by its place and by its name; give it once.")
    if bound > len(places):
        taken = f"only {listed(places)}" if places else "nothing"
        others = [p.name for p in own if p.kind is p.KEYWORD_ONLY]
        return OptionError(
            f"{name} takes {taken} by position{f'; give the others by name: {listed(others, most=8)}' if others else ''}."
        )
    lacking = [p.name for p in own[max(bound, 0) :] if p.default is p.empty and p.name not in given and p.kind not in (2, 4)]
    return OptionError(f"{name} needs {listed(lacking)}.")
