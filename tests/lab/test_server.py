"""The routes: data, runs as streams, analysis and what is taken away, by a server that really listens."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import gettempdir

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.lab.openapi import FORMS, REQUESTS, document
from bestline.lab.tables import DEFAULT
from bestline.lab.work import MOST_RUNS
from lab.served import HUBER, PENGUINS, TOKEN, serving, until

LESSONS = ("torch-trends", "slope-and-bias", "slope-and-bias-exact", "crash-course", "made-with-ml", "one-weight")


def last(told: list[dict]) -> dict:
    assert told[-1]["event"] == "session", told[-1]
    return told[-1]


# -- data --------------------------------------------------------------------------------------------------------------


def test_a_page_begins_with_a_lesson(lab):
    told = lab.client.get("/api/presets").json()
    assert told["first"] == DEFAULT
    assert [one["data"] for one in told["data"]] == [
        *(f"lesson:{name}" for name in LESSONS),
        *(f"sample:{name}" for name in bl.samples.NAMES),
    ]


@pytest.mark.parametrize("data", [*(f"lesson:{name}" for name in LESSONS), *(f"sample:{name}" for name in bl.samples.NAMES)])
def test_every_set_of_data_trains_as_it_is_offered(lab, data):
    facts = lab.post("columns", data=data).json()
    run = last(lab.run(data=data, **facts["first"]))["session"]["runs"][0]
    assert run["loss"][-1] < 0.3 * run["loss"][0]


def test_a_lesson_s_run_is_the_one_it_recommends(lab):
    told = bl.synthetic.lesson("slope-and-bias")
    wanted = bl.fit(told, "y ~ x", **told.truth["run"])
    run = last(lab.run(data="lesson:slope-and-bias", **lab.post("columns", data="lesson:slope-and-bias").json()["first"]))
    assert run["live"]
    shown = run["session"]["runs"][0]
    assert shown["step"][-1] == wanted.trace.step[-1]
    np.testing.assert_allclose(shown["loss"], wanted.trace.loss[shown["step"]], rtol=1e-12)


def test_columns_are_told_with_what_is_missing(lab):
    columns = {one["name"]: one for one in lab.post("columns", data="sample:penguins").json()["columns"]}
    assert columns["sex"]["missing"] == 9
    assert (columns["species"]["kind"], columns["flipper_length_mm"]["kind"]) == ("text", "number")


def table(n: int = 200) -> pa.Table:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(n)
    return pa.table(
        {"id": np.arange(n), "noise": rng.standard_normal(n), "size": x, "price": 3 * x + 0.1 * rng.standard_normal(n)}
    )


def as_bytes(form: str) -> bytes:
    file = io.BytesIO()
    if form == "parquet":
        pq.write_table(table(), file)
    else:
        table().to_pandas().to_csv(file, index=False)
    return file.getvalue()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_of_one_s_own_begins_with_what_one_would_look_at(lab, form):
    facts = lab.send(as_bytes(form), f"houses.{form}").json()
    assert facts["first"] == {"target": "price", "features": ["size"]}
    session = last(lab.run(data=facts["data"], **facts["first"]))["session"]
    wanted = bl.fit(table(), "price ~ size")
    assert session["ground"]["optimum"] == pytest.approx(wanted.params.tolist(), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cars.csv", b"", "cars.csv is empty"),
        ("cars.csv", b"a,b\n", "`cars.csv` has no rows"),
        ("cars.csv", b"\x89PNG\r\n\x1a\n" + bytes(50), "`cars.csv` is a picture"),
        ("cars.parquet", b"not parquet", "`cars.parquet` is not a parquet file"),
        ("cars.xlsx", b"PK\x03\x04" + bytes(50), "`cars.xlsx` is a zip archive or an Excel workbook"),
        ("cars.json", b'[{"a": 1}]', "`cars.json` is JSON"),
        ("../../etc/cars.csv", b"", "cars.csv is empty"),
        ("C:\\data\\cars.csv", b"", "cars.csv is empty"),
    ],
)
def test_a_file_that_is_no_table_gives_one_sentence_that_names_it(lab, name, content, words):
    answer = lab.send(content, httpx.URL("/", params={"n": name}).query.decode()[2:].replace("+", "%20"))
    assert answer.status_code == 422
    told = answer.json()["error"]
    assert told.startswith(words)
    assert "tmp" not in told.lower()
    assert "\n" not in told


def test_an_error_in_a_row_names_the_file_as_it_was_called(lab):
    facts = lab.send(b"a,b\n1,2\n2,\n3,5\n", "my%20cars.csv").json()
    told = lab.run(data=facts["data"], target="b", features=["a"], missing="raise")[-1]
    assert told["status"] == 422
    assert "my cars.csv" in told["error"]
    assert "bestline-lab" not in told["error"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"target": "b", "features": ["c"]}, "no column `c`"),
        ({"target": "b", "features": ["constant"]}, "constant"),
        ({"target": "b", "features": ["words"]}, None),
        ({"target": "words", "features": ["a"]}, "words"),
        ({"formula": "b ~ __import__('os')"}, ""),
        ({"formula": "b ~ a +"}, ""),
        ({"target": "b", "features": ["huge"]}, None),
    ],
)
def test_columns_that_are_odd_are_trained_or_refused_in_one_sentence(lab, columns, words):
    rows = "a,b,constant,words,huge\n" + "".join(f"{i},{2 * i + i % 3},7,{'pq'[i % 2]},{i}e200\n" for i in range(1, 30))
    facts = lab.send(rows.encode(), "odd.csv").json()
    told = lab.run(data=facts["data"], **columns)[-1]
    if words is None and told["event"] != "session":
        assert told["status"] == 422
    elif words is not None and told["event"] == "session":
        assert any(words in note for note in told["session"]["notes"])
    elif words is not None:
        assert told["status"] == 422
        assert words in told["error"]


def test_one_row_is_trained_or_refused_in_one_sentence(lab):
    facts = lab.send(b"a,b\n1,2\n", "one.csv").json()
    told = lab.run(data=facts["data"], target="b", features=["a"])[-1]
    assert told["event"] in ("session", "refused")
    assert told.get("status") in (None, 422)


def test_a_file_that_was_sent_lies_in_a_private_folder_until_it_goes():
    def folders() -> set[Path]:
        return set(Path(gettempdir()).glob("bestline-lab-*"))

    before = folders()
    with serving() as own:
        answer = own.send(as_bytes("csv"), "..%2Fcars.csv")
        assert answer.json()["name"] == "cars.csv"
        (folder,) = folders() - before
        assert folder.stat().st_mode & 0o077 == 0
        (file,) = folder.iterdir()
        assert "cars" not in file.name
    assert not folder.exists()


def test_the_command_s_data_are_what_one_begins_with(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_bytes(as_bytes("csv"))
    with serving(str(path), "price ~ size + noise") as own:
        first = own.client.get("/api/presets").json()["first"]
        assert first == "command"
        facts = own.post("columns", data=first).json()
        assert facts["first"] == {"formula": "price ~ size + noise"}
        assert "houses.csv" in facts["name"]
        assert last(own.run(data=first, **facts["first"]))["session"]["runs"][0]["names"] == ["size", "noise", "Intercept"]


# -- runs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "quantile:0.9"])
@pytest.mark.parametrize("optimizer", [None, "sgd", "momentum", "adam"])
def test_any_loss_with_any_optimiser_converges_or_says_that_it_does_not(lab, loss, optimizer):
    told = last(lab.run(**PENGUINS, loss=loss, optimizer=optimizer))
    run = told["session"]["runs"][0]
    assert told["live"] == (loss == "squared")
    assert run["loss"][-1] < run["loss"][0]
    assert run["advice"]


def test_a_streamed_run_is_the_one_that_fit_makes(lab):
    told = lab.run(**HUBER, steps=60, start={"flipper_length_mm": 20, "Intercept": 0}, batch_size=32, seed=3, split=[0.8, 0.2])
    wanted = bl.fit(
        bl.samples.penguins(),
        "body_mass_g ~ flipper_length_mm",
        loss="huber",
        solver=bl.Descent("adam", lr=0.1, steps=60, batch_size=32),
        start=(20, 0),
        seed=3,
        split=(0.8, 0.2),
    )
    run = last(told)["session"]["runs"][0]
    assert run["loss"] == pytest.approx(wanted.trace.loss.tolist(), rel=1e-9)
    assert run["held_out"] == pytest.approx(wanted.trace.held_out.tolist(), rel=1e-9)
    steps = [told for told in told if told["event"] == "steps"]
    seen = {k: loss for one in steps for k, loss in zip(one["step"], one["loss"], strict=True)}
    assert {k: wanted.trace.loss[k] for k in seen} == pytest.approx(seen, rel=1e-9)
    assert max(seen) == 60


def test_a_polynomial_and_a_momentum_of_one_s_own_are_trained(lab):
    run = last(lab.run(**PENGUINS, forward="polynomial:2", optimizer="momentum", momentum=0.5, lr=0.05, steps=30))
    assert run["session"]["runs"][0]["names"] == ["flipper_length_mm", "I(flipper_length_mm ** 2)", "Intercept"]
    slow = last(lab.run(**PENGUINS, optimizer="momentum", momentum=0.1, lr=0.05, steps=30))["session"]["runs"][0]
    fast = last(lab.run(**PENGUINS, optimizer="momentum", momentum=0.5, lr=0.05, steps=30))["session"]["runs"][0]
    assert slow["loss"][5] != fast["loss"][5]


def test_early_stopping_stops(lab):
    run = last(lab.run(**HUBER, steps=4_000, patience=5, split=[0.6, 0.2, 0.2]))["session"]["runs"][0]
    assert run["stop"] == "patience"
    assert run["best"]["step"] < run["step"][-1]


def test_divergence_is_told_and_no_json_holds_what_is_no_number(lab):
    run = last(lab.run(**PENGUINS, optimizer="sgd", lr=0.5, standardize=False))["session"]["runs"][0]
    assert run["stop"] == "diverged"
    assert "use lr=" in run["advice"]
    streamed = last(lab.run(**PENGUINS, optimizer="sgd", lr=50, batch_size=16))["session"]["runs"][0]
    assert streamed["stop"] == "diverged"


def control(lab, run, do, **more):
    answer = lab.post("control", run=run, do=do, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_run_waits_steps_and_goes_on(lab):
    told, waits = lab.told(**HUBER, steps=50_000, seed=1), []
    for one in told:
        if one["event"] == "begun":
            run = one["run"]
            control(lab, run, "pause")
        if one["event"] == "waiting":
            waits.append(one)
            if len(waits) < 3:
                control(lab, run, "step", steps=2)
            else:
                control(lab, run, "end")
    assert all(wait["session"]["runs"][0]["step"][-1] == wait["at"] for wait in waits)
    waits = [wait["at"] for wait in waits]
    assert waits[1:] == [waits[0] + 2, waits[0] + 4]
    assert one["event"] == "session"
    assert one["session"]["runs"][0]["stop"] == "interrupted"
    assert one["session"]["runs"][0]["step"][-1] == waits[-1]


def training(name: str = "bestline-lab") -> int:
    return sum(thread.name == name for thread in threading.enumerate())


@pytest.mark.parametrize("how", ["control", "hang up"])
def test_a_run_that_nobody_wants_ends(lab, how):
    until(lambda: training() == 0)
    told = lab.told(**HUBER, steps=100_000, seed=2, batch_size=1)
    for one in told:
        if one["event"] == "begun":
            break
    assert training() == 1
    if how == "control":
        control(lab, one["run"], "cancel")
        assert list(told)[-1]["status"] == 410
    else:
        told.close()
    until(lambda: training() == 0)


def test_held_runs_leave_room_for_others(lab):
    streams = []
    for _ in range(6):
        told = lab.told(**HUBER, steps=100_000, seed=5)
        for one in told:
            if one["event"] == "begun":
                control(lab, one["run"], "pause")
            if one["event"] == "waiting":
                break
        streams.append(told)
    assert last(lab.run(**HUBER, steps=5))["session"]
    for told in streams:
        told.close()
    until(lambda: training() == 0)


def test_so_many_runs_are_held_and_the_oldest_goes(lab):
    small = {"data": "lesson:slope-and-bias", "target": "y", "features": ["x"], "optimizer": "sgd", "lr": 0.1, "steps": 2}
    with serving() as own:
        keys = [last(own.run(**small))["run"] for _ in range(MOST_RUNS + 1)]
        assert own.post("export", run=keys[1], form="steps").status_code == 200
        gone = own.post("export", run=keys[0], form="steps")
        assert gone.status_code == 404
        assert "run it again" in gone.json()["error"]


def test_a_slow_reader_does_not_hold_training_up(lab):
    told = lab.told(**HUBER, steps=3_000, seed=6)
    next(told)
    until(lambda: training() == 0)  # it ends though nobody reads on
    assert last(list(told))["session"]["runs"][0]["step"][-1] == 3_000


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("columns", {"data": "lesson:none"}, 422),
        ("columns", {"data": "sample:none"}, 422),
        ("columns", {"data": "command"}, 422),
        ("columns", {"data": "upload:none"}, 404),
        ("columns", {}, 422),
        ("run", {"data": "sample:penguins", "loss": "cubic"}, 422),
        ("run", {"data": "sample:penguins", "forward": "polynomial:99"}, 422),
        ("run", {"data": "sample:penguins", "nonsense": 1}, 422),
        ("run", {**PENGUINS, "split": [0.1, 0.1]}, 422),
        ("run", {**PENGUINS, "start": {"nobody": 1}, "lr": 0.1}, 422),
        ("control", {"run": "none", "do": "pause"}, 404),
        ("control", {"run": "none", "do": "jump"}, 422),
        ("analysis", {"run": "none"}, 404),
        ("export", {"run": "none", "form": "exe"}, 422),
        ("export", {"run": "none", "form": "png", "changed": {"data": "command"}}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(lab, path, asked, status):
    answer = lab.post(path, **asked)
    assert answer.status_code == status, answer.text
    told = answer.json()["error"]
    assert told.endswith((".", "…", ")"))
    assert "Traceback" not in told


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"data": NaN}', b"\xff\xfe"])
def test_what_is_no_json_is_refused(lab, body):
    assert lab.client.post("/api/run", content=body).status_code == 400


# -- analyst -----------------------------------------------------------------------------------------------------------


def test_the_analyst_s_numbers_are_those_of_the_summary(lab):
    run = last(lab.run(**PENGUINS, optimizer="sgd", lr=0.1, steps=3))["run"]
    facts = lab.post("analysis", run=run).json()
    model = bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm")
    table = {row["term"]: row for row in facts["table"]}
    for name, (low, high) in zip(model.names, model.conf_int().to_numpy(), strict=True):
        assert (table[name]["low"], table[name]["high"]) == pytest.approx((low, high), rel=1e-9)
        assert table[name]["estimate"] == pytest.approx(model.params[name], rel=1e-9)
    assert facts["held_out"]["rmse"] == pytest.approx(model.summary().facts["held_out"]["rmse"], rel=1e-9)
    assert [one["text"] for one in facts["findings"]] == [one.text for one in model.diagnose().findings]
    picture = lab.post("panels", run=run, theme="dark")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


TWO = {"data": "sample:penguins", "formula": "body_mass_g ~ flipper_length_mm + bill_length_mm"}


@pytest.mark.parametrize("picture", ["added", "component"])
def test_a_partial_plot_is_that_of_the_line(lab, picture):
    run = last(lab.run(**TWO, steps=3))["run"]
    drawn = lab.post("panels", run=run, picture=picture, column="bill_length_mm").content
    assert drawn.startswith(b"\x89PNG")
    assert drawn != lab.post("panels", run=run, picture=picture, column="flipper_length_mm").content
    assert drawn != lab.post("panels", run=run, column="bill_length_mm").content, "the four panels need no column"
    lacking = lab.post("panels", run=run, picture=picture)
    assert (lacking.status_code, lacking.json()["error"]) == (
        422,
        "A partial plot is of one column of the line: say which, as `column`.",
    )
    other = lab.post("panels", run=run, picture=picture, column="bill_lenght_mm")
    assert other.status_code == 422
    assert "`bill_length_mm`" in other.json()["error"]


@pytest.mark.parametrize("how", [{}, {"loss": "huber", "optimizer": "adam", "lr": 0.1}], ids=["squared", "huber"])
def test_a_run_is_shown_over_the_weights_that_were_asked_for(lab, how):
    told = last(lab.run(**TWO, **how, steps=3, surface=["bill_length_mm", "flipper_length_mm"]))
    assert told["names"] == ["flipper_length_mm", "bill_length_mm", "Intercept"]
    assert told["session"]["ground"]["names"] == ["bill_length_mm", "flipper_length_mm"]
    page = lab.post("export", run=told["run"], form="page").text
    assert '"names":["bill_length_mm","flipper_length_mm"]' in page
    other = lab.post("export", run=last(lab.run(**TWO, **how, steps=3))["run"], form="png").content
    assert lab.post("export", run=told["run"], form="png").content != other


@pytest.mark.parametrize(
    ("surface", "words"),
    [
        (["bill"], "bill_length_mm"),
        (["Intercept", "Intercept"], "two different ones"),
        ([], "1 to 2 entries"),
        ("Intercept", "a list"),
    ],
)
def test_weights_that_there_are_not_are_refused_in_a_sentence(lab, surface, words):
    assert words in lab.run(**TWO, steps=3, surface=surface)[-1]["error"]


def test_of_another_loss_the_analyst_hears_what_there_is(lab):
    run = last(lab.run(**HUBER, steps=3))["run"]
    facts = lab.post("analysis", run=run).json()
    assert not facts["panels"]
    assert "huber" in facts["headline"]
    assert (facts["errors"], facts["no_errors"]) == ("robust sandwich", None)
    assert facts["table"][0]["low"] < facts["table"][0]["estimate"] < facts["table"][0]["high"]


def test_the_analyst_hears_why_there_are_no_errors(lab):
    rows = "x,y\n" + "".join(f"{i},{2 * i + (i % 5 == 0)}\n" for i in range(40))  # most of them on one line
    data = lab.send(rows.encode(), "on_a_line.csv").json()["data"]
    run = last(lab.run(data=data, formula="y ~ x", loss="absolute", optimizer="adam", lr=0.1, steps=3))["run"]
    facts = lab.post("analysis", run=run).json()
    assert "residuals" in facts["no_errors"]
    assert facts["table"][0]["std_error"] is None


# -- what is taken away ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("asked", [PENGUINS, HUBER | {"steps": 20}], ids=["squared", "huber"])
def test_everything_can_be_taken_away(lab, form, asked):
    run = last(lab.run(**asked))["run"]
    answer = lab.post("export", run=run, form=form)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 300
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''penguins")
    assert form != "gif" or len(answer.content) < 1_000_000
    assert form != "page" or len(answer.content) < 260_000


def test_a_script_gives_the_same_weights_and_names_the_file_as_it_was_called(lab, tmp_path):
    facts = lab.send(as_bytes("csv"), "houses.csv").json()
    told = last(lab.run(data=facts["data"], target="price", features=["size"], optimizer="sgd", lr=0.1, steps=20))
    script = tmp_path / "run.py"
    script.write_text(lab.post("export", run=told["run"], form="linear").text)
    (tmp_path / "houses.csv").write_bytes(as_bytes("csv"))
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True)
    wanted = told["session"]["runs"][0]["weights"]
    found = [float(word) for word in done.stdout.replace(":", " ").split() if _is_number(word)]
    for column in wanted:
        assert any(value == pytest.approx(column[-1], rel=1e-6) for value in found), done.stdout
    assert "bestline-lab" not in lab.post("export", run=told["run"], form="report").text


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("names", [("flipper_length_mm", "Intercept"), ("flipper…mm", "Intercept")])
def test_what_the_page_changed_is_what_is_taken_away(lab, names):
    run = last(lab.run(**PENGUINS))["run"]
    changed = {"optimizer": "momentum", "lr": 0.01, "momentum": 0.9, "steps": 7, "standardize": True}
    changed["start"] = dict.fromkeys(names, 0.0)
    steps = lab.post("export", run=run, form="steps", changed=changed).text.splitlines()
    wanted = bl.fit(
        bl.samples.penguins(), "body_mass_g ~ flipper_length_mm", solver=bl.Descent("momentum", lr=0.01, steps=7), start=(0, 0)
    )
    assert len(steps) == 9
    assert float(steps[-1].split(",")[1]) == pytest.approx(float(wanted.trace.loss[-1]), rel=1e-9)


# -- the interface -----------------------------------------------------------------------------------------------------


def test_the_document_has_every_route_and_the_schemas_that_are_checked(lab):
    told = lab.client.get("/openapi.json").json()
    assert told == json.loads(json.dumps(document()))
    assert set(told["paths"]) == {*REQUESTS, "/api/data", "/api/presets"}


def test_the_token_is_asked_for_by_name():
    assert TOKEN not in json.dumps(document())
    assert document()["components"]["securitySchemes"]["token"]["name"] == "X-Bestline-Token"


def test_a_report_says_the_name_of_a_file_as_text(lab, tmp_path):
    """Whatever somebody has called a file is no markup in what is taken away."""
    name = "<img src=x onerror=alert(1)>.csv"
    key = lab.send(b"x,y\n1,2\n2,3.5\n3,4\n4,6\n5,7\n", name).json()["data"]
    told = last(lab.run(data=key, target="y", features=["x"]))
    page = lab.post("export", run=told["run"], form="report").text
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;.csv" in page
