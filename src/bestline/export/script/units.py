"""Units: standardise the rows before training, and bring the weights back to the data's units after it, as code."""

from __future__ import annotations

from collections.abc import Iterator

from bestline.export.script.history import History
from bestline.export.script.literals import Section, Written, array, number
from bestline.export.script.table import Form

_SHORT = 30  # characters of a remark that still stand behind a number
RESTING = "rests: where all means are 0, it is best at 0"


def prepared(history: History, form: Form) -> list[Section]:
    """Weights brought to the mean 1, and the columns standardised."""
    sections = []
    if history.weighted:
        sections.append(Section(["weight = weight / weight.mean()  # of mean 1, so that weighted means are plain means"]))
    if history.scales:
        sections.append(Section(_standardised(history, form)))
    return sections


def trained_on(history: History, form: Form) -> tuple[str, str]:
    """Names of the features and targets that training sees."""
    return (f"{form.X}_scaled", "y_scaled") if history.scales else (form.X, "y")


def line_of(history: History, form: Form, X: str = "") -> str:
    """The prediction for some features, by w and b."""
    X = X or form.X
    return f"{f'w * {X}' if form.flat else f'{X} @ w'}{' + b' if history.intercept else ''}"


def where_from(history: History) -> str:
    """What the first weights are."""
    units = ", in the units of the standardised columns" if history.scales else ""
    return f"# Where training starts{f': small and random, drawn with seed {history.seed}' if history.drawn else units}."


def setting_of(history: History, before: str, after: str, *, written: Written = number) -> list[str]:
    """The number that the loss needs; several, one for each target, stand between `before` and `after`."""
    name, why = history.code.setting, history.code.why
    if not name:
        return []
    if len(history.setting) > 1:
        lines = array(name, history.setting, before, after, written=written)
    else:
        lines = [f"{name} = {float(history.setting)!r}"]
    return [f"{lines[0]}  # {why}", *lines[1:]] if len(why) <= _SHORT else [f"# {why}", *lines]


def penalty_sizes(history: History) -> list[str]:
    """`l1 = ...` and `l2 = ...`, where there are such penalties."""
    return [f"{name} = {size!r}" for name, size in (("l1", history.l1), ("l2", history.l2)) if size]


def means(history: History, form: Form) -> str:
    """`x_mean, y_mean = ...`."""
    return f"{form.X}_mean, y_mean = {_mean(history, form, form.X)}, {_mean(history, form, 'y')}"


def slopes_back(history: History, form: Form) -> str:
    """The slopes in the data's units, from those of standardised columns."""
    return f"w = w * y_std / {form.X}_std{'[:, None]' if form.tall else ''}"


def moved_back(form: Form) -> str:
    """What the slopes contribute to the prediction at the means."""
    return f"w * {form.X}_mean" if form.flat else f"{form.X}_mean @ w"


def restored(history: History, form: Form, layer: str) -> list[Section]:
    """The weights brought back to the data's units: w and b, or the weights of a layer."""
    if not history.scales:
        return []
    lines = ["# Back to the units of the data: the same line, told in other numbers."]
    if form.net:
        lines += ["with torch.no_grad():", f"    {layer}.weight.mul_(y_std[:, None] / X_std)"]
        if history.intercept:
            lines.append(f"    {layer}.bias.copy_({layer}.bias * y_std + y_mean - {layer}.weight @ X_mean)")
        return [Section(lines)]
    if form.torch:
        lines.append("w, b = w.detach(), b.detach()" if history.intercept and not history.rests else "w = w.detach()")
    lines.append(slopes_back(history, form))
    if history.intercept:
        lines.append(f"b = b * y_std + y_mean - {moved_back(form)}")
    return [Section(lines)]


def _standardised(history: History, form: Form) -> list[str]:
    X = form.X
    lines = ["# Standardise: mean 0 and standard deviation 1, so that one learning rate suits every column."]
    if not history.trains:
        lines = ["# Standardise: mean 0 and standard deviation 1."]
    if not history.intercept:
        lines = ["# Scale to the mean square 1; without an intercept, nothing is centred."]
    for name in (X, "y"):
        axis = _axis(form, name)
        if history.weighted:
            away = f"({name} - {name}_mean) ** 2" if history.intercept else f"{name}**2"
            if history.intercept:
                lines.append(f"{name}_mean = {_mean(history, form, name)}")
            lines.append(f"{name}_std = (weight @ {away} / len(y)) ** 0.5")
        elif not history.intercept:
            lines.append(f"{name}_std = ({name}**2).mean({axis}) ** 0.5")
        else:
            spread = f"{name}.std({', '.join(filter(None, (axis, 'correction=0' if form.torch else '')))})"
            lines.append(f"{name}_mean, {name}_std = {name}.mean({axis}), {spread}")
    lines += _kept(history, form)
    centre = "({0} - {0}_mean) / {0}_std" if history.intercept else "{0} / {0}_std"
    lines += [f"{name}_scaled = {centre.format(name)}" for name in (X, "y")]
    return [*lines, *still(history, form, f"{X}_scaled", "y_scaled")]


def still(history: History, form: Form, X: str, y: str) -> list[str]:
    """Centred columns that do not vary are 0 but for rounding: made 0."""
    found = _of_both(history.constant, history, form, X, y)
    return [f"{name}[{':' if vector else f':, {own}'}] = 0.0  # does not vary" for name, own, vector in found]


def _kept(history: History, form: Form) -> list[str]:
    """Columns whose scale stays as it is."""
    lines = []
    for name, own, vector in _of_both(history.kept, history, form, form.X, "y"):
        one = f"{form.lib}.ones(())" if vector and form.torch else "1.0"
        lines.append(f"{name}_std{'' if vector else f'[{own}]'} = {one}  # left as it is")
    return lines


def _of_both(columns: tuple[int, ...], history: History, form: Form, X: str, y: str) -> Iterator[tuple[str, list[int], bool]]:
    """X and y, if some of the p + k columns are theirs: the name, their columns, and whether it is a vector."""
    features, targets = [j for j in columns if j < history.p], [j - history.p for j in columns if j >= history.p]
    if features:
        yield X, features, form.flat
    if targets:
        yield y, targets, not form.tall


def _mean(history: History, form: Form, name: str) -> str:
    return f"weight @ {name} / len(y)" if history.weighted else f"{name}.mean({_axis(form, name)})"


def _axis(form: Form, name: str) -> str:
    return "" if name == "x" or (name == "y" and not form.tall) else "0"
