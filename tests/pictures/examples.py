"""Examples for every picture: fits of every kind, made once."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch

from bestline.data import synthetic
from bestline.inference.classical import Coefficient
from bestline.numerics.bowl import Bowl
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.pictures import figures, loss_curves
from bestline.pictures.marks import (
    Arrow,
    Band,
    Bins,
    Contours,
    Hexagons,
    Horizontal,
    Intervals,
    Line,
    Mesh,
    Names,
    Outside,
    Path,
    Picture,
    Points,
    Table,
    Text,
    Vertical,
)
from bestline.pictures.overview import overview
from bestline.pictures.render.mpl import save
from bestline.pictures.sample import Sample
from bestline.training.loop import train
from bestline.training.losses import huber
from bestline.training.objective import LineForward as Straight
from bestline.training.objective import Objective, RowLoss, SquaredRows
from bestline.training.outcome import Fit
from bestline.training.penalty import ElasticNetPenalty
from bestline.training.solvers import Descent, Exact
from bestline.training.task import Task


def fitted(rows, solver, start, *, standardize=False, intercept=True, held_out=None, l2=0.0, rowwise=False) -> Fit:
    m, p, k = Comoments.of_rows(rows), rows.X.shape[1], rows.y.shape[1]
    scaling = Scaling.of(m, p, intercept=intercept, standardize=standardize)
    trained = scaling.rows(rows)
    smooth = Bowl.of(m, scaling)
    units = scaling.target_scale**2
    if rowwise:
        smooth = RowLoss(trained, huber(1.0), Straight(intercept))
    d = p + intercept
    names = (*(f"x{j}" for j in range(p)), *(["Intercept"] if intercept else []))
    penalty = ElasticNetPenalty.on_slopes(0.0, l2, p, intercept=intercept)
    objective = Objective(smooth, penalty, SquaredRows(trained, intercept), torch.ones(d, 1, dtype=torch.float64))
    judged = None if held_out is None else Bowl.of(Comoments.of_rows(held_out), scaling)
    null = float(rows.y.var(0, correction=0).sum())
    task = Task(objective, scaling, names, tuple(f"y{i}" for i in range(k)), units, null, judged)
    first = torch.tensor(start, dtype=torch.float64)[:, None].expand(-1, k).clone()
    return train(task, solver, scaling.to_trained(first))


def made(n=60, p=1, k=1, seed=0, offset=0.0) -> Rows:
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, p, generator=g, dtype=torch.float64) + offset
    slopes = torch.arange(1.0, p + 1, dtype=torch.float64)[:, None] * torch.ones(1, k, dtype=torch.float64)
    return Rows(X, X @ slopes - 1 + 0.3 * torch.randn(n, k, generator=g, dtype=torch.float64))


def sampled(rows: Rows) -> Sample:
    return Sample.draw(rows, [f"x{j}" for j in range(rows.X.shape[1])], [f"y{i}" for i in range(rows.y.shape[1])])


@dataclass
class Case:
    rows: Rows
    fit: Fit


def case(name: str) -> Case:
    if name == "lesson":
        data = synthetic.lesson("slope-and-bias-exact")
        rows = Rows(data.x, data.y)
        return Case(rows, fitted(rows, Descent("sgd", lr=0.1, steps=15), [-15, -10]))
    if name == "diverged":
        return Case(made(), fitted(made(), Descent("sgd", lr=5.0, steps=40), [-5, 3]))
    if name == "exact":
        return Case(made(), fitted(made(), Exact(), [0, 0]))
    if name == "one weight":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=9), [4], intercept=False))
    if name == "p=3":
        return Case(made(p=3), fitted(made(p=3), Descent("momentum", lr=0.05, steps=30), [0, 0, 0, 0], standardize=True))
    if name == "100,000 rows":
        rows = made(n=100_000)
        return Case(rows, fitted(rows, Descent("adam", lr=0.1, steps=200), [0, -4]))
    if name == "constant loss":
        rows = Rows(torch.arange(9.0, dtype=torch.float64)[:, None], torch.full((9, 1), 5.0, dtype=torch.float64))
        return Case(rows, fitted(rows, Descent("sgd", lr=0.001, steps=3), [0, 5]))
    if name == "constant feature":
        rows = Rows(torch.zeros(9, 1, dtype=torch.float64), torch.arange(9.0, dtype=torch.float64)[:, None])
        return Case(rows, fitted(rows, Descent("sgd", lr=0.1, steps=3), [0, 5]))
    if name == "no step":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=0), [2, 2]))
    if name == "held out":
        train_rows, held = made(seed=1), made(seed=2)
        solver = Descent("adam", lr=0.2, steps=400, patience=15)
        return Case(train_rows, fitted(train_rows, solver, [-3, 2], held_out=held))
    if name == "huber":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=9), [3, 3], rowwise=True))
    if name == "two targets":
        return Case(made(k=2), fitted(made(k=2), Descent("sgd", lr=0.1, steps=9), [3, 3], standardize=True))
    if name == "ridge":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=50), [3, 3], l2=0.5))
    assert name == "far offset"
    rows = made(offset=1e4)
    return Case(rows, fitted(rows, Descent("sgd", lr=0.1, steps=20), [0, 0], standardize=True))


def pictures(c: Case) -> dict[str, Picture]:
    sample, fit = sampled(c.rows), c.fit
    found = {
        "data": figures.data(sample, fit=fit),
        "before_after": figures.before_after(sample, fit),
        "train_test": figures.train_test(sample, sample, fit, (0.25, 0.5)),
        "loss": loss_curves.loss(fit),
        "log loss": loss_curves.loss({"one": fit, "_two $a$": fit}, log=True),
        "weight": figures.weight(fit),
        "frame": figures.frame(sample, fit, int(fit.trace.step[-1])),
        "steps": figures.table_of_steps(fit),
        "overview": overview(fit, sample),
    }
    if len(fit.trace.names) > 1:
        found |= {"surface": figures.surface(fit), "contour": figures.contour(fit)}
    return found


def table(names, estimates, low, high):
    """Coefficients of which only estimates and intervals are known."""
    nan = float("nan")
    return [Coefficient(c, e, nan, nan, nan, a, b) for c, e, a, b in zip(names, estimates, low, high, strict=True)]


def drawn(picture: Picture, **options) -> None:
    file = io.BytesIO()
    save(picture, file, dpi=40, **options)
    assert file.getvalue()


EVERY_MARK = (
    Points((0.0, 1.0), (1.0, 2.0), "data", "points"),
    Line((0.0, 1.0), (1.0, 2.0), "fitted", "line"),
    Path((0.0, 1.0), (1.0, 2.0), "path"),
    Contours((0.0, 1.0), (0.0, 1.0), ((0.0, 1.0), (1.0, 2.0)), levels=(0.0, 1.0, 2.0)),
    Contours((0.0, 1.0), (0.0, 1.0), ((1.0, 1.0), (1.0, 1.0))),
    Band((0.0, 1.0), (0.0, 1.0), (1.0, 2.0), "held_out", "band"),
    Vertical(0.5, "kept", "vertical"),
    Horizontal(0.5, "floor", "horizontal"),
    Arrow((0.0, 1.0), (1.0, 2.0), label="arrow"),
    Arrow((), ()),
    Text(0.5, 0.5, "words"),
    Bins((0.0,), (1.0,), (0.0,), (1.0,), (5.0,)),
    Hexagons((0.0, 0.5), (0.0, 0.4), (5.0, 1.0), 1.0, 0.4),
    Outside(above=1, left=20_000),
    Names(("first", "second"), (1.0, 1.0), (1.0, 1.1), (0.8, 1.3), ("run0", "run1")),
    Table(("step", "w"), ((0.0, 1.0, 9.0), (1e-9, 1e9, float("nan"))), (2,)),
    Intervals(("a", "b"), (1.0, 2.0), (0.0, 1.0), (2.0, 3.0)),
)


SPACE_MARKS = (
    Mesh((0.0, 1.0), (0.0, 1.0), ((0.0, 1.0), (1.0, 2.0))),
    Points((0.0,), (0.0,), "optimum", "best", (0.0,)),
    Line((0.0, 1.0), (0.0, 1.0), "fitted", "line", (0.0, 1.0)),
    Path((0.0, 1.0), (0.0, 1.0), z=(0.0, 1.0)),
    Text(0.5, 0.5, "words"),
)


CASES = (
    "lesson",
    "diverged",
    "exact",
    "one weight",
    "p=3",
    "100,000 rows",
    "constant loss",
    "constant feature",
    "no step",
    "held out",
    "huber",
    "two targets",
    "ridge",
    "far offset",
)

# Kinds of fits of which every picture is drawn in light colours to see that its texts do not overlap.
LAID_OUT = ("p=3", "held out", "one weight", "diverged")
