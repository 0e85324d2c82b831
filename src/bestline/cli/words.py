"""The words after a command: which of them is the formula or the model, and which are files. Their order is free."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from bestline.calls import meant_as_formula
from bestline.errors import listed, readable

_LIKE_A_PATH = re.compile(r"[/\\*?]|://|\.\w{2,8}$|^-$")  # folders, globs, addresses, endings; and standard input
_EQUALS = {"=", "==", "<-", "~"}
_SIGNS = {*_EQUALS, "+"}


def split_formula(words: list[str]) -> tuple[str | list[str], str | None]:
    """Paths, and the formula where one of the words is one.

    A formula has a ~ that does not begin a path, or is empty; so is what is meant as one, with = in its place, whose own
    error then says what to write. Raises BadParameter for words that are neither, as when a formula came without its quotes.
    """
    _refuse_torn(words)
    formulas = [word for word in words if _is_formula(word)]
    files = [word for word in words if not _is_formula(word)]
    if len(formulas) > 1:
        raise typer.BadParameter(f"there are two formulas, {listed(formulas)}; give one")
    if not files:
        raise typer.BadParameter(f"there is a formula and no data; give both: line.csv {_quoted(formulas[0])}")
    _refuse_bare(files, bool(formulas))
    return one(files), formulas[0] if formulas else None


def one(files: list[str]) -> str | list[str]:
    """One path as it is, several as a list."""
    return files[0] if len(files) == 1 else files


def model_first(model: Path, data: list[str] | None) -> tuple[Path, list[str]]:
    """The model and the data, in whichever order they were typed: a model's name ends in .bestline."""
    words = [str(model), *(data or [])]
    models = [word for word in words if word.lower().endswith(".bestline")]
    if len(models) > 1:
        raise typer.BadParameter(f"there are two models, {listed(models)}; give one, and data beside it")
    first = models[0] if models else words[0]
    words.remove(first)
    return Path(first), words


def _is_formula(word: str) -> bool:
    # An empty text is a formula too, so that its own error is given and not one about a file.
    return not word.strip() or meant_as_formula(word.strip())


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # longer than any path, or with characters that no path has
        return False


def _bare(word: str) -> bool:
    """Whether a word can only be a column's name or a sign: no file is there, and it looks like none."""
    return word in _SIGNS or not (_LIKE_A_PATH.search(word) or _exists(word))


def _refuse_torn(words: list[str]) -> None:
    # Without quotes the shell hands on `y ~ x` as three words, and the middle one as the home directory.
    home = {*_EQUALS, str(Path.home())}
    torn = [
        i
        for i, word in enumerate(words)
        if (word in home or (re.match(r"~[^/\s]|\S+~$", word) and " " not in word and not _exists(word)))
        and any(_bare(near) for near in (*words[max(i - 1, 0) : i], *words[i + 1 : i + 2]))
    ]
    if not torn:
        return
    begin = end = torn[0]
    while begin and _bare(words[begin - 1]):
        begin -= 1
    while end + 1 < len(words) and _bare(words[end + 1]):
        end += 1
    whole = " ".join("~" if word in home else word for word in words[begin : end + 1])
    raise typer.BadParameter(
        f"put the formula in quotes: {_quoted(whole)}; without them the shell takes the ~ for your home directory"
    )


def _refuse_bare(files: list[str], has_formula: bool) -> None:
    names = [word for word in files if _bare(word)]
    paths = [word for word in files if word not in names]
    if not names or not paths or has_formula:
        return
    columns = [name for name in names if name not in _SIGNS]
    target, features = (columns or names)[0], columns[1:]
    by_name = f"--target {target}" + (f" --features {','.join(features)}" if features else "")
    said = f"{listed(names)} {'is no file' if len(names) == 1 else 'are no files'}; "
    formula = f"as a formula in quotes, {_quoted(f'{target} ~ ' + ' + '.join(features))}, or " if features else ""
    raise typer.BadParameter(f"{said}name the columns {formula}by {by_name}")


def _quoted(formula: str) -> str:
    return f"'{readable(formula)[1:-1]}'"
