"""The command line as a newcomer meets it: words in any order, near names, help, pipes, encodings, narrow terminals, strange names."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer import _completion_shared

import bestline as bl
from bestline.cli.app import app
from bestline.cli.layout import laid_out
from bestline.cli.streams import as_json
from bestline.cli.terminal import Terminal
from bestline.cli.words import split_formula
from bestline.errors import BestlineWarning
from bestline.wording import aligned, apart, width

Run = Callable[..., SimpleNamespace]

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
MOMENTS = ["collect", "add", "subtract", "show"]


def shell(
    line: str, folder: Path, *, environment: dict[str, str] | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in which `bestline` is the command; the exit status is that of the first command of a pipe."""
    bestline = f'"{sys.executable}" -m bestline'
    text = line.replace("bestline ", f"{bestline} ", 1) + "; exit ${PIPESTATUS[0]}"
    return subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        capture_output=True,
        check=False,
        input=stdin,
        env={**os.environ, **(environment or {})},
    )


# -- what is typed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["fit", "preflight", "sweep", "watch", "moments collect"])
def test_formula_and_files_go_in_any_order(run: Run, table: Path, command: str) -> None:
    extra = {"watch": ["--steps", "3", "-o", "w.html"], "sweep": ["--steps", "3"], "moments collect": ["-o", "f.moments"]}
    answers = []
    for words in (("table.csv", "y ~ x1 + x2"), ("y ~ x1 + x2", "table.csv")):
        result = run(*command.split(), *words, *extra.get(command, []), "--json", *(["--force"] if command in extra else []))
        assert result.status == 0, result.err
        answers.append({k: v for k, v in result.facts.items() if k not in ("seconds", "out")})
    assert answers[0] == answers[1]


def test_a_formula_stands_between_files_too(run: Run, table: Path) -> None:
    table.with_name("b.csv").write_bytes(table.read_bytes())
    assert run("fit", "table.csv", "y ~ x1", "b.csv", "--json").facts["rows"] == 160


TORN = [
    (("table.csv", "y", "~", "x1"), "'y ~ x1'"),
    (("table.csv", "y", str(Path.home()), "x1"), "'y ~ x1'"),
    (("y", str(Path.home()), "x1", "+", "x2", "table.csv"), "'y ~ x1 + x2'"),
    (("table.csv", "y", "~x1"), "'y ~x1'"),
    (("table.csv", "y~", "x1"), "'y~ x1'"),
    (("table.csv", "y", "=", "x1"), "'y ~ x1'"),
    (("table.csv", "y", "x1"), "'y ~ x1'"),
    (("table.csv", "y", "x1", "x2"), "'y ~ x1 + x2'"),
    (("y", "x1", "table.csv"), "--target y --features x1"),
    (("table.csv", "y"), "--target y"),
    (("table.csv", "y ~ x1", "y ~ x2"), "two formulas"),
    (("y ~ x1",), "no data"),
]


@pytest.mark.parametrize(("words", "said"), TORN)
@pytest.mark.parametrize("command", ["fit", "preflight"])
def test_words_that_are_no_formula_are_answered_by_one(
    run: Run, table: Path, command: str, words: tuple[str, ...], said: str
) -> None:
    result = run(command, *words)
    assert result.status == 2, result.err
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("formula", ["y = x1", "y == x1", "y <- x1"])
def test_another_sign_for_the_tilde_is_told_from_a_file(run: Run, table: Path, formula: str) -> None:
    result = run("fit", "table.csv", formula)
    assert result.status in (1, 2)
    assert "~" in result.err
    assert "does not exist" not in result.err


