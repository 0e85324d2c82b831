"""Lines with noise: the lessons' numbers, the laws of the generator, and files that read back."""

from __future__ import annotations

import csv
import json
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline
from bestline.data import samples, synthetic
from bestline.data.synthetic import LESSONS, Line, lesson, line
from bestline.errors import DataError, OptionError, ShapeError

# torch.randn's last bits differ between CPUs, so numbers from its streams agree to float32's digits only.
STREAM = {"rel": 1e-5, "abs": 1e-7}
TIGHT = {"rel": 1e-12, "abs": 1e-12}
NAMES = [name for name, _ in LESSONS]


def least_squares(made: Line) -> tuple[float, float, float]:
    """Slope, intercept and smallest mean squared error, by the textbook's formulas."""
    x, y = made.x[:, 0].numpy(), made.y[:, 0].numpy()
    w = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    b = y.mean() - w * x.mean()
    return w, b, ((y - w * x - b) ** 2).mean()


def mse(made: Line, w: float, b: float) -> float:
    return float(((made.y[:, 0] - w * made.x[:, 0] - b) ** 2).mean())


def descent(made: Line, lr: float, steps: int, start: dict[str, float]) -> tuple[float, float]:
    """Full-batch gradient descent, in plain Python numbers."""
    x, y = made.x[:, 0].numpy(), made.y[:, 0].numpy()
    w, b = start["x"], start["Intercept"]
    for _ in range(steps):
        r = w * x + b - y
        w, b = w - lr * 2 * (r * x).mean(), b - lr * 2 * r.mean()
    return w, b


