"""Findings: a title says what the picture shows where the numbers say so, and the picture keeps its plain name elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.pictures import findings, sweep
from bestline.pictures.axis_labels import called
from bestline.pictures.marks import Line, Panel, Picture
from bestline.wording import rounded, said
from hard import NAMES, TARGET, hard_table
from pictures.examples import case
from pictures.walks import PENGUINS

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

FORMULA = "body_mass_g ~ flipper_length_mm + species + sex"


def penguins(formula=FORMULA, **how):
    return bl.fit(PENGUINS, formula, **{"missing": "drop", **how})


def made(rows=80, slope=1.0, seed=0, **columns):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=rows)
    return {"x": x, "y": slope * x + draw.normal(size=rows), "g": np.array(list("ab"))[draw.integers(0, 2, rows)], **columns}


# -- how it is said ----------------------------------------------------------------------------------------------------


def test_the_plain_name_stays_where_a_finding_is_the_title():
    panel = Panel("", "x", "y", (Line((0.0, 1.0), (0.0, 1.0)),))
    plain = Picture((panel,), "Plain name", "A note.", "What is seen.")
    assert findings.stating(plain, "") is plain
    stated = findings.stating(plain, "It rises")
    assert (stated.title, stated.panels[0].title, stated.note) == ("It rises", "Plain name", "A note.")
    assert stated.alt == "Plain name: It rises. What is seen."
    two = findings.stating(replace(plain, panels=(replace(panel, title="a"), replace(panel, title="b"))), "It rises")
    assert [p.title for p in two.panels] == ["a", "b"]
    assert two.note == "Plain name. A note."


def test_what_the_title_says_the_alt_says_and_the_page_too():
    model = penguins()
    estimate = float(model.weights[model.names.index("species[T.Gentoo]"), 0])
    assert estimate == pytest.approx(836.3, abs=0.05)
    told = f"species Gentoo goes with {rounded(estimate)} more body_mass_g"
    drawn = model.plot.coefficients()
    assert drawn.heading.startswith(told)
    assert told in drawn.alt
    assert drawn.axes[0].get_title() == "Coefficients with 95% intervals"
    page = model.report().html
    assert told in page
    assert "species = Gentoo rather than Adelie goes with 836.3 more" in page  # the same number in its sentence


# -- the line ----------------------------------------------------------------------------------------------------------


def test_the_largest_effect_is_told_with_what_is_alike():
    assert findings.of_coefficients(penguins()) == (
        "species Gentoo goes with 836.3 more body_mass_g than Adelie, flipper_length_mm and sex alike"
    )
    alone = penguins("body_mass_g ~ flipper_length_mm")
    slope = rounded(float(alone.weights[0, 0]))
    assert findings.of_coefficients(alone) == f"One more unit of flipper_length_mm goes with {slope} more body_mass_g"
    many = penguins(f"{FORMULA} + bill_length_mm + island")
    assert findings.of_coefficients(many).endswith("the other columns alike")


def test_long_names_that_share_their_ends_are_told_apart():
    rows = hard_table(2_000)
    model = bl.fit({name: rows[name] for name in (*NAMES[3:9], TARGET)}, f"{TARGET} ~ .")
    told = findings.of_coefficients(model)
    (named,) = [name for name in called(NAMES[3:9]).values() if f"One more unit of {name} goes" in told]
    assert told.endswith("the other columns alike")
    assert len(told) < 150
    assert "…" not in named or list(called(NAMES[3:9]).values()).count(named) == 1


@pytest.mark.parametrize(
    "silent",
    [
        {"l2": 0.1},
        {"l1": 0.1},
        {"loss": "huber"},
        {"solver": "sgd", "lr": 0.01, "steps": 3},
    ],
)
def test_nothing_is_said_of_weights_that_are_not_those_of_least_squares(silent):
    model = penguins(**silent)
    assert findings.of_line(model) == findings.of_coefficients(model) == ""
    drawn = model.plot.data()
    assert drawn.heading == "body_mass_g: predicted against actual"


def test_descent_that_arrived_says_what_the_exact_line_says():
    arrived = penguins(solver="momentum", lr=0.2, steps=2_000)
    assert findings.of_line(arrived) == findings.of_line(penguins())
    assert "836." in findings.of_coefficients(arrived)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 1), (5, 8), (4, 3)])
def test_nothing_is_said_without_degrees_of_freedom(rows, columns):
    draw = torch.Generator().manual_seed(1)
    pair = torch.randn(rows, columns, generator=draw), torch.randn(rows, generator=draw)
    model = bl.fit(pair, "y ~ x0 - 1" if rows == 1 else "y ~ .", folds=2)
    assert findings.of_line(model) == findings.of_coefficients(model) == ""


def test_what_is_chance_or_little_is_not_told():
    chance = bl.fit(made(slope=0.0), "y ~ x")
    assert float(chance.pvalues["x"]) > 0.05
    assert findings.of_line(chance) == findings.of_coefficients(chance) == ""
    # Of 40,000 rows a slope that moves the target by a twentieth of its spread is far more than chance.
    little = bl.fit(made(40_000, slope=0.05), "y ~ x")
    assert float(little.pvalues["x"]) < 1e-9
    assert findings.of_line(little) == findings.of_coefficients(little) == ""


def test_the_largest_of_many_is_chosen_and_so_may_be_chance():
    """Of 60 columns of noise some have p < 0.05, and none is told."""
    draw = np.random.default_rng(8)
    model = bl.fit((draw.normal(size=(300, 60)), draw.normal(size=300)))
    assert float(model.pvalues.drop("Intercept").min()) < 0.05
    assert findings.of_coefficients(model) == ""


@pytest.mark.parametrize("formula", ["y ~ x + I(x**2)", "y ~ x * g", "y ~ log(z)"])
def test_a_column_that_cannot_change_alone_has_no_effect_to_be_told(formula):
    rows = made(200, slope=3.0)
    rows["z"] = np.exp(rows["x"])
    model = bl.fit(rows, formula)
    told = findings.of_coefficients(model)
    assert "of x " not in told
    assert "(" not in told


def test_without_an_intercept_levels_are_compared_with_nothing():
    rows = made(200)
    rows["y"] = rows["y"] + 10
    assert findings.of_coefficients(bl.fit(rows, "y ~ g - 1")) == ""
    assert findings.of_line(bl.fit(rows, "y ~ x - 1")) == ""  # R2 about zero is no share of the variance


def test_a_share_is_rounded_down_and_is_of_the_training_rows():
    draw = np.random.default_rng(0)
    x = draw.normal(size=500)
    model = bl.fit({"x": x, "y": x + 0.03 * draw.normal(size=500)}, "y ~ x", split=(0.8, 0.2))
    assert 0.995 < model.rsquared < 1
    assert findings.of_line(model) == "The line explains 99% of the variance of y (training rows)"
    assert model.plot.data().heading == findings.of_line(model)
    other = {"x": x[:50], "y": -x[:50]}
    assert model.plot.data(other).heading == "y against x"


def test_standardised_coefficients_have_other_numbers_than_the_sentence():
    model = penguins()
    assert "836.3" in model.plot.coefficients().heading
    assert model.plot.coefficients(standardized=True).heading.startswith("Standardised coefficients")


def test_each_of_several_targets_has_its_own_finding():
    rows = made(300, slope=2.0)
    model = bl.fit({**rows, "z": np.random.default_rng(5).normal(size=300)}, "y + z ~ x")
    assert "more y" in findings.of_coefficients(model, 0)
    assert findings.of_coefficients(model, 1) == ""
    assert "variance of y" in findings.of_line(model, 0)
    assert findings.of_line(model, 1) == ""


# -- residuals ---------------------------------------------------------------------------------------------------------


def test_residuals_say_what_is_gravest_and_else_that_they_spread_alike():
    calm = penguins()
    least = min(test.p_value for test in calm.diagnose().tests[:2])
    assert calm.plot.diagnostics().heading == f"Errors spread alike, as far as 333 rows can tell (p = {least:.2g})"
    draw = np.random.default_rng(2)
    x = draw.uniform(1, 5, 400)
    fan = bl.fit({"x": x, "y": x + x**2 * draw.normal(size=400)}, "y ~ x")
    assert fan.plot.diagnostics().heading.startswith("The errors do not spread alike everywhere")
    assert "HC3" not in fan.plot.diagnostics().heading  # advice is no finding
    bent = bl.fit({"x": x, "y": x**2 + 0.1 * draw.normal(size=400)}, "y ~ x")
    assert bent.plot.diagnostics().heading == "The residuals are bent"


def test_uneven_spread_that_is_little_is_not_called_alike():
    """A test that objects leaves the plain name, however small the effect."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=100_000)
    model = bl.fit({"x": x, "y": x + (1 + 0.02 * x) * draw.normal(size=100_000)}, "y ~ x")
    found = model.diagnose()
    assert min(test.p_value for test in found.tests[:2]) < 0.05
    assert not found.findings
    assert model.plot.diagnostics().heading == "Diagnostics of y"