def test_files_whose_names_look_like_formulas_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a ~ b").touch()
    assert split_formula(["a ~ b", "y ~ x"]) == ("a ~ b", "y ~ x")
    assert split_formula(["year=2024/part.csv", "y ~ x"]) == ("year=2024/part.csv", "y ~ x")
    assert split_formula(["x=1.csv", "-", "~/data/*.csv"]) == (["x=1.csv", "-", "~/data/*.csv"], None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ft", "table.csv"), "bestline fit"),
        (("draw", "table.csv"), "bestline"),
        (("train", "table.csv"), "bestline fit"),
        (("score", "m.bestline"), "bestline evaluate"),
        (("sumary", "m.bestline"), "bestline summary"),
        (("help",), "bestline --help"),
        (("moments", "colect", "table.csv"), "bestline moments collect"),
        (("moments", "print", "f.moments"), "show"),
        (("table.csv", "y ~ x1"), "bestline fit table.csv 'y ~ x1'"),
        (("-", "y ~ x1"), "bestline fit - 'y ~ x1'"),
        (("gibberish",), "the commands are fit"),
        (("fit", "table.csv", "--weigths", "x1"), "--weights"),
        (("fit", "table.csv", "--learning-rate", "1"), "--lr"),
        (("fit", "table.csv", "--epochs", "1"), "--steps"),
        (("fit", "table.csv", "--alpha", "1"), "--l2"),
        (("predict", "m.bestline", "table.csv", "--output", "x.csv"), "--out"),
        (("watch", "table.csv", "--optimizer", "adam"), "--solver"),
    ],
)
def test_what_there_is_not_is_answered_by_what_there_is(run: Run, words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert result.status == 2
    assert result.out == ""
    assert said in result.err
    assert result.err.startswith("bestline: ")


ALONE = [
    (("fit", "table.csv", "y ~ x1", "--rate", "invscaling"), "rate"),
    (("fit", "table.csv", "y ~ x1", "--solver", "adam", "--power", "0.5"), "power"),
    (("fit", "table.csv", "y ~ x1", "--no-average"), "average"),
    (("fit", "table.csv", "y ~ x1", "--solver", "exact", "--lr", "0.1"), "lr"),
    (("fit", "table.csv", "y ~ x1", "--start=0,0"), "start"),
    (("fit", "table.csv", "y ~ x1", "--penalty-factors", "x1=2"), "penalty_factors"),
    (("fit", "table.csv", "y ~ x1", "--split", "0.8,0.2", "--folds", "3"), "--folds"),
    (("fit", "f.moments", "--missing", "drop"), "--missing"),
    (("fit", "f.moments", "--folds", "4"), "--folds"),
    (("predict", "m.bestline", "table.csv", "--level", "0.9"), "--level"),
    (("summary", "m.bestline", "--cov", "HC3"), "--cov"),
    (("diagnose", "m.bestline", "table.csv", "--theme", "dark"), "--theme"),
    (("export", "m.bestline", "--to", "sql", "--style", "numpy"), "--style"),
    (("export", "m.bestline", "--to", "json", "--table", "t"), "--table"),
    (("export", "m.bestline", "--to", "json", "--dialect", "sqlite"), "--dialect"),
    (("watch", "table.csv", "y ~ x1", "--frames", "9", "-o", "w.html"), "--frames"),
    (("watch", "table.csv", "y ~ x1", "--theme", "dark", "-o", "w.html"), "--theme"),
    (("moments", "collect", "table.csv", "y ~ x1", "--by", "g", "--folds", "3", "-o", "n.moments"), "--folds"),
    (("generate", "--lesson", "crash-course", "--slope", "2", "-o", "g.csv"), "--slope"),
]


@pytest.mark.parametrize(("words", "named"), ALONE, ids=[" ".join(words) for words, _ in ALONE])
def test_an_option_without_what_it_belongs_to_is_refused_by_name(
    run: Run, table: Path, words: tuple[str, ...], named: str
) -> None:
    assert run("fit", "table.csv", "y ~ x1", "-o", "m.bestline").status == 0
    assert run("moments", "collect", "table.csv", "y ~ x1", "-o", "f.moments").status == 0
    result = run(*words)
    assert result.status == 2, result.out
    assert named in result.err
    assert result.out == ""


# -- help --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS), ["moments"], *(["moments", name] for name in MOMENTS)])
def test_every_command_shows_examples_one_a_line(run: Run, words: list[str]) -> None:
    result = run(*words, "--help")
    assert result.status == 0
    lines = [line for line in result.out.splitlines() if line.startswith("    bestline ")]
    of_it = [line for line in lines if line.split()[1 : 1 + len(words)] == words]
    assert of_it or words == ["moments"]
    assert all(len(line) <= 100 for line in lines)


def test_version_and_no_command(run: Run) -> None:
    said = run("--version")
    assert (said.status, said.err) == (0, "")
    assert bl.__version__ in said.out
    alone = run()
    assert alone.status == 2
    assert "Commands:" in alone.err + alone.out


def test_the_shell_is_given_completions(tmp_path: Path) -> None:
    asked = {"_BESTLINE_COMPLETE": "complete_bash", "COMP_WORDS": "bestline su", "COMP_CWORD": "1"}
    assert shell("bestline ", tmp_path, environment=asked).stdout.split() == [b"summary", b"subsets"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bash", "complete -o default"),
        ("zsh", "#compdef bestline"),
        ("fish", "complete --command bestline"),
        ("pwsh", "Register-"),
    ],
)
def test_completion_is_for_the_shell_that_is_named(name: str, shown: str, run: Run) -> None:
    """Whatever shell it is typed in."""
    for words in ([name], [f"/usr/bin/{name}"]):
        done = run("--show-completion", *words)
        assert (done.status, done.err) == (0, "")
        assert shown in done.out
    assert run(f"--show-completion={name}").out == done.out