class TestLessons:
    def test_slope_and_bias(self):
        made = lesson("slope-and-bias")
        assert made.x.shape == (60, 1)
        assert made.y.shape == (60, 1)
        assert made.x.dtype == made.y.dtype == torch.float64
        assert made.x[[0, 59], 0].tolist() == [-3.0, 2.9000000953674316]
        assert made.y[:3, 0].tolist() == pytest.approx([-4.152559757232666, -3.9750232696533203, -3.8653979301452637], **STREAM)
        assert torch.equal(made.y, made.y.float().double())
        assert least_squares(made) == pytest.approx((1.0063651968778746, -1.0222365608481043, 0.007707953051237135), **STREAM)
        assert mse(made, -15, -10) == pytest.approx(835.276123046875, **STREAM)

    def test_slope_and_bias_is_the_course_of_its_own_run(self):
        made = lesson("slope-and-bias")
        run = made.truth["run"]
        w, b = descent(made, run["lr"], run["steps"], run["start"])
        assert (w, b) == pytest.approx((0.9980787634849548, -1.3535131216049194), **STREAM)
        assert mse(made, w, b) == pytest.approx(0.11738371849060059, **STREAM)

    def test_slope_and_bias_exact(self):
        made = lesson("slope-and-bias-exact")
        x = [-3 + 0.1 * i for i in range(60)]
        assert made.x[:, 0].tolist() == x
        assert made.y[:, 0].tolist() == [v - 1 for v in x]
        assert mse(made, -15, -10) == pytest.approx(835.026666666667, rel=1e-12)
        w, b = descent(made, 0.1, 15, {"x": -15, "Intercept": -10})
        assert (w, b) == pytest.approx((0.991694093597, -1.33205661576), rel=1e-11)
        assert mse(made, w, b) == pytest.approx(0.110192872179, rel=1e-11)

    def test_crash_course(self):
        made = lesson("crash-course")
        run = made.truth["run"]
        assert made.x.shape == (100, 1)
        assert least_squares(made) == pytest.approx((1.0532602100, 0.1098590625, 9.981181287645631), **STREAM)
        assert mse(made, run["start"]["x"], run["start"]["Intercept"]) == pytest.approx(37.701290130615234, **STREAM)
        w, b = descent(made, run["lr"], run["steps"], run["start"])
        # So close to the stable limit rounding in float32 is carried along for all of the hundred steps.
        assert (w, b) == pytest.approx((0.9926767349243164, 0.029867010191082954), rel=1e-3)

    def test_made_with_ml(self):
        made = lesson("made-with-ml")
        assert made.x[:, 0].tolist() == list(range(50))
        printed = [-4.25441649, 12.16326313, 10.13183217, 24.06075751, 27.39927424]
        assert [round(v, 8) for v in made.y[:5, 0].tolist()] == printed
        assert least_squares(made) == pytest.approx((3.411026922509557, 7.856125692333871, 63.04320531880042), **TIGHT)
        truth = made.truth
        assert (truth["slope"], truth["intercept"], truth["noise_mean"], truth["expected_intercept"]) == (3.5, 0.0, 5.0, 5.0)
        assert truth["noise_sd"] == pytest.approx(8.660254037844387, **TIGHT)
        assert "true intercept is 0.0 + 5.0 = 5.0" in truth["note"]

    def test_torch_trends_is_learnt_by_its_own_run(self):
        made = lesson("torch-trends")
        run = made.truth["run"]
        weights = torch.tensor([run["start"]["x"], run["start"]["Intercept"]], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([weights], lr=run["lr"])
        for _ in range(run["steps"]):
            optimizer.zero_grad()
            (made.y - weights[0] * made.x - weights[1]).square().mean().backward()
            optimizer.step()
        w, b, _ = least_squares(made)
        assert weights.tolist() == pytest.approx([w, b], rel=1e-6)
        assert [w, b] == pytest.approx([2, 1], abs=0.2)

    def test_starts_are_those_of_nn_linear_under_seed_1(self):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = torch.nn.Linear(1, 1, dtype=torch.float32)
        start = {"x": model.weight.item(), "Intercept": model.bias.item()}
        assert lesson("crash-course").truth["run"]["start"] == start
        assert lesson("torch-trends").truth["run"]["start"] == start

    @pytest.mark.parametrize("name", NAMES)
    def test_every_lesson_states_its_truth_and_run(self, name):
        made = lesson(name)
        assert made.truth["lesson"] == name
        assert made.truth["n"] == len(made.x)
        assert set(made.truth["run"]) == {"solver", "lr", "steps", "start", "standardize"}
        assert json.loads(json.dumps(made.truth, allow_nan=False)) == made.truth
        assert torch.equal(lesson(name).y, made.y)
        w, b, _ = least_squares(made)
        # Within four standard errors of what the truth says; without noise to the last digits.
        X = np.c_[made.x.numpy().ravel(), np.ones(len(made.x))]
        error = made.truth["noise_sd"] * np.sqrt(np.linalg.inv(X.T @ X).diagonal())
        for found, true, one in zip((w, b), (made.truth["slope"], made.truth["expected_intercept"]), error, strict=True):
            assert abs(found - true) <= 4 * one + 1e-5 * max(1, abs(true))

    def test_a_lesson_belongs_to_the_caller(self):
        lesson("crash-course").truth["run"]["start"]["x"] = 7.0
        assert lesson("crash-course").truth["run"]["start"]["x"] != 7.0

    def test_unknown_lesson(self):
        with pytest.raises(OptionError, match="did you mean `crash-course`"):
            lesson("crash-curse")
        with pytest.raises(OptionError, match="the lessons are `torch-trends`"):
            lesson("zzz")

    def test_public_names(self):
        assert bestline.synthetic.lesson is lesson
        assert synthetic.__all__ == ["LESSONS", "Line", "lesson", "line"]


def test_global_random_state_is_left_alone():
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    for name in NAMES:
        lesson(name)
    line([1, 2], x="range:0,1,20", noise="normal:1")
    line(x="uniform:0,1", noise="uniform:0,1")
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_an_own_generator_gives_the_stream_of_manual_seed():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        stream = torch.randn(60, dtype=torch.float64)
    made = line(0, 0, noise="normal:1", seed=1)
    assert torch.equal(made.y[:, 0], stream)


class TestX:
    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ("range:0,1,5", [0, 0.25, 0.5, 0.75, 1]),
            ("range:3,-3,3", [3, 0, -3]),
            ("range:2,2,1", [2]),
            ("arange:0,3,1", [0, 1, 2]),
            ("arange: 0, 2.5, 1 ", [0, 1, 2]),
            ("arange:1,0,-0.25", [1, 0.75, 0.5, 0.25]),
            ("arange:0,0.3,0.1", [0, 0.1, 0.2]),
        ],
    )
    def test_evenly_spaced(self, spec, expected):
        assert line(x=spec).x[:, 0].tolist() == expected

    @given(st.integers(1, 400), st.integers(-500, 500), st.integers(1, 999), st.sampled_from([1, 10, 100, 1000]))
    @settings(max_examples=60, deadline=None)
    def test_arange_counts_decimals_as_written(self, count, start, step, unit):
        stop = start + count * step
        made = line(x=f"arange:{start / unit!r},{stop / unit!r},{step / unit!r}")
        assert len(made.x) == count
        assert made.x[:, 0].tolist() == [start / unit + i * (step / unit) for i in range(count)]

    @pytest.mark.parametrize(("spec", "mean", "sd"), [("normal:5,2", 5, 2), ("uniform:-1,3", 1, 4 / math.sqrt(12))])
    def test_random(self, spec, mean, sd):
        x = line(x=spec, n=20_000).x
        assert x.mean().item() == pytest.approx(mean, abs=0.05)
        assert x.std().item() == pytest.approx(sd, rel=0.02)
        assert len(line(x=spec).x) == 100

    def test_how_many_rows_is_enough_to_ask_for(self):
        assert torch.equal(line(n=200).x, line(x="range:-3,3,200").x)
        assert line(n=200).truth["x"] == "range:-3,3,200"
        assert line(n=1).x.tolist() == [[-3.0]]
        assert line().truth["x"] == "arange:-3,3,0.1"
        assert line([1, 2], n=7).x.shape == (7, 2)

    @pytest.mark.parametrize("spec", ["range:0,1,50", "arange:-3,3,0.1", "normal:0,1", "uniform:0,1"])
    def test_several_slopes_make_columns_that_are_not_collinear(self, spec):
        made = line([1.0, -2.0, 3.0], 4.0, x=spec)
        design = torch.hstack([made.x, torch.ones_like(made.y)])
        assert torch.linalg.cond(design) < 20
        assert torch.linalg.solve(design.T @ design, design.T @ made.y)[:, 0].tolist() == pytest.approx([1, -2, 3, 4], rel=1e-9)

    @given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 1000))
    @settings(max_examples=50, deadline=None)
    def test_a_handful_of_evenly_spaced_rows_is_not_collinear_either(self, p, more, seed):
        x = line([1.0] * p, x=f"range:0,1,{p + more}", seed=seed).x
        assert torch.linalg.matrix_rank(torch.hstack([x, torch.ones(len(x), 1, dtype=x.dtype)])) == p + 1
        assert torch.equal(x.sort(0).values, x[:, :1].expand_as(x))

    @pytest.mark.parametrize("spec", ["range:0,1,50", "normal:0,1"])
    def test_a_further_slope_moves_no_column(self, spec):
        assert torch.equal(line([1.0, 1.0], x=spec).x, line([1.0, 1.0, 1.0], x=spec).x[:, :2])

    def test_given_values(self):
        frozen = np.arange(6.0).reshape(3, 2)
        frozen.flags.writeable = False
        made = line([1, 10], x=frozen)
        assert made.y[:, 0].tolist() == [10, 32, 54]
        assert line(2, x=[1, 2]).y[:, 0].tolist() == [2, 4]
        given_tensor = torch.tensor([1.0, 2.0], requires_grad=True)
        assert line(2, x=given_tensor, n=2).y.requires_grad is False

    def test_given_values_are_copied(self):
        x = torch.ones(3, dtype=torch.float64)
        made = line(x=x)
        x[0] = 9.0
        assert made.x[:, 0].tolist() == [1, 1, 1]

    def test_own_function(self):
        made = line(x=lambda generator, n: torch.rand(n, generator=generator) + 5, n=7)
        assert len(made.x) == 7
        assert made.x.min() >= 5
        assert "own function" in made.truth["x"]


