"""What solvers declare: how they are asked for, kept and restored, and what they read and reach."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from bestline.errors import NumericalError, OptionError
from bestline.training.solvers import SOLVERS, Descent, Exact, InteriorPoint, Proximal, Solver, Stochastic
from bestline.training.solvers.base import Equals, Reach, Reads
from bestline.training.solvers.choose import choose, kept, restored

SOLVED = [
    Exact(),
    Proximal(),
    InteriorPoint(),
    Descent("adam", lr=0.1, steps=7, batch_size=3, patience=2, tol=1e-4),
    Descent(),
    Stochastic(lr=0.1, steps=3, rate="invscaling", power=0.5, average=False, patience=2, tol=1e-3),
]


@pytest.mark.parametrize("solver", SOLVED, ids=repr)
def test_what_a_solver_says_of_how_it_was_asked_for_asks_for_it_again(solver: Solver) -> None:
    asked = solver.asked()
    assert asked is not None
    name, settings = asked
    assert choose(name, **settings) == solver


@pytest.mark.parametrize("solver", [Proximal(tol=1e-3), InteriorPoint(steps=9)], ids=repr)
def test_settings_that_fit_does_not_take_are_not_asked_for(solver: Solver) -> None:
    assert solver.asked() is None


@pytest.mark.parametrize("solver", SOLVED, ids=repr)
def test_what_is_kept_of_a_solver_restores_it(solver: Solver) -> None:
    facts = kept(solver)
    assert list(facts) == ["exact", "descent", "stochastic"]
    assert restored(facts) == (solver if solver.kept_as else Exact())


def test_what_becomes_of_aliased_columns_is_asked_for_kept_and_restored() -> None:
    drop = Exact("drop")
    assert choose(aliased="drop") == choose("exact", aliased="drop") == restored(kept(drop)) == drop
    assert drop.asked() == ("exact", {"aliased": "drop"})
    assert [repr(drop), repr(Exact())] == ["Exact(aliased='drop')", "Exact()"]
    assert [drop.equals, Exact().equals] == [Equals.FIRST, Equals.SMALLEST]
    with pytest.raises(OptionError, match="`aliased` is 'smallest-norm' or 'drop'; got 'first'"):
        choose("exact", aliased="first")
    with pytest.raises(OptionError, match="takes no aliased"):
        choose("proximal", aliased="drop")


def test_code_is_not_kept() -> None:
    assert set(kept(Descent(partial(torch.optim.SGD, momentum=0.5))).values()) == {None}
    scheduled = restored(kept(Descent(schedule=partial(torch.optim.lr_scheduler.StepLR, step_size=1))))
    assert isinstance(scheduled, Descent)
    assert scheduled.schedule is not None
    with pytest.raises(NumericalError, match="its schedule is code"):
        scheduled.schedule(torch.optim.SGD([torch.zeros(1)]))


def test_what_solvers_declare() -> None:
    assert [s.reach for s in SOLVED[:4]] == [Reach.SOLUTION, Reach.MINIMUM, Reach.MINIMUM, Reach.NEARER]
    assert [s.reads for s in SOLVED[2:]] == [Reads.LOSS, Reads.SLICES, Reads.LOSS, Reads.SINGLE_ROWS]
    assert [s.equals for s in SOLVED] == [Equals.SMALLEST] * 3 + [Equals.NEAREST] * 3
    assert [s.on_its_own for s in SOLVED] == [True, True, True, False, True, False]
    assert [s.title for s in SOLVED] == ["exact", "proximal", "interiorpoint", "adam", "sgd", "stochastic"]
    assert Descent(torch.optim.Adam).title == "Adam"
    assert Descent(torch.optim.Adam).optimizer_name == "own"
    assert [s.whole_gradient for s in SOLVED] == [None, None, None, None, "sgd", None]
    assert {kind.name for kind in SOLVERS} == {"exact", "proximal", "interior-point", "descent", "stochastic"}


@pytest.mark.parametrize(
    ("solver", "options", "message"),
    [
        ("magic", {}, "choose exact, proximal, interior-point, stochastic, sgd"),
        ("exact", {"lr": 0.1}, "takes no lr; its settings are aliased; solver 'sgd' takes it"),
        ("interior-point", {"tol": 0.1}, "takes no tol; solver 'sgd' takes it"),
        ("stochastic", {"batch_size": 2}, "takes no batch_size; its settings are lr, steps, rate, power"),
        (Exact(), {"lr": 0.1}, "to the solver object itself"),
        (object(), {}, "a name or a solver such as Exact"),
        ("descent", {}, "There is no solver 'descent'"),
    ],
)
def test_what_cannot_be_chosen_says_what_can(solver: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        choose(solver, **options)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, "Exact()"),
        ({"l1": 0.1}, "Proximal()"),
        ({"piecewise": True, "squared": False}, "InteriorPoint()"),
        ({"squared": False}, "Descent('lbfgs', steps=200, tol=1e-08)"),
        ({"squared": False, "l1": 0.1}, "Proximal(tol=1e-08, steps=20000)"),
        ({"aliased": "drop"}, "Exact(aliased='drop')"),
        ({"lr": 0.1}, "Descent(lr=0.1)"),
        ({"lr": 0.1, "l1": 0.1}, "Descent('adam', lr=0.1)"),
        ({"steps": 5, "squared": False}, "Descent('adam', steps=5)"),
        ({"steps": 5, "line": False}, "Descent('adam', steps=5)"),
        ({"steps": None}, "Exact()"),
    ],
)
def test_what_is_taken_when_no_solver_is_named(asked: dict[str, object], wanted: str) -> None:
    chosen = choose(None, **asked)
    known = {kind.__name__: kind for kind in SOLVERS}
    assert chosen == eval(wanted, known)  # noqa: S307  a row of the table above


@pytest.mark.parametrize("piecewise", [True, False])
def test_a_model_of_ones_own_settles_on_a_rate_that_goes_to_0(piecewise: bool) -> None:
    chosen = choose(None, squared=False, line=False, piecewise=piecewise)
    assert isinstance(chosen, Descent)
    assert (chosen.optimizer, chosen.steps, chosen.lr) == ("adam", 3_000, "auto")
    scheduled = chosen.schedule(torch.optim.SGD([torch.zeros(1)], lr=1.0))
    assert scheduled.T_max == 3_000
