"""The overview: all its panels show the same state."""

from __future__ import annotations

import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures.landscape import landscapes
from bestline.pictures.marks import Line, Mesh, Path, Picture, Points
from bestline.pictures.overview import overview
from bestline.pictures.sample import rows_shown
from bestline.training.solvers import Descent
from pictures.examples import case, drawn, fitted, made, sampled

EXACT = 1e-9  # a path lies on its surface to rounding


def overview_paths(picture: Picture) -> dict[str, list[Path]]:
    return {panel.title: [m for m in panel.marks if isinstance(m, Path)] for panel in picture.panels}


@pytest.mark.parametrize("name", ["lesson", "held out", "huber", "far offset", "100,000 rows"])
def test_all_panels_of_an_overview_show_the_same_state(name):
    c = case(name)
    trace = c.fit.trace
    for step in (0, 4, int(trace.step[-1])):
        picture = overview(c.fit, sampled(c.rows), step=step)
        assert len(picture.panels) == 4
        assert picture.title.startswith(f"After {step} update")
        now = [m for m in picture.panels[0].marks if isinstance(m, Line) and m.role == "fitted"]
        slope, intercept = trace.weights[step, :, 0].tolist()
        assert now[0].y == pytest.approx([slope * x + intercept for x in now[0].x], rel=1e-9, abs=1e-9)
        above, space, loss = list(overview_paths(picture).values())[1:]
        assert (above[0].x[-1], above[0].y[-1]) == (slope, intercept) == (space[0].x[-1], space[0].y[-1])
        assert space[0].z == pytest.approx(trace.loss[: step + 1].tolist(), rel=EXACT)
        assert loss[0].x == tuple(range(step + 1))
        assert loss[0].y == tuple(trace.loss[: step + 1].tolist())
    with pytest.raises(OptionError, match="step"):
        overview(c.fit, step=int(trace.step[-1]) + 1)


def test_an_overview_adapts_to_what_there_is():
    c = case("lesson")
    assert [p.title for p in overview(c.fit).panels][-1] == "Loss after each update"
    assert len(overview(c.fit).panels) == 3
    c = case("one weight")
    assert len(overview(c.fit, sampled(c.rows)).panels) == 3
    assert len(overview(c.fit).panels) == 2
    c = case("p=3")
    picture = overview(c.fit, sampled(c.rows))
    titles = [panel.title for panel in picture.panels]
    paths = overview_paths(picture)
    assert titles[0] == "Predicted against actual"
    assert "projected" in paths[titles[1]][0].label
    assert not paths["Loss surface"]
    assert "no true height" in picture.note
    (end,) = [m for m in picture.panels[2].marks if m.__class__ is Points and m.role == "end"]
    assert end.z == pytest.approx([float(c.fit.trace.loss[-1])], rel=EXACT)


def test_runs_share_the_panels_of_an_overview():
    c = case("lesson")
    fast = fitted(c.rows, Descent("sgd", lr=0.2, steps=9), [-15, -10])
    wild = fitted(c.rows, Descent("sgd", lr=0.5, steps=60), [-15, -10])
    picture = overview({"slow": c.fit, "fast": fast, "wild": wild}, sampled(c.rows))
    paths = overview_paths(picture)
    assert [len(found) for found in paths.values()] == [0, 3, 3, 3]
    for found in list(paths.values())[1:]:
        assert [m.label for m in found] == ["slow", "fast", "wild"]
        assert len({m.role for m in found}) == 3
    assert "least" not in picture.title
    assert "wild" in picture.note  # it left the view
    assert picture.panels[3].log_y
    space = paths["Loss surface"]
    assert space[1].z == pytest.approx(fast.trace.loss.tolist(), rel=EXACT)
    (mesh,) = [m for m in picture.panels[2].marks if isinstance(m, Mesh)]
    for found in space:
        assert mesh.x[0] <= min(found.x) <= max(found.x) <= mesh.x[-1]
    drawn(picture)
    other = fitted(made(), Descent("sgd", lr=0.1, steps=5), [-15, -10])
    with pytest.raises(OptionError, match="other rows"):
        overview({"a": c.fit, "b": other})
    with pytest.raises(OptionError, match="no runs"):
        overview({})


def test_standardised_and_plain_runs_have_the_same_surface():
    rows = made(p=2)
    plain, scaled = (fitted(rows, Descent("sgd", lr=0.1, steps=9), [2, 2, 2], standardize=s) for s in (False, True))
    one, two = landscapes([plain, scaled], ("x0", "x1"))
    assert one.surface is two.surface


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_over_one_row_the_line_is_seen_from_where_it_begins():
    model = bl.fit({"x": [5.0], "y": [10.0]}, "y ~ x - 1", solver="sgd", lr=0.01, steps=9, standardize=False, start=[0.5])
    panel = overview(model.trained, rows_shown(model)).panels[0]
    assert panel.xlim[0] < 0, "where the line begins"
    assert panel.ylim[0] < 0
