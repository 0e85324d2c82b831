"""By hand: training with NumPy alone, as code. Every gradient and every optimiser is written out.

    dw = 2 mean(error x)      db = 2 mean(error)

Optimisers that remember past gradients treat all weights alike, so there the intercept becomes the weight of a column of ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bestline.errors import OptionError
from bestline.export.script.history import History, Made
from bestline.export.script.literals import Section, array, value
from bestline.export.script.table import Form
from bestline.export.script.units import RESTING, line_of, penalty_sizes, setting_of, trained_on, where_from


@dataclass(frozen=True, slots=True)
class _Rule:
    """An optimiser of torch's, for one array of weights {w} with gradient {g}.

    Attributes
    ----------
    options : dict
        Those that it has besides the rate and `weight_decay`, with torch's defaults.
    memory : str
        What it remembers, before the first step.
    step : tuple of str
    """

    options: Mapping[str, Any]
    memory: str
    step: tuple[str, ...]


_ADAM = _Rule(
    {"betas": (0.9, 0.999), "eps": 1e-8},
    "m = v = 0.0  # running means",
    (
        "m = beta1 * m + (1 - beta1) * {g}",
        "v = beta2 * v + (1 - beta2) * {g}**2",
        "m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)",
        "{w} = {w} - lr * m_hat / (np.sqrt(v_hat) + eps)",
    ),
)
_MOMENTUM = ("velocity = momentum * velocity + {g}", "{w} = {w} - lr * velocity")
_RULES = {
    "SGD": _Rule({"momentum": 0}, "velocity = 0.0", _MOMENTUM),
    "Adam": _ADAM,
    "AdamW": _ADAM,
    "RMSprop": _Rule(
        {"alpha": 0.99, "eps": 1e-8},
        "v = 0.0  # running mean of squared gradients",
        ("v = alpha * v + (1 - alpha) * {g}**2", "{w} = {w} - lr * {g} / (np.sqrt(v) + eps)"),
    ),
    "Adagrad": _Rule(
        {"eps": 1e-10},
        "total = 0.0  # of the squared gradients so far",
        ("total = total + {g}**2", "{w} = {w} - lr * {g} / (np.sqrt(total) + eps)"),
    ),
}


def refuse(history: History) -> None:
    """Raise OptionError for what would not be plain when written by hand."""
    other, made = "use style='tensors', 'linear' or 'module'", history.optimizer
    if not history.trains:
        return
    if made.name not in _RULES:
        raise OptionError(f"{made.name} is too long to write by hand in style 'numpy'; {other}.")
    known = {*_RULES[made.name].options, "weight_decay", *(["nesterov"] if made.name == "SGD" else [])}
    if strange := set(made.options) - known:
        raise OptionError(f"Style 'numpy' does not write out {made.name} with {min(strange)}; {other}.")
    if history.batch_size is not None:
        raise OptionError(f"Mini-batches were drawn by torch's random numbers, which NumPy does not have; {other}.")
    if history.schedule is not None:
        raise OptionError(f"Style 'numpy' does not write out the schedule {history.schedule.name}; {other}.")


def trained(history: History, form: Form) -> list[Section]:
    """Sections after which w and b hold the outcome in the units trained in."""
    packed = history.intercept and not _plain(history) and not history.rests
    settings, loop = _descent(history, form, packed=packed)
    if packed:
        loop.append("w, b = theta" if form.flat else "w, b = theta[:-1], theta[-1]")
    return [Section([*_start(history, form, packed=packed), *settings]), Section(loop)]


def loss_of(history: History, form: Form) -> list[str]:
    """Lines that print the loss in the data's units."""
    mean = ".mean(0).sum()" if history.k > 1 else ".mean()"
    weigh = f"{form.weight} * " if history.weighted else ""
    *before, each = history.code.numpy
    if "prediction" in each:
        return [f'print("loss", ({weigh}{each.replace("prediction", line_of(history, form))}){mean})']
    lines = [f"error = {line_of(history, form)} - y", *before, f"loss = {each}"]
    return [*lines, f'print("loss", {f"({weigh}loss)" if weigh else "loss"}{mean})']


def _plain(history: History) -> bool:
    """Gradient descent without a memory: w and b are updated apart, line by line."""
    return history.optimizer.name == "SGD" and not history.optimizer.options


