"""The tour: one real data set, from the table to a line that predicts, with pictures, a player and a page on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bestline as bl
from bestline import api
from bestline.cli.terminal import Terminal
from bestline.errors import DataError, readable
from bestline.wording import significant

if TYPE_CHECKING:
    from bestline.pictures.render.mpl import Drawing

_FORMULA = "body_mass_g ~ flipper_length_mm + bill_length_mm + bill_depth_mm + species + sex"
_LINE = "body_mass_g ~ flipper_length_mm"
_MODEL = "penguins.bestline"


def tour(out: Path, terminal: Terminal, *, force: bool) -> None:
    """Fit, judge, predict, draw and save; files go to the folder `out`."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not force)):
        raise DataError(
            f"{readable(str(out))} exists and is not an empty folder; choose another --out, or overwrite with --force."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{readable(str(out))} cannot be made a folder: {error.strerror or error}; choose another --out."
        ) from error
    path = str(bl.samples.path("penguins"))
    say = terminal.result
    with terminal.listening() as bars:
        say("1. Least squares, exactly: the mass of penguins from their measures, species and sex.\n")
        # Least squares first: it is what the walk below is measured against.
        exact = bl.fit(path, _FORMULA, missing="drop", progress=bars.passes())
        bars.close()
        say(f"{exact.summary()}\n")
        say("2. The same line by gradient descent, on standardised columns; weights come back in grams and millimetres.\n")
        say(f"Known before the first step: {bl.preflight(path, _FORMULA, missing='drop').advice}\n")
        walked = bl.fit(path, _FORMULA, missing="drop", solver=bl.Descent("sgd", lr="auto", steps=300), watch=bars.steps(300))
        bars.close()
        say(_comparison(exact, walked))
        say("\n3. Five penguins, predicted with 95% intervals for a single bird (grams):\n")
        say(_predictions(exact, path))
        # One feature, so that line, surface and contour can be drawn; from 0, so that there is something to see.
        simple = bl.fit(path, _LINE, missing="drop", solver=bl.Descent("sgd", lr=0.2, steps=20), start=(0, 0), split=(0.8, 0.2))
        momentum = bl.fit(
            path, _LINE, missing="drop", solver=bl.Descent("momentum", lr=0.05, steps=20), start=(0, 0), split=(0.8, 0.2)
        )
        runs = {"sgd, lr 0.2": simple, "momentum, lr 0.05": momentum}
        pictures = _pictures(simple, momentum, exact, walked)
        for name, figure in pictures.items():
            with api.fresh(out / f"{name}.png", overwrite=True) as temporary:
                figure.savefig(temporary)
        api.page_of(runs).save(out / "training.html", overwrite=True)
        api.animate(runs, out / "training.gif", frames=40, overwrite=True)
        exact.report(out / "report.html", overwrite=True)
        exact.save(out / _MODEL, overwrite=True)
    say(f"\n4. Written to {out}{'/' if out.is_dir() else ''}:\n")
    say("\n".join(f"   {name}.png" for name in pictures))
    say("   training.html        the player: open it in a browser, it needs no network")
    say("   training.gif         the same as a moving picture")
    say("   report.html          the model as one page, in words, numbers and pictures")
    say(f"   {_MODEL}    the model: bestline summary {out / _MODEL}")
    say("\nData: Palmer penguins, Gorman, Williams & Fraser 2014, CC0.")


def _comparison(exact: bl.Model, walked: bl.Model) -> str:
    lines = [f"{'':24}{'descent':>12}{'exact':>12}"]
    lines += [
        f"{name:24}{significant(a):>12}{significant(b):>12}"
        for name, a, b in zip(exact.names, walked.params, exact.params, strict=True)
    ]
    gap = float(walked.trace.gap[-1]) if walked.trace.gap is not None else float("nan")
    loss = float(walked.trace.loss[-1])
    lines += [
        "",
        walked.advice,
        f"Loss: {significant(float(walked.trace.loss[0]))} at the start, {significant(loss)} at the end, {significant(gap, 3)} above the exact solution's.",
        f"Learning rate: {significant(walked.rate, 4)}; the largest stable one is {significant(walked.rate_limit, 4)}.",
    ]
    return "\n".join(lines)


def _predictions(model: bl.Model, path: str) -> str:
    table = api.read_table(path)
    # Birds of known sex, 70 rows apart: the table is sorted by species, and one of each is met.
    rows = [i for i, sex in enumerate(table.column("sex").to_pylist()) if sex][::70][:5]
    chosen = table.take(rows)
    predicted = model.predict(chosen, interval="prediction")
    lines = [f"{'species':10}{'sex':8}{'flipper mm':>11}{'predicted':>11}{'low':>9}{'high':>9}{'actual':>9}"]
    for i, p in enumerate(predicted.itertuples()):
        species, sex, flipper, mass = (
            chosen.column(c)[i].as_py() for c in ("species", "sex", "flipper_length_mm", "body_mass_g")
        )
        lines.append(f"{species:10}{sex:8}{flipper:11.0f}{p.prediction:11.0f}{p.pred_low:9.0f}{p.pred_high:9.0f}{mass:9.0f}")
    return "\n".join(lines)


def _pictures(simple: bl.Model, momentum: bl.Model, exact: bl.Model, walked: bl.Model) -> dict[str, Drawing]:
    """The classic pictures, by file name."""
    plot = simple.plot
    return {
        "data": plot.data(),
        "before-and-after": plot.before_after(),
        "loss": plot.loss({"momentum, lr 0.05": momentum}, label="sgd, lr 0.2"),
        "surface": plot.surface(),
        "contour": plot.contour(),
        "step-5": plot.frame(5),
        "overview": plot.overview(others={"momentum, lr 0.05": momentum}, label="sgd, lr 0.2", step=5),
        "train-and-test": plot.train_test(),
        "predicted-and-actual": exact.plot.data(),
        "coefficients": exact.plot.coefficients(),
        "loss-of-all-columns": walked.plot.loss(log=True),
    }
