"""Sessions, pages, reports, recipes and the live picture: what is shown is what was trained."""

import base64
import hashlib
import html.parser
import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineError, DataError, OptionError
from bestline.export.card import card
from bestline.export.report import effects
from bestline.pictures import live
from bestline.pictures import watch as watching
from bestline.pictures.player.session import thinned
from bestline.pictures.render.html import document
from bestline.pictures.sample import Sample
from bestline.training.recipe import Recipe
from bestline.training.solvers.base import Step
from bestline.wording import equation, rounded

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

PENGUINS = str(bl.samples.path("penguins"))
LINE = "body_mass_g ~ flipper_length_mm"


@pytest.fixture(scope="module")
def walked():
    return bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=60, split=(0.8, 0.2), start=(0, 0))


@pytest.fixture(scope="module")
def planes():
    return bl.fit(PENGUINS, f"{LINE} + bill_depth_mm + species", missing="drop", solver="adam", lr=0.1, steps=80)


def heights(ground, columns):
    """The loss that a player computes from the session, at points given by columns."""
    bowl = ground["bowl"]
    away = np.array(columns).T - np.array(bowl["center"])
    return bowl["floor"] + ((away @ np.array(bowl["factor"]).T) ** 2).sum(1)


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_the_path_lies_on_the_surface_that_the_player_draws(walked):
    told = watching.session_of(walked)
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
    arguments = {"missing": "drop", "split": (0.5, 0.5), "seed": 5}
    formula = f"{LINE} + bill_depth_mm + bill_length_mm + species * sex"

    def best(**more):
        return watching.session_of(bl.fit(PENGUINS, formula, **arguments, **more))["runs"][0]["best"]

    stopped = best(solver="sgd", lr=0.2, steps=3_000)
    assert stopped["l2"] == pytest.approx(1 / (2 * 0.2 * stopped["step"]))
    assert best(solver="sgd", lr=0.2, steps=3_000, l2=0.01)["l2"] is None
    assert best(solver="adam", lr=0.01, steps=3_000)["l2"] is None


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
    assert "shadow" in told["ground"]["note"]


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


def test_gradients_are_those_of_autograd(walked):
    told = watching.session_of(walked)
    rows = next(iter(walked.rows()))
    for k in (0, 3, 20):
        w = torch.tensor([column[k] for column in told["runs"][0]["path"]], dtype=torch.float64, requires_grad=True)
        ((rows.X[:, 0] * w[0] + w[1] - rows.y[:, 0]) ** 2).mean().backward()
        got = [column[k] for column in told["runs"][0]["gradient"]]
        np.testing.assert_allclose(got, w.grad.tolist(), rtol=1e-7, atol=1e-7 * float(w.grad.abs().max()))


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


# -- pages -------------------------------------------------------------------------------------------------------------


