"""The commands that use a line on other rows: `predict` and `evaluate`."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline import api
from bestline.cli.options import Engine, Force, ModelFile, briefly, examples, grouped, refuse_existing, resulting, unless_stdout
from bestline.cli.streams import onto_stdout
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one
from bestline.data.progress import share_of
from bestline.errors import listed
from bestline.wording import count, on_columns, plain, significant

PREDICT_EXAMPLES = examples(
    "bestline predict cars.bestline new.csv -o predicted.csv",
    "bestline predict cars.bestline new.csv --interval prediction --level 0.9",
    "bestline predict cars.bestline new.csv --conformal cars.csv --level 0.9",
)

OnUnseen = Annotated[
    str,
    typer.Option(
        help="A level that no training row has: nan (a missing prediction), raise, or average (by the levels' shares)."
    ),
]

Units = Annotated[
    str,
    typer.Option(help="Of a target such as log(y): own (those of y, turned back) or fitted (those of log(y))."),
]

EVALUATE_EXAMPLES = examples("bestline evaluate cars.bestline held_out.csv --json")


@grouped(terminal=resulting)
def predict(
    model: ModelFile,
    *,
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="New rows; columns are found by name.")],
    interval: Annotated[
        str | None,
        typer.Option(help="confidence interval (of the mean, the line) or prediction interval (of a new observation)."),
    ] = None,
    conformal: Annotated[
        str | None,
        typer.Option(
            metavar="TRAINING",
            help="Conformal prediction intervals, which assume no normal errors, from these rows of training.",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="Of --conformal: jackknife+ (without each row) or cv+ (without each fold). [default: jackknife+]"),
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Of cv+. [default: 10]")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the folds of cv+. [default: 0]")] = None,
    level: Annotated[float | None, typer.Option(help="Level of the interval. [default: 0.95]")] = None,
    on_unseen: OnUnseen = "nan",
    units: Units = "own",
    point: Annotated[
        str, typer.Option(help="Of a target that is turned back: its median, or its mean (by Duan's smearing).")
    ] = "median",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="OUT", help="Write here (.csv, .tsv, .parquet, .feather). [default: CSV on stdout]"
        ),
    ] = None,
    raw_cells: Annotated[
        bool,
        typer.Option("--raw-cells", help="Write words that begin with =, +, - or @ as they are, which a spreadsheet runs."),
    ] = False,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Predict new rows: the input's columns, and `prediction` with the ends of the interval asked for."""
    if level is not None and interval is None and conformal is None:
        raise typer.BadParameter("--level is the level of an interval; say which: --interval prediction, or confidence")
    asked = {"method": method, "folds": folds, "seed": seed}
    unseen: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    _refuse_beside(conformal, unseen, interval=interval, on_unseen=on_unseen, units=units, point=point)
    level = 0.95 if level is None else level
    model, data = model_first(model, data)
    out = unless_stdout(out)
    refuse_existing(out, force, model, *data, *([conformal] if conformal is not None else []))
    with terminal.listening() as bars:
        line = bl.load(model)
        source = api.open_source(one(data), text=line.design.texts)
        line.design.check(source, target=False)
        notes = []
        extra = [n for n in source.names if n not in source.stored(line.design.reads())]
        if extra:
            notes.append(f"{listed(extra)} {'is' if len(extra) == 1 else 'are'} not used by the model.")
        tell = share_of(bars.passes(), "predicting")
        rows = 0
        columns: dict[str, list[float | None]] = {}
        ask: Any = (
            line.predictor(interval=interval, level=level, on_unseen=on_unseen, units=units, point=point)
            if conformal is None
            else line.conformal_predictor(conformal, level=level, **unseen)
        )

        def predicted(batch: Any) -> dict[str, Any]:
            values = ask(batch)
            return (
                {f"prediction:{t}": values["prediction"][:, i] for i, t in enumerate(line.targets)}
                if values["prediction"].ndim == 2
                else values
            )

        # As JSON all predictions are held; into a file or onto stdout they go batch by batch, however many rows there are.
        if terminal.json and out is None:
            for batch in source.batches(line.design.needs, progress=tell):
                for name, values in predicted(batch).items():
                    columns.setdefault(name, []).extend(v if math.isfinite(v) else None for v in values.tolist())
            rows = len(next(iter(columns.values()), []))
        else:
            with onto_stdout() if out is None else nullcontext():
                rows = api.write_with(
                    source, out, predicted, overwrite=force, also=line.design.needs, progress=tell, raw_cells=raw_cells
                )
        ask.tell()
    # What the table and the columns give reason to say comes before what was seen in their rows.
    terminal.said = [*source.said(line.design.needs, line.design.words), *notes, *terminal.said]
    terminal.answer("", {"rows": rows, "out": None if out is None else str(out), "warnings": terminal.said, **columns})
    terminal.wrote(out, what=f"{count(rows, 'row')} to ")


def _refuse_beside(conformal: str | None, unseen: dict[str, Any], **others: str | None) -> None:
    """Options that would do nothing: of conformal intervals without them, and of others beside them."""
    if conformal is None:
        for option in unseen:
            raise typer.BadParameter(f"--{option} is of conformal intervals; add --conformal TRAINING, or leave it out")
        return
    if unseen.get("method") != "cv+":
        for option in sorted({"folds", "seed"} & set(unseen)):
            raise typer.BadParameter(f"--{option} is of folds; add --method cv+, or leave it out")
    # A conformal interval is of the line as it was fitted, so what turns predictions has no meaning beside it.
    usual = {"interval": None, "on_unseen": "nan", "units": "own", "point": "median"}
    for option, value in others.items():
        if value != usual[option]:
            raise typer.BadParameter(f"--{option.replace('_', '-')} does not go with --conformal; leave one of them out")


@grouped(terminal=briefly)
def evaluate(
    model: ModelFile,
    *,
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Rows with a known target.")],
    on_unseen: OnUnseen = "nan",
    units: Units = "own",
    engine: Engine = None,
    terminal: Terminal,
) -> None:
    """Measure a model's errors on rows with a known target."""
    model, data = model_first(model, data)
    with terminal.listening():
        line = bl.load(model)
        scores = line.evaluate(one(data), on_unseen=on_unseen, units=units, engine=engine)
    lines = [f"{on_columns(line.design.formula, line.design.p)}   ({scores.of})"]
    own = [
        back.column if back is not None and units == "own" else target
        for target, back in zip(line.targets, line.inverses, strict=True)
    ]
    for i, target in enumerate(own):
        assert scores.mae is not None  # noqa: S101  the rows were read
        lines.append(
            f"{plain(target, 60)}: MSE {significant(scores.mse[i])}, RMSE {significant(scores.rmse[i])}, MAE {significant(scores.mae[i])}, {scores.r2_said(i)}"
        )
    terminal.answer("\n".join(lines), {**api.score_facts(scores, line.targets), "warnings": terminal.said})
