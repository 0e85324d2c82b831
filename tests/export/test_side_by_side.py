"""Models side by side: every number is the model's own, errors beneath, and what makes figures no match is said."""

from __future__ import annotations

import csv
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.errors import DataError, OptionError
from bestline.export.side_by_side import ModelColumn, ModelTable
from bestline.inference.classical import Coefficient
from bestline.training import Stop
from hard import NAMES, TARGET, hard_table
from inference.examples import frame
from seen import Seen, assert_legible, assert_ordered

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def models() -> list[bl.Model]:
    data = frame()
    return [
        bl.fit(data, "y ~ x1"),
        bl.fit(data, "y ~ x1 + x2 + g", cov="cluster:firm"),
        bl.fit(data.iloc[:100], "y ~ x1 * x2", cov="HC3"),
        bl.fit(data, "y ~ x2", l2=0.1),
    ]


def test_the_frame_has_every_models_own_numbers(models: list[bl.Model]):
    found = bl.table(models).frame()
    assert list(found.columns) == ["(1)", "(2)", "(3)", "(4)"]
    for column, model in zip(found.columns, models, strict=True):
        own = found[column]
        for name, weight, error in zip(model.names, model.params, model.bse, strict=True):
            assert own[name] == weight
            assert own[f"{name} (std error)"] == error or (math.isnan(error) and math.isnan(own[f"{name} (std error)"]))
        others = [name for name in found.index if name in {n for m in models for n in m.names} - set(model.names)]
        assert own[others].isna().all()
        assert own["N"] == model.training.count
        assert own["held-out RMSE"] == model.held_out.rmse[0]
        assert own["R2"] == pytest.approx(model.fitted_scores.r2[0], rel=1e-12)
    aic = [model.glance()["aic"].iloc[0] for model in models[:3]]
    assert found.loc["AIC"].tolist()[:3] == aic
    assert found.loc["AIC"].tolist()[3] is None
    assert found.loc["std errors"].tolist() == ["classical", "clustered by `firm`", "HC3", "none"]
    assert found.loc["penalty"].tolist()[3] == "l2=0.1"
    assert [name for name in found.index if name == "Intercept" or name in ("x1", "x2")] == ["x1", "x2", "Intercept"]


def test_errors_stand_beneath_and_stars_only_when_asked(models: list[bl.Model]):
    lines = str(bl.table(models[:2], labels=["small", "large"])).splitlines()
    assert lines[0].split() == ["small", "large"]
    at = next(i for i, line in enumerate(lines) if line.startswith("x1"))
    assert re.fullmatch(r"\s*\([\d.]+\)\s+\([\d.]+\)", lines[at + 1])
    assert "*" not in str(bl.table(models))
    starred = bl.table(models, stars=True)
    assert "* p < 0.05, ** p < 0.01, *** p < 0.001" in str(starred)
    for model in models[:1]:
        marks = {0.001: "***", 0.01: "**", 0.05: "*"}
        p = float(model.pvalues["x1"])
        mark = next((m for level, m in marks.items() if p < level), "")
        row = next(line for line in str(starred).splitlines() if line.startswith("x1 "))
        assert row.split()[1].lstrip("-0123456789.") == mark


def test_what_does_not_compare_is_said(models: list[bl.Model]):
    data = frame()
    assert bl.table(models[:2]).notes == ()
    assert "different numbers of rows" in " ".join(bl.table([models[0], models[2]]).notes)
    assert "targets differ" in " ".join(bl.table([models[0], bl.fit(data, "y2 ~ x1")]).notes)
    other = bl.fit(data.assign(y=data["y"].sample(frac=1, random_state=1).to_numpy() + 1), "y ~ x1")
    assert "rows or the weights differ" in " ".join(bl.table([models[0], other]).notes)
    weighted = bl.fit(data, "y ~ x1", weights="w")
    assert "Some are weighted (`w`)" in " ".join(bl.table([models[0], weighted]).notes)


def test_rows_that_differ_by_little_are_other_rows_and_another_order_is_none():
    data = frame()
    model, moved = bl.fit(data, "y ~ x1"), data.copy()
    moved.loc[0, "y"] += 1e-4 * data["y"].std()
    for other, differs in ((moved, True), (data.sample(frac=1, random_state=1), False)):
        notes = " ".join(bl.table([model, bl.fit(other, "y ~ x1 + x2")]).notes)
        assert ("rows or the weights differ" in notes) == differs


def test_steps_that_are_all_made_are_said_where_nothing_tells_how_near_the_least_loss_is():
    """Of squares the distance to the least loss is known: a line within rounding of it has arrived, whatever steps it was given."""
    bent = bl.fit(frame(), "y ~ x1", loss="huber", solver="sgd", steps=5)
    squares = bl.fit(frame(), "y ~ x1", solver="stochastic", steps=50)
    assert bent.stop is squares.stop is Stop.STEPS
    assert not bent.short
    assert not squares.short
    assert bl.table([bent]).notes == ("Training of (1) made all its steps; nothing says whether it reached the least loss.",)
    assert bl.table([squares]).notes == ()