class TestNoise:
    @pytest.mark.parametrize(
        ("spec", "mean", "sd"),
        [("normal:2", 0, 2), ("normal:3,2", 3, 2), ("uniform:-10,20", 5, 30 / math.sqrt(12)), ("none", 0, 0)],
    )
    def test_mean_and_sd_are_those_stated(self, spec, mean, sd):
        made = line(1, -1, x="range:0,1,20000", noise=spec)
        error = made.y - made.x + 1
        assert (made.truth["noise_mean"], made.truth["noise_sd"]) == (mean, sd)
        assert made.truth["expected_intercept"] == mean - 1
        assert error.mean().item() == pytest.approx(mean, abs=0.15)
        assert error.std().item() == pytest.approx(sd, rel=0.02, abs=1e-12)
        assert ("moves the line" in made.truth["note"]) == (mean != 0)

    def test_own_function(self):
        made = line(0, 0, noise=lambda generator, n: np.full(n, 2.0))
        assert set(made.y[:, 0].tolist()) == {2.0}
        assert (made.truth["noise_mean"], made.truth["expected_intercept"]) == (None, None)
        assert "not known" in made.truth["note"]

    @given(st.integers(0, 2**31 - 2))
    @settings(max_examples=30, deadline=None)
    def test_seeds(self, seed):
        make = lambda s, noise="normal:1", x="normal:0,1": line(1, x=x, noise=noise, n=20, seed=s)
        one, again, other = make(seed), make(seed), make(seed + 1)
        assert torch.equal(one.x, again.x)
        assert torch.equal(one.y, again.y)
        assert not torch.equal(one.y - one.x, other.y - other.x)
        assert not torch.equal(one.x, other.x)
        assert torch.equal(one.x, make(seed, noise="none").x)
        noise = line(0, x="range:0,1,20", noise="normal:1", seed=seed).y
        assert torch.equal(noise, line(0, x="normal:0,1", n=20, noise="normal:1", seed=seed).y)
        assert not torch.equal(noise, one.x)