def test_residuals_of_several_targets_name_theirs():
    rows = made(200)
    model = bl.fit({**rows, "z": rows["x"] + np.random.default_rng(3).normal(size=200)}, "y + z ~ x")
    assert model.plot.diagnostics(target="z").heading.startswith("z: ")


# -- training ----------------------------------------------------------------------------------------------------------


def test_a_rate_beyond_the_limit_is_told():
    model = penguins(solver="sgd", lr=5, steps=30)
    told = f"The rate 5 lies beyond the limit {said(model.rate_limit)}: training diverged"
    assert findings.of_training(model.trained) == told
    assert model.plot.loss().heading == model.plot.before_after().heading == told
    few = penguins(solver="sgd", lr=1.01 * model.rate_limit, steps=400)
    assert findings.of_training(few.trained).endswith(("the loss grows", "training diverged"))
    assert findings.of_training(penguins(solver="sgd", lr=0.9 * model.rate_limit, steps=1).trained) == ""


def test_how_soon_a_run_is_near_its_aim_is_told_where_it_got_there():
    near = penguins(solver="adam", lr=0.3, steps=300)
    gap = near.trace.gap
    step = int((gap > 0.01 * gap[0]).nonzero()[-1]) + 1
    assert findings.of_training(near.trained) == f"99% of the reducible loss is gone after {step} updates"
    assert near.plot.loss().heading == findings.of_training(near.trained)
    for other in (
        {"steps": 5},
        {"l2": 0.1},
        {"loss": "huber"},
    ):  # not there yet; a loss of which a part is none; no exact solution
        assert findings.of_training(penguins(solver="adam", lr=0.3, **{"steps": 300, **other}).trained) == ""
    assert findings.of_training(penguins().trained) == ""  # solved at once