def test_lines_of_other_losses_are_told_apart():
    data = frame()
    asked = {"mean": "squared", "robust": "huber:1", "median": "absolute", "low": "quantile:0.1", "high": "quantile:0.9"}
    table = bl.table({name: bl.fit(data, "y ~ x1", loss=loss) for name, loss in asked.items()})
    assert table.frame().loc["loss"].tolist() == list(asked.values())
    assert next(line.split() for line in str(table).splitlines() if line.startswith("loss")) == ["loss", *asked.values()]
    (note,) = table.notes
    assert "(the mean: mean; the median: median; the 0.1 quantile: low; the 0.9 quantile: high)" in note
    assert note in str(table)
    # One loss for all is named, unless it is what everybody expects; then there is nothing to tell apart.
    alike = bl.table([bl.fit(data, "y ~ x1", loss="absolute"), bl.fit(data, "y ~ x2", loss="absolute")])
    assert alike.frame().loc["loss"].tolist() == ["absolute", "absolute"]
    assert alike.notes == ()
    medians = bl.table([bl.fit(data, "y ~ x1", loss="absolute"), bl.fit(data, "y ~ x1", loss="quantile:0.5")])
    assert medians.notes == ()
    squares = bl.table([bl.fit(data, "y ~ x1"), bl.fit(data, "y ~ x2")])
    assert "loss" not in squares.frame().index
    assert squares.notes == ()


def test_the_target_is_always_named_above_the_numbers(models: list[bl.Model]):
    for table in (bl.table(models[:1]), bl.table([models[0], bl.fit(frame(), "y2 ~ x1")])):
        targets = [c.target for c in table.columns]
        _, named, rule, *_ = str(table).splitlines()
        assert named.split() == ["target", *targets]
        assert set(rule) == {"-"}
        assert f"target & {' & '.join(targets)} \\\\\n\\midrule" in table.to_latex()
        assert f"| target | {' | '.join(targets)} |" in table.to_markdown()
        assert table.to_html().index(">target<") < table.to_html().index("</thead>")


@pytest.mark.parametrize(
    ("estimate", "error", "shown"),
    [
        (-5410.300224, 269.5256, ("-5,410", "270")),
        (46.982175, 1.345330, ("46.98", "1.35")),
        (-365.816955, 514.3968, ("-366", "514")),
        (0.0127704, 0.00956314, ("0.01277", "0.00956")),
        (1.25, 0.0998, ("1.2500", "0.0998")),
        (123456.789, 5035.5187, ("123,457", "5,036")),
        (123456.789, 999.6, ("123,457", "1,000")),
        (123456.789, 1000.4, ("123,457", "1,000")),
        (2.0, 0.0, ("2", "0")),
        (2.0, 1.234e-15, ("2", "1.23×10⁻¹⁵")),
        (0.0, 0.25, ("0.000", "0.250")),
        (-1.5e-12, 2.5e-13, ("-1.5×10⁻¹²", "2.5×10⁻¹³")),
        (0.123456, math.nan, ("0.1235", "")),
        (math.nan, math.nan, ("-", "")),
    ],
)
def test_an_estimate_and_its_error_end_at_the_same_place(estimate: float, error: float, shown: tuple[str, str]):
    column = ModelColumn("a", "y", {"x": Coefficient("x", estimate, error, 1.0, 0.5, -1.0, 1.0)}, {})
    (_, (above,)), *below = ModelTable((column,), ("x",), stars=False, notes=()).cells()
    assert (above, "".join(cell for _, (cell,) in below).strip("()")) == shown


def test_digits_stand_below_each_other_and_words_take_lines(models: list[bl.Model]):
    data = frame()
    two = bl.fit(data.assign(year=np.arange(len(data)) % 7), "y ~ x1 + x2", cov={"cluster": ["firm", "year"]})
    for stars in (False, True):
        lines = str(bl.table([models[1], two], stars=stars)).splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("x1"))
        assert lines[at].rindex(".") == lines[at + 1].rindex(".")
        assert lines[at].index(".") == lines[at + 1].index(".")
        assert [line.split() for line in lines if "clustered" in line] == [
            ["std", "errors", "clustered", "by", "firm", "clustered", "by"]
        ]
        assert "firm and year" in lines[next(i for i, line in enumerate(lines) if "clustered" in line) + 1]
        assert max(map(len, lines[:5])) < 60


def test_latex_sets_signs_powers_and_brackets_as_mathematics():
    tiny = bl.fit({"x": [1.0, 2.0, 3.0, 4.0], "y": [-1e-9, -2.1e-9, -3e-9, -4.2e-9]}, "y ~ x")
    text = bl.table([tiny], stars=True).to_latex()
    assert re.search(r"x & \$-\$1\.05\$\\times 10\^\{-9\}\$\*\* ", text)
    assert "p $<$ 0.05" in text
    assert text.isascii()


def test_several_targets_take_a_column_each():
    both = bl.table({"both": bl.fit(frame(), "y + y2 ~ x1")})
    assert [c.label for c in both.columns] == ["both y", "both y2"]
    assert both.frame().loc["x1"].tolist() == [bl.fit(frame(), f"{y} ~ x1").params["x1"] for y in ("y", "y2")]


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and data.strip():
            self.rows[-1][-1] += data


