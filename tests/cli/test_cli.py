"""The commands as people run them: output, exit status, files whole or not at all, and a light start."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from crafted import signed

Run = Callable[..., SimpleNamespace]


FIT_KEYS = {
    *("formula", "rows", "rows_dropped", "features", "coef", "intercept", "std_error", "conf_int", "r2", "rmse", "held_out"),
    *("digits", "stop", "steps", "loss", "loss_start", "lr", "lr_limit", "seconds", "warnings"),
}


def test_fit_summary_predict_evaluate(run: Run, table: Path) -> None:
    fitted = run("fit", table, "y ~ x1 + x2 + g", "-o", "m.bestline", "--json")
    assert fitted.status == 0
    assert fitted.err == ""
    assert set(fitted.facts) >= FIT_KEYS
    assert fitted.facts["features"] == ["x1", "x2", "g[T.b]"]
    assert set(fitted.facts["std_error"]) == {"x1", "x2", "g[T.b]", "Intercept"}
    assert fitted.facts["held_out"]["kind"] == "5-fold"
    assert fitted.facts["coef"]["x1"] == pytest.approx(2, abs=0.1)
    low, high = fitted.facts["conf_int"]["x1"]
    assert low < fitted.facts["coef"]["x1"] < high
    assert run("summary", "m.bestline", "--json").facts == fitted.facts
    page = run("summary", "m.bestline").out
    assert "Held-out error" in page
    assert "5-fold" in page

    predicted = run("predict", "m.bestline", table, "-o", "p.csv", "--interval", "prediction", "--level", "0.9")
    assert predicted.status == 0
    frame = pd.read_csv("p.csv")
    assert list(frame.columns) == ["x1", "x2", "g", "y", "prediction", "pred_low", "pred_high"]
    assert ((frame.y > frame.pred_low) & (frame.y < frame.pred_high)).mean() == pytest.approx(0.9, abs=0.08)
    to_stdout = run("predict", "m.bestline", table, "--quiet")
    assert to_stdout.out.splitlines()[0].endswith('"prediction"')
    assert len(to_stdout.out.splitlines()) == 81
    as_json = run("predict", "m.bestline", table, "--json", "--interval", "confidence").facts
    assert set(as_json) >= {"rows", "prediction", "conf_low", "conf_high"}
    assert as_json["prediction"] == pytest.approx(frame.prediction.tolist(), rel=1e-15)
    assert run("predict", "m.bestline", table, "-o", "p.parquet").status == 0
    assert pd.read_parquet("p.parquet").prediction.tolist() == as_json["prediction"]

    scores = run("evaluate", "m.bestline", table, "--json").facts
    assert scores["rmse"] == pytest.approx(fitted.facts["rmse"], rel=1e-9)
    assert scores["mae"] == pytest.approx(float((frame.y - frame.prediction).abs().mean()), rel=1e-9)
    assert "MAE" in run("evaluate", "m.bestline", table).out


def test_descent_with_a_trace_matches_the_lesson(run: Run) -> None:
    made = run("generate", "--lesson", "slope-and-bias-exact", "-o", "line.csv", "--json")
    assert made.status == 0
    assert json.loads(Path("line.json").read_text())["slope"] in (1, 1.0, [1.0])
    fitted = run(
        *("fit", "line.csv", "y ~ x", "--solver", "sgd", "--lr", "0.1", "--steps", "15", "--no-standardize"),
        *("--start=-15,-10", "--trace", "t.csv", "--json"),
    )
    trace = pd.read_csv("t.csv")
    assert list(trace.columns) == ["step", "loss", "x", "Intercept", "gradient_norm", "gap"]
    assert len(trace) == 16
    assert trace.x.iloc[1] == pytest.approx(-5.484666666667, rel=1e-12)
    assert fitted.facts["loss"] == pytest.approx(0.110192872179, rel=1e-9)
    assert fitted.facts["loss_start"] == pytest.approx(835.026666667, rel=1e-9)
    assert fitted.facts["lr_limit"] == pytest.approx(0.333, abs=1e-3)
    by_name = run(
        *("fit", "line.csv", "y ~ x", "--solver", "sgd", "--lr", "0.1", "--steps", "15", "--no-standardize"),
        *("--start", "Intercept=-10,x=-15", "--json"),
    )
    assert by_name.facts["coef"] == fitted.facts["coef"]


@pytest.mark.parametrize("name", ["line.csv", "a.b.csv", "UPPER.CSV", "in.folder/x.csv"])
def test_generate_names_the_files_that_it_wrote(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "in.folder").mkdir()
    before = set(tmp_path.rglob("*"))
    done = run("generate", "--slope", "2", "-o", name, "--json")
    assert done.status == 0, done.err
    named = {(tmp_path / done.facts[which]).resolve() for which in ("out", "truth")}
    assert named == {path.resolve() for path in set(tmp_path.rglob("*")) - before}
    told = json.loads((tmp_path / done.facts["truth"]).read_text())
    assert {key: done.facts[key] for key in told} == told
    again = run("generate", "--slope", "2", "-o", name, "--force").out
    assert f"to {done.facts['out']}, and the truth to {done.facts['truth']}\n" in again


def test_generate_records_the_truth_and_reads_back_the_same(run: Run) -> None:
    arguments = ("--slope", "1", "--intercept", "-1", "--x", "arange:-3,3,0.1", "--noise", "normal:0.1", "--seed", "1")
    assert run("generate", *arguments, "-o", "line.csv").status == 0
    truth = json.loads(Path("line.json").read_text())
    assert set(truth) >= {"slope", "intercept", "noise", "noise_mean", "seed", "x"}
    expected = bl.synthetic.line(1, -1, x="arange:-3,3,0.1", noise="normal:0.1", seed=1)
    frame = pd.read_csv("line.csv")
    assert frame.y.tolist() == expected.y[:, 0].tolist()
    again = run("generate", *arguments, "-o", "line.csv")
    assert again.status == 1
    assert "--force" in again.err
    assert run("generate", *arguments, "-o", "line.csv", "--force").status == 0
    assert run("generate", "--noise", "cauchy:1", "-o", "z.csv").status == 2
    shifted = run("generate", "--noise", "uniform:-10,20", "-o", "u.csv")
    assert "intercept" in shifted.out


def test_divergence_is_status_1_with_advice_and_no_model(run: Run, table: Path) -> None:
    result = run("fit", table, "y ~ x1", "--solver", "sgd", "--lr", "5", "--no-standardize", "-o", "m.bestline", "--json")
    assert result.status == 1
    assert "largest stable one" in result.err
    assert result.err.count("\n") == 1
    assert "iverged" in result.facts["stop"]
    assert not Path("m.bestline").exists()


def test_splits_and_penalties(run: Run, table: Path) -> None:
    split = run("fit", table, "y ~ x1 + x2", "--split", "0.7,0.15,0.15", "--json").facts
    assert split["held_out"]["kind"] == "test"
    assert split["parts"] == {"training": 56, "validation": 12, "test": 12}
    ridge = run("fit", table, "y ~ x1 + x2", "--cv", "ridge", "--json").facts
    assert ridge["std_error"]["x1"] is None
    lasso = run("fit", table, "y ~ x1 + x2", "--l1", "10", "--json").facts
    assert lasso["coef"] == {"x1": 0.0, "x2": 0.0}


def test_many_files_in_any_order_are_one_table(run: Run, table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame.iloc[:30].to_csv(tmp_path / "b.csv", index=False)
    frame.iloc[30:].to_parquet(tmp_path / "a.parquet")
    with gzip.open(tmp_path / "whole.csv.gz", "wt") as file:
        frame.to_csv(file, index=False)
    whole = run("fit", table, "y ~ x1 + x2 + g").out
    for files in (("b.csv", "a.parquet"), ("a.parquet", "b.csv"), ("whole.csv.gz",)):
        assert run("fit", *files, "y ~ x1 + x2 + g").out == whole


BAD = {
    "empty.csv": "",
    "header.csv": "x1,x2,y\n",
    "text.csv": "x1,y\n" + "1,2\n" * 20 + "abc,3\n",
    "ragged.csv": "x1,y\n1,2\n3,4,5\n",
    "nan.csv": "x1,y\n1,2\n,4\n3,5\n",
    "inf.csv": "x1,y\n1,2\ninf,4\n3,5\n",
    "twice.csv": "x1,x1,y\n1,2,3\n4,5,6\n",
    "missing.csv": "x2,z\n1,2\n3,4\n",
    "one.csv": "x1,y\n1,2\n",
}


@pytest.mark.parametrize("name", [*BAD, "folder.csv", "absent.csv", "cut.parquet"])
def test_bad_input_is_one_clear_line_and_status_1_from_every_command(run: Run, table: Path, name: str) -> None:
    assert run("fit", table, "y ~ x1", "-o", "good.bestline").status == 0
    if name in BAD:
        Path(name).write_text(BAD[name])
    elif name == "folder.csv":
        Path(name).mkdir()
    elif name == "cut.parquet":
        pd.read_csv(table).to_parquet(name)
        Path(name).write_bytes(Path(name).read_bytes()[:200])
    before = {*Path().iterdir()}
    commands = [("fit", name, "y ~ x1", "-o", "new.bestline"), ("fit", name, "--target", "y")]
    commands += [("predict", "good.bestline", name, "-o", "p.csv"), ("evaluate", "good.bestline", name)]
    for command in commands:
        if name == "one.csv" and command[0] != "fit":
            continue  # one row can well be predicted
        if name in ("header.csv", "nan.csv") and command[0] in ("predict", "evaluate")[: 2 if name == "nan.csv" else 1]:
            continue  # no row has no prediction; a row with a gap has a missing one, which is said
        result = run(*command)
        assert result.status == 1, (command, result.out, result.err)
        assert result.err.startswith("bestline: ")
        assert result.err.count("\n") == 1
        assert "Traceback" not in result.err
        assert "fault of bestline" not in result.err
    assert set(Path().iterdir()) == before  # nothing half-written


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fit",),
        ("nonsense",),
        ("fit", "table.csv", "y ~ x1", "--steps", "many"),
        ("fit", "table.csv", "y ~ x1", "--solver", "magic"),
        ("fit", "table.csv", "y ~ x1", "--split", "a,b"),
        ("fit", "table.csv", "y ~ x1", "--missing", "guess"),
        ("fit", "y ~ x1"),
        ("fit", "table.csv"),
        ("generate", "--lesson", "nope", "-o", "z.csv"),
        ("generate",),
    ],
)
def test_wrong_usage_is_status_2(run: Run, table: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).status == 2


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04\x95", b"PK\x03\x04", b"{}", b"[" * 100_000, b"\xff" * 8 + b"{}", b"!!python/object:os.system"]
)
def test_model_files_that_are_none_are_refused(run: Run, table: Path, content: bytes) -> None:
    Path("m.bestline").write_bytes(content)
    for command in (("predict", "m.bestline", table), ("summary", "m.bestline"), ("evaluate", "m.bestline", table)):
        result = run(*command)
        assert result.status == 1
        assert result.err.startswith("bestline: ")
        assert result.err.count("\n") == 1


def test_a_model_of_a_newer_format_or_with_a_damaged_header_is_refused(run: Run, table: Path) -> None:
    assert run("fit", table, "y ~ x1", "-o", "m.bestline").status == 0
    content = Path("m.bestline").read_bytes()
    for old, new in (
        (b'\\"version\\": 2', b'\\"version\\": 9'),
        (b'\\"training\\": [80', b'\\"training\\": {80'),
        (b"weights", b"weighty"),
    ):
        assert old in content
        Path("n.bestline").write_bytes(signed(content.replace(old, new)))
        result = run("summary", "n.bestline")
        assert result.status == 1
        assert "SHA" not in result.err
        assert result.err.count("\n") == 1


def test_progress_shows_when_asked_for_and_stdout_stays_clean(run: Run, table: Path) -> None:
    result = run("fit", table, "y ~ x1 + g", "--solver", "adam", "--steps", "200", "--progress", "--json")
    assert result.facts is not None
    assert "training" in result.err
    assert run("fit", table, "y ~ x1 + g", "--quiet").out == ""


def test_the_tour(run: Run) -> None:
    Path("tour").mkdir()
    Path("tour/penguins.bestline").touch()
    assert run("demo", "--out", "tour").status == 1
    result = run("demo", "--out", "tour", "--force")
    assert result.status == 0, result.err
    for word in ("least squares", "held-out error", "exact solution", "learning rate", "predicted"):
        assert word in result.out.lower()
    pictures = list(Path("tour").glob("*.png"))
    assert len(pictures) >= 9
    assert all(p.stat().st_size > 5_000 for p in pictures)
    assert run("summary", "tour/penguins.bestline").status == 0
    assert run("demo", "--out", "tour").status == 1


def test_the_start_is_light() -> None:
    heavy = {"torch", "sklearn", "pandas", "pyarrow", "matplotlib"}
    code = f"import sys, bestline, bestline.cli; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

    helped = [sys.executable, "-X", "importtime", "-m", "bestline", "--help"]  # which names every module as it is loaded
    loaded = {
        line.split("|")[-1].strip().split(".")[0]
        for line in subprocess.run(helped, capture_output=True, text=True, check=True).stderr.splitlines()
    }
    assert "typer" in loaded
    assert not heavy & loaded


def test_a_reader_that_goes_away_is_no_error(run: Run, table: Path, tmp_path: Path) -> None:
    assert run("fit", table, "y ~ x1", "-o", tmp_path / "m.bestline").status == 0
    shell = f"{sys.executable} -m bestline predict {tmp_path}/m.bestline {table} | head -n 1"
    result = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert result.stdout.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_nobody_writes_to_does_not_hang(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    # A writer that comes late, and leaves at once, wakes a reader that hangs: it would then find an empty file.
    late = threading.Timer(30, lambda: os.close(os.open(tmp_path / "pipe.csv", os.O_WRONLY | os.O_NONBLOCK)))
    late.start()
    result = run("fit", tmp_path / "pipe.csv", "y ~ x")
    assert late.is_alive(), "the command waited for a writer"
    late.cancel()
    assert result.status == 1
    assert "pipe" in result.err


def test_help_has_examples_everywhere(run: Run) -> None:
    for command in ("fit", "predict", "evaluate", "summary", "generate", "demo"):
        text = run(command, "--help").out
        assert "Example" in text
        assert f"bestline {command}" in text


def test_codes_with_leading_zeros_stay_as_written_in_every_format(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=60), "zip": rng.choice(["01234", "1234", "00501"], 60)})
    frame["price"] = frame["size"] + frame.zip.map({"01234": 1.0, "1234": 5.0, "00501": 9.0})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    by_format = [
        run("fit", name, "price ~ size + C(zip)", "--json", "-o", f"{name}.bestline").facts for name in ("a.csv", "a.parquet")
    ]
    assert by_format[0]["features"] == by_format[1]["features"] == ["size", "C(zip)[T.01234]", "C(zip)[T.1234]"]
    for model in ("a.csv.bestline", "a.parquet.bestline"):
        for data in ("a.csv", "a.parquet"):
            predicted = run("predict", model, data, "--json").facts["prediction"]
            assert predicted == pytest.approx(frame.price.tolist(), rel=1e-9)


def test_long_empty_and_path_like_formulas(run: Run, table: Path) -> None:
    assert run("fit", table, "y ~ " + " + ".join(["x1", "x2"] * 200)).status == 0
    assert "formula is empty" in run("fit", table, "").err
    assert "No file matches" in run("fit", "~/nothing/*.csv", "--target", "y").err


def test_names_with_commas_are_reached_by_quoting(run: Run, table: Path) -> None:
    pd.read_csv(table).rename(columns={"x1": "Größe, cm"}).to_csv("c.csv", index=False)
    assert run("fit", "c.csv", "--target", "y", "--features", '"Größe, cm",x2', "--json").facts["features"] == [
        "Größe, cm",
        "x2",
    ]


def test_outputs_that_are_no_files_are_refused_and_links_stay_links(run: Run, table: Path) -> None:
    with socket.socket(socket.AF_UNIX) as own:
        own.bind("socket.bestline")
        assert run("fit", table, "y ~ x1", "-o", "socket.bestline", "--force").status == 1
    assert Path("socket.bestline").is_socket()
    assert run("fit", table, "y ~ x1", "-o", "real.bestline").status == 0
    Path("link.bestline").symlink_to("real.bestline")
    assert run("fit", table, "y ~ x2", "-o", "link.bestline", "--force").status == 0
    assert Path("link.bestline").is_symlink()
    assert "y ~ x2" in run("summary", "real.bestline").out
    assert run("fit", table, "y ~ x1", "-o", "same.csv", "--trace", "same.csv").status == 2
    assert not Path("same.csv").exists()


def test_an_inch_mark_in_a_large_file_is_text(run: Run) -> None:
    inch = '5" bolt'
    rows = [f"{i % 50},{inch if i == 11 else 'a nut'},{i % 50 * 2}" for i in range(600_000)]
    Path("inch.csv").write_text("x,what,y\n" + "\n".join(rows) + "\n")
    facts = run("fit", "inch.csv", "y ~ x", "--json").facts
    assert facts["rows"] == 600_000
    assert facts["coef"]["x"] == pytest.approx(2)


@pytest.mark.heavy
def test_any_damage_to_a_models_facts_is_one_clear_line(run: Run, table: Path) -> None:
    import struct

    assert run("fit", table, "y ~ x1 + poly(x2, 2) + g", "-o", "m.bestline").status == 0
    content = Path("m.bestline").read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    inner = json.loads(header["__metadata__"]["bestline"])

    def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [p for key, child in inside for p in [(*path, key), *places(child, (*path, key))]]

    for at, path in enumerate(places(inner["facts"])):
        broken = json.loads(json.dumps(inner))
        holder = broken["facts"]
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = [None, "x", -1, [], {}, 1e308][at % 6]
        header["__metadata__"]["bestline"] = json.dumps(broken)
        text = json.dumps(header).encode()
        Path("n.bestline").write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])
        for command in (("summary", "n.bestline"), ("predict", "n.bestline", table)):
            result = run(*command)
            assert result.status in (0, 1), (path, result.err)
            assert "fault of bestline" not in result.err, (path, holder[path[-1]], result.err)


def test_ctrl_c_in_training_saves_what_was_learnt(run: Run, table: Path, ctrl_c: Callable[[], None]) -> None:
    over = threading.Event()

    def interrupt() -> None:
        while "step" not in sys.stderr.getvalue():  # type: ignore[attr-defined]  # training is under way
            if over.wait(0.02):
                return
        ctrl_c()

    presses = threading.Thread(target=interrupt)
    presses.start()
    try:
        result = run(
            *("fit", table, "y ~ x1 + g", "--solver", "sgd", "--lr", "1e-7"),
            *("--steps", "100000000", "-o", "m.bestline", "--progress"),
        )
    finally:
        over.set()
        presses.join()
    assert result.status == 130
    assert "Interrupted at step" in result.out
    assert run("summary", "m.bestline").status == 0
