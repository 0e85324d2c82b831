"""Sessions: what is shown is what was trained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures import watch as watching
from bestline.pictures.figures import contour, frame
from bestline.pictures.player.session import thinned
from bestline.pictures.sample import rows_shown
from pictures.walks import PENGUINS

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


LINE = "body_mass_g ~ flipper_length_mm"


@pytest.fixture(scope="module")
def planes():
    return bl.fit(PENGUINS, f"{LINE} + bill_depth_mm + species", missing="drop", solver="adam", lr=0.1, steps=80)


def heights(ground, columns):
    """The loss that a player computes from the session, at points given by columns."""
    bowl = ground["bowl"]
    away = np.array(columns).T - np.array(bowl["center"])
    return bowl["floor"] + ((away @ np.array(bowl["factor"]).T) ** 2).sum(1)


def test_the_path_lies_on_the_surface_that_the_player_draws(walked):
    told = watching.session_of(walked, live=False)
    run = told["runs"][0]
    assert told["ground"]["exact"]
    np.testing.assert_allclose(heights(told["ground"], run["path"]), run["loss"], rtol=1e-9)
    assert run["loss"] == walked.trace.loss.tolist()
    assert run["step"] == list(range(61))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), offset=st.sampled_from([0.0, 3.0, 200.0]), scaled=st.booleans())
def test_the_path_lies_on_the_surface_whatever_the_data(seed, offset, scaled):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(40, generator=generator, dtype=torch.float64) + offset
    y = 2 * x - 1 + torch.randn(40, generator=generator, dtype=torch.float64)
    lr = 0.3 if scaled else 0.5 / (1 + offset**2)
    model = bl.fit((x, y), solver="sgd", lr=lr, steps=30, standardize=scaled)
    told = watching.session_of(model)
    run = told["runs"][0]
    np.testing.assert_allclose(heights(told["ground"], run["path"]), run["loss"], rtol=1e-9)


@pytest.mark.parametrize("offset", [1e3, 1e5, 1e6, 1e8])
def test_the_path_lies_on_the_surface_far_from_zero(offset):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, generator=generator, dtype=torch.float64) + offset
    model = bl.fit((x, 2 * x - 1 + torch.randn(60, generator=generator, dtype=torch.float64)), solver="sgd", lr=0.3, steps=20)
    told = watching.session_of(model)
    np.testing.assert_allclose(heights(told["ground"], told["runs"][0]["path"]), told["runs"][0]["loss"], rtol=1e-12)


def test_what_the_table_of_runs_says_is_of_the_whole_run():
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=1.4, steps=400)
    last = watching.session_of(model)["runs"][0]["last"]
    assert (last["step"], last["loss"]) == (int(model.trace.step[-1]), float(model.trace.loss[-1]))
    swinging = bl.fit(PENGUINS, LINE, missing="drop", solver="momentum", lr=0.4, steps=300)
    near = watching.session_of(swinging)["runs"][0]["last"]["near"]
    share = (swinging.trace.gap / swinging.trace.gap[0]).tolist()
    assert max(share[near:]) <= 0.01 < share[near - 1]


def test_ridge_is_named_only_where_stopping_early_amounts_to_it():
    rng = np.random.default_rng(1)
    x = rng.normal(size=40)
    data = {"x": x, "y": 0.3 * x + 2 * rng.normal(size=40)}

    def best(**more):
        return watching.session_of(bl.fit(data, "y ~ x", split=(0.5, 0.5), seed=2, **more))["runs"][0]["best"]

    stopped = best(solver="sgd", lr=0.02, steps=600, start=[0, 0])
    assert stopped["l2"] > 0
    assert best(solver="sgd", lr=0.02, steps=600, l2=0.01, start=[0, 0])["l2"] is None
    assert best(solver="momentum", lr=0.02, steps=600, start=[0, 0])["l2"] is None


def test_the_same_rows_in_other_folds_are_the_same_rows(walked):
    other = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=9)
    third = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=9, seed=1)
    assert len(watching.session_of({"a": other, "b": third})["runs"]) == 2


def test_many_columns_and_runs_make_a_page_that_is_still_small():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(400, 300, generator=generator, dtype=torch.float64)
    y = X[:, :5].sum(1) + torch.randn(400, generator=generator, dtype=torch.float64)
    runs = {
        str(lr): bl.fit((X, y), "y ~ .", solver="sgd", lr=lr, steps=100, split=(0.8, 0.2)) for lr in (0.05, 0.1, 0.2, 0.3, 0.4)
    }
    told = watching.session_of(runs)
    assert len(json.dumps(told)) < 100_000
    assert len(told["title"]) <= 160
    run = told["runs"][0]
    assert run["more"] == 301 - len(run["names"])
    assert np.array(run["predicted"]["data"]).shape == (len(run["step"]), len(told["data"]["y"]))


def test_the_surface_over_two_of_many_weights_is_the_slice_that_the_library_computes(planes):
    told = watching.session_of(planes, pair=("flipper_length_mm", "bill_depth_mm"))
    (a0, a1), (b0, b1) = told["ground"]["span"]
    seen = bl.surface(planes, ("flipper_length_mm", "bill_depth_mm"), span=[(a0, a1), (b0, b1)], resolution=5)
    grid = np.stack([g.flatten() for g in np.meshgrid(*(axis.numpy() for axis in seen.axes))])
    np.testing.assert_allclose(heights(told["ground"], grid), seen.loss.numpy().flatten(), rtol=1e-9)
    assert not told["ground"]["exact"]
    assert "projected" in told["ground"]["note"]


def test_the_main_directions_of_a_path_are_a_plane_of_their_own(planes):
    told = watching.session_of(planes, pair="path")
    seen = bl.surface(planes, "path", resolution=5)
    grid = np.stack([g.flatten() for g in np.meshgrid(*(axis.numpy() for axis in seen.axes))])
    np.testing.assert_allclose(heights(told["ground"], grid), seen.loss.numpy().flatten(), rtol=1e-9)
    assert told["ground"]["kind"] == "path"
    assert "%" in told["ground"]["axes"][0]
    run = told["runs"][0]
    low = heights(told["ground"], [[column[-1]] for column in run["path"]])  # the end lies on the plane itself
    assert low[0] == pytest.approx(run["loss"][-1], rel=1e-9)


def test_the_way_down_as_trained_is_that_of_autograd(walked):
    told = watching.session_of(walked, live=False)["runs"][0]["trained"]
    rows = next(iter(walked.rows()))
    x, y = ((column - column.mean()) / column.std(correction=0) for column in (rows.X[:, 0], rows.y[:, 0]))
    for k in (0, 3, 20):
        w = torch.tensor([column[k] for column in told["path"]], dtype=torch.float64, requires_grad=True)
        ((x * w[0] + w[1] - y) ** 2).mean().backward()
        got = [-column[k] for column in told["down"]]
        np.testing.assert_allclose(got, w.grad.tolist(), rtol=1e-6, atol=1e-6 * float(w.grad.abs().max()))


@pytest.mark.parametrize("formula", [LINE, "body_mass_g ~ flipper_length_mm + bill_length_mm + C(species)", f"{LINE} - 1"])
@pytest.mark.parametrize("how", [{}, {"l2": 0.3}, {"standardize": False, "lr": 1e-5}, {"loss": "huber"}, {"pair": "path"}])
def test_the_next_plain_step_goes_where_the_arrow_points(formula, how):
    how, pair = {name: value for name, value in how.items() if name != "pair"}, how.get("pair")
    model = bl.fit(PENGUINS, formula, missing="drop", **{"solver": "sgd", "lr": 0.08, "steps": 6, **how})
    told = watching.session_of(model, pair=pair)
    run = told["runs"][0]
    sides = [(run, told["ground"]), *([(run["trained"], told["trained"])] if told["trained"] else [])]
    assert len(sides) == 1 + (how.get("standardize", True) and pair is None)
    for side, ground in sides:
        path, down = np.array(side["path"]), np.array(side["down"], dtype=float)
        moved = np.diff(path)[:, :3]
        # As it is seen: in widths of the view.
        moved, down = (way / np.ptp(ground["span"], axis=1)[:, None] for way in (moved, down[:, :3]))
        apart = moved / np.linalg.norm(moved, axis=0) - down / np.linalg.norm(down, axis=0)
        assert np.abs(apart).max() < 1e-5


def test_the_view_as_trained_is_round_for_standardised_columns(walked):
    told = watching.session_of(walked)
    data, trained = told["ground"], told["trained"]
    across, up = (high - low for low, high in trained["span"])
    assert across == pytest.approx(up)
    np.testing.assert_allclose(
        trained["bowl"]["curvature"],
        np.eye(2) * trained["bowl"]["curvature"][0][0],
        atol=1e-6 * trained["bowl"]["curvature"][0][0],
    )
    assert [axis.endswith("(as trained)") for axis in (*data["axes"], *trained["axes"])] == [False, False, True, True]
    low = heights(trained, told["runs"][0]["trained"]["path"])
    np.testing.assert_allclose(low, told["runs"][0]["loss"], rtol=1e-9)


def test_what_is_far_from_zero_keeps_its_digits():
    """Six digits of 1,000,000.25 would be a step of ten."""
    x = 1e6 + np.linspace(0, 1, 21)
    told = watching.session_of(bl.fit({"x": x, "y": 3 * x}, "y ~ x", solver="sgd", lr=0.1, steps=5))
    assert np.ptp(told["data"]["x"]) == pytest.approx(1, rel=1e-4)
    assert len(set(told["data"]["x"])) == 21


@pytest.mark.parametrize(
    ("optimizer", "said"), [("sgd", None), ("adam", "also depend on the steps before"), ("momentum", "steps before")]
)
def test_the_page_says_what_the_arrow_is(optimizer, said):
    model = bl.fit(PENGUINS, LINE, missing="drop", solver=optimizer, lr=0.05, steps=5)
    fit, sample = model.trained, rows_shown(model)
    for text in (watching.session_of(model)["arrow"], frame(sample, fit, 2).note, contour(fit, step=2).note):
        assert "minus the gradient of the weights as trained" in text
        assert "do not" not in text if said is None else said in text


def test_predictions_of_a_plane_can_be_computed_from_its_session(planes):
    told = watching.session_of(planes)
    X, w = np.array(told["data"]["X"]), np.array(told["runs"][0]["weights"])[:, -1]
    predicted = X @ w[:-1] + w[-1]
    rows = next(iter(planes.rows()))
    keep = torch.linspace(0, len(rows) - 1, len(X)).round().long()
    expected = (rows.X[keep] @ planes.weights[:-1] + planes.weights[-1])[:, 0].numpy()
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)


def test_a_session_is_plain_json_even_when_training_diverged():
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=1.4, steps=400)
    told = watching.session_of(model)
    json.dumps(told, allow_nan=False)
    run = told["runs"][0]
    assert run["stop"] == "diverged"
    assert 2 <= len(run["step"]) < len(model.trace)
    assert run["loss"][-1] >= 1e4 * run["loss"][0]
    assert len({len(run[name]) for name in ("step", "loss")} | {len(column) for column in run["path"]}) == 1


@pytest.mark.parametrize("steps", [0, 1, 2, 7, 3_000])
def test_thinning_keeps_the_ends_and_true_states_only(steps):
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.01, steps=steps)
    keep = thinned(model.trained, 100)
    assert keep[0] == 0
    assert keep[-1] == steps
    assert len(keep) <= max(104, 1)
    assert bool((keep.diff() > 0).all())


def test_a_thinned_run_keeps_the_kept_and_the_best_step():
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="adam", lr=0.02, patience=40, split=(0.6, 0.2, 0.2))
    keep = thinned(model.trained, 25)
    assert model.step in model.trace.step[keep].tolist()
    best = int(model.trace.held_out.argmin())
    assert best in keep.tolist()
    assert watching.session_of(model)["runs"][0]["best"]["step"] == best


def test_losses_other_than_squared_come_as_a_grid():
    model = bl.fit(PENGUINS, LINE, missing="drop", loss="absolute", solver="adam", lr=0.1, steps=50)
    ground = watching.session_of(model)["ground"]
    assert ground["bowl"] is None
    assert np.array(ground["grid"]["z"]).shape == (len(ground["grid"]["y"]), len(ground["grid"]["x"]))
    assert ground["floor"] == pytest.approx(min(np.min(ground["grid"]["z"]), model.trace.loss.min()))
    assert ground["optimum_label"] == "least loss seen"


def test_one_weight_is_a_curve():
    model = bl.fit(([1.0, 2.0, 3.0], [2.0, 4.1, 5.9]), "y ~ x0 - 1", solver="sgd", lr=0.1, steps=9)
    told = watching.session_of(model)
    assert len(told["ground"]["span"]) == 1
    np.testing.assert_allclose(heights(told["ground"], told["runs"][0]["path"]), told["runs"][0]["loss"], rtol=1e-9)


def test_several_runs_share_one_ground_and_others_are_refused(walked):
    other = bl.fit(PENGUINS, LINE, missing="drop", solver="adam", lr=0.3, steps=20, split=(0.8, 0.2), start=(0, 0))
    told = watching.session_of({"a": walked, "b": other})
    assert [run["label"] for run in told["runs"]] == ["a", "b"]
    for run in told["runs"]:
        np.testing.assert_allclose(heights(told["ground"], run["path"]), run["loss"], rtol=1e-9)
        for (low, high), column in zip(told["ground"]["span"], run["path"], strict=True):
            assert low <= min(column)
            assert max(column) <= high
    whole = bl.fit(PENGUINS, LINE, missing="drop", solver="adam", lr=0.3, steps=20)
    with pytest.raises(OptionError, match="different rows"):
        watching.session_of({"a": walked, "b": whole})
    plane = bl.fit(PENGUINS, f"{LINE} + bill_depth_mm", missing="drop", solver="adam", steps=20, split=(0.8, 0.2))
    with pytest.raises(OptionError, match="differ in columns"):
        watching.session_of({"a": walked, "b": plane})
    with pytest.raises(OptionError, match="no models"):
        watching.session_of({})


def test_a_session_of_many_rows_is_small_and_says_what_it_leaves_out():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(50_000, 12, generator=generator)
    model = bl.fit((X, X.sum(1)), solver="sgd", lr=0.1, steps=500)
    told = watching.session_of(model)
    assert len(json.dumps(told)) < 200_000
    assert any("50,000 rows" in note for note in told["notes"])


def test_how_many_rows_are_shown_is_said_once_and_alike():
    """Of many columns a page holds few rows: its notes count those, and not the rows of a still picture."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(3_000, 20, generator=generator, dtype=torch.float64)
    y = X.sum(1) + torch.randn(3_000, generator=generator, dtype=torch.float64)
    told = watching.session_of(bl.fit((X, y), solver="sgd", lr=0.1, steps=20, split=(0.8, 0.2)))
    rows, held = told["data"], told["data"]["held_out"]
    assert (rows["of"], held["of"]) == (2_400, 600)
    (note,) = [note for note in told["notes"] if "shown" in note]
    assert note == f"{len(rows['y'])} of 2,400 rows shown."
    assert len(held["y"]) < 600


def test_no_run_is_judged_by_a_clock_that_ran_while_libraries_were_loaded(walked):
    assert "seconds" not in watching.session_of(walked)["runs"][0]