class TestNote:
    """What is said of the truth is so: estimates are unbiased, and this sample misses it."""

    @pytest.mark.parametrize("made", [*map(lesson, NAMES), line(2, -1, n=30, x="normal:5,2", noise="uniform:0,3", seed=4)])
    def test_by_how_much_the_sample_misses_the_truth(self, made):
        slope, level, floor = least_squares(made)
        note = made.truth["note"]
        assert ("Estimates are unbiased" in note) == (floor > 1e-20)
        assert "does not move" not in note
        if floor > 1e-20:
            missed = f"{slope - made.truth['slope']:+.2g}", f"{level - made.truth['expected_intercept']:+.2g}"
            assert f"slope {slope:.4g} ({missed[0]}) and intercept {level:.4g} ({missed[1]})" in note
        else:
            assert note == "There is no noise: every point lies on the line."

    def test_of_several_slopes(self):
        made = line([1, 0, -2, 3, 4, 5], 7, x="normal:0,1", n=40, noise="normal:1", seed=2)
        A = np.column_stack([made.x.numpy(), np.ones(40)])
        found = np.linalg.lstsq(A, made.y.numpy(), rcond=None)[0][:, 0]
        assert f"slopes {found[0]:.4g} (" in made.truth["note"]
        assert f", ... and intercept {found[-1]:.4g} (" in made.truth["note"]

    @pytest.mark.parametrize("x", ["range:0,1,1", "range:2,2.5,1"])
    def test_points_that_determine_no_line_have_no_estimate(self, x):
        assert line(1, x=x, noise="normal:1").truth["note"] == "The noise has mean 0."

    def test_without_a_line_nothing_lies_on_it(self):
        assert line(f=lambda x: x**2, x="range:0,1,5").truth["note"] == "There is no noise."


class TestOwnMean:
    def test_f_takes_the_place_of_the_line(self):
        made = line(x="range:0,2,3", f=lambda x: x**2)
        assert made.y[:, 0].tolist() == [0, 1, 4]
        assert (made.truth["slope"], made.truth["intercept"], made.truth["expected_intercept"]) == (None, None, None)
        assert "own function" in made.truth["f"]

    def test_slopes_of_one_say_how_many_columns(self):
        made = line([1, 1], x="normal:0,1", n=5, f=lambda x: x.prod(1))
        assert torch.equal(made.y[:, 0], made.x[:, 0] * made.x[:, 1])

    def test_f_cannot_change_x(self):
        made = line(x="range:1,2,2", f=lambda x: x.zero_())
        assert made.x[:, 0].tolist() == [1, 2]

    def test_noise_with_a_mean_is_noted(self):
        assert "up or down by as much" in line(f=lambda x: x, noise="normal:1,0").truth["note"]


