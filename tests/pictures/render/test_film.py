"""Motion: a film is the pictures it was made of, frame by frame, small, quick, and the same every time."""

from __future__ import annotations

import io
import itertools
import shutil
import stat
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from bestline.errors import OptionError
from bestline.pictures.marks import Line, Panel, Path, Picture
from bestline.pictures.overview import overview, overviews
from bestline.pictures.render import film as motion
from bestline.pictures.render.film import animate
from bestline.pictures.render.mpl import draw
from bestline.training.solvers import Descent
from pictures.examples import CASES, case, fitted, made, sampled
from searches import long

FEW = 100_000  # bytes of a small film; a still picture of the same size has about 40,000


def gif(fits, sample, **options) -> bytes:
    file = io.BytesIO()
    motion.animate(fits, sample, file, **options)
    return file.getvalue()


def frames_of(content: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(content)) as image:
        found = []
        for i in range(image.n_frames):
            image.seek(i)
            found.append(np.asarray(image.convert("RGB")))
    return found


@pytest.mark.parametrize(
    "name", long([name for name in CASES if name != "100,000 rows"], quick=["lesson", "held out", "huber", "two targets"])
)
def test_every_kind_of_fit_moves(name):
    c = case(name)
    found = frames_of(gif(c.fit, sampled(c.rows), frames=6, dpi=40))
    assert len(found) == min(6, len(c.fit.trace))
    if name != "constant loss":
        assert all((a != b).any() for a, b in itertools.pairwise(found))


def test_a_frame_is_what_drawing_its_picture_anew_gives():
    """Drawing only what moves must change nothing: compared with whole drawings, before colours are merged."""
    c = case("held out")
    steps = [0, 5, c.fit.step, int(c.fit.trace.step[-1])]
    pictures = list(overviews(c.fit, sampled(c.rows), steps))
    frames = list(motion._frames(pictures, "dark", 60))
    figure = draw(pictures[-1], theme="dark", dpi=60)
    figure.canvas.draw()
    whole = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]
    title = round(0.06 * len(whole))  # of a film the title keeps its left edge
    # But for one level of a colour, where two soft edges meet between pixels.
    assert np.abs(frames[-1][title:].astype(int) - whole[title:]).max() <= 1
    assert all((a != b).any() for a, b in itertools.pairwise(frames))


def test_the_last_frame_is_the_last_state_and_rests():
    c = case("lesson")
    content = gif(c.fit, sampled(c.rows), seconds=4.0, dpi=50)
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 16
        assert image.info["loop"] == 0
        lasts = []
        for i in range(image.n_frames):
            image.seek(i)
            lasts.append(image.info["duration"])
        assert lasts == [250] * 15 + [2_250]  # four seconds for sixteen frames, and two more at the end
        assert "loss" in image.info["comment"].decode()
    still = draw(overview(c.fit, sampled(c.rows)), dpi=50)
    still.canvas.draw()
    expected = np.asarray(still.canvas.buffer_rgba())[:, :, :3].astype(int)
    last = frames_of(content)[-1].astype(int)
    assert np.abs(last - expected)[30:].mean() < 3  # of 255: colours were merged


def test_the_same_film_has_the_same_bytes():
    c = case("lesson")
    assert gif(c.fit, sampled(c.rows), dpi=40) == gif(c.fit, sampled(c.rows), dpi=40)


def test_a_hundred_frames_are_small():
    rows = made()
    fit = fitted(rows, Descent("sgd", lr=0.02, steps=400), [-5, 3])
    content = gif(fit, sampled(rows))
    found = frames_of(content)
    assert len(found) == 100
    assert found[0].shape[1] >= 760
    assert len(content) < 3 * FEW


def test_the_paper_keeps_its_colour():
    c = case("lesson")
    for theme, paper in (("light", (255, 255, 255)), ("dark", (0x14, 0x18, 0x1D))):
        assert {tuple(frame[2, 2].tolist()) for frame in frames_of(gif(c.fit, None, theme=theme, dpi=40))} == {paper}


def test_frames_are_spaced_by_what_moves():
    fit = fitted(made(), Descent("sgd", lr=0.002, steps=10_000), [-5, 3])
    steps = motion.timeline(fit, 100)
    assert len(steps) == len(set(steps)) == 100
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 10_000)
    assert steps[50] < 2_000  # half of the frames for the fifth in which nearly all happens
    assert motion.timeline(case("lesson").fit, 100) == list(range(16))
    assert motion.timeline(case("no step").fit, 100) == [0]
    runs = {"a": case("lesson").fit, "b": fitted(case("lesson").rows, Descent("adam", lr=0.5, steps=300), [-15, -10])}
    assert len(motion.timeline(runs, 50)) == 50
    # The way counts as much as the number of updates, however many walk it.
    assert motion.timeline({"a": fit, "b": fit, "c": fit}, 100) == steps


