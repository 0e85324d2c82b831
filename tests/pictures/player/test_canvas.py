"""What is drawn on the player's canvases means what it should: every stroke is read back through the axes' own tick labels.

A recorder takes down all that is drawn, with colour, width, dashes and what it is clipped to. Where things lie is told in the
data's units, by the numbers that stand at the axes; so a line, an arrow, a contour and a limit are held to what they stand for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

PIXEL = 0.51  # half a pixel, for what stands at whole ones, and a hair: ticks are exact, letters are not asked

RECORD = """(() => {
  const drawn = new WeakMap(), paths = new WeakMap(), now = new WeakMap();
  const of = (map, key, made) => map.get(key) ?? map.set(key, made()).get(key);
  const state = (ctx) => of(now, ctx, () => ({ path: [], clips: [[]] }));
  const log = (ctx, op) => of(drawn, ctx.canvas, () => []).push({ ...op, clip: state(ctx).clips.at(-1).at(-1) ?? null });
  const placed = (ctx, list) => { const m = ctx.getTransform();
    return list.map(([kind, ...v]) => kind === "l" || kind === "m" ? [kind, m.a * v[0] + m.c * v[1] + m.e, m.b * v[0] + m.d * v[1] + m.f]
      : kind === "a" || kind === "r" ? [kind, m.a * v[0] + m.c * v[1] + m.e, m.b * v[0] + m.d * v[1] + m.f, ...v.slice(2)] : [kind]); };
  const shapes = { moveTo: "m", lineTo: "l", arc: "a", rect: "r", closePath: "z" };
  const canvas = CanvasRenderingContext2D.prototype;
  for (const [name, kind] of Object.entries(shapes)) {
    const own = canvas[name], other = Path2D.prototype[name];
    canvas[name] = function (...v) { state(this).path.push(...placed(this, [[kind, ...v.slice(0, kind === "a" ? 3 : 4)]])); return own.apply(this, v); };
    Path2D.prototype[name] = function (...v) { of(paths, this, () => []).push([kind, ...v.slice(0, kind === "a" ? 3 : 4)]); return other.apply(this, v); };
  }
  const wrap = (name, before) => { const real = canvas[name]; canvas[name] = function (...v) { before.call(this, ...v); return real.apply(this, v); }; };
  wrap("beginPath", function () { state(this).path = []; });
  wrap("save", function () { state(this).clips.push([...state(this).clips.at(-1)]); });
  wrap("restore", function () { if (state(this).clips.length > 1) state(this).clips.pop(); });
  wrap("clip", function () { state(this).clips.at(-1).push(state(this).path); });
  const path = (ctx, given) => given instanceof Path2D ? placed(ctx, of(paths, given, () => [])) : state(ctx).path;
  wrap("stroke", function (given) { log(this, { kind: "stroke", path: path(this, given), colour: this.strokeStyle, width: this.lineWidth, dash: this.getLineDash(), alpha: this.globalAlpha }); });
  wrap("fill", function (given) { log(this, { kind: "fill", path: path(this, given), colour: this.fillStyle, alpha: this.globalAlpha }); });
  wrap("fillText", function (text, x, y) { const [[, px, py]] = placed(this, [["m", x, y]]); log(this, { kind: "text", text, at: [px, py], align: this.textAlign, colour: this.fillStyle, font: this.font, alpha: this.globalAlpha }); });
  wrap("drawImage", function (image) { of(drawn, this.canvas, () => []).push(...(drawn.get(image) ?? [])); });
  const set = canvas.setTransform;
  canvas.setTransform = function (...v) { drawn.set(this.canvas, []); now.set(this, { path: [], clips: [[]] }); return set.apply(this, v); };
  wrap("putImageData", function (image, x, y) { globalThis.bands = { at: [x, y], width: image.width, height: image.height, pixels: [...new Uint32Array(image.data.buffer)] }; });
  globalThis.recorded = (panel) => drawn.get(document.querySelector(`[data-panel=${panel}] canvas`));
})()"""


def value(text: str) -> float:
    """The number of a tick label."""
    plain = text.replace("\u2212", "-").replace(",", "")
    raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    if "10" in plain and any(c in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻" for c in plain):
        mantissa, _, power = plain.rpartition("10")
        return float(mantissa.rstrip("×") or 1) * 10.0 ** int(power.translate(raised))
    return float(plain)


@dataclass(frozen=True)
class Axis:
    """From pixels to values, by the ticks alone."""

    pixels: tuple[float, ...]
    values: tuple[float, ...]
    log: bool = False

    def __call__(self, pixel: float) -> float:
        told = np.log10(self.values) if self.log else np.array(self.values)
        slope, level = np.polyfit(self.pixels, told, 1)
        return float(10 ** (slope * pixel + level)) if self.log else float(slope * pixel + level)

    def of(self, number: float) -> float:
        """The pixel of a value."""
        told = np.log10(self.values) if self.log else np.array(self.values)
        slope, level = np.polyfit(self.pixels, told, 1)
        return float(((math.log10(number) if self.log else number) - level) / slope)

    @property
    def even(self) -> bool:
        told = np.log10(self.values) if self.log else np.array(self.values)
        fitted = np.polyval(np.polyfit(self.pixels, told, 1), self.pixels)
        return bool(np.abs(fitted - told).max() <= 1e-6 * np.ptp(told))


@dataclass(frozen=True)
class Drawn:
    """One panel as it is now."""

    ops: list[dict[str, Any]]
    log: bool = False

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the plot: the rectangle that is drawn with the axes."""
        (path,) = [op["path"] for op in self.ops if op["kind"] == "stroke" and op["path"] and op["path"][-1][0] == "r"][:1]
        _, x, y, w, h = path[-1]
        return x, y, x + w, y + h

    @property
    def texts(self) -> list[dict[str, Any]]:
        return [op for op in self.ops if op["kind"] == "text"]

    @property
    def x(self) -> Axis:
        _, _, _, bottom = self.frame
        ticks = [t for t in self.texts if t["align"] == "center" and abs(t["at"][1] - bottom - 13) < 1]
        return Axis(tuple(t["at"][0] for t in ticks), tuple(value(t["text"]) for t in ticks))

    @property
    def y(self) -> Axis:
        left, *_ = self.frame
        ticks = [t for t in self.texts if t["align"] == "right" and abs(t["at"][0] - left + 7) < 1]
        return Axis(tuple(t["at"][1] for t in ticks), tuple(value(t["text"]) for t in ticks), self.log)

    def lines(self) -> list[dict[str, Any]]:
        """What is stroked, each with its places."""
        found = []
        for op in self.ops:
            if op["kind"] == "stroke" and op["path"] and all(part[0] in "mlz" for part in op["path"]):
                found.append(op | {"places": [tuple(part[1:3]) for part in op["path"] if part[0] in "ml"]})
        return found

    def at(self, place: tuple[float, float]) -> tuple[float, float]:
        return self.x(place[0]), self.y(place[1])

    def dots(self) -> list[dict[str, Any]]:
        """Circles that are filled, in their order."""
        return [
            op | {"centres": [tuple(part[1:3]) for part in op["path"] if part[0] == "a"], "radius": op["path"][1][3]}
            for op in self.ops
            if op["kind"] == "fill" and len(op["path"]) > 1 and op["path"][1][0] == "a"
        ]


