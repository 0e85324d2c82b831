"""Exit statuses, and options that are never ignored: 0 done, 1 the data would not allow it, 2 wrong usage, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from bestline.cli.app import app
from bestline.cli.usage import options_of

Run = Callable[..., SimpleNamespace]

F = ("table.csv", "y ~ x1 + x2")
DONE: dict[str, tuple[str, ...]] = {
    "fit": ("fit", *F),
    "predict": ("predict", "m.bestline", "table.csv"),
    "evaluate": ("evaluate", "m.bestline", "table.csv"),
    "summary": ("summary", "m.bestline"),
    "diagnose": ("diagnose", "m.bestline", "table.csv"),
    "table": ("table", "m.bestline", "m.bestline", "--labels", "a,b"),
    "anova": ("anova", "m.bestline"),
    "compare": ("compare", "table.csv", "y ~ x1", "y ~ x1 + x2"),
    "bootstrap": ("bootstrap", "m.bestline", "table.csv", "--samples", "20"),
    "subsets": ("subsets", "m.bestline"),
    "means": ("means", "m.bestline", "x1", "--at", "x1=1,2"),
    "effects": ("effects", "f.bestline"),
    "report": ("report", "m.bestline", "-o", "r.html"),
    "watch": ("watch", *F, "--steps", "2", "-o", "w.png"),
    "plot": ("plot", "m.bestline", "-o", "p.png", "--picture", "loss"),
    "preflight": ("preflight", *F),
    "sweep": ("sweep", *F, "--lrs", "0.1,0.2", "--steps", "3"),
    "moments collect": ("moments", "collect", *F, "-o", "c.moments"),
    "moments add": ("moments", "add", "a.moments", "a.moments", "-o", "b.moments"),
    "moments subtract": ("moments", "subtract", "a.moments", "a.moments", "-o", "d.moments"),
    "moments show": ("moments", "show", "a.moments"),
    "export": ("export", "m.bestline", "--to", "sql"),
    "agree": ("agree", "m.bestline", "table.csv"),
    "generate": ("generate", "-o", "g.csv"),
    "lesson": ("lesson", "1", "-o", "lesson.py"),
}
# Of every command what its data would not allow, and how it can be typed wrongly; each with a word of the reason.
REFUSED: list[tuple[int, tuple[str, ...], str]] = [
    (1, ("fit", "absent.csv", "y ~ x1"), "does not exist"),
    (1, ("fit", "table.csv", "y ~ zz"), "no column `zz`"),
    (1, ("fit", "table.csv", "y ~ x1", "--weights", "zz"), "no column `zz`"),
    (2, ("fit", "table.csv", "y ~ x1", "--lr", "fast"), "--lr is one number, or auto; got 'fast'"),
    (2, ("fit", "table.csv", "y ~ x1", "--steps", "1.5"), "--steps needs a whole number; got '1.5'"),
    (2, ("fit", "table.csv", "y ~ x1", "--level", "95"), "for 95% write 0.95"),
    (2, ("fit", "table.csv"), "Say what to predict"),
    (2, ("fit", *F, "-o", "/dev/stdout"), "/dev/stdout is standard output"),
    (2, ("fit", *F, "-o", "-"), "- is standard output"),
    (2, ("fit",), "Write it so: bestline fit DATA... [FORMULA]"),
    (1, ("predict", "absent.bestline", "table.csv"), "does not exist"),
    (1, ("predict", "m.bestline", "other.csv"), "no column `x1`"),
    (1, ("predict", "a.moments", "table.csv"), "`bestline fit` makes a model of moments"),
    (2, ("predict", "m.bestline"), "Write it so: bestline predict MODEL DATA..."),
    (2, ("predict", "m.bestline", "table.csv", "--interval", "both"), "`interval` is None"),
    (2, ("predict", "m.bestline", "table.csv", "--level", "0.9"), "--interval"),
    (1, ("evaluate", "m.bestline", "other.csv"), "no column"),
    (2, ("evaluate", "m.bestline"), "Missing argument"),
    (1, ("table", "m.bestline", "table.csv"), "not a bestline model file"),
    (2, ("table", "m.bestline", "--labels", "a,b"), "`labels` are 1 different texts"),
    (2, ("table", "m.bestline", "-o", "t.docx"), "ends in .md, .html, .tex, .txt, .csv"),
    (2, ("table",), "MODEL..."),
    (1, ("anova", "table.csv"), "not a bestline model file"),
    (2, ("anova", "m.bestline", "--kind", "4"), "`kind`"),
    (1, ("compare", "table.csv", "y ~ x1", "y ~ zz"), "no column `zz`"),
    (2, ("compare", "table.csv", "y ~ x1"), "two formulas"),
    (1, ("bootstrap", "m.bestline", "other.csv"), "no column"),
    (1, ("bootstrap", "m.bestline", "table.csv", "--kind", "cluster", "--cluster", "zz"), "no column `zz`"),
    (2, ("bootstrap", "m.bestline"), "Write it so: bestline bootstrap MODEL DATA..."),
    (2, ("bootstrap", "m.bestline", "table.csv", "--kind", "piars"), "did you mean `pairs`"),
    (2, ("bootstrap", "m.bestline", "table.csv", "-o", "b.txt"), "to .csv or .parquet"),
    (1, ("predict", "m.bestline", "table.csv", "--conformal", "absent.csv"), "does not exist"),
    (2, ("predict", "m.bestline", "table.csv", "--conformal", "table.csv", "--method", "jack"), "choose jackknife+, cv+"),
    (1, ("subsets", "table.csv", "y ~ zz"), "no column `zz`"),
    (1, ("subsets", "m.bestline", "--keep", "zz"), "no term `zz`"),
    (2, ("subsets", "m.bestline", "--by", "aicc"), "did you mean `aic`"),
    (2, ("subsets", "m.bestline", "--by", "cv"), "two folds or more"),
    (2, ("subsets", "m.bestline", "table.csv"), "leave out `table.csv`"),
    (2, ("subsets", "m.bestline", "--features", "x1"), "leave out --features"),
    (2, ("subsets", "m.bestline", "-o", "best.bestline"), "to .csv or .parquet"),
    (1, ("means", "absent.bestline", "x1"), "does not exist"),
    (2, ("means", "m.bestline"), "Name the column to look at behind the model"),
    (1, ("effects", "table.csv"), "not a bestline model file"),
    (2, ("effects", "m.bestline"), "factors behind a bar"),
    (2, ("effects", "f.bestline", "-o", "e.png"), "a table of the effects"),
    (1, ("summary", "table.csv"), "not a bestline model file"),
    (2, ("fit", "table.csv", "y ~ x1", "--loss", "huber", "--cov", "classical"), "write 'robust', or 'iid'"),
    (2, ("fit", "table.csv", "y ~ x1", "--l2", "1", "--cov", "classical"), "there is none under a penalty"),
    (2, ("summary", "m.bestline", "--cov", "HC9"), "did you mean `HC3`, `HC2` or `HC1`?"),
    (2, ("summary", "m.bestline", "table.csv"), "DATA is for robust standard errors"),
    (1, ("diagnose", "m.bestline", "other.csv"), "no column"),
    (2, ("diagnose", "m.bestline", "table.csv", "-o", "d.png", "--theme", "blue"), "no theme 'blue'"),
    (1, ("report", "table.csv", "-o", "r.html"), "not a bestline model file"),
    (2, ("report", "m.bestline", "-o", "r.pdf"), "ends in .html"),
    (1, ("watch", "table.csv", "y ~ zz", "-o", "w.png"), "no column `zz`"),
    (2, ("watch", *F, "-o", "w.txt"), ".html"),
    (2, ("watch", *F, "-o", "w.html", "--units", "trained"), "the switch 'as trained'"),
    (2, ("watch", *F, "-o", "w.png", "--still"), "--still is of a page"),
    (2, ("watch", *F, "-o", "w.png", "--units", "cm"), "'data' or 'trained'"),
    (2, ("watch", *F, "-o", "w.png", "--solver", "exact", "--lr", "0.1"), "takes no lr"),
    (2, ("watch", *F, "-o", "w.html", "--compare", "steps=x"), "write steps=a whole number"),
    (1, ("plot", "absent.bestline", "-o", "p.png"), "does not exist"),
    (2, ("plot", "m.bestline", "y ~ x1", "-o", "p.png"), "the model has its formula"),
    (2, ("plot", "m.bestline", "-o", "p.png", "--picture", "los"), "did you mean `loss`"),
    (1, ("preflight", "table.csv", "y ~ zz"), "no column `zz`"),
    (2, ("preflight", *F, "--optimizer", "adm"), "`adam`"),
    (1, ("sweep", "table.csv", "y ~ zz"), "no column `zz`"),
    (2, ("sweep", *F, "--lrs", "1:2"), "LOW:HIGH:COUNT"),
    (1, ("moments", "collect", "absent.csv", "y ~ x", "-o", "c.moments"), "does not exist"),
    (2, ("moments", "collect", *F, "-o", "c.csv"), ".moments file"),
    (1, ("moments", "add", "a.moments", "table.csv", "-o", "b.moments"), "not a bestline moments file"),
    (2, ("moments", "add", "a.moments", "-o", "b.moments"), "Write it so: bestline moments add FIRST SECOND"),
    (1, ("moments", "show", "m.bestline"), "`bestline summary` prints a model"),
    (2, ("moments",), "Usage"),
    (1, ("export", "table.csv", "--to", "sql"), "not a bestline model file"),
    (2, ("export", "m.bestline", "--to", "xml"), "script, onnx, sql, json"),
    (1, ("agree", "m.bestline", "other.csv"), "no column"),
    (2, ("agree", "m.bestline"), "Missing argument"),
    (1, ("generate", "-o", "table.csv"), "exists already"),
    (2, ("generate", "-o", "g.csv", "--lesson", "absent"), "no lesson"),
    (1, ("lesson", "1", "-o", "absent/lesson.py"), "folder that does not exist"),
    (2, ("lesson", "slope"), "slope-and-bias"),
    (2, ("fitt", *F), "did you mean bestline fit?"),
    (2, (), "Usage"),
]
# Options that only some solvers, outputs or models have: named where they would do nothing.
IDLE: list[tuple[tuple[str, ...], str]] = [
    (("fit", *F, "--rate", "constant"), "takes no rate"),
    (("fit", *F, "--solver", "sgd", "--power", "0.3"), "solver 'stochastic' takes it"),
    (("fit", *F, "--solver", "adam", "--average"), "takes no average"),
    (("fit", *F, "--solver", "exact", "--lr", "0.1"), "solver 'sgd' takes it"),
    (("fit", *F, "--solver", "exact", "--batch-size", "8"), "takes no batch_size"),
    (("fit", *F, "--solver", "exact", "--steps", "8"), "takes no steps"),
    (("fit", *F, "--solver", "exact", "--patience", "8"), "takes no patience"),
    (("fit", *F, "--solver", "exact", "--tol", "0.1"), "takes no tol"),
    (("fit", *F, "--solver", "sgd", "--aliased", "drop"), "takes no aliased"),
    (("fit", *F, "--start", "0,0,0"), "--start is where training begins"),
    (("fit", *F, "--penalty-factors", "x1=0"), "share out a penalty"),
    (("fit", *F, "--cv", "lasso", "--l1", "1"), "leave out"),
    (("fit", *F, "--split", "0.8,0.2", "--folds", "3"), "--folds"),
    (("fit", *F, "--target", "y"), "not both"),
    (("fit", *F, "--weight-kind", "frequency"), "there are none"),
    (("fit", *F, "--bounds", "x1=:0", "--l1", "1"), "l1"),
    (("fit", *F, "--constraints", "x1 = x2", "--l1", "1"), "l1"),
    (("fit", *F, "--features", "x1"), "not both"),
    (("fit", "a.moments", "--missing", "drop"), "--missing was decided"),
    (("fit", "a.moments", "--folds", "3"), "--folds was decided"),
    (("fit", "a.moments", "--seed", "3"), "--seed drew the folds"),
    (("bootstrap", "m.bestline", "table.csv", "--cluster", "g"), "write kind='cluster'"),
    (("predict", "m.bestline", "table.csv", "--method", "cv+"), "--method is of conformal intervals"),
    (("predict", "m.bestline", "table.csv", "--folds", "3"), "--folds is of conformal intervals"),
    (("predict", "m.bestline", "table.csv", "--seed", "3"), "--seed is of conformal intervals"),
    (("predict", "m.bestline", "table.csv", "--conformal", "table.csv", "--seed", "3"), "add --method cv+"),
    (("predict", "m.bestline", "table.csv", "--conformal", "table.csv", "--interval", "prediction"), "--interval does not go"),
    (("predict", "m.bestline", "table.csv", "--conformal", "table.csv", "--units", "fitted"), "--units does not go"),
    (("predict", "m.bestline", "table.csv", "--conformal", "table.csv", "--point", "mean"), "--point does not go"),
    (("predict", "m.bestline", "table.csv", "--conformal", "table.csv", "--on-unseen", "average"), "--on-unseen does not go"),
    (("subsets", "m.bestline", "--missing", "drop"), "--missing was decided"),
    (("subsets", "m.bestline", "--weight-kind", "frequency"), "--weight-kind was decided"),
    (("subsets", "a.moments", "--folds", "3"), "--folds was decided"),
    (("subsets", *F, "--features", "x1"), "not both"),
    (("predict", "m.bestline", "table.csv", "--level", "0.9"), "say which"),
    (("diagnose", "m.bestline", "table.csv", "--theme", "dark"), "--theme is of the picture"),
    (("watch", *F, "-o", "w.png", "--frames", "3"), "--frames are of"),
    (("watch", *F, "-o", "w.html", "--theme", "dark"), "--theme is of a film"),
    (("plot", "m.bestline", "-o", "p.png", "--picture", "surface", "--log"), "--log is of the pictures"),
    (("plot", "m.bestline", "-o", "p.png", "--features", "x1"), "--features is of data before a fit"),
    (("plot", "m.bestline", "-o", "p.png", "--truth", "1,2"), "--truth is of the pictures"),
    (("plot", *F, "-o", "p.png", "--step", "1"), "--step is of a model"),
    (("export", "m.bestline", "--to", "sql", "--style", "numpy"), "--style is for --to script"),
    (("export", "m.bestline", "--to", "json", "--table", "t"), "--table is for --to sql"),
    (("export", "m.bestline", "--to", "onnx", "-o", "m.onnx", "--dialect", "ansi"), "--dialect is for --to sql"),
    (("generate", "-o", "g.csv", "--lesson", "torch-trends", "--slope", "3"), "leave out --slope"),
]


@pytest.fixture
def files(run: Run, table: Path) -> None:
    assert run("fit", *F, "-o", "m.bestline", "--quiet").status == 0
    assert run("fit", "table.csv", "y ~ x1 | g", "-o", "f.bestline", "--quiet").status == 0
    assert run("moments", "collect", *F, "-o", "a.moments", "--quiet").status == 0
    Path("other.csv").write_text("a,b\n1,2\n3,4\n")


@pytest.mark.usefixtures("files")
def test_done(run: Run) -> None:
    ended = {name: run(*words) for name, words in DONE.items()}
    assert {name: end.err for name, end in ended.items() if end.status != 0} == {}


def test_every_command_is_in_the_table() -> None:
    command = typer.main.get_command(app)
    names = set(command.commands) | {f"moments {name}" for name in command.commands["moments"].commands}  # type: ignore[attr-defined]
    names -= {"moments", "demo", "lab", "doctor"}  # the tour, the page and the self-test have tests of their own
    assert names == set(DONE)
    refused = {(status, " ".join(words[: 2 if words[:1] == ("moments",) else 1])) for status, words, _ in REFUSED}
    assert {
        (status, name.replace("subtract", "add").replace("moments show", "moments add")) for name in names for status in (1, 2)
    } <= refused


@pytest.mark.usefixtures("files")
def test_each_refusal_has_its_status_and_its_reason(run: Run) -> None:
    for status, words, reason in REFUSED:
        end = run(*words)
        said = " ".join((end.err + (end.out if not words or words == ("moments",) else "")).split())
        assert (end.status, reason.casefold() in said.casefold()) == (status, True), (words, end.status, said)
        assert "Traceback" not in said
        assert "fault of bestline" not in said


@pytest.mark.usefixtures("files")
def test_no_option_is_ignored(run: Run) -> None:
    for words, reason in IDLE:
        end = run(*words)
        assert end.status == 2, (words, end.out, end.err)
        assert reason in end.err, (words, end.err)
        assert end.out == ""


# Options that matter wherever they are taken: their room's tests show what they do.
ALWAYS = {
    *(
        "--like",
        "--point",
        "--json",
        "--quiet",
        "--progress",
        "--no-progress",
        "--force",
        "--out",
        "--help",
        "--trace",
        "--report",
        "--level",
        "--cov",
        "--data",
        "--live",
        "--still",
    ),
    *(
        "--solver",
        "--l1",
        "--l2",
        "--loss",
        "--forward",
        "--standardize",
        "--no-standardize",
        "--device",
        "--digits",
        "--weights",
        "--cv",
    ),
    *(
        "--target",
        "--missing",
        "--split",
        "--no-average",
        "--no-log",
        "--picture",
        "--units",
        "--show",
        "--compare",
        "--raw-cells",
        "--interval",
    ),
    *(
        "--on-unseen",
        "--to",
        "--intercept",
        "--x",
        "--noise",
        "--n",
        "--engine",
        "--lesson",
        "--lrs",
        "--optimizers",
        "--optimizer",
        "--by",
    ),
}


def test_every_option_of_fit_and_watch_is_accounted_for() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    refused = {word for words, _ in IDLE for word in words if word.startswith("--")}
    for name in ("fit", "watch", "predict", "diagnose", "export"):
        assert set(options_of(commands[name])) - ALWAYS - refused == set(), name