def test_runs_of_different_length_move_together():
    c = case("lesson")
    long = fitted(c.rows, Descent("adam", lr=0.5, steps=30), [-15, -10])
    pictures = list(overviews({"short": c.fit, "long": long}, sampled(c.rows), [15, 20, 30]))
    for picture, step in zip(pictures, (15, 20, 30), strict=True):
        short, other = [m for m in picture.panels[-1].marks if isinstance(m, Path)]
        assert short.x[-1] == 15  # it rests at its end
        assert other.x[-1] == step
    assert len(frames_of(gif({"short": c.fit, "long": long}, sampled(c.rows), dpi=40))) == 31
    one = gif({"adam": long}, sampled(c.rows), dpi=40, frames=3)
    assert one == gif(long, sampled(c.rows), dpi=40, frames=3)


def test_along_the_main_directions_and_without_rows():
    c = case("p=3")
    assert len(frames_of(gif(c.fit, None, pair="path", frames=4, dpi=40))) == 4
    assert len(frames_of(gif(c.fit, sampled(c.rows), pair=("x1", "x2"), frames=4, dpi=40))) == 4


def test_to_a_path_or_an_open_file(tmp_path):
    c = case("lesson")
    path = tmp_path / "film.gif"
    animate(c.fit, sampled(c.rows), path, frames=3, dpi=40)
    assert path.read_bytes() == gif(c.fit, sampled(c.rows), frames=3, dpi=40)
    animate(c.fit, sampled(c.rows), tmp_path / "film.part", format="gif", frames=3, dpi=40)
    assert (tmp_path / "film.part").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "options", [{"frames": 1}, {"seconds": 0}, {"seconds": float("nan")}, {"format": "avi"}, {"theme": "x"}]
)
def test_senseless_requests_are_refused(options):
    with pytest.raises(OptionError):
        gif(case("lesson").fit, None, **options)


def test_pictures_of_different_kinds_do_not_follow_each_other():
    one = Picture((Panel("", "x", "y", (Line((0.0, 1.0), (0.0, 1.0)),)),))
    two = Picture((Panel("", "x", "y", (Path((0.0, 1.0), (0.0, 1.0)),)),))
    with pytest.raises(OptionError, match="same panels"):
        motion.film([one, two], io.BytesIO())
    with pytest.raises(OptionError, match="no pictures"):
        motion.film([], io.BytesIO())


def test_without_ffmpeg_an_mp4_is_refused_before_anything_is_drawn(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionError, match="ffmpeg, which is not installed"):
        animate(case("lesson").fit, None, tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())


def test_ffmpeg_is_given_every_frame_and_its_refusal_is_told(monkeypatch, tmp_path):
    """A stand-in that counts what it is given; the real one is not needed to see that nothing is lost."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsize = sys.argv[sys.argv.index('-s') + 1]\n"
        "data = sys.stdin.buffer.read()\nopen(sys.argv[-1], 'w').write(f'{size} {len(data)}')\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    file = io.BytesIO()
    motion.animate(case("lesson").fit, None, file, format="mp4", seconds=4.0, dpi=41)
    size, count = file.getvalue().decode().split()
    width, height = map(int, size.split("x"))
    assert width % 2 == height % 2 == 0
    assert int(count) == width * height * 3 * (16 + 8)  # 16 states of a quarter second, and two seconds of rest
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no such coding')\n")
    with pytest.raises(OSError, match="no such coding"):
        motion.animate(case("lesson").fit, None, file, format="mp4", dpi=41)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed here")
def test_an_mp4_by_the_real_ffmpeg(tmp_path):
    animate(case("lesson").fit, None, tmp_path / "film.mp4", dpi=41)
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"


def test_nothing_global_changes():
    before = dict(mpl.rcParams)
    gif(case("lesson").fit, None, frames=3, dpi=40)
    assert dict(mpl.rcParams) == before


def test_a_film_of_the_usual_length_can_be_sent_around(monkeypatch):
    """Below 300 kB where nobody says how many frames; who says so gets them all."""
    assert motion.MOST_BYTES == 300_000
    monkeypatch.setattr(motion, "MOST_BYTES", 120_000)
    c = case("held out")
    fit = fitted(c.rows, Descent("adam", lr=0.03, steps=400), [4, 4])
    usual, asked = gif(fit, sampled(c.rows), dpi=40), gif(fit, sampled(c.rows), dpi=40, frames=100)
    assert len(usual) <= motion.MOST_BYTES < len(asked)
    assert motion.FRAMES > len(frames_of(usual)) > motion.FRAMES // 2
    assert len(frames_of(asked)) == 100
    with Image.open(io.BytesIO(usual)) as image:
        lasts = []
        for i in range(image.n_frames):
            image.seek(i)
            lasts.append(image.info["duration"])
    assert sum(lasts[:-1]) == pytest.approx(8_000, rel=0.1), "fewer frames last as long"