def test_a_least_held_out_loss_is_told_where_it_is_a_real_minimum():
    c = case("held out")
    assert findings.held_out_minimum(replace(c.fit, trace=replace(c.fit.trace, held_out=None))) is None
    curve = torch.linspace(2, 1, len(c.fit.trace), dtype=torch.float64)

    def told(held_out):
        return findings.of_training(replace(c.fit, trace=replace(c.fit.trace, held_out=held_out)))

    assert "Held-out" not in told(curve)  # still falling at the end
    flat = curve.clone()
    flat[-3:] = 1.0
    flat[-1] = 1.004
    assert "Held-out" not in told(flat)  # risen by less than a hundredth
    risen = curve.clone()
    risen[len(curve) // 2 :] = torch.linspace(1.5, 3, len(curve) - len(curve) // 2, dtype=torch.float64)
    risen[12] = 0.5
    assert told(risen) == f"Held-out loss is least after {int(c.fit.trace.step[12])} updates"


def test_the_soonest_of_several_runs_is_told_and_a_draw_is_not():
    slow, fast = (penguins(solver="sgd", lr=lr, steps=400).trained for lr in (0.02, 0.2))
    told = findings.of_runs({"slow": slow, "fast": fast})
    assert told.startswith("fast is soonest: 99% of the reducible loss is gone after")
    assert findings.of_runs({"one": fast, "same": fast}) == ""
    short = penguins(solver="sgd", lr=0.02, steps=3).trained
    assert findings.of_runs({"a": short, "b": penguins(solver="sgd", lr=0.03, steps=3).trained}) == ""
    others = penguins("body_mass_g ~ bill_length_mm", solver="sgd", lr=0.2, steps=400).trained
    assert findings.of_runs({"slow": slow, "of other columns": others}) == ""  # they do not go to the same place


def test_pictures_that_do_not_show_the_path_do_not_tell_of_it():
    line = penguins("body_mass_g ~ flipper_length_mm", solver="adam", lr=0.3, steps=200)
    told = findings.of_training(line.trained)
    assert told.startswith("99%")
    assert line.plot.contour().heading == line.plot.surface().heading == told
    assert line.plot.contour(step=3).heading.startswith("Loss over")
    assert line.plot.weight("Intercept").heading == "Loss against the intercept"
    many = penguins(solver="adam", lr=0.3, steps=300)
    assert many.plot.contour().heading.startswith("Loss over")
    assert many.plot.surface().heading.startswith("Loss over")


def test_main_directions_tell_what_they_hold_of_the_path():
    assert findings.of_directions((0.7, 0.2999), 5) == "Two directions hold over 99.9% of the path's movement"
    assert findings.of_directions((0.7, 0.3), 5) == "Two directions hold 100% of the path's movement"
    assert findings.of_directions((0.7, 0.3), 2) == ""  # there are no others
    assert findings.of_directions((), 5) == ""
    assert "Two directions hold" in penguins(solver="adam", lr=0.3, steps=60).plot.main_directions().heading


def test_a_player_says_the_finding_below_its_title():
    from bestline.pictures.watch import session_of

    assert session_of(penguins(solver="adam", lr=0.3, steps=300))["finding"].startswith("99% of the reducible loss")
    assert session_of(penguins(solver="adam", lr=0.3, steps=5))["finding"] == ""


def test_a_sweep_says_which_rate_is_fastest_or_that_all_diverged():
    runs = bl.sweep(PENGUINS, FORMULA, optimizers=["sgd", "adam"], lrs=[0.01, 0.03, 0.1, 0.2, 0.3], steps=300, missing="drop")
    best = runs.best()
    picture = sweep.picture(runs)
    rate, steps = said(float(runs.lrs[best])), int(runs.steps_to()[best])
    assert (
        picture.title
        == f"Fastest is {runs.optimizers[best]} at the rate {rate}: 0.1% of the reducible loss remains after {steps} steps"
    )
    assert picture.title in picture.alt
    assert "10 runs of 300 steps" in picture.note
    never = bl.sweep(PENGUINS, FORMULA, optimizers=["sgd"], lrs=[1e-6, 1e-5], steps=5, missing="drop")
    assert sweep.picture(never).title == "2 runs of 5 steps"
    gone = bl.sweep(PENGUINS, FORMULA, optimizers=["sgd"], lrs=[50, 90], steps=300, missing="drop")
    assert sweep.picture(gone).title == "All runs diverged"


# -- penalties ---------------------------------------------------------------------------------------------------------


def test_a_penalty_is_told_to_predict_better_only_beyond_a_standard_error():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(60, 40))
    sparse = bl.fit((X, 2 * X[:, 0] + draw.normal(size=60)), cv="lasso")
    chosen = sparse.cv
    least = said(float(chosen.l1[chosen.best]))
    assert sparse.plot.cv().heading.startswith(f"Out-of-fold error is least at l1 = {least}, ")
    kept = int(chosen.nonzero[chosen.best])
    assert sparse.plot.path().heading == f"{kept} of 40 columns have a weight where the out-of-fold error is least"
    plenty = bl.fit((X, X @ np.ones(40) + 0.1 * draw.normal(size=60)), cv="ridge")
    assert plenty.plot.cv().heading == "No penalty lowers the out-of-fold error by more than a standard error"
    assert plenty.plot.path().heading == "Slopes against the penalty (ridge)"
    little = replace(
        chosen, error=torch.where(torch.arange(len(chosen.error)) == chosen.best, 0.998, 1.0), difference=0 * chosen.error
    )
    assert findings.of_errors(little) == ""  # more than chance, but less than a hundredth
    unknown = replace(chosen, error=torch.full_like(chosen.error, float("nan")))
    assert findings.of_errors(unknown) == ""