def test_every_form_has_the_same_cells(tmp_path: Path):
    data = frame().rename(columns={"x1": "a|b_<i>&$50%", "x2": "=1+1"})
    table = bl.table(
        [bl.fit(data, target="y", features=["a|b_<i>&$50%", "=1+1"]), bl.fit(data, target="y", features=["=1+1"])], stars=True
    )
    cells = [[name, *own] for name, own in (*table.heads(), *table.cells(), *table.fits())][1:]
    page = _Cells()
    page.feed(table.to_html().partition("</table>")[0])
    assert page.rows[1:] == cells
    markdown = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.to_markdown().splitlines() if line.startswith("|")][2:]
    assert [[cell.strip().replace("\\", "") for cell in row] for row in markdown] == cells
    latex = [line for line in table.to_latex().splitlines() if line.endswith("\\\\")][1:]
    assert len(latex) == len(cells)
    assert latex[1].startswith(r"a$|$b\_$<$i$>$\&\$50\% & ")
    for suffix in (".md", ".html", ".tex", ".csv", ".txt"):
        table.save(tmp_path / f"t{suffix}")
        with pytest.raises(DataError, match="exists"):
            table.save(tmp_path / f"t{suffix}")
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert rows[0] == ["term", "(1)", "(2)"]
    assert "'=1+1" in [row[0] for row in rows]  # what no spreadsheet runs
    assert float(rows[2][1]) == table.columns[0].coefficients["a|b_<i>&$50%"].estimate


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"models": []}, "takes models"),
        ({"models": 3}, "got int"),
        ({"models": ["a.bestline"]}, "one of them is of the type str"),
        ({"labels": ["a"]}, "2 different texts"),
        ({"labels": ["a", "a"]}, "2 different texts"),
        ({"labels": "ab"}, "2 different texts"),
    ],
)
def test_what_is_no_table_is_refused(models: list[bl.Model], given: dict[str, Any], said: str):
    with pytest.raises(OptionError, match=said):
        bl.table(**{"models": models[:2], **given})
    with pytest.raises(OptionError, match=r"ends in \.md"):
        bl.table(models).save("t.docx")


def test_lines_without_errors_or_scores_have_empty_cells():
    exact = bl.fit({"x": [1.0, 2.0], "y": [1.0, 3.0]}, "y ~ x")
    huber = bl.fit(frame(), "y ~ x1", loss="huber", l2=0.1)
    found = bl.table([exact, huber])
    assert np.isnan(found.frame().loc["x1 (std error)"].astype(float)).all()
    assert "nan" not in str(found)


def test_its_picture_has_the_tables_own_numbers(models: list[bl.Model], tmp_path: Path):
    table = bl.table(models, labels=["a", "b", "c", "d"], level=0.9)
    drawn = table.plot()
    assert "90% interval" in drawn.heading
    for label, errors in zip("abcd", ["classical", "clustered by `firm`", "HC3", "no standard errors"], strict=True):
        assert f"{label} ({errors})" in drawn.alt
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        table.save(tmp_path / f"t{suffix}")
        assert (tmp_path / f"t{suffix}").read_bytes().startswith(start)
        with pytest.raises(DataError, match="exists"):
            table.save(tmp_path / f"t{suffix}")


def test_an_r2_about_zero_is_told_beside_one_about_the_mean() -> None:
    rng = np.random.default_rng(7)
    data = {"x": rng.normal(size=60) + 5, "y": rng.normal(size=60) + 20}
    with_mean, about_zero = bl.fit(data, "y ~ x"), bl.fit(data, "y ~ x - 1")
    both = bl.table([with_mean, about_zero])
    for text in (str(both), both.to_markdown(), both.to_html(), both.to_latex()):
        assert "R2 and adjusted R2 of (2) are about zero, for want of an intercept, and do not compare" in text
    assert "about zero" not in str(bl.table([with_mean]))
    assert "adjusted R2 (about zero) 0.9" in str(about_zero.summary())
    assert "(about zero)" not in str(with_mean.summary())


def test_the_page_of_a_table_is_legible_on_any_screen(browser: Any, tmp_path: Path) -> None:
    data = hard_table(2_000)
    models = {
        f"model number {i} of the comparison": bl.fit(data, target=TARGET, features=list(NAMES[: 6 * i]))
        for i in (1, 2, 3, 4, 5)
    }
    bl.table(models, stars=True).save(tmp_path / "models.html")
    seen = Seen(browser, tmp_path / "seen.html", (tmp_path / "models.html").read_text(encoding="utf-8"))
    assert_legible(seen)
    assert_ordered(seen)
    seen.context.close()


def test_two_terms_are_never_the_same_text() -> None:
    data = hard_table(2_000)
    table = bl.table(bl.fit(data, target=TARGET))
    names = [name for name, _ in table.cells() if name]
    assert len(set(names)) == len(NAMES) + 1
    assert max(map(len, names)) <= 60
    assert "shown without what they share" in str(table)
    assert "temperature_probe_at_the_upper_shell" in str(table)