class TestLine:
    def test_names_and_columns(self):
        one, two = line(), line([1, 2])
        assert (one.names, two.names) == (("x", "y"), ("x0", "x1", "y"))
        assert list(two.columns()) == list(two) == ["x0", "x1", "y"]
        assert torch.equal(two["x1"], two.x[:, 1])
        assert all(column.shape == (60,) for column in two.values())
        assert isinstance(two.as_dict()["y"], np.ndarray)
        assert repr(one) == "Line(`x` and `y`; 60 rows)"

    def test_is_itself_only(self):
        one = line()
        assert one == one  # noqa: PLR0124
        assert one != line()
        assert len({one, one}) == 1

    def test_can_be_pickled_by_those_who_must(self):
        one = line()
        assert torch.equal(pickle.loads(pickle.dumps(one)).y, one.y)  # noqa: S301

    def test_shapes_are_checked(self):
        with pytest.raises(ShapeError, match="needs x"):
            Line(torch.zeros(3, 1), torch.zeros(3), {})

    def test_truth_has_the_documented_keys(self):
        truth = line([1, 2], 3, noise="normal:0.5", seed=4).truth
        assert truth["slope"] == [1.0, 2.0]
        assert {k: truth[k] for k in ("intercept", "noise", "seed", "x", "n")} == {
            "intercept": 3.0,
            "noise": "normal:0.5",
            "seed": 4,
            "x": "arange:-3,3,0.1",
            "n": 60,
        }
        assert line(2).truth["slope"] == 2.0


class TestSave:
    @pytest.mark.parametrize("slope", [1 / 3, [1e-300, 1e17]])
    def test_reads_back_to_the_same_numbers(self, tmp_path, slope):
        made = line(slope, -1, x="normal:0,1", noise="normal:0.1", seed=3)
        made.save(tmp_path / "line.csv")
        with (tmp_path / "line.csv").open(newline="") as file:
            header, *rows = csv.reader(file)
        assert tuple(header) == made.names
        assert [[float(v) for v in row] for row in rows] == torch.hstack([made.x, made.y]).tolist()
        assert json.loads((tmp_path / "line.json").read_text(encoding="utf-8")) == made.truth
        assert sorted(p.name for p in tmp_path.iterdir()) == ["line.csv", "line.json"]

    @pytest.mark.parametrize("taken", ["line.csv", "line.json"])
    def test_nothing_is_written_when_either_file_exists(self, tmp_path, taken):
        (tmp_path / taken).write_text("mine")
        with pytest.raises(DataError, match="exists already"):
            line().save(tmp_path / "line.csv")
        assert [p.name for p in tmp_path.iterdir()] == [taken]
        assert (tmp_path / taken).read_text() == "mine"
        line().save(tmp_path / "line.csv", overwrite=True)
        assert (tmp_path / taken).read_text() != "mine"

    @pytest.mark.parametrize("name", ["line.json", "line.parquet", "line"])
    def test_other_endings_are_refused(self, tmp_path, name):
        with pytest.raises(OptionError, match=r"does not end in \.csv"):
            line().save(tmp_path / name)

    def test_missing_folder(self, tmp_path):
        with pytest.raises(DataError, match="folder that does not exist"):
            line().save(tmp_path / "none" / "line.csv")


