"""Wrong usage, answered by what to type: commands and options that there are not, by near names and by what others call them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import typer
from typer.core import TyperGroup

from bestline.calls import hint
from bestline.errors import OptionError, clean, near_names, readable

# Click's own; typer has it inside, and names only its children.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])

# What other tools, and people who think of them, call the commands.
_MEANT = {
    "fit": "train learn regress regression lm ols model linear solve",
    "watch": "plot draw animate animation visualize visualise film movie picture play",
    "predict": "apply infer inference forecast transform",
    "evaluate": "score test eval validate metrics",
    "summary": "print describe info show load inspect tidy glance coef",
    "diagnose": "check residuals diagnostics",
    "preflight": "lr rate limit",
    "sweep": "grid search tune",
    "export": "convert save dump onnx sql script",
    "generate": "make simulate synthetic data sample create lesson",
    "demo": "tour tutorial example examples start",
    "agree": "compare sklearn statsmodels",
    "--help": "help usage man commands",
    "--version": "version",
}
_OTHERS = {word: name for name, words in _MEANT.items() for word in words.split()}


class Commands(TyperGroup):
    """Commands of which one that is not there is answered by the one that was meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names."""
        if args and args[0] not in self.commands and (args[0] == "-" or not args[0].startswith("-")):
            raise OptionError(_no_command(ctx.command_path, args, list(self.commands)))
        return super().resolve_command(ctx, args)


def _no_command(program: str, words: list[str], known: list[str]) -> str:
    word = words[0]
    other = _OTHERS.get(word.casefold())
    near = [other] if other in known or (other or "").startswith("-") else near_names(word, known)
    if near and not ("fit" in known and Path(word).suffix):
        return f"There is no command {readable(word)}; did you mean {' or '.join(f'{program} {name}' for name in near)}?"
    if "fit" in known and (word == "-" or set(word) & set("~./\\*=")):
        return f"Say first what to do with the data, for example: {program} fit {clean(shlex.join(words))}"
    return f"There is no command {readable(word)}; the commands are {', '.join(known)}."


def explained(error: Any) -> str:
    """What was wrong with how a command was typed, and where its options are told."""
    context = getattr(error, "ctx", None)
    # Our own sentences say which option they are about, and what to type; click puts the name before its own.
    if type(error) is typer.BadParameter and error.param is None and error.param_hint is None:
        return clean(f"{error.message[:1].upper()}{error.message[1:]}".rstrip(".") + ".")
    said = _no_option(error, context) if getattr(error, "option_name", None) and context else _no_value(error)
    if context is None:
        return clean(said)
    words = " ".join(p.metavar or p.name.upper() for p in context.command.params if p.param_type_name == "argument")
    return f"{clean(said)}\nWrite it so: {context.command_path} {words} [OPTIONS]; its options: {context.command_path} --help"


def _no_value(error: Any) -> str:
    """What is wrong with the value of an option, or what lacks."""
    found: list[Any] = getattr(error.__cause__, "errors", list)()
    kind = str(found[0].get("type", "")) if found else ""
    what = "a whole number" if kind.startswith("int") else "a number" if kind.startswith("float") else None
    if what is None:
        return str(error.format_message())
    return f"{max(error.param.opts, key=len)} needs {what}; got {str(found[0].get('input'))!r:.60}."


def _no_option(error: Any, context: Any) -> str:
    if not hasattr(error, "possibilities"):  # it is known, and its value is missing
        return str(error.format_message())
    known = [name.removeprefix("--").replace("-", "_") for name in options_of(context.command)]
    meant = hint(error.option_name.lstrip("-"), known, lambda name: f"--{name.replace('_', '-')}", all_of_them=False)
    return f"{context.command_path} has no option {clean(error.option_name)}{f'; {meant}' if meant else '.'}"


def options_of(command: Any) -> list[str]:
    """The long names of a command's options, those that are shown."""
    return [name for p in command.params if not getattr(p, "hidden", False) for name in _names(p) if name.startswith("--")]


def _names(parameter: Any) -> Iterable[str]:
    return [*parameter.opts, *parameter.secondary_opts]
