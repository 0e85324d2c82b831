"""Figures of matplotlib: every mark, every file, nothing that overlaps, nothing global that changes."""

from __future__ import annotations

import io

import matplotlib as mpl
import pytest
from PIL import Image

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures import figures, loss_curves, marks
from bestline.pictures.marks import Hexagons, Intervals, Line, Panel, Picture, Points, Table
from bestline.pictures.render.mpl import draw, save
from pictures.examples import EVERY_MARK, LAID_OUT, SPACE_MARKS, case, drawn, pictures
from searches import long


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_mark_and_every_role_is_drawn(theme):
    assert {type(m) for m in (*EVERY_MARK, *SPACE_MARKS)} == set(marks.Mark.__args__)
    plain = tuple(m for m in EVERY_MARK[4:] if not isinstance(m, Table | Intervals))
    alone = [(m,) for m in EVERY_MARK if isinstance(m, Table | Intervals)]
    drawn(Picture((Panel("", "x", "y", EVERY_MARK[:4]), Panel("", "x", "y", plain))), theme=theme)
    drawn(Picture((Panel("", "x", "", alone[1]), Panel("", "x", "y", SPACE_MARKS, zlabel="z"))), theme=theme)
    drawn(Picture((Panel("", "x", "", alone[0]),)), theme=theme)
    drawn(Picture((Panel("", "x", "y", EVERY_MARK[:3]), Panel("", "x", "y", plain), Panel("", "x", "y", plain)), columns=2))
    roles = [*(Points((1.0,), (1.0,), r, r) for r in marks.ROLES), *(Line((1.0, 2.0), (1.0, 2.0), r, r) for r in marks.ROLES)]
    drawn(Picture((Panel("", "x", "y", tuple(roles)), Panel("", "x", "y", ()))), theme=theme)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_files(kind, tmp_path):
    picture = loss_curves.loss(case("lesson").fit)
    path = tmp_path / f"loss.{kind}"
    save(picture, path)
    assert path.read_bytes()[:4] == {"png": b"\x89PNG", "svg": b"<?xm", "pdf": b"%PDF"}[kind]
    if kind == "svg":
        assert picture.alt.split(";")[0] in path.read_text(encoding="utf-8")
    with pytest.raises(OptionError, match="bmp"):
        save(picture, tmp_path / "loss.bmp")


def test_a_png_says_what_it_shows_and_is_the_same_each_time():
    picture = loss_curves.loss(case("lesson").fit)
    first, second = io.BytesIO(), io.BytesIO()
    save(picture, first)
    save(picture, second)
    assert first.getvalue() == second.getvalue()
    with Image.open(first) as image:
        assert image.text["Description"] == picture.alt


@pytest.mark.parametrize("name", long(LAID_OUT, quick=["p=3", "held out"]))
def test_nothing_overlaps(name):
    for title, picture in pictures(case(name)).items():
        figure = draw(picture)
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        width, height = figure.canvas.get_width_height()
        boxes = []
        for ax in figure.axes:
            texts = [ax.title, ax.xaxis.label, ax.get_legend()]
            boxes += [t.get_window_extent(renderer) for t in texts if t is not None and (t is texts[2] or t.get_text())]
        texts = [t for t in (figure._suptitle, figure._supxlabel) if t is not None]
        boxes += [t.get_window_extent(renderer) for t in texts]
        for i, box in enumerate(boxes):
            assert box.x0 >= -1, (name, title, i)
            assert box.x1 <= width + 1, (name, title, i)
            assert box.y0 >= -1, (name, title, i)
            assert box.y1 <= height + 1, (name, title, i)
            for other in boxes[:i]:
                assert not (box.padded(-1).overlaps(other.padded(-1))), (name, title)


def test_nothing_global_changes():
    before = dict(mpl.rcParams)
    drawn(figures.surface(case("lesson").fit))
    drawn(figures.contour(case("lesson").fit))
    assert dict(mpl.rcParams) == before


def test_figures_show_themselves_in_a_notebook():
    assert draw(loss_curves.loss(case("lesson").fit))._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize("units", ["data", "trained"])
def test_ticks_of_a_surface_stand_apart(units):
    line = bl.fit(
        str(bl.samples.path("penguins")),
        "body_mass_g ~ flipper_length_mm",
        missing="drop",
        solver=bl.Descent("sgd", lr=0.2, steps=20),
        start=(0, 0),
    )
    for figure in (line.plot.overview(units=units), line.plot.surface(units=units)):
        figure.canvas.draw()
        (space,) = [ax for ax in figure.axes if hasattr(ax, "zaxis")]
        for axis in (space.xaxis, space.yaxis, space.zaxis):
            low, high = sorted(axis.get_view_interval())
            boxes = [
                t.label1.get_window_extent()
                for t in axis.get_major_ticks()
                if t.label1.get_text() and low <= t.get_loc() <= high
            ]
            assert len(boxes) >= 2
            assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("columns", [0, 2])
def test_a_note_of_more_lines_has_more_room_below(columns):
    panels = tuple(Panel("", "x", "y", (Points((0.0, 1.0), (0.0, 1.0)),)) for _ in range(4))
    heights = [draw(Picture(panels, "", "word " * n, columns=columns)).get_size_inches()[1] for n in (0, 10, 200)]
    assert heights == sorted(set(heights))


@pytest.mark.parametrize(
    ("counts", "ticks"),
    [
        ((1.0, 2.0, 7.0), ["1", "7"]),  # within one power of ten the ends say more than the powers
        ((1.0, 40.0), ["1", "40"]),
        ((3.0, 2_000.0), ["1", "10", "100", "1,000"]),
        ((1.0, 1.0), ["1"]),
    ],
)
def test_a_scale_beside_counted_rows_says_how_many_a_colour_is(counts: tuple[float, ...], ticks: list[str]) -> None:
    at = tuple(float(i) for i in range(len(counts)))
    mark = Hexagons(at, at, counts, 1.0, 1.0, "rows")
    figure = draw(Picture((Panel("Counted", "x", "y", (mark,)),)))
    _, scale = figure.axes
    figure.canvas.draw()
    assert [label.get_text() for label in scale.get_yticklabels()] == ticks
    assert scale.get_ylabel() == "rows"
    low, high = scale.get_ylim()
    assert (low, high) == pytest.approx((1, max(*counts, 2)))
