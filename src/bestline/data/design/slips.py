"""Slips: what people write in formulas by habit from elsewhere, and what to write here."""

from __future__ import annotations

import re

_SIGN = re.compile(r"\s*(<-|->|==|=|,|[∼～˜])\s*")  # written where ~ was meant, or looks like it

# Functions of R, patsy and others -> what formulas here have for them; {x} is the argument.
_ELSEWHERE = {
    ("ln",): "the natural logarithm is log({x})",
    ("lg",): "the logarithm to the base of ten is log10({x})",
    ("as_factor", "category", "categorical", "ordered", "i", "dummy"): "categories are written C({x})",
    (
        "standardise",
        "zscore",
        "z_score",
        "normalize",
    ): "a column is standardised by standardize({x}), or scale({x}) with the divisor n - 1",
    ("square", "sq", "pow", "power"): "powers are written I(x**2)",
    ("cube",): "powers are written I(x**3)",
    (
        "cc",
        "te",
        "s",
        "rcs",
        "spline",
        "splines",
        "lo",
        "ti",
        "cs",
    ): "splines are written bs(x, df=5), ns(x, df=4) or cr(x, df=4)",
    ("cbind", "c", "list"): "several columns are joined by +, as in y1 + y2 ~ x",
    ("offset",): "an offset is a term by itself: y ~ x + offset({x})",
    ("shift", "difference", "l", "d", "f"): (
        "what other rows hold is written lag(x), lead(x) or diff(x), with the order of rows and what they follow each other within, as in "
        "lag(x, 1, order=week, by=firm)"
    ),
    ("exp2",): "write exp(x * log(2))",
    ("sinh", "cosh", "asin", "acos", "atan", "arcsin", "arccos", "arctan"): "make the column before fitting",
    ("max", "min", "where", "ifelse", "if_else", "cut", "minmax", "clip", "round", "sign"): "make the column before fitting",
    ("treatment", "sum", "helmert", "contr_sum", "relevel"): 'the level to compare with is written C(g, Treatment("level"))',
}
_HINTS = {name: hint for names, hint in _ELSEWHERE.items() for name in names}


def elsewhere(name: str, argument: str) -> str | None:
    """What formulas have for a function of another library, or None."""
    hint = _HINTS.get(name.casefold().replace(".", "_"))
    return None if hint is None else hint.replace("{x}", argument)


_UNKNOWN = r"([^\w\s.+\-*/:^()~`\[\]{}%,])"
_IN_BACKQUOTES = "put a name with signs or spaces in backquotes, as `{0}`"

# What stands on the right of a formula that the parser does not understand, and how the sentence about it ends; the first that fits.
_ON_THE_RIGHT = (
    (
        r"\b(lag|lead|diff)\([^()]*:",
        "shifts by several numbers of rows at once; write each by itself, as in {0}(x, 1) + {0}(x, 2)",
    ),
    (r"[-+*/:^]\s*\Z", "ends with a sign that joins columns; write one more column behind it, or take the sign away"),
    (r"[<>]|[=!]=", "compares, which formulas do not do; make such a column before fitting"),
    (r"(\*\*|\^)\s*[-+0]", "has a power that is no whole number from 1 on; write I(x**-1) for powers of numbers"),
    (r"\|", "has a bar, and what stands behind one is not understood yet; write + C(g) for groups"),
    (r"\A[^()]*,", "lists its columns with commas; join them by +, as in y ~ x1 + x2"),
    (r"[*:]\s*\d|\d\s*[*:]", "multiplies by a number; write I(2 * x) to scale a column"),
    (
        _UNKNOWN,
        "has the sign {0}, which formulas do not know; join columns by +, and put a name that has it in backquotes, as `a {0}`",
    ),
    (
        r"([\w.]+)\s+([\w.]+)",
        "has no sign between {0} and {1}; join columns by +, and put names with spaces in backquotes",
    ),
)


def slip(text: str) -> str | None:
    """What is wrong with a formula that the parser does not understand, and how to write it, as the end of a sentence; or None."""
    bare = re.sub(r"`[^`]*`|\"[^\"]*\"|'[^']*'", "x", text)
    if text.count("`") % 2:
        return "opens a backquote that is not closed; put one before and one behind the column's name"
    if bare.count("(") != bare.count(")"):
        more = "opens" if bare.count("(") > bare.count(")") else "closes"
        return f"{more} a parenthesis too many; each ( needs one )"
    if not _balanced(bare):
        return "closes a parenthesis before it is opened; each ) needs one ( before it"
    if bare.count("~") > 1:
        return "has more than one ~; write one, with the target before it and the columns behind it"
    if "~" not in bare:
        return _without_tilde(text)
    left, _, right = bare.partition("~")
    if re.fullmatch(r"[\w.\s]+(,[\w.\s]+)+", left):
        joined = " + ".join(name.strip() for name in left.split(","))
        return f"lists its targets with commas; join them by +, as in {joined} ~{right}"
    found = next(((match, said) for pattern, said in _ON_THE_RIGHT if (match := re.search(pattern, right))), None)
    return (found[1].format(*found[0].groups()) if found else None) or _unquoted(
        left if "`" in text else text.partition("~")[0]
    )


def _unquoted(left: str) -> str | None:
    """What is wrong with a target that no name is without backquotes, and how to write it; or None."""
    sign = re.search(_UNKNOWN, left)
    if sign:
        return f"has the sign {sign[1]}, which formulas do not know; {_IN_BACKQUOTES.format(left.strip())}"
    pair = re.search(r"([\w.]+)\s+([\w.]+)", left)
    return f"has no sign between {pair[1]} and {pair[2]}; {_IN_BACKQUOTES.format(left.strip())}" if pair else None


def _balanced(text: str) -> bool:
    depth = 0
    for mark in re.findall(r"[()]", text):
        depth += 1 if mark == "(" else -1
        if depth < 0:
            return False
    return True


def _without_tilde(text: str) -> str:
    """What to write for a text that has no ~."""
    sign = _SIGN.search(text)
    if sign:
        left, right = text[: sign.start()].strip(), text[sign.end() :].strip()
        if sign.group(1) == "->":
            left, right = right, left
        right = re.sub(r"\s*,\s*", " + ", right) if "(" not in right else right
        return f"has `{sign.group(1)}` where ~ belongs; write {left or 'y'} ~ {right or 'x'}"
    if re.fullmatch(r"[\w.]+", text):
        return (
            f"has no ~; write target={text!r} to predict it from all other columns, or {text} ~ {'z' if text == 'x' else 'x'}"
        )
    return "has no ~; write the target before it and the columns behind it, as in y ~ x1 + C(g)"
