"""Layout: text in the width of a terminal. Sentences are wrapped; a table that is too wide continues below, with its names again.

| term  estimate  std error  p |   becomes   | term  estimate  std error |   and below it   | term  p |
"""

from __future__ import annotations

import re
from itertools import groupby, pairwise
from textwrap import wrap

from bestline.wording import width as filled

_LEAST = 20  # columns: in a narrower terminal nothing can be read anyway
_WIDEST = 32  # of a column of numbers or names: what is wider is a sentence
_GUTTER = "  "  # columns of a table are at least two blanks apart, words of a sentence one


def laid_out(text: str, width: int) -> str:
    """The text in lines of at most `width` columns, as far as its words allow."""
    width = max(width, _LEAST)
    lines: list[str] = []
    for tabular, some in groupby(text.split("\n"), key=lambda line: _GUTTER in line.strip()):
        block = list(some)
        if max(map(filled, block)) <= width:
            lines += block
        elif tabular and len(block) > 1:
            lines += _parts(block, width)
        else:
            lines += [piece for line in _joined(block) for piece in _wrapped(line, width)]
    return "\n".join(lines)


def _joined(lines: list[str]) -> list[str]:
    """Lines with each point behind a dash on one line, which may have been wrapped for a wider page."""
    whole: list[str] = []
    for line in lines:
        if whole and whole[-1].startswith("- ") and line.startswith(_GUTTER):
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    return whole


def _wrapped(line: str, width: int) -> list[str]:
    """One line as several, the later ones further in."""
    if filled(line) <= width:
        return [line]
    indent = re.match(r"\s*(- )?", line)
    margin = " " * len(indent.group() if indent else "") or _GUTTER
    # Letters of East Asia fill two columns: so many letters less make a line.
    narrow = max(_LEAST, width * len(line) // filled(line))
    return wrap(line, narrow, subsequent_indent=margin[: width // 2], break_long_words=False, break_on_hyphens=False)


def _parts(rows: list[str], width: int) -> list[str]:
    """A table in parts below each other, each with the first column again; lines, where there are no columns to part."""
    columns = _columns(rows)
    names, *rest = columns
    room = width - _wide(names)
    if not rest or any(_wide(column) > min(room - len(_GUTTER), _WIDEST) for column in rest):
        return [piece for row in rows for piece in _wrapped(row, width)]
    parts: list[list[list[str]]] = [[]]
    used = 0
    for column in rest:
        needed = _wide(column) + len(_GUTTER)
        if parts[-1] and used + needed > room:
            parts.append([])
            used = 0
        parts[-1].append(column)
        used += needed
    lines = []
    for i, part in enumerate(parts):
        lines += [""] if i else []
        lines += [_GUTTER.join(cells).rstrip() for cells in zip(*map(_even, (names, *part)), strict=True)]
    return lines


def _even(column: list[str]) -> list[str]:
    """The cells of a column, all as wide as the widest."""
    return [cell + " " * (_wide(column) - filled(cell)) for cell in column]


def _wide(column: list[str]) -> int:
    return max(map(filled, column))


def _columns(rows: list[str]) -> list[list[str]]:
    """The columns of lines that stand below each other: they part where all lines are blank, two places wide."""
    cells = [_cells(row) for row in rows]
    size = max(map(len, cells))
    padded = [row + [" "] * (size - len(row)) for row in cells]
    blank = [all(row[at] == " " for row in padded) for at in range(size)]
    edges = [0, *(m.end() for m in re.finditer(r"  +(?=.)", "".join(" " if b else "x" for b in blank)) if m.start()), size]
    return [["".join(row[a:b]).rstrip(" ") for row in padded] for a, b in pairwise(edges)]


def _cells(row: str) -> list[str]:
    """A line, one entry for each column of the terminal: marks go with their letters, and a wide letter takes two."""
    cells: list[str] = []
    for letter in row:
        size = filled(letter)
        if size == 0 and cells:
            cells[-1 if cells[-1] else -2] += letter
        else:
            cells += [letter] + [""] * (size - 1)
    return cells
