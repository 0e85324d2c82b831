"""Bar: what stands behind `|` in a formula, `y ~ x | firm + year`: factors whose levels each have an effect of their own.

    | firm + year        one for each firm, and one for each year        | firm^year, | firm:year        one for each pair of them

They are absorbed: taken out of all columns, and not written down as columns of their own. As in fixest, pyfixest, lfe and reghdfe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bestline.data.design.grammar import Piece, read
from bestline.errors import FormulaError, readable

_SILENT = re.compile(r"`[^`]*`|\"[^\"]*\"|'[^']*'")  # names and levels in quotes, whose signs are none
_SLOPES = re.compile(r"[\w.`\])]\s*\[")  # firm[x]
_CATEGORY = re.compile(r"C\(\s*(`[^`]*`|[^\W\d]\w*)\s*\)\Z")


def at_bar(text: str) -> tuple[str, str | None]:
    """A formula before its bar and what stands behind it, None where it has none.

    Raises FormulaError for a bar in parentheses or before the ~, and for a second one.
    """
    bare = _SILENT.sub(lambda found: "_" * len(found.group()), text)
    bars = [found.start() for found in re.finditer(r"\|", bare)]
    if not bars:
        return text, None
    first = bars[0]
    if bare[:first].count("(") > bare[:first].count(")"):
        raise FormulaError(
            f"The formula {readable(text)} has a bar in parentheses, as mixed models write random effects, and bestline has none; write "
            f"y ~ x | firm for an effect of each firm that is absorbed."
        )
    if "~" not in bare[:first]:
        raise FormulaError(f"The formula {readable(text)} has a bar before its ~; write it like y ~ x | firm + year.")
    if len(bars) > 1 or "~" in bare[first:]:
        raise FormulaError(
            f"The formula {readable(text)} has more than one part behind its bar, and instruments are not understood; write clusters as "
            f"cov='cluster:firm' (--cov cluster:firm), and factors as | firm + year."
        )
    return text[:first], text[first + 1 :]


def absorbs(text: object) -> bool:
    """Whether a formula has a part behind a bar, as far as its text alone tells it."""
    return isinstance(text, str) and bool(absorbed_columns(text))


def absorbed_columns(text: str) -> list[str]:
    """Columns that stand behind the bar of a formula, as far as its text alone tells them."""
    try:
        _, behind = at_bar(text)
        return [] if behind is None else list(dict.fromkeys(name for by in factors(behind) for name in by))
    except FormulaError:  # it is said when the formula is read
        return []


def factors(behind: str) -> tuple[tuple[str, ...], ...]:
    """The columns of each factor behind a bar; none for `| 0`. Raises FormulaError for what is no column."""
    whole = readable(f"| {behind.strip()}")
    if not behind.strip():
        raise FormulaError(
            "The formula has nothing behind its bar; write columns, as in y ~ x | firm + year, or leave the bar out."
        )
    bare = _SILENT.sub("_", behind)
    if _SLOPES.search(bare):
        raise FormulaError(
            f"The formula has slopes of their own for each level, {whole}, and only constants are absorbed; write y ~ x:C(firm) | firm."
        )
    if re.search(r"(?<![\w.)`])\.(?![\w.])", bare):
        raise FormulaError(f"The formula has a `.` behind its bar, {whole}; name the columns.")
    # A power joins columns there: the sign that fixest has for what is `:` elsewhere.
    signs = "".join(
        piece if _SILENT.fullmatch(piece) else piece.replace("^", ":") for piece in re.split(f"({_SILENT.pattern})", behind)
    )
    found = [term for term in read(f"~ {signs}", ()).right if term]
    return tuple(dict.fromkeys(_columns(term, whole) for term in found))


def _columns(term: Sequence[Piece], whole: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_column(piece, whole) for piece in term))


def _column(piece: Piece, whole: str) -> str:
    if piece.column:
        return piece.text
    category = _CATEGORY.match(piece.text.strip())
    if category is None:
        raise FormulaError(
            f"{readable(piece.text)} stands behind the bar, {whole}, and is no column; make it a column of the table, and name that."
        )
    return category.group(1).strip("`")