def test_true_and_false_are_told_as_levels_whatever_file_or_model_they_come_from(tmp_path):
    draw = np.random.default_rng(3)
    x, b = draw.normal(size=200), draw.random(200) < 0.4
    table = {"x": x, "b": b, "y": 0.2 * x + 3 * b + draw.normal(size=200)}
    (tmp_path / "t.csv").write_text(
        "x,b,y\n" + "".join(f"{x},{str(b).lower()},{y}\n" for x, b, y in zip(*table.values(), strict=True))
    )
    model = bl.fit(table, "y ~ x + b")
    model.save(tmp_path / "line.bestline")
    size = rounded(float(model.weights[model.names.index("b"), 0]))
    for each in (model, bl.load(tmp_path / "line.bestline"), bl.fit(tmp_path / "t.csv", "y ~ x + b")):
        assert each.plot.coefficients().heading == f"b true goes with {size} more y than false, x alike"
    assert "b = true rather than false goes with" in model.report().html
    # 0 and 1 are numbers as any other.
    numbers = bl.fit({**table, "b": b * 1.0}, "y ~ x + b")
    assert numbers.plot.coefficients().heading == f"One more unit of b goes with {size} more y, x alike"
    # What is read as numbers elsewhere is the same column.
    parts = [bl.Moments.collect({**table, "b": values}, "y ~ x + b") for values in (b, b * 1.0)]
    assert bl.fit(parts[0] + parts[1]).nobs == 400