def see(shown: Any, panel: str, *, log: bool = False) -> Drawn:
    shown.settle()
    return Drawn(shown.page.evaluate("panel => globalThis.recorded(panel)", panel), log)


@pytest.fixture
def one(show: Any) -> Any:
    return show("one", api=True, before=RECORD)


def within(frame: tuple[float, float, float, float], place: tuple[float, float], air: float = PIXEL) -> bool:
    left, top, right, bottom = frame
    return left - air <= place[0] <= right + air and top - air <= place[1] <= bottom + air


def is_clipped(drawn: Drawn, op: dict[str, Any]) -> bool:
    """Whether nothing of it is seen outside the plot."""
    if not op["clip"]:
        return False
    (_, x, y, w, h), left_top = op["clip"][-1], drawn.frame
    return (x, y, x + w, y + h) == pytest.approx(left_top, abs=PIXEL)


# -- axes and limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("panel", ["data", "contour", "loss"])
def test_ticks_are_evenly_spaced_round_numbers_within_the_frame(one: Any, panel: str) -> None:
    drawn = see(one, panel)
    left, top, right, bottom = drawn.frame
    for axis, (low, high) in ((drawn.x, (left, right)), (drawn.y, (top, bottom))):
        assert 3 <= len(axis.values) <= 10
        assert axis.even
        steps = np.diff(axis.values)
        assert np.allclose(steps, steps[0], rtol=1e-6)
        mantissa = abs(steps[0]) / 10 ** math.floor(math.log10(abs(steps[0])) + 1e-9)
        assert min(abs(mantissa - m) for m in (1, 2, 2.5, 5, 10)) < 1e-6
        assert all(low - 1 <= pixel <= high + 1 for pixel in axis.pixels)
    assert drawn.x(right) > drawn.x(left)
    assert drawn.y(top) > drawn.y(bottom), "more is upwards"


@pytest.mark.parametrize("panel", ["data", "contour", "loss", "surface"])
def test_what_is_faint_or_dashed_leaves_the_words_and_the_frame_alone(one: Any, panel: str) -> None:
    drawn = see(one, panel)
    assert {text["alpha"] for text in drawn.texts} == {1}
    frames = [op for op in drawn.ops if op["kind"] == "stroke" and op["path"] and op["path"][-1][0] == "r"]
    assert all(op["dash"] == [] and op["alpha"] == 1 for op in frames)