@pytest.mark.parametrize(("name", "place"), [("zsh", ".zfunc/_bestline"), ("fish", ".config/fish/completions/bestline.fish")])
def test_completion_is_installed_for_the_shell_that_is_named(
    name: str, place: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = run("--install-completion", name)
    assert (done.status, done.err) == (0, "")
    assert (
        done.out == f"Completion for {name} is in {tmp_path / place}; it works in every {name} that is started from now on.\n"
    )
    assert "bestline" in (tmp_path / place).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--show-completion", "tcsh"], "knows no shell `tcsh`; name one of `bash`, `zsh`, `fish`, `powershell` or `pwsh`"),
        (["--install-completion", "bash", "zsh"], "takes the name of one shell; got `bash zsh`"),
        (["--show-completion"], "cannot tell the shell from here; name one of"),
    ],
)
def test_a_shell_that_cannot_be_told_is_asked_for(
    words: list[str], said: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_completion_shared, "_get_shell_name", lambda: None)
    done = run(*words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize("there", ["no text", "a folder"])
def test_a_start_up_file_in_the_way_is_said(there: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".zshrc").mkdir() if there == "a folder" else (tmp_path / ".zshrc").write_bytes(b"\xff\xfe\n")
    done = run("--install-completion", "zsh")
    assert (done.status, done.out) == (1, "")
    assert "print it by bestline --show-completion zsh" in done.err
    assert done.err.count("\n") == 1


# -- pipes and streams ---------------------------------------------------------------------------------------------------------

ANSWERS = [
    "fit table.csv 'y ~ x1' --json",
    "predict m.bestline table.csv --quiet",
    "export m.bestline --to json",
    "--help",
    "--version",
]


@pytest.mark.parametrize("command", ANSWERS)
def test_a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one(run: Run, table: Path, command: str) -> None:
    assert run("fit", "table.csv", "y ~ x1", "-o", "m.bestline").status == 0
    gone = shell(f"bestline {command} | true", table.parent)
    assert (gone.returncode, gone.stderr) == (0, b"")
    full = shell(f"bestline {command} > /dev/full", table.parent)
    assert full.returncode == 1
    assert full.stderr.count(b"\n") == 1
    assert b"No space left on device" in full.stderr
    assert b"fault of bestline" not in full.stderr


def test_what_cannot_be_printed_is_saved_all_the_same(table: Path) -> None:
    for i, out in enumerate(("| true", ">&-", "> /dev/full")):
        result = shell(f"bestline fit table.csv 'y ~ x1' -o m{i}.bestline {out}", table.parent)
        assert (table.parent / f"m{i}.bestline").exists(), out
        assert result.returncode == (0 if out == "| true" else 1)
    quiet = shell("bestline fit table.csv 'y ~ x1' -o q.bestline --quiet >&-", table.parent)
    assert (quiet.returncode, quiet.stderr) == (0, b"")


def test_a_closed_stderr_puts_nothing_into_the_answer(table: Path) -> None:
    answer = shell("bestline fit table.csv 'y ~ x1' --steps 3 --json 2>&-", table.parent)
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["rows"] == 80
    failed = shell("bestline fit table.csv 'y ~ nothing' 2>&-", table.parent)
    assert (failed.returncode, failed.stdout) == (1, b"")


def test_status_and_streams_of_debug_and_quiet(run: Run, table: Path) -> None:
    plain, debug = run("fit", "table.csv", "y ~ nothing"), run("fit", "table.csv", "y ~ nothing", "--debug")
    assert (plain.status, debug.status) == (1, 1)
    assert "Traceback" in debug.err
    assert debug.err.endswith(plain.err)
    assert run("--debug", "fit", "table.csv", "y ~ x1", "--solver", "magic").status == 2
    quiet = run("fit", "table.csv", "y ~ x1", "--steps", "2", "-o", "m.bestline", "--quiet")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    assert run("fit", "table.csv", "y ~ nothing", "--quiet").err == plain.err


# -- encodings and widths ------------------------------------------------------------------------------------------------------


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"身高": rng.normal(size=40), "体重": rng.normal(size=40)})
    frame["目标"] = frame["身高"] - 2 * frame["体重"] + 0.1 * rng.normal(size=40)
    frame.to_csv(tmp_path / "zh.csv", index=False)
    return tmp_path / "zh.csv"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_that_stdout_does_not_know_stay_two_names(chinese: Path, encoding: str) -> None:
    environment = {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    said = shell("bestline fit zh.csv --target 目标 --json", chinese.parent, environment=environment)
    assert said.returncode == 0, said.stderr
    coef = json.loads(said.stdout.decode(encoding))["coef"]
    assert set(coef) == {"身高", "体重"}
    assert ("身高".encode() in said.stdout) == (encoding == "utf-8")
    text = shell("bestline fit zh.csv --target 目标", chinese.parent, environment=environment)
    assert text.returncode == 0
    names = [line.split()[0] for line in text.stdout.decode(encoding).splitlines()[4:6]]
    expected = ["身高", "体重"] if encoding == "utf-8" else ["\\u8eab\\u9ad8", "\\u4f53\\u91cd"]
    assert [name for name in expected if name in "\n".join(text.stdout.decode(encoding).splitlines())] == expected, names


def test_json_has_no_nan_and_does_nothing_to_a_terminal() -> None:
    facts = {"a": [float("nan"), (float("inf"), 1.5)], "\x9b\u202e\x1b💥": "𝒙", "nested": {"b": -float("inf")}}
    text = as_json(facts)
    assert json.loads(text) == {"a": [None, [None, 1.5]], "\x9b\u202e\x1b💥": "𝒙", "nested": {"b": None}}
    assert text.isprintable()


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_lines_fit_the_terminal_and_names_stay_apart(columns: int) -> None:
    rng = np.random.default_rng(0)
    names = [f"a_rather_long_name_of_a_column_that_differs_{i}_in_its_middle_only" for i in range(3)] + ["国家的人口", "e💥"]
    frame = pd.DataFrame({name: rng.normal(size=50) for name in names} | {"y": rng.normal(size=50)})
    model = bl.fit(frame, target="y", solver="exact")
    text = str(model.summary(digits=True))
    shown = laid_out(text, columns)
    table = [line for line in shown.splitlines() if "  " in line.strip()]
    # A first column of 40 letters leaves no room for a second in 40: there rows are wrapped.
    assert max(map(width, table)) <= max(columns, 60), shown
    assert "a_rather_long_name_of_a_column_that_differs_…_in_its_middle_only" in shown
    for part in ("0", "1", "2", "国家的人口", "e💥"):  # what is left of each name stands at its row
        assert any(line.startswith(f"{part} ") for line in table), shown
    for number in [f"{weight:.6g}" for weight in model.params.tolist()]:
        assert number in shown
    # Only the formula is longer than 200 letters here: the table stays as it is.
    assert (shown.split("\n\n")[1] == text.split("\n\n")[1]) == (columns == 200)


@pytest.mark.parametrize("columns", [24, 27, 30, 33, 38])
def test_a_table_that_is_too_wide_goes_on_below_with_its_names(columns: int) -> None:
    rows = [["", *(f"head {i}" for i in range(6))], *([name, *("123456" for _ in range(6))] for name in ("one", "国家"))]
    lines = laid_out("\n".join(aligned(rows, numbers=True)), columns).splitlines()
    assert max(map(width, lines)) <= columns
    assert sum(line.startswith("one ") for line in lines) == sum(line.startswith("国家 ") for line in lines) > 1
    assert sum(line.count("123456") for line in lines) == 12
    assert all(f"head {i}" in "\n".join(lines) for i in range(6))


def test_widths_and_names() -> None:
    assert [width(text) for text in ("abc", "国家", "e\u0301", "💥", "")] == [3, 4, 1, 2, 0]
    long = ["x" * 40 + str(i) + "y" * 40 for i in range(3)]
    assert len(set(apart(long, 30))) == 3
    assert apart(["a", "b"]) == ["a", "b"]
    assert apart(["`a`", "a"]) == ["`a`", "a"]


def test_a_terminal_gets_lines_of_its_width_and_a_pipe_whole_ones(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bestline.cli import main

    monkeypatch.chdir(table.parent)
    monkeypatch.setenv("COLUMNS", "50")
    widest = {}
    for is_terminal in (True, False):
        out = io.StringIO()
        out.isatty = lambda is_terminal=is_terminal: is_terminal  # type: ignore[method-assign,misc]
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "argv", ["bestline", "fit", "table.csv", "y ~ x1 + x2 + g", "--no-progress"])
        with pytest.raises(SystemExit):
            main()
        widest[is_terminal] = max(map(width, out.getvalue().splitlines()))
    assert widest[True] <= 50 < widest[False]


# -- names that act --------------------------------------------------------------------------------------------------------------

EVIL = {"x\x1b[2J\u202eabc\x07": "red\x1b[31m", "y\nz\x9b31m": "target", "g\x08h": "level"}


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    x, y, g = EVIL
    frame = pd.DataFrame({x: np.arange(30.0), y: [i * 2.0 + i % 3 for i in range(30)]})
    frame[g] = ["lev\x1b[31mel\u202e" if i % 2 else "other\nline" for i in range(30)]
    frame.to_parquet(tmp_path / "evil\x1b[31m.parquet")
    return tmp_path / "evil\x1b[31m.parquet"


def test_names_levels_and_files_do_nothing_to_a_terminal_or_a_page(run: Run, evil: Path) -> None:
    target = list(EVIL)[1]
    data, asked = evil.name, ("--target", target)
    commands = [
        ("fit", data, *asked, "-o", "m.bestline", "--report", "r.html", "--progress"),
        ("fit", data, *asked, "--json"),
        ("fit", data, *asked, "--solver", "sgd", "--lr", "9", "--steps", "500"),
        ("summary", "m.bestline"),
        ("evaluate", "m.bestline", data),
        ("diagnose", "m.bestline", data),
        ("agree", "m.bestline", data),
        ("moments", "collect", data, *asked, "-o", "f.moments"),
        ("moments", "show", "f.moments"),
        ("preflight", data, *asked),
        ("sweep", data, *asked, "--steps", "3"),
        ("watch", data, *asked, "--steps", "3", "-o", "w.html"),
        ("fit", "no\x1b[31mfile.csv", "y ~ x"),
        ("fit", data, "--\x1b[31m", "1"),
        ("\x1b[31m",),
    ]
    for command in commands:
        result = run(*command)
        # Progress moves the cursor itself; a level's colour it does not set.
        said = result.out + (result.err if "--progress" not in command else "")
        assert not [c for c in said if not c.isprintable() and c != "\n"], (command, said)
        assert "\x1b[31m" not in result.err
        assert "fault of bestline" not in result.err
    model = bl.load("m.bestline")
    for text in (str(model.summary()), str(model.diagnose(str(evil))), repr(model)):
        assert not [c for c in text if not c.isprintable() and c != "\n"]
    for page in ("r.html", "w.html"):
        title = Path(page).read_text(encoding="utf-8").split("</title>")[0]
        assert not [c for c in title if not c.isprintable() and c not in "\n\t"]
    assert "\u202e" not in Path("r.html").read_text(encoding="utf-8")


# -- what the answer tells -------------------------------------------------------------------------------------------------------


def test_steps_change_the_solver_only_aloud(run: Run, table: Path) -> None:
    exact, steps = run("fit", table, "y ~ x1"), run("fit", table, "y ~ x1", "--steps", "10")
    assert "Solved exactly" in exact.out
    assert "note" not in exact.err
    assert "--steps" in steps.err
    assert "solved exactly" in steps.err
    assert "trained by sgd, learning rate" in steps.out.replace("\n", " ")
    named = run("fit", table, "y ~ x1", "--solver", "adam", "--lr", "0.1", "--steps", "10", "--batch-size", "8")
    assert named.err == ""
    assert "trained by adam, learning rate 0.1, 8 rows a step, on standardised columns" in named.out.replace("\n", " ")


def test_right_digits_are_shown_where_they_are_few_or_asked_for(run: Run, table: Path) -> None:
    plain = run("fit", table, "y ~ x1", "-o", "m.bestline")
    assert "digits" not in plain.out
    for asked in (run("fit", table, "y ~ x1", "--digits", "10"), run("summary", "m.bestline", "--digits")):
        assert "interval  digits" in asked.out  # the column, and below it what it means
        assert "leading digits of the estimate are right" in asked.out
    few = run("fit", table, "y ~ x1", "--solver", "sgd", "--lr", "0.01", "--steps", "20")
    assert "digits: so many" in few.out
    assert set(run("summary", "m.bestline", "--json").facts["digits"]) == {"x1", "Intercept"}


def test_adjusted_r2_is_that_of_statsmodels(run: Run, table: Path) -> None:
    smf = pytest.importorskip("statsmodels.formula.api")
    expected = smf.ols("y ~ x1 + g", pd.read_csv(table)).fit().rsquared_adj
    result = run("fit", table, "y ~ x1 + g", "--json", "-o", "m.bestline")
    assert result.facts["r2_adjusted"] == pytest.approx(expected, rel=1e-12)
    assert f"adjusted R2 {expected:.4f}" in run("summary", "m.bestline").out
    assert bl.load("m.bestline").glance().adj_r_squared.iloc[0] == pytest.approx(expected, rel=1e-12)
    assert run("fit", table, "y ~ x1", "--l2", "1", "--json").facts["r2_adjusted"] is None


def test_a_warning_is_told_once_however_often_it_is_heard_and_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    for words in (["first", "second", "first"], ["second", "third"]):
        with terminal.listening():
            for word in words:
                warnings.warn(word, BestlineWarning, stacklevel=1)
    assert terminal.said == ["first", "second", "third"]
    terminal.answer("the line", known=("second",))
    out, err = capsys.readouterr()
    assert out == "the line\n"
    assert err.splitlines() == ["warning: first", "warning: third"]


def test_a_long_formula_is_said_alike_by_every_command(run: Run, tmp_path: Path) -> None:
    names = [f"a_rather_long_name_{i}" for i in range(9)]
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.normal(size=(60, 10)), columns=[*names, "y"]).assign(g=["a", "b", "c"] * 20)
    table.to_csv("wide.csv", index=False)
    formula = f"y ~ g + {' + '.join(names)}"  # 10 terms of 11 columns
    heads = [run("fit", "wide.csv", formula, "-o", "m.bestline").out]
    heads += [run("moments", "collect", "wide.csv", formula, "-o", "w.moments").out, run("moments", "show", "w.moments").out]
    heads += [run(command, "wide.csv", formula).out for command in ("preflight", "sweep")]
    heads += [
        run(command, "m.bestline", *data).out
        for command, *data in (("summary",), ("evaluate", "wide.csv"), ("diagnose", "wide.csv"))
    ]
    assert {head.split("\n")[0].split("   ")[0] for head in heads} == {"y on 11 columns"}


def test_shares_are_written_without_a_blank() -> None:
    package = Path(bl.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for end in ("py", "js", "j2") for path in package.rglob(f"*.{end}")}
    blank = re.compile(r"[0-9}] %(?= (?:of|remains|loss|above|write)\b|[.,;:)\"'`<])")
    assert {path.name for path, text in texts.items() if blank.search(text)} <= {"words.py"}  # where cells of files are read
