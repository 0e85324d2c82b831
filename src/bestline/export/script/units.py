"""Units: standardise the rows before training, and bring the weights back to the data's units after it, as code."""

from __future__ import annotations

from bestline.export.script.literals import Section, Written, array, number
from bestline.export.script.run import Run
from bestline.export.script.table import Form

_SHORT = 30  # characters of a remark that still stand behind a number
RESTING = "rests: where all means are 0, it is best at 0"


def prepared(run: Run, form: Form) -> list[Section]:
    """Weights brought to the mean 1, and the columns standardised."""
    sections = []
    if run.weighted:
        sections.append(Section(["weight = weight / weight.mean()  # of mean 1, so that weighted means are plain means"]))
    if run.scales:
        sections.append(Section(_standardised(run, form)))
    return sections


def trained_on(run: Run, form: Form) -> tuple[str, str]:
    """Names of the features and targets that training sees."""
    return (f"{form.X}_scaled", "y_scaled") if run.scales else (form.X, "y")


def line_of(run: Run, form: Form, X: str = "") -> str:
    """The prediction for some features, by w and b."""
    X = X or form.X
    return f"{f'w * {X}' if form.flat else f'{X} @ w'}{' + b' if run.intercept else ''}"


def where_from(run: Run) -> str:
    """What the first weights are."""
    units = ", in the units of the standardised columns" if run.scales else ""
    return f"# Where training starts{f': small and random, drawn with seed {run.seed}' if run.drawn else units}."


def setting_of(run: Run, before: str, after: str, *, written: Written = number) -> list[str]:
    """The number that the loss needs; several, one for each target, stand between `before` and `after`."""
    name, why = run.code.setting, run.code.why
    if not name:
        return []
    if len(run.setting) > 1:
        lines = array(name, run.setting, before, after, written=written)
    else:
        lines = [f"{name} = {float(run.setting)!r}"]
    return [f"{lines[0]}  # {why}", *lines[1:]] if len(why) <= _SHORT else [f"# {why}", *lines]


def means(run: Run, form: Form) -> str:
    """`x_mean, y_mean = ...`."""
    return f"{form.X}_mean, y_mean = {_mean(run, form, form.X)}, {_mean(run, form, 'y')}"


def slopes_back(run: Run, form: Form) -> str:
    """The slopes in the data's units, from those of standardised columns."""
    return f"w = w * y_std / {form.X}_std{'[:, None]' if form.tall else ''}"


def moved_back(form: Form) -> str:
    """What the slopes contribute to the prediction at the means."""
    return f"w * {form.X}_mean" if form.flat else f"{form.X}_mean @ w"


def restored(run: Run, form: Form, layer: str) -> list[Section]:
    """The weights brought back to the data's units: w and b, or the weights of a layer."""
    if not run.scales:
        return []
    lines = ["# Back to the units of the data: the same line, told in other numbers."]
    if form.net:
        lines += ["with torch.no_grad():", f"    {layer}.weight.mul_(y_std[:, None] / X_std)"]
        if run.intercept:
            lines.append(f"    {layer}.bias.copy_({layer}.bias * y_std + y_mean - {layer}.weight @ X_mean)")
        return [Section(lines)]
    if form.torch:
        lines.append("w, b = w.detach(), b.detach()" if run.intercept and not run.rests else "w = w.detach()")
    lines.append(slopes_back(run, form))
    if run.intercept:
        lines.append(f"b = b * y_std + y_mean - {moved_back(form)}")
    return [Section(lines)]


def _standardised(run: Run, form: Form) -> list[str]:
    X = form.X
    lines = ["# Standardise: mean 0 and standard deviation 1, so that one learning rate suits every column."]
    if not run.trains:
        lines = ["# Standardise: mean 0 and standard deviation 1."]
    if not run.intercept:
        lines = ["# Scale to the mean square 1; without an intercept, nothing is centred."]
    for name in (X, "y"):
        axis = _axis(form, name)
        if run.weighted:
            away = f"({name} - {name}_mean) ** 2" if run.intercept else f"{name}**2"
            if run.intercept:
                lines.append(f"{name}_mean = {_mean(run, form, name)}")
            lines.append(f"{name}_std = (weight @ {away} / len(y)) ** 0.5")
        elif not run.intercept:
            lines.append(f"{name}_std = ({name}**2).mean({axis}) ** 0.5")
        else:
            spread = f"{name}.std({', '.join(filter(None, (axis, 'correction=0' if form.torch else '')))})"
            lines.append(f"{name}_mean, {name}_std = {name}.mean({axis}), {spread}")
    lines += _kept(run, form)
    centre = "({0} - {0}_mean) / {0}_std" if run.intercept else "{0} / {0}_std"
    lines += [f"{name}_scaled = {centre.format(name)}" for name in (X, "y")]
    return [*lines, *still(run, form, f"{X}_scaled", "y_scaled")]


def still(run: Run, form: Form, X: str, y: str) -> list[str]:
    """Centred columns that do not vary are 0 but for rounding: made 0."""
    features, targets = [j for j in run.constant if j < run.p], [j - run.p for j in run.constant if j >= run.p]
    lines = []
    for name, columns, vector in ((X, features, form.flat), (y, targets, not form.tall)):
        if columns:
            lines.append(f"{name}[{':' if vector else f':, {columns}'}] = 0.0  # does not vary")
    return lines


def _kept(run: Run, form: Form) -> list[str]:
    """Columns whose scale stays as it is."""
    features, targets = [j for j in run.kept if j < run.p], [j - run.p for j in run.kept if j >= run.p]
    lines = []
    for name, columns, vector in ((form.X, features, form.flat), ("y", targets, not form.tall)):
        if columns:
            left = f"{name}_std" if vector else f"{name}_std[{columns}]"
            lines.append(f"{left} = {f'{form.lib}.ones(())' if vector and form.torch else '1.0'}  # left as it is")
    return lines


def _mean(run: Run, form: Form, name: str) -> str:
    return f"weight @ {name} / len(y)" if run.weighted else f"{name}.mean({_axis(form, name)})"


def _axis(form: Form, name: str) -> str:
    return "" if name == "x" or (name == "y" and not form.tall) else "0"