def test_limits_hold_the_data_the_path_and_the_losses(one: Any, sessions: dict[str, Any]) -> None:
    told, run = sessions["one"], sessions["one"]["runs"][0]
    data, contour, loss = (see(one, panel) for panel in ("data", "contour", "loss"))
    for drawn, xs, ys in (
        (data, told["data"]["x"], told["data"]["y"]),
        (contour, run["path"][0], run["path"][1]),
        (loss, run["step"], run["loss"]),
    ):
        places = [(drawn.x.of(x), drawn.y.of(y)) for x, y in zip(xs, ys, strict=True)]
        assert all(within(drawn.frame, place) for place in places)
        # And no more than that: what is seen fills at least half of the picture along one of the axes.
        left, top, right, bottom = drawn.frame
        wide, high = (np.ptp([place[i] for place in places]) for i in (0, 1))
        assert max(wide / (right - left), high / (bottom - top)) > 0.5
    assert loss.y(loss.frame[3]) == pytest.approx(0, abs=0.01 * max(run["loss"])), "losses are seen from 0 on"
    assert loss.y(loss.frame[1]) > max(run["loss"])


def test_a_logarithmic_axis_holds_all_losses_too(one: Any, sessions: dict[str, Any]) -> None:
    one.page.locator(".bestline-player").press("l")
    drawn, run = see(one, "loss", log=True), sessions["one"]["runs"][0]
    assert drawn.y.even
    losses = run["loss"]
    assert drawn.y(drawn.frame[3]) < min(losses)
    assert drawn.y(drawn.frame[1]) > max(losses)
    one.scrub(200)
    (line,) = [op for op in see(one, "loss", log=True).lines() if len(op["places"]) > 20 and op["alpha"] == 1][-1:]
    for x, y in line["places"]:
        step = round(drawn.x(x))
        assert abs(drawn.y.of(losses[step]) - y) < PIXEL


# -- the line and the rows -----------------------------------------------------------------------------------------------


def straight(drawn: Drawn, slope: float, level: float) -> list[dict[str, Any]]:
    """Strokes of two places that both lie on a line."""
    return [
        op
        for op in drawn.lines()
        if len(op["places"]) == 2
        and all(abs(y - drawn.y.of(slope * drawn.x(x) + level)) < 2 * PIXEL for x, y in op["places"])
        and abs(op["places"][0][0] - op["places"][1][0]) > 100
    ]


@pytest.mark.parametrize("k", [0, 3, 57, 200])
def test_the_line_is_that_of_the_step_from_end_to_end(one: Any, sessions: dict[str, Any], k: int) -> None:
    one.scrub(k)
    drawn, run, data = see(one, "data"), sessions["one"]["runs"][0], sessions["one"]["data"]
    found = straight(drawn, run["weights"][0][k], run["weights"][1][k])
    line = found[-1]
    assert line["alpha"] == 1
    assert 2 <= line["width"] <= 4
    assert line["dash"] == []
    ends = sorted(drawn.x(x) for x, _ in line["places"])
    assert ends[0] < min(data["x"]) < max(data["x"]) < ends[1]
    assert is_clipped(drawn, line)
    under = [op for op in found[:-1] if op["places"] == line["places"]]
    assert under, "a ribbon of paper lies under the line"
    assert under[-1]["width"] > line["width"]
    assert under[-1]["colour"] != line["colour"]


def test_earlier_lines_are_faint_and_of_earlier_steps(one: Any, sessions: dict[str, Any]) -> None:
    one.scrub(0)
    run = sessions["one"]["runs"][0]
    assert len([op for op in see(one, "data").lines() if op["alpha"] < 0.5]) == 0
    one.scrub(120)
    drawn = see(one, "data")
    faint = [op for op in drawn.lines() if op["alpha"] < 0.5 and len(op["places"]) == 2]
    assert 5 <= len(faint) <= 20
    slopes = []
    for op in faint:
        (x1, y1), (x2, y2) = (drawn.at(place) for place in op["places"])
        slopes.append((y2 - y1) / (x2 - x1))
        assert op["width"] <= 1.5
    steps = [int(np.argmin(np.abs(np.array(run["weights"][0]) - slope))) for slope in slopes]
    for slope, step in zip(slopes, steps, strict=True):
        assert abs(run["weights"][0][step] - slope) < 0.02 * max(1, abs(slope))
    assert max(run["step"][step] for step in steps) <= 120
    assert min(run["step"][step] for step in steps) == 0


def test_the_true_line_is_dashed_and_where_it_was(one: Any, sessions: dict[str, Any]) -> None:
    truth = sessions["one"]["data"]["truth"]
    drawn = see(one, "data")
    (line,) = [op for op in straight(drawn, truth["slope"], truth["intercept"]) if op["alpha"] == 1]
    assert len(line["dash"]) >= 2
    assert all(length > 0 for length in line["dash"])
    assert is_clipped(drawn, line)