class Outline(html.parser.HTMLParser):
    """Tags of a page, the text of its scripts and styles, and every address it mentions."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self.open = [], [], {"script": [], "style": []}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action") and value]
        if tag in self.texts:
            self.open = (tag, dict(attrs))

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open and self.open[1].get("type") != "application/json":
            self.texts[self.open[0]].append(data)


def test_a_page_is_self_contained_and_its_policy_names_its_own_scripts(walked, tmp_path):
    page = watching.page_of(walked)
    outline = Outline(page.html)
    assert len(page.html.encode()) <= 250_000
    assert all(address.startswith("data:") for address in outline.addresses)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.html).group(1)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        for text in outline.texts[kind]:
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert "style=" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", page.html, flags=re.DOTALL)
    told = re.search(r'class="bestline-session">(.*?)</script>', page.html, re.DOTALL).group(1)
    assert json.loads(told)["schema"] == 1
    page.save(tmp_path / "run.html")
    with pytest.raises(DataError, match="exists already"):
        page.save(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == page.html


def test_names_of_columns_cannot_become_markup():
    name = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    model = bl.fit({name: [1.0, 2.0, 3.0, 4.0], "y<b>": [1.0, 2.0, 2.5, 4.0]}, target="y<b>", solver="sgd", lr=0.1, steps=5)
    for page in (model.report(), watching.page_of(model)):
        outline = Outline(page.html)
        assert outline.tags.count("script") == 2
        assert "b" not in outline.tags
        assert not any(address == "x" for address in outline.addresses)


def test_a_page_without_an_animation_runs_no_script():
    text = document("a <b> title", ["<p>words</p>"])
    assert "script-src 'none'" in text
    assert "<script" not in text
    assert "a &lt;b&gt; title" in text


def test_a_notebook_gets_the_page_in_a_frame(walked):
    shown = watching.watch(walked)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "allow-same-origin" not in shown


# -- reports -----------------------------------------------------------------------------------------------------------


def test_a_report_has_every_part_and_stays_small(walked, tmp_path):
    page = walked.report(tmp_path / "report.html")
    assert len(page.html.encode()) < 500_000
    for part in ("In words", "Coefficients", "What it is worth", "Training", "The line and the rows", "How to do it again"):
        assert f"<h2>{part}</h2>" in page.html
    assert "bestline-session" in page.html
    assert "test rows" in page.html
    with pytest.raises(DataError, match="exists already"):
        walked.report(tmp_path / "report.html")


def test_effects_are_said_in_the_datas_words(quiet):
    model = bl.fit(PENGUINS, f"{LINE} + species", missing="drop")
    said = list(effects(model))
    assert said[0].startswith(
        "One more unit of flipper_length_mm goes with 40.71 more body_mass_g, the other columns unchanged"
    )
    assert said[1].startswith("species = Chinstrap rather than Adelie goes with 206.5 less body_mass_g")
    tangled = bl.fit(PENGUINS, f"{LINE} * sex", missing="drop")
    assert any("cannot be told one by one" in sentence for sentence in effects(tangled))
    flat = bl.fit({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 1.0, 1.0, 2.1]}, "y ~ x")
    assert "The interval holds zero" in next(effects(flat))


def test_a_loaded_model_reports_without_rows_and_with_them(walked, tmp_path):
    walked.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert "has no rows" in loaded.report().html
    assert "has no rows" not in loaded.report(data=PENGUINS).html


def module():
    with torch.random.fork_rng():  # its first weights come from the global state
        return torch.nn.Linear(1, 1)


@pytest.mark.parametrize(
    "model",
    [
        lambda: bl.fit(PENGUINS, LINE, missing="drop", l2=0.3),
        lambda: bl.fit(PENGUINS, f"{LINE} + bill_depth_mm", missing="drop", l1=0.3),
        lambda: bl.fit(PENGUINS, "body_mass_g + bill_depth_mm ~ flipper_length_mm", missing="drop"),
        lambda: bl.fit(PENGUINS, LINE, missing="drop", loss="huber"),
        lambda: bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=3.0, steps=50),
        lambda: bl.fit({"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 6.0], "y": [1.0, 2.0, 4.0]}, "y ~ a + b"),
        lambda: bl.fit(bl.Moments.collect(PENGUINS, LINE, missing="drop")),
        lambda: bl.fit(([1.0, 2.0, 3.0], [2.0, 4.1, 5.9]), forward=module(), solver="sgd", steps=3),
        lambda: bl.fit(([1.0, 2.0], [2.0, 4.0])),
        lambda: bl.fit(([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), solver="sgd", steps=3),
    ],
)
def test_every_kind_of_model_has_a_report_and_a_card(model):
    fitted = model()
    assert "How to do it again" in fitted.report().html
    assert escape_free(card(fitted))


def escape_free(text):
    return "nan" not in re.sub(r"<[^>]*>", "", text).lower().split()


@pytest.mark.parametrize(
    "options", [{"solver": "adam", "lr": 0.1, "steps": 40}, {"solver": "sgd", "batch_size": 32, "steps": 40}]
)
def test_a_loaded_model_knows_how_it_was_trained(options, tmp_path):
    model = bl.fit(PENGUINS, LINE, missing="drop", **options)
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert watching.label(loaded) == watching.label(model)
    told, again = watching.session_of(model), watching.session_of(loaded, PENGUINS)
    assert [r["loss"] for r in again["runs"]] == [r["loss"] for r in told["runs"]]
    assert again["runs"][0]["optimizer"] == options["solver"]


def test_a_report_of_a_run_that_diverged_says_so_first():
    page = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=3.0, steps=50).report().html
    assert page.index("This is no result: Diverged") < page.index("Coefficients")
    assert "goes with" not in page


# -- recipes -----------------------------------------------------------------------------------------------------------


def test_a_recipe_gives_the_same_model_again(walked):
    scope = {}
    exec(walked.recipe.python(), scope)  # noqa: S102  our own text
    assert torch.equal(scope["model"].weights, walked.weights)


def test_a_recipe_gives_the_same_model_on_the_command_line(walked):
    words = shlex.split(walked.recipe.command())
    assert words[:2] == ["bestline", "fit"]
    done = subprocess.run([sys.executable, "-m", "bestline", *words[1:], "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["coef"] == walked.coef.to_dict()


def test_recipes_survive_a_file_and_name_what_they_cannot_say(walked, tmp_path):
    walked.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").recipe == walked.recipe
    model = bl.fit(([1.0, 2.0, 3.0], [1.0, 2.0, 3.5]), weights=np.array([1.0, 2.0, 1.0]))
    assert model.recipe.unsaid == ("weights",)
    assert model.recipe.command() is None
    assert "weights=..." in model.recipe.python()


@given(names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True), value=st.floats(allow_nan=False))
def test_recipes_quote_whatever_names_hold(names, value):
    recipe = Recipe.of(["a b.csv"], "y ~ x", {"features": names, "l2": value}, {"features": None, "l2": None})
    command = recipe.command()
    assert shlex.split(command)[2] == "a b.csv"
    compile(recipe.python(), "recipe", "exec")


# -- words -------------------------------------------------------------------------------------------------------------


def test_equations_read_as_people_write_them():
    assert equation("mpg", ("weight", "Intercept"), (-0.0076473, 46.2165)) == "mpg = 46.22 − 0.007647 weight"
    assert equation("y", ("x",), (2.0,)) == "y = 2 x"
    assert equation("y", ("x", "Intercept"), (-1.0, -3.0)) == "y = −3 − 1 x"
    assert equation("y", (), ()) == "y = 0"
    assert equation("y", tuple(f"x{i}" for i in range(12)), [1.0] * 12).endswith("+ 4 more")


@given(value=st.floats(-1e300, 1e300))
def test_rounding_is_right_to_four_digits(value):
    text = rounded(value).replace(",", "").replace("−", "-")
    assert float(text) == pytest.approx(value, rel=5.1e-4)


# -- live --------------------------------------------------------------------------------------------------------------


class Screen:
    def __init__(self):
        self.shown, self.closed = [], 0

    def show(self, picture, text):
        self.shown.append((picture, text))

    def close(self):
        self.closed += 1


def test_live_shows_the_last_state_and_stays_small():
    screen = Screen()
    watch = live.Live(screen)
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.01, steps=5_000, watch=watch.hear)
    watch.close()
    assert screen.closed == 1
    picture, text = screen.shown[-1]
    assert "step 5,000" in text
    curve = picture.panels[-1].marks[0]
    assert curve.x[-1] == 5_000
    assert len(curve.x) <= 401
    losses = dict(zip(model.trace.step.tolist(), model.trace.loss.tolist(), strict=True))
    assert all(losses[int(x)] == pytest.approx(y) for x, y in zip(curve.x, curve.y, strict=True))


def test_live_draws_the_line_over_the_rows_of_one_feature(walked):
    rows = next(iter(walked.rows()))
    watch = live.Live(Screen(), Sample.draw(rows, walked.features, walked.targets))
    bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=3, watch=watch.hear)
    watch.close()
    scatter, curve = watch.picture().panels
    assert len(scatter.marks[0].x) == len(rows)
    assert curve.marks[0].x[-1] == 3


def test_watched_steps_tell_how_far_the_exact_solution_is():
    heard: list[Step] = []
    model = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=20, watch=heard.append)
    assert [step.index for step in heard] == list(range(21))
    np.testing.assert_allclose([step.gap for step in heard], model.trace.gap, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([step.loss for step in heard], model.trace.loss, rtol=1e-12)


def test_watch_true_outside_a_notebook_trains_as_ever(walked):
    again = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=0.2, steps=60, split=(0.8, 0.2), start=(0, 0), watch=True)
    assert torch.equal(again.weights, walked.weights)


def test_models_that_lost_what_a_session_needs_say_so(tmp_path):
    model = bl.fit(PENGUINS, LINE, missing="drop", loss="huber")
    model.save(tmp_path / "m.bestline")
    with pytest.raises(BestlineError, match="needs the rows"):
        watching.session_of(bl.load(tmp_path / "m.bestline"))


def test_the_ending_says_what_is_written(walked, tmp_path):
    with pytest.raises(OptionError, match="written as"):
        watching.watch_runs({"a": walked}, tmp_path / "run.txt")
    with pytest.raises(OptionError, match="written as"):
        walked.animate(tmp_path / "run.png")