def _start(history: History, form: Form, *, packed: bool) -> list[str]:
    values = history.start[:, 0] if history.k == 1 else history.start
    if packed:
        X, _ = trained_on(history, form)
        return [
            "# The intercept is the weight of a column of ones.",
            f"A = np.column_stack([{X}, np.ones(len(y))])",
            where_from(history),
            *_numbers("theta", values),
        ]
    w, b = values[: history.p], values[-1]
    lines = [where_from(history), *_numbers("w", w[0] if form.flat else w)]
    lines += _numbers("b", b) if history.intercept else []
    return [*lines[:-1], f"{lines[-1]}  # {RESTING}"] if history.rests else lines


def _numbers(name: str, values: Tensor) -> list[str]:
    """A name for one number, or for an array of them."""
    before, after = ("np.array(", ")") if values.ndim else ("", "")
    return array(name, values, before, after, written=repr)


def _gradient(history: History, form: Form, *, packed: bool) -> tuple[list[str], str, str]:
    """Lines up to the error and how hard it pulls, and the gradients by the slopes and by the intercept."""
    X, y = trained_on(history, form)
    line = "A @ theta" if packed else line_of(history, form, X)
    error = f"error = {line} - {y}"
    A = "A" if packed else X
    mean = "mean(0)" if form.tall else "mean()"
    if history.loss.squared and not history.weighted:
        if form.flat and not packed:
            return [error], f"2 * (error * {X}).mean()", "2 * error.mean()"
        return [error], f"2 * {A}.T @ error / len(y)", f"2 * error.{mean}"
    pull = history.code.pull.format(setting=f"{history.code.setting} / y_std" if history.scales else history.code.setting)
    if history.weighted:
        pull = f"{form.weight} * ({pull})" if " - " in pull else f"{form.weight} * {pull}"
    lines = [error, f"pull = {pull}  # each row's loss, differentiated"]
    if form.flat and not packed:
        return lines, f"(pull * {X}).mean()", "pull.mean()"
    return lines, f"{A}.T @ pull / len(y)", f"pull.{mean}"


def _descent(history: History, form: Form, *, packed: bool) -> tuple[list[str], list[str]]:
    """The settings, and the loop."""
    made, rate = history.optimizer, history.rate
    lines, dw, db = _gradient(history, form, packed=packed)
    w, g = ("theta", "gradient") if packed else ("w", "dw")
    lines.append(f"{g} = {dw}")
    if history.intercept and not packed and not history.rests:
        lines.append(f"db = {db}")
    lines += _penalties(history, w, g, packed=packed)
    counted = f"1, {history.updates + 1}" if made.name in ("Adam", "AdamW") else str(history.updates)
    head = f"for step in range({counted}):"
    if history.early:
        head += "  # up to the least held-out loss"
    settings: list[str] = []
    if _plain(history):
        lines.append("w = w - lr * dw")
        update = ["b = b - lr * db"] if history.intercept else []
    else:
        settings, update = _written(made, w, g)
    settings = [f"lr = {rate!r}", *settings]
    settings += penalty_sizes(history)
    settings += setting_of(history, "np.array(", ")", written=repr)
    return settings, [head, *(f"    {line}" for line in (*lines, *update))]


def _penalties(history: History, w: str, g: str, *, packed: bool) -> list[str]:
    own = "[:-1]" if packed else ""
    terms = [f"l1 * np.sign({w}{own})"] if history.l1 else []
    terms += [f"2 * l2 * {w}{own}"] if history.l2 else []
    return [f"{g}{own} += {' + '.join(terms)}  # the penalty"] if terms else []


def _written(made: Made, w: str, g: str) -> tuple[list[str], list[str]]:
    """The settings of an optimiser besides the rate, and its update of one array of weights."""
    rule, options = _RULES[made.name], made.options
    if made.name == "SGD" and not options.get("momentum"):
        rule = _Rule({}, "", ("{w} = {w} - lr * {g}",))
    elif options.get("nesterov"):
        rule = replace(rule, step=(_MOMENTUM[0], "{w} = {w} - lr * ({g} + momentum * velocity)"))
    names = [name.replace("betas", "beta1, beta2") for name in rule.options]
    sizes = [value(options.get(name, usual)).strip("()") for name, usual in rule.options.items()]
    settings = [f"{', '.join(names)} = {', '.join(sizes)}"] if names else []
    update = [line.format(w=w, g=g) for line in rule.step]
    if made.name == "AdamW":  # the decay is not part of the gradient: Loshchilov & Hutter 2019
        settings.append(f"weight_decay = {options.get('weight_decay', 0.01)!r}")
        update.insert(0, f"{w} = {w} - lr * weight_decay * {w}")
    elif decay := options.get("weight_decay"):
        settings.append(f"weight_decay = {decay!r}")
        update.insert(0, f"{g} = {g} + weight_decay * {w}")
    return [*settings, *([rule.memory] if rule.memory else [])], update