BAD = [
    ({"x": "grid:0,1,2"}, "no known kind; write `range:START,STOP,COUNT` or `arange"),
    ({"x": ""}, "no known kind"),
    ({"x": "range:0,1"}, "has 2 numbers; write `range:START,STOP,COUNT`"),
    ({"x": "range:0,1,five"}, "not a number"),
    ({"x": "range:0,1,"}, "not a number"),
    ({"x": "range:0,inf,5"}, "not finite"),
    ({"x": "range:0,1,0"}, "COUNT must be a whole number"),
    ({"x": "range:0,1,2.5"}, "COUNT must be a whole number"),
    ({"x": "range:1,1,5"}, "empty range"),
    ({"x": "range:0,1,1e12"}, "ask for fewer"),
    ({"x": "range:-1e308,1e308,3", "slope": 10}, "must be finite"),
    ({"x": "arange:0,1,0"}, "STEP 0"),
    ({"x": "arange:0,1,-0.1"}, "empty range"),
    ({"x": "arange:1,1,0.1"}, "empty range"),
    ({"x": "arange:0,1e300,1e-300"}, "ask for fewer"),
    ({"x": "arange:0,1,0.1", "n": 11}, "makes 10 rows but n is 11"),
    ({"x": "normal:0"}, "has 1 number; write `normal:MEAN,SD`"),
    ({"x": "normal:0,-1"}, "negative standard deviation"),
    ({"x": "uniform:1,0"}, "LOW above its HIGH"),
    ({"x": "normal:0,1", "n": 0}, "n must be a whole number from 1"),
    ({"x": "normal:0,1", "n": 2.5}, "n must be a whole number"),
    ({"x": "normal:0,1", "n": True}, "n must be a whole number"),
    ({"x": "range:0,1,2", "slope": [1, 2]}, "2 evenly spaced rows are too few for 2 columns"),
    ({"n": 1, "slope": [1, 2]}, "1 evenly spaced row is too few for 2 columns"),
    ({"x": [[1.0, 2.0]]}, "x has 2 columns but slope has 1 numbers"),
    ({"x": [[1.0, 2.0, 3.0]], "slope": [1, 1], "f": lambda x: x[:, 0]}, "x has 3 columns"),
    ({"x": [1.0, 2.0], "n": 3}, "x has 2 rows but n is 3"),
    ({"x": []}, "at least one row"),
    ({"x": 3.0}, "must have the shape"),
    ({"x": [1.0, math.nan]}, "must be finite, but row 1"),
    ({"x": ["a", "b"]}, "real numbers"),
    ({"x": [[1.0], [1.0, 2.0]]}, "array of numbers"),
    ({"x": torch.ones(2, dtype=torch.complex64)}, "real numbers"),
    ({"x": lambda g, n: torch.ones(n + 1)}, "x has 101 rows"),
    ({"noise": "gauss:1"}, "noise `gauss:1` is of no known kind"),
    ({"noise": "none:1"}, "has 1 number; write `none`"),
    ({"noise": "normal"}, "has 0 numbers; write `normal:SD` or `normal:MEAN,SD`"),
    ({"noise": "normal:-1"}, "negative standard deviation"),
    ({"noise": "normal:nan"}, "not finite"),
    ({"noise": "uniform:2"}, "has 1 number"),
    ({"noise": "uniform:2,1"}, "LOW above its HIGH"),
    ({"noise": 0.1}, "noise must be text"),
    ({"noise": lambda g, n: [1.0]}, "one number a row"),
    ({"noise": lambda g, n: torch.full((n,), math.inf)}, "noise must be finite"),
    ({"slope": []}, "slope is empty"),
    ({"slope": torch.empty(0)}, "slope is empty"),
    ({"slope": [1, math.inf]}, "each slope must be one finite number"),
    ({"slope": "2"}, "slope must be one finite number"),
    ({"slope": None}, "slope must be one finite number"),
    ({"intercept": math.nan}, "intercept must be one finite number"),
    ({"seed": -1}, "seed must be a whole number from 0"),
    ({"seed": 2**31}, "seed must be a whole number"),
    ({"seed": 1.0}, "seed must be a whole number"),
    ({"f": lambda x: x, "intercept": 1}, "takes the place of slope and intercept"),
    ({"f": lambda x: x, "slope": 2}, "takes the place of slope and intercept"),
    ({"f": lambda x: x.sum()}, r"f\(x\) must have one number a row"),
    ({"f": lambda x: x.log()}, r"f\(x\) must be finite"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda v: None if isinstance(v, str) else "-".join(v))
def test_bad_arguments_are_named(options, message):
    with pytest.raises(OptionError, match=message) as caught:
        line(**options)
    assert "\n" not in str(caught.value)


class TestSamples:
    def test_path(self):
        assert samples.NAMES == ("penguins", "longley", "norris")
        assert samples.path("penguins").read_text(encoding="utf-8").startswith("species,island,bill_length_mm")
        with pytest.raises(OptionError, match="did you mean `penguins`"):
            samples.path("pinguins")

    def test_penguins(self):
        table = bestline.samples.penguins()
        assert table.num_rows == 342
        assert table.column_names[:3] == ["species", "island", "bill_length_mm"]
        assert sorted(set(table["species"].to_pylist())) == ["Adelie", "Chinstrap", "Gentoo"]
        assert sum(value not in {"male", "female"} for value in table["sex"].to_pylist()) == 9

    def test_those_of_nist(self):
        """What the rows hold; that they are right, the certified answers say."""
        longley, norris = bestline.samples.longley().to_pandas(), bestline.samples.norris().to_pandas()
        assert longley.shape == (16, 7)
        assert longley["employed"].sum() == 1045072
        assert longley["year"].tolist() == list(range(1947, 1963))
        assert norris.shape == (36, 2)
        assert norris.iloc[0].tolist() == [0.1, 0.2]
