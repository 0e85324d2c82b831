"""The command that opens the local page."""

from __future__ import annotations

from typing import Annotated

import typer

from bestline.cli.options import examples
from bestline.cli.streams import say, say_error
from bestline.cli.words import split_formula

LAB_EXAMPLES = examples("bestline lab", "bestline lab cars.csv", "bestline lab cars.csv 'mpg ~ weight' --port 8000")


def lab(
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATA]... [FORMULA]", help="Files to begin with, and a formula. [default: a lesson's data]"),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of this machine; 0 takes one that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    network: Annotated[
        bool,
        typer.Option(
            "--open-to-network",
            help="Let other machines in: whoever has the address can read the data and use this machine's processor. Not encrypted.",
        ),
    ] = False,
) -> None:
    """Open the lab, a page of this machine: touch the training, bring your own data, follow a lesson, take the run home."""
    from bestline.lab.serve import serve  # starlette and uvicorn

    files, formula = split_formula(data) if data else (None, None)
    if network:
        say_error("warning: the lab is open to the network: whoever has the address below can use it, and it is not encrypted.")
    serve(files, formula, port=port, browser=browser, network=network, say=say)
    say("The lab is closed.")