def test_every_row_is_a_dot_where_it_lies(one: Any, sessions: dict[str, Any]) -> None:
    drawn, data = see(one, "data"), sessions["one"]["data"]
    (dots,) = [op for op in drawn.dots() if len(op["centres"]) == len(data["x"])]
    for place, x, y in zip(dots["centres"], data["x"], data["y"], strict=True):
        assert place == pytest.approx((drawn.x.of(x), drawn.y.of(y)), abs=PIXEL)
    assert 1.5 <= dots["radius"] <= 4
    assert is_clipped(drawn, dots)


def test_rows_held_out_are_rings(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("held_out", api=True, before=RECORD)
    drawn, held = see(shown, "data"), sessions["held_out"]["data"]["held_out"]
    markers = [op for op in drawn.ops if op["kind"] == "stroke" and sum(p[0] in "m" for p in op["path"]) == len(held["x"])]
    assert len(markers) == 1, "drawn once, and not filled"
    shapes = [p for p in markers[0]["path"] if p[0] == "m"]
    for (_, px, py, *_), x, y in zip(shapes, held["x"], held["y"], strict=True):
        assert abs(px - drawn.x.of(x)) < 6
        assert abs(py - drawn.y.of(y)) < 6


def test_residuals_go_from_row_to_line_and_squares_are_square(one: Any, sessions: dict[str, Any]) -> None:
    one.scrub(40)
    one.page.locator(".bestline-player").press("r")
    one.page.locator(".bestline-player").press("s")
    drawn, run, data = see(one, "data"), sessions["one"]["runs"][0], sessions["one"]["data"]
    n = len(data["x"])
    (lines,) = [op for op in drawn.lines() if len(op["places"]) == 2 * n]
    predicted = [run["weights"][0][40] * x + run["weights"][1][40] for x in data["x"]]
    ends = list(zip(lines["places"][::2], lines["places"][1::2], strict=True))
    for (row, line), x, y, p in zip(ends, data["x"], data["y"], predicted, strict=True):
        assert row == pytest.approx((drawn.x.of(x), drawn.y.of(y)), abs=PIXEL)
        assert line == pytest.approx((drawn.x.of(x), drawn.y.of(p)), abs=PIXEL)
    (squares,) = [op for op in drawn.ops if op["kind"] == "fill" and len(op["path"]) == n and op["path"][0][0] == "r"]
    for (_, left, top, width, height), (row, line) in zip(squares["path"], ends, strict=True):
        assert width == pytest.approx(height)
        assert height == pytest.approx(abs(row[1] - line[1]), abs=1e-6)
        assert top == pytest.approx(min(row[1], line[1]), abs=1e-6)
        assert min(abs(left - row[0]), abs(left + width - row[0])) < 1e-6
        # On the side where the square does not cross the line, which rises here or falls.
        rising, below = run["weights"][0][40] >= 0, row[1] > line[1]
        assert (left + width / 2 > row[0]) == (below == rising) or height < 1e-6
    assert 0 < squares["alpha"] < 0.3


# -- the ground ----------------------------------------------------------------------------------------------------------


def bowl_loss(ground: dict[str, Any], a: float, b: float) -> float:
    away = np.array([a, b]) - np.array(ground["bowl"]["center"])
    return ground["bowl"]["floor"] + float(np.sum((np.array(ground["bowl"]["factor"]) @ away) ** 2))


def test_contours_are_lines_of_equal_loss_each_of_its_own(one: Any, sessions: dict[str, Any]) -> None:
    drawn, ground = see(one, "contour"), sessions["one"]["ground"]
    lines = [op for op in drawn.lines() if len(op["places"]) > 100]
    assert len(lines) >= 5
    levels = []
    for op in lines:
        assert is_clipped(drawn, op)
        losses = [bowl_loss(ground, *drawn.at(place)) for place in op["places"]]
        assert max(losses) - ground["floor"] <= (min(losses) - ground["floor"]) * 1.01
        levels.append(float(np.mean(losses)))
    assert levels == sorted(levels)
    assert len({f"{level:.6g}" for level in levels}) == len(levels)
    # Heights written on the picture are those of lines that are there, and stand on them.
    written = [
        t for t in drawn.texts if t["text"].replace(".", "").replace(",", "").isdigit() and within(drawn.frame, t["at"], -5)
    ]
    assert written
    for text in written:
        here = bowl_loss(ground, *drawn.at((text["at"][0], text["at"][1])))
        level = min(levels, key=lambda known: abs(known - value(text["text"])))
        assert value(text["text"]) == pytest.approx(level, rel=0.05)
        assert here == pytest.approx(level, rel=0.35), "a line goes through its number"


def test_every_pixel_has_the_colour_of_its_own_band_of_losses(one: Any, sessions: dict[str, Any]) -> None:
    """From the first row to the last: and a band is what lies between two heights, so no two bands share a loss."""
    drawn, ground, image = see(one, "contour"), sessions["one"]["ground"], one.page.evaluate("() => globalThis.bands")
    left, top, right, bottom = drawn.frame
    assert (*image["at"], image["width"], image["height"]) == pytest.approx((left, top, right - left, bottom - top), abs=1)
    colours = np.array(image["pixels"]).reshape(image["height"], image["width"])
    losses: dict[int, list[float]] = {}
    for i in {*range(0, image["height"], 9), image["height"] - 1}:
        for j in {*range(0, image["width"], 9), image["width"] - 1}:
            place = drawn.at((image["at"][0] + j + 0.5, image["at"][1] + i + 0.5))
            losses.setdefault(int(colours[i, j]), []).append(bowl_loss(ground, *place))
    assert min(colour >> 24 for colour in losses) == 255, "every pixel is painted"
    bands = sorted((min(own), max(own)) for own in losses.values())
    assert len(bands) >= 5
    for (_, high), (low, _) in pairwise(bands):
        assert high <= low * 1.01


@pytest.mark.parametrize("k", [0, 4, 60, 200])
def test_the_path_on_the_ground_ends_at_the_ball(one: Any, sessions: dict[str, Any], k: int) -> None:
    one.scrub(k)
    drawn, run = see(one, "contour"), sessions["one"]["runs"][0]
    here = tuple(axis.of(column[k]) for axis, column in zip((drawn.x, drawn.y), run["path"], strict=True))
    halo, ball = [op for op in drawn.dots() if len(op["centres"]) == 1 and op["centres"][0] == pytest.approx(here, abs=PIXEL)][
        -2:
    ]
    assert halo["radius"] > ball["radius"] > 3
    assert halo["alpha"] < 0.5
    assert ball["alpha"] == 1
    paths = [
        op for op in drawn.lines() if op["colour"] == ball["colour"] and op["places"][-1] == pytest.approx(here, abs=PIXEL)
    ]
    walked = paths[-1]
    assert is_clipped(drawn, walked)
    seen = np.array(run["path"]).T[: k + 1]
    pixels = np.array([[drawn.x.of(a), drawn.y.of(b)] for a, b in seen])
    for place in walked["places"]:
        assert np.hypot(*(pixels - place).T).min() < PIXEL, "only recorded states are drawn"
    assert walked["places"][0] == pytest.approx(tuple(pixels[0]), abs=PIXEL)
    assert len(walked["places"]) > 3 or k < 4
    if k:
        # Nothing the eye could tell apart is left out: every state lies within a pixel of the line drawn.
        corners = np.array(walked["places"])
        for place in pixels:
            assert np.hypot(*(corners - place).T).min() < 1.5
    texts = [t["text"] for t in drawn.texts]
    assert "start" in texts
    assert "least loss" in texts


@pytest.mark.parametrize("k", [0, 3, 10])
def test_the_arrow_leaves_the_ball_and_points_downhill(one: Any, sessions: dict[str, Any], k: int) -> None:
    one.scrub(k)
    drawn, ground, run = see(one, "contour"), sessions["one"]["ground"], sessions["one"]["runs"][0]
    weights = [column[k] for column in run["path"]]
    here = np.array([drawn.x.of(weights[0]), drawn.y.of(weights[1])])
    heads = [op for op in drawn.lines() if len(op["places"]) == 3 and np.hypot(*(np.array(op["places"][1]) - here)) < 60]
    assert heads, "an arrow's head has three places"
    head = heads[-1]
    tip = np.array(head["places"][1])
    shaft = [op for op in drawn.lines() if len(op["places"]) == 2 and op["places"][1] == pytest.approx(tuple(tip), abs=1e-6)][
        -1
    ]
    begin = np.array(shaft["places"][0])
    assert head["colour"] == shaft["colour"]
    assert 20 <= np.hypot(*(tip - here)) <= 60
    assert np.hypot(*(begin - here)) < 15
    # The shaft lies on the ray from the ball, and the head is symmetric about it, its wings behind the tip.
    along = (tip - here) / np.hypot(*(tip - here))
    aside = np.array([-along[1], along[0]])
    assert abs((begin - here) @ aside) < PIXEL
    wings = [np.array(head["places"][i]) - tip for i in (0, 2)]
    assert wings[0] @ aside == pytest.approx(-(wings[1] @ aside), abs=1e-6)
    assert abs(wings[0] @ aside) > 2
    assert max(wing @ along for wing in wings) < -2
    # Downhill: a little along the arrow the loss is less, against it more, and not by little.
    losses = [bowl_loss(ground, *drawn.at(tuple(here + s * along))) for s in (-4, 0, 4)]
    assert losses[0] > losses[1] > losses[2]
    steepest = max(
        losses[1] - bowl_loss(ground, *drawn.at((here[0] + 4 * math.cos(a), here[1] + 4 * math.sin(a))))
        for a in np.linspace(0, 2 * math.pi, 180)
    )
    assert losses[1] - losses[2] > 0.5 * steepest
    assert np.array_equal(np.array(heads[0]["places"]), np.array(head["places"])), "a ribbon of paper lies under it"
    assert heads[0]["width"] > head["width"]


def test_there_is_no_arrow_where_there_is_no_slope(one: Any) -> None:
    one.scrub(200)
    assert not [op for op in see(one, "contour").lines() if len(op["places"]) == 3 and op["alpha"] == 1 and op["width"] > 1.5]


@pytest.mark.parametrize("name", ["one_weight"])
def test_over_one_weight_the_curve_is_the_loss_and_the_arrow_lies_along_it(
    show: Any, sessions: dict[str, Any], name: str
) -> None:
    shown = show(name, api=True, before=RECORD)
    shown.scrub(1)
    drawn, told = see(shown, "curve"), sessions[name]
    ground, run = told["ground"], told["runs"][0]
    (curve,) = [op for op in drawn.lines() if len(op["places"]) > 200]
    factor, center = ground["bowl"]["factor"][0][0], ground["bowl"]["center"][0]
    for x, y in curve["places"]:
        loss = ground["bowl"]["floor"] + (factor * (drawn.x(x) - center)) ** 2
        assert abs(drawn.y.of(loss) - y) < 1 + 1e-3 * abs(y)
    here = np.array([drawn.x.of(run["path"][0][1]), drawn.y.of(run["loss"][1])])
    heads = [op for op in drawn.lines() if len(op["places"]) == 3]
    along = np.array(heads[-1]["places"][1]) - here
    assert along[0] * (drawn.x.of(center) - here[0]) > 0, "towards the bottom"
    slope = 2 * factor**2 * (run["path"][0][1] - center)
    rise = -slope * (drawn.y.of(1) - drawn.y.of(0)) / (drawn.x.of(1) - drawn.x.of(0)) * -1
    assert along[1] / along[0] == pytest.approx(rise, rel=0.05)


# -- the losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, 25, 200])
def test_the_loss_so_far_is_drawn_up_to_the_step_and_the_whole_run_faintly(one: Any, sessions: dict[str, Any], k: int) -> None:
    one.scrub(k)
    drawn, run = see(one, "loss"), sessions["one"]["runs"][0]
    faint = [op for op in drawn.lines() if op["alpha"] < 0.5 and len(op["places"]) > 20]
    assert round(drawn.x(faint[0]["places"][-1][0])) == 200
    strong = [op for op in drawn.lines() if op["alpha"] == 1 and op["colour"] == faint[0]["colour"]]
    ends = [op["places"][-1] for op in strong]
    assert any(drawn.x(x) == pytest.approx(k, abs=0.3) and abs(drawn.y.of(run["loss"][k]) - y) < PIXEL for x, y in ends)
    for op in (*faint, *strong):
        for x, y in op["places"]:
            assert abs(drawn.y.of(run["loss"][round(drawn.x(x))]) - y) < PIXEL
            assert drawn.x(x) <= (200 if op["alpha"] < 0.5 else k) + 0.3
        assert is_clipped(drawn, op)
    left, top, right, bottom = drawn.frame
    upright = [op for op in drawn.lines() if len(op["places"]) == 2 and {y for _, y in op["places"]} == {top, bottom}]
    assert len(upright) == 1, "one line says which step is shown"
    assert [drawn.x(x) for x, _ in upright[0]["places"]] == [pytest.approx(k, abs=0.3)] * 2
    level = [op for op in drawn.lines() if len(op["places"]) == 2 and {x for x, _ in op["places"]} == {left, right}]
    (floor,) = [op for op in level if op["dash"]]
    assert drawn.y(floor["places"][0][1]) == pytest.approx(sessions["one"]["loss"]["floor"], abs=0.01 * max(run["loss"]))
    assert floor["places"][0][1] == floor["places"][1][1]


def test_held_out_losses_are_a_line_of_their_own(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("held_out", api=True, before=RECORD)
    shown.scrub(60)
    drawn, run = see(shown, "loss"), sessions["held_out"]["runs"][0]
    strong = [op for op in drawn.lines() if op["alpha"] == 1 and len(op["places"]) > 20]
    colours = {op["colour"] for op in strong}
    assert len(colours) == 2
    for colour in colours:
        (op,) = [op for op in strong if op["colour"] == colour]
        misses = {
            name: max(abs(drawn.y.of(run[name][round(drawn.x(x))]) - y) for x, y in op["places"])
            for name in ("loss", "held_out")
        }
        assert min(misses.values()) < PIXEL
        assert (misses["held_out"] < PIXEL) == bool(op["dash"]), "held-out losses are dashed, training losses are not"


def test_the_least_held_out_loss_is_marked_where_it_is(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("kept", api=True, before=RECORD)
    drawn, run = see(shown, "loss"), sessions["kept"]["runs"][0]
    step = run["best"]["step"]
    at = run["step"].index(step)
    assert run["held_out"][at] == min(run["held_out"])
    assert f"least held-out: step {step}" in [text["text"] for text in drawn.texts]
    place = (drawn.x.of(step), drawn.y.of(run["held_out"][at]))
    assert abs(drawn.y.of(run["loss"][at]) - place[1]) > 5, "the training loss is elsewhere"
    marks = [
        np.array([part[1:3] for part in op["path"] if part[0] in "ml"])
        for op in drawn.ops
        if op["kind"] == "fill" and len(op["path"]) > 3
    ]
    middles = [(outline.min(0) + outline.max(0)) / 2 for outline in marks if len(outline) > 3]
    assert [middle for middle in middles if np.abs(middle - place).max() < 2 * PIXEL]


def test_runs_have_looks_of_their_own_that_agree_over_the_panels(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("several", api=True, before=RECORD)
    shown.scrub(20)
    loss, contour, data = (see(shown, panel) for panel in ("loss", "contour", "data"))
    looks = []
    for run in sessions["several"]["runs"]:
        on_loss = [
            op
            for op in loss.lines()
            if op["alpha"] == 1
            and len(op["places"]) > 5
            and all(abs(loss.y.of(run["loss"][round(loss.x(x))]) - y) < PIXEL for x, y in op["places"])
        ]
        assert len(on_loss) == 1
        line = straight(data, run["weights"][0][20], run["weights"][1][20])[-1]
        here = tuple(axis.of(column[20]) for axis, column in zip((contour.x, contour.y), run["path"], strict=True))
        paths = [
            op
            for op in contour.lines()
            if op["alpha"] == 1 and op["places"][-1] == pytest.approx(here, abs=PIXEL) and len(op["places"]) > 3
        ]
        walked = paths[-1]
        assert on_loss[0]["colour"] == line["colour"] == walked["colour"]
        looks.append((line["colour"], tuple(line["dash"])))
    assert len({colour for colour, _ in looks}) == len(looks)
    assert len({bool(dash) for _, dash in looks} | {len(dash) for _, dash in looks}) > 1, "told apart without colours too"


def test_only_what_is_switched_on_is_drawn(show: Any) -> None:
    shown = show("several", api=True, before=RECORD)
    shown.scrub(20)
    before = len([op for op in see(shown, "loss").lines() if op["alpha"] == 1 and len(op["places"]) > 5])
    shown.press("run1")
    assert len([op for op in see(shown, "loss").lines() if op["alpha"] == 1 and len(op["places"]) > 5]) == before - 1


# -- the pointer ---------------------------------------------------------------------------------------------------------


def point(shown: Any, panel: str, place: tuple[float, float]) -> None:
    box = shown.page.locator(f"[data-panel={panel}] canvas").bounding_box()
    shown.page.mouse.move(box["x"] + place[0], box["y"] + place[1])
    shown.settle()


def test_a_row_under_the_pointer_is_marked_with_its_residual_and_told(one: Any, sessions: dict[str, Any]) -> None:
    one.scrub(30)
    data, run = sessions["one"]["data"], sessions["one"]["runs"][0]
    drawn = see(one, "data")
    i = int(np.argmax(data["y"]))
    x, y = data["x"][i], data["y"][i]
    predicted = run["weights"][0][30] * x + run["weights"][1][30]
    row = (drawn.x.of(x), drawn.y.of(y))
    point(one, "data", (row[0] + 2, row[1] - 2))
    now = see(one, "data")
    (residual,) = [
        op
        for op in now.lines()
        if len(op["places"]) == 2 and op["places"][0] == pytest.approx(row, abs=PIXEL) and op not in drawn.lines()
    ]
    assert residual["places"][1] == pytest.approx((row[0], drawn.y.of(predicted)), abs=PIXEL)
    assert residual["width"] >= 1.5
    marked = [op for op in now.dots() if len(op["centres"]) == 1 and op["centres"][0] == pytest.approx(row, abs=PIXEL)]
    assert marked
    assert marked[-1]["radius"] > 4
    words = one.page.locator("[data-panel=data] .bl-tip").inner_text().replace("\u2212", "-")
    for number in (x, y, predicted, y - predicted):
        assert any(f"{number:.{digits}g}" in words for digits in (5, 4)), (number, words)
    errors = np.array(data["y"]) - (run["weights"][0][30] * np.array(data["x"]) + run["weights"][1][30])
    share = 100 * errors[i] ** 2 / (errors**2).sum()
    assert f"share of the loss {share:.3g}%" in words
    one.page.mouse.move(1, 1)
    one.settle()
    assert len(see(one, "data").ops) == len(drawn.ops), "nothing stays behind"


def test_a_pointer_far_from_all_rows_finds_none(one: Any, sessions: dict[str, Any]) -> None:
    drawn, data = see(one, "data"), sessions["one"]["data"]
    rows = np.array([[drawn.x.of(x), drawn.y.of(y)] for x, y in zip(data["x"], data["y"], strict=True)])
    left, top, right, bottom = drawn.frame
    grid = [(x, y) for x in np.linspace(left + 5, right - 5, 40) for y in np.linspace(top + 5, bottom - 5, 40)]
    away = [float(np.hypot(*(rows - place).T).min()) for place in grid]
    tip = one.page.locator("[data-panel=data] .bl-tip")
    point(one, "data", grid[int(np.argmax(away))])
    assert not tip.is_visible()
    near = next(place for place, gap in zip(grid, away, strict=True) if 6 < gap < 10)
    point(one, "data", near)
    assert tip.is_visible()


@pytest.mark.parametrize("away", [0, 10, 40])
def test_the_step_under_the_pointer_on_the_path_is_previewed(one: Any, sessions: dict[str, Any], away: int) -> None:
    one.scrub(150)
    drawn, run = see(one, "contour"), sessions["one"]["runs"][0]
    pixels = np.array([[drawn.x.of(a), drawn.y.of(b)] for a, b in np.array(run["path"]).T])
    place = pixels[2] + np.array([0.0, 0.0])
    direction = np.array([-(pixels[3] - pixels[1])[1], (pixels[3] - pixels[1])[0]])
    place = place + away * direction / np.hypot(*direction)
    nearest = int(np.hypot(*(pixels[:151] - place).T).argmin())
    assert np.hypot(*(pixels[nearest] - place)) == pytest.approx(away, abs=away / 2 + 1e-6)
    point(one, "contour", tuple(place))
    assert one.k() == (nearest if away < 16 else 150)
    if away < 16:
        words = one.page.locator("[data-panel=contour] .bl-tip").inner_text()
        assert f"step {nearest}" in words


def test_over_the_losses_the_pointer_moves_the_clock_to_the_nearest_step(one: Any) -> None:
    one.scrub(150)
    drawn = see(one, "loss")
    for k in (0, 33, 149, 200):
        point(one, "loss", (drawn.x.of(k) + 0.4, (drawn.frame[1] + drawn.frame[3]) / 2))
        assert one.k() == k
        (upright,) = [
            op
            for op in see(one, "loss").lines()
            if len(op["places"]) == 2 and {y for _, y in op["places"]} == {drawn.frame[1], drawn.frame[3]}
        ]
        assert drawn.x(upright["places"][0][0]) == pytest.approx(k, abs=0.01)


def test_of_many_steps_under_the_pointer_the_nearest_is_previewed(one: Any, sessions: dict[str, Any]) -> None:
    """Towards the end of a path they lie within a few pixels of each other: neither the first nor the last of them is meant."""
    one.scrub(150)
    drawn, run = see(one, "contour"), sessions["one"]["runs"][0]
    pixels = np.array([[drawn.x.of(a), drawn.y.of(b)] for a, b in np.array(run["path"]).T])
    k = int(np.flatnonzero(np.hypot(*np.diff(pixels[:150], axis=0).T) > 2)[-1])
    point(one, "contour", tuple(pixels[k]))
    assert abs(one.k() - k) <= 2


def markers(drawn: Drawn) -> list[dict[str, Any]]:
    """Markers that are no circles: one closed shape each, filled."""
    found = []
    for op in (op for op in drawn.ops if op["kind"] == "fill"):
        corners = np.array([part[1:3] for part in op["path"] if part[0] in "ml"])
        if [part[0] for part in op["path"]].count("m") == 1 and op["path"][-1][0] == "z":
            found.append(
                {"corners": len(corners), "middle": tuple((corners.min(0) + corners.max(0)) / 2), "colour": op["colour"]}
            )
    return found


@pytest.mark.parametrize("panel", ["contour", "surface"])
def test_start_and_goal_have_a_mark_each_of_a_look_of_its_own(one: Any, sessions: dict[str, Any], panel: str) -> None:
    one.scrub(20)
    drawn, run, ground = see(one, panel), sessions["one"]["runs"][0], sessions["one"]["ground"]
    own = [mark for mark in markers(drawn) if mark["corners"] in (4, 12)]
    looks = {mark["corners"]: mark for mark in own}
    assert sorted(looks) == [4, 12], "a square where it starts, a cross where it leads"
    assert looks[4]["colour"] != looks[12]["colour"]
    words = {op["text"]: op["at"] for op in drawn.texts}
    near = {corners: math.dist(mark["middle"], words["start"]) for corners, mark in looks.items()}
    assert near[4] < min(60, near[12])
    if panel == "contour":
        for corners, (a, b) in ((4, [way[0] for way in run["path"]]), (12, ground["optimum"])):
            assert looks[corners]["middle"] == pytest.approx((drawn.x.of(a), drawn.y.of(b)), abs=PIXEL)
