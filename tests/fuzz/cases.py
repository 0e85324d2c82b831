"""What is tried: tables in every spelling, formulas, options, new rows and model files, each drawn from its number alone."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import bestline as bl
from crafted import signed

NAMES = (
    "x",
    "y2",
    "size (m)",
    "Größe",
    "a b",
    "class",
    "1st",
    "x:z",
    "C(g)",
    "价格",
    "e",
    "I",
    "-x",
    "=x",
    "_",
    "Intercept",
    "x.1",
)
WORDS = (
    "",
    "NA",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "abc",
    "1,5",
    "1 000",
    "0x1F",
    "1_0",
    "TRUE",
    "2020-01-01",
    "−3",
    "(4)",
    "5 kg",
    "\x1b[31m",
)
OPTIONS = {
    "--solver": ("exact", "sgd", "adam", "SGD", "lbfgs", "stochastic", "momentum", "magic", ""),
    "--lr": ("0.1", "auto", "-1", "0", "nan", "1e300", "x"),
    "--steps": ("1", "10", "0", "-3", "2.5", "1e3"),
    "--batch-size": ("1", "8", "0", "-1", "1000000"),
    "--l1": ("0.1", "0", "-1", "inf", "1e300"),
    "--l2": ("0.1", "1e-300", "nan", "1e300"),
    "--cv": ("ridge", "lasso", "enet", "rigde"),
    "--folds": ("2", "5", "1", "1000", "g", "nope", "-2"),
    "--loss": ("squared", "huber", "absolute", "quantile", "quantile:0.9", "hubber", "quantile:2"),
    "--missing": ("raise", "drop", "impute", "guess"),
    "--split": ("0.7,0.15,0.15", "0.5,0.5", "1", "2,3", "a,b", "0.7,-0.1", ""),
    "--weights": ("w", "x", "nope", "y"),
    "--start": ("1,2", "x=1", "nope=3", "1,2,3,4,5,6", "nan"),
    "--seed": ("0", "7", "-1", "1e9", "x"),
    "--digits": ("8", "15", "17", "0", "-1"),
    "--device": ("cpu", "cuda", "tpu"),
    "--cov": ("HC3", "classical", "HC9", "g"),
    "--standardize": (None,),
    "--no-standardize": (None,),
    "--json": (None,),
    "--target": ("y", "x", "nope"),
    "--features": ("x", "x,g", "nope", ""),
}
PIECES = (
    *(
        "x",
        "w",
        "g",
        "C(g)",
        "C(x)",
        "I(x**2)",
        "x**2",
        "x^2",
        "log(x)",
        "exp(x)",
        "poly(x, 2)",
        "bs(x, df=4)",
        "ns(w, 3)",
        "C(g, Sum)",
        "center(x)",
        "scale(w)",
        "-x",
    ),
    *(
        "1",
        "0",
        "-1",
        ".",
        "y",
        "`x`",
        "``",
        "nope",
        "np.log(x)",
        "__import__('os')",
        "x if x else w",
        "lambda: x",
        "x[0]",
        "g:x",
    ),
    *(
        "sqrt(x)",
        "lg(x)",
        "(x + w)**2",
        "(x + w)**20",
        "1e400",
        "'x'",
        "é",
        "\x00",
        "bs(x, 3)",
        "Q('x')",
        "x:x",
        "(((x)))",
        "(x",
    ),
)


def _grouped(mark: str) -> Callable[[float], str]:
    return lambda value: f"{value:,.4f}".replace(",", mark)


STYLES: tuple[Callable[[float], str], ...] = (
    *map(_grouped, ("\u00a0", "\u202f", " ", "'", "\u2019", ",")),
    lambda value: f"{value:.4f}".replace("-", "\u2212"),
    lambda value: f"({-value:.4f})" if value < 0 else f"{value:.4f}",
    lambda value: f"{value:.4f} kg",
    lambda value: f"${value:.4f}" if value >= 0 else f"-${-value:.4f}",
    lambda value: f"{value:.4f} €",
)


@dataclass
class Case:
    """Files that lie in a folder, commands that are run there one after the other, and the weights that are right, if known."""

    kind: str
    commands: list[list[str]]
    weights: dict[str, float] | None = None
    shown: str = ""
    outputs: set[str] = field(default_factory=set)


def drawn(number: int, folder: Path) -> Case:
    """Case `number`, its files written into `folder`."""
    draw = random.Random(number)  # noqa: S311  not a secret
    kind = draw.choice(sorted(KINDS))
    case = KINDS[kind](draw, folder)
    case.kind = kind
    case.shown = "; ".join(" ".join(map(repr, command)) for command in case.commands)
    return case


def _numbers(draw: random.Random, rows: int) -> dict[str, list[float]]:
    """A table of noise: x and w, and y on a line of them."""
    size, offset = 10 ** draw.uniform(-8, 8), draw.choice((0, 0, 100, 1e6))
    x = [size * (offset + draw.gauss(0, 1)) for _ in range(rows)]
    w = [draw.uniform(0.5, 3) for _ in range(rows)]
    return {"x": x, "w": w, "y": [3 + 2 * a / size - b + draw.gauss(0, 0.1) for a, b in zip(x, w, strict=True)]}


def _plain(draw: random.Random, rows: int = 30) -> str:
    table = _numbers(draw, rows)
    lines = [f"{x!r},{w!r},{y!r},{draw.choice('ab')}" for x, w, y in zip(*table.values(), strict=True)]
    return "\n".join(["x,w,y,g", *lines, ""])


def _dialect(draw: random.Random, folder: Path) -> Case:
    """A table in some spelling: the weights must be those of least squares on the very numbers, or the file is refused."""
    table = _numbers(draw, draw.choice((4, 30, 300)))
    first, second = draw.sample(NAMES, 2)
    names = {"x": first, "w": second, "y": "y"}
    comma = draw.random() < 0.3
    between = draw.choice(";\t|") if comma else draw.choice(",;\t|")
    quote = draw.choice(("none", "all", "text", "numbers"))

    def cell(text: str, number: bool) -> str:
        must = any(c in text for c in (between, '"', "\n", "\r"))
        wanted = quote in ("all", "numbers" if number else "text")
        return '"' + text.replace('"', '""') + '"' if must or wanted else text

    styles = {name: draw.choice(STYLES) if draw.random() < 0.3 else None for name in ("x", "w")}
    for name, style in styles.items():
        if style:  # numbers of few decimals, so that what is written is what is meant
            table[name] = [round(draw.gauss(0, 3000), 4) for _ in table[name]]

    def spelled(name: str, value: float) -> str:
        style = styles.get(name)
        if style:
            return style(value).translate(str.maketrans(",.", ".,")) if comma else style(value)
        text = draw.choice((repr, repr, repr, "{:.17e}".format))(value)
        return text.replace(".", ",") if comma else text

    columns = [*table, *(["note"] if draw.random() < 0.5 else [])]
    draw.shuffle(columns)
    notes = ["plain", "two words", 'said "so"', f"with{between}this", "line\nbreak", "", "ünï"]
    lines = [between.join(cell(names.get(c, c), False) for c in columns)]
    for i in range(len(table["y"])):
        row = [cell(spelled(c, table[c][i]), True) if c in table else cell(draw.choice(notes), False) for c in columns]
        lines.append(between.join(row))
    end = draw.choice(("\n", "\n", "\r\n"))
    content = (end.join(lines) + draw.choice((end, ""))).encode(draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))
    pack = draw.choice((None, None, "gz", "bz2"))
    content = {"gz": gzip.compress, "bz2": bz2.compress}[pack](content) if pack else content
    file = "t.csv" + (f".{pack}" if pack else "")
    (folder / file).write_bytes(content)
    X = np.column_stack([table["x"], table["w"]]).astype(np.longdouble)
    X -= X.mean(0)
    size = np.abs(X).max(0)  # columns of one size, or the smaller would be cut off as rounding
    found = np.linalg.lstsq((X / size).astype(float), np.array(table["y"]) - np.mean(table["y"]), rcond=None)[0] / size
    options = ["--target", "y", "--features", f"{first},{second}"] if "," not in first + second else ["--target", "y"]
    return Case("", [["fit", file, *options, "--json"]], dict(zip((first, second), map(float, found), strict=False)))


def _bytes(draw: random.Random, folder: Path) -> Case:
    """A good table in which some bytes are others."""
    content = bytearray(_plain(draw).encode())
    for _ in range(draw.choice((1, 1, 3, 30))):
        at, kind = draw.randrange(len(content)), draw.randrange(5)
        word = draw.choice((b'"', b"\x00", b"\xff", b",", b"\n", b"\r", b"'", b";", b"=", draw.choice(WORDS).encode()))
        if kind == 0:
            content[at : at + draw.randrange(1, 40)] = b""
        elif kind == 1:
            content[at] = draw.randrange(256)
        elif kind == 2:
            content[at:at] = content[draw.randrange(len(content)) :][:200]
        else:
            content[at : at + draw.randrange(4)] = word
        content = content or bytearray(b"x")
    (folder / "t.csv").write_bytes(bytes(content))
    return Case(
        "",
        [
            [
                "fit",
                "t.csv",
                draw.choice(("y ~ x", "y ~ .", "y ~ x + C(g)")),
                "--missing",
                draw.choice(("raise", "drop", "impute")),
            ]
        ],
    )


def _formula(draw: random.Random, folder: Path) -> Case:
    """A formula of pieces that may belong together or not."""
    (folder / "t.csv").write_text(_plain(draw), encoding="utf-8")
    text = draw.choice(("y ~ ", "y ~ ", "y ~", "~ ", "y = ", "", "log(y) ~ ", "y + x ~ ", "y ~ x ~ "))
    for _ in range(draw.randrange(1, 7)):
        text += draw.choice(PIECES) + draw.choice((" + ", " + ", " - ", "*", ":", " ", "**", "|", ""))
    text = text.rstrip(" +-*:|") if draw.random() < 0.7 else text
    return Case("", [["fit", "t.csv", text.replace("\x00", ""), *draw.choice(([], ["--json"]))]])


def _options(draw: random.Random, folder: Path) -> Case:
    """Options that make sense together or not."""
    (folder / "t.csv").write_text(_plain(draw), encoding="utf-8")
    command = ["fit", "t.csv", *draw.choice((["y ~ x"], ["y ~ x + C(g)"], ["y ~ ."], []))]
    for name in draw.sample(sorted(OPTIONS), draw.randrange(1, 5)):
        value = draw.choice(OPTIONS[name])
        command += [name] if value is None else [f"{name}={value}"]
    if any(c.startswith(("--lr", "--batch-size", "--solver")) for c in command) and "--steps" not in " ".join(command):
        command.append("--steps=20")  # ten thousand steps of small batches take their time, and rightly
    return Case("", [[*command, "-o", "m.bestline"]], outputs={"m.bestline"})


def _rows(draw: random.Random, folder: Path) -> Case:
    """New rows for a model: columns that are missing, levels never seen, words among numbers, no rows."""
    (folder / "t.csv").write_text(_plain(draw), encoding="utf-8")
    columns = draw.sample(["x", "w", "g", "y", "extra"], draw.randrange(1, 6))
    lines = [",".join(columns)]
    for _ in range(draw.choice((0, 1, 5))):
        lines.append(",".join(draw.choice((draw.choice("abz"), repr(draw.gauss(0, 1)), draw.choice(WORDS))) for _ in columns))
    (folder / "new.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    formula = draw.choice(("y ~ x", "y ~ x + C(g)", "y ~ x*g", "y ~ poly(x, 2) + g"))
    command = draw.choice((["predict", "m.bestline", "new.csv", "-o", "p.csv"], ["evaluate", "m.bestline", "new.csv"]))
    interval = (
        ["--interval", draw.choice(("prediction", "confidence"))] if command[0] == "predict" and draw.random() < 0.5 else []
    )
    fit = ["fit", "t.csv", formula, "--missing", draw.choice(("raise", "drop", "impute")), "-o", "m.bestline"]
    return Case("", [fit, [*command, *interval]], outputs={"m.bestline", "p.csv"})


def _model(draw: random.Random, folder: Path) -> Case:
    """A model file in which some bytes are others, signed again."""
    data = {"x": [1.0, 2.0, 4.0, 7.0], "g": ["a", "b", "a", "b"], "y": [1.0, 3.0, 2.0, 9.0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bl.fit(data, "y ~ x + C(g)").save(folder / "m.bestline")
    content = bytearray((folder / "m.bestline").read_bytes())
    for _ in range(draw.choice((1, 1, 4))):
        at = draw.choice((draw.randrange(120, len(content)), draw.randrange(120, 1200)))
        content[at] = draw.choice((draw.randrange(256), ord(draw.choice('0123456789"[]{},:-e.'))))
    with contextlib.suppress(ValueError):  # the digest's own place was hit
        content = bytearray(signed(bytes(content)))
    (folder / "m.bestline").write_bytes(bytes(content))
    (folder / "new.csv").write_text("x,g,y\n1,a,2\n3,b,4\n", encoding="utf-8")
    told = draw.choice(
        (["summary", "m.bestline"], ["predict", "m.bestline", "new.csv"], ["export", "m.bestline", "--to", "sql"])
    )
    return Case("", [told])


KINDS: dict[str, Callable[[random.Random, Path], Case]] = {
    "dialects": _dialect,
    "bytes": _bytes,
    "formulas": _formula,
    "options": _options,
    "new rows": _rows,
    "model files": _model,
}