def test_a_title_leaves_the_advice_of_a_finding_out():
    rows = made(300)
    errors = np.random.default_rng(1).normal(size=300)
    for i in range(1, 300):
        errors[i] += 0.7 * errors[i - 1]
    model = bl.fit({"x": rows["x"], "y": rows["x"] + errors}, "y ~ x")
    (finding,) = model.diagnose().findings
    told = r"The errors of neighbouring rows are correlated \(autocorrelation 0\.\d\d\)"
    for drawn in (model.plot.residuals(), model.plot.diagnostics()):
        assert re.fullmatch(told, drawn.heading)
    assert finding.text.startswith(f"{drawn.heading}. If the order")


def test_a_few_rows_say_nothing_of_the_spread_of_errors():
    few, more = (bl.fit(made(rows), "y ~ x").plot.residuals().heading for rows in (19, 60))
    assert few == "Standardised residuals of y"
    assert more.startswith("Errors spread alike, as far as 60 rows can tell")


def test_that_one_step_is_straight_is_no_finding():
    rows = {**made(), "z": np.arange(80.0) % 7}
    exact = bl.fit(rows, "y ~ x + z").plot.main_directions()
    assert exact.heading == "The path of training, 1 update, along its main directions"
    assert "e-" not in exact.alt
    assert "under 0.01% of its movement" in exact.alt
    walked = bl.fit(rows, "y ~ x + z", solver="momentum", steps=40).plot.main_directions()
    assert walked.heading.startswith("Two directions hold")


def test_rows_with_a_line_that_diverged_stand_under_what_became_of_it() -> None:
    diverged = penguins(solver="sgd", lr=5, steps=30)
    assert findings.of_coefficients(diverged) == ""
    for picture in (diverged.plot.data(), diverged.plot.predicted()):
        assert picture.heading.startswith("The rate 5 lies beyond the limit")
        assert picture.heading.endswith("training diverged")


def test_a_path_that_swings_past_its_least_held_out_loss_has_overfitted_nothing() -> None:
    swinging = penguins(solver="momentum", steps=60, split=(0.7, 0.15, 0.15))
    held_out, loss = swinging.trace.held_out, swinging.trace.loss
    least = int(held_out.argmin())
    assert least < 30
    assert float(loss[least:].max()) > 1.5 * float(loss[least])  # in the trough of a swing
    assert not swinging.plot.loss().heading.startswith("Held-out")


def test_numbers_in_titles_have_a_real_minus() -> None:
    model = bl.fit(bl.samples.penguins(), "body_mass_g ~ species", missing="drop")
    assert "correlated (autocorrelation −0." in model.plot.residuals().heading


# -- means, differences, slopes and what a column adds -----------------------------------------------------------------


def crossed(steep: float = 1.0, apart: float = 3.0, noise: float = 0.5) -> Any:
    rng = np.random.default_rng(0)
    g, x = np.tile(["a", "b", "c"], 40), rng.uniform(0, 5, 120)
    y = steep * x * (1 + 0.5 * (g == "b")) + apart * (g == "c") + rng.normal(0, noise, 120)
    return bl.fit({"g": g, "x": x, "y": y}, "y ~ g * x")


def test_means_name_the_largest_and_the_least_where_intervals_lie_apart() -> None:
    line = crossed()
    found = line.means("g").set_index("g").estimate
    assert (found.idxmax(), found.idxmin()) == ("c", "a")
    assert line.plot.means("g").heading == "c has the largest marginal mean of y, a the least"
    assert line.plot.means("x", by="g", at={"x": [1, 2, 3]}).heading.startswith("Marginal means of y by x and g")


def test_a_contrast_that_is_more_than_chance_is_told_with_its_size() -> None:
    line = crossed()
    found = line.contrasts("g").set_index("contrast").estimate
    assert line.plot.contrasts("g").heading == f"The largest difference of y is c \N{MINUS SIGN} a, {found['c - a']:.4g}"


def test_slopes_of_one_sign_are_told_and_others_not() -> None:
    assert crossed().plot.slopes("x", by="g").heading == "y rises with x for every g"
    assert crossed(-1.0).plot.slopes("x", by="g").heading == "y falls with x for every g"
    assert crossed().plot.slopes("x").heading == "y rises with x"


def test_chance_is_no_finding() -> None:
    line = crossed(0.0, 0.0, 2.0)
    for drawn in (line.plot.means("g"), line.plot.contrasts("g"), line.plot.slopes("x", by="g")):
        assert drawn.heading.endswith("95% intervals")


def test_what_a_column_adds_is_told_by_its_own_name_and_its_terms() -> None:
    line = bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm + sex", missing="drop")
    told = f"sex male goes with {line.params['sex[T.male]']:.4g} more body_mass_g than female, flipper_length_mm alike"
    assert line.plot.added("sex").heading == line.plot.added("sex[T.male]").heading == told
