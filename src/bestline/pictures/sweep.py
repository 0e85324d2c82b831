"""Sweep: many runs as a Picture. Where the last loss is least, how soon each rate gets there, and beyond which rate none does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bestline.pictures.findings import of_sweep, stating
from bestline.pictures.marks import Horizontal, Line, Mark, Numbers, Panel, Picture, Points, Vertical, numbers, run_role
from bestline.training.foresight.sweep import SweptRuns
from bestline.wording import count, said


@dataclass(frozen=True, slots=True)
class _Curve:
    """The runs of one optimiser from one start, by ascending rate; None where a run has no number."""

    label: str
    role: str
    columns: dict[str, tuple[Any, ...]]

    def line(self, column: str) -> Line:
        """A column against the rate, where it has a number above 0: only these can be drawn by factors."""
        at = [(x, y) for x, y in zip(self.columns["lr"], self.columns[column], strict=True) if y is not None and y > 0]
        return Line(numbers(x for x, _ in at), numbers(y for _, y in at), self.role, self.label)

    @property
    def diverged(self) -> Numbers:
        """The rates whose runs diverged."""
        ends = zip(self.columns["lr"], self.columns["diverged_at"], strict=True)
        return numbers(x for x, end in ends if end is not None)


def picture(sweep: SweptRuns) -> Picture:
    """Last loss, and steps until 0.1% of the reducible loss remains, against the learning rate; the largest stable rates marked."""
    curves = list(_curves(sweep))
    asked = count(sweep.steps, "step")
    panels = (_losses(sweep, curves, asked), _steps(sweep, curves))
    gone = sum(len(curve.diverged) for curve in curves)
    about = str(sweep.about).replace("   (", " (")  # wide apart in a terminal, where it is a heading
    note = f"{about}.{' Interrupted: some runs made fewer steps.' if sweep.interrupted else ''}"
    alt = f"Loss after {asked}, and steps until 0.1% of the reducible loss remains, of {len(sweep):,} runs; {gone:,} diverged."
    return stating(Picture(panels, f"{len(sweep):,} runs of {asked}", note, alt), of_sweep(sweep))


def _curves(sweep: SweptRuns) -> Iterator[_Curve]:
    columns = sweep.columns
    keys = list(zip(columns["optimizer"], columns["start"], strict=True))
    several = len(set(columns["start"])) > 1
    for at, key in enumerate(dict.fromkeys(keys)):
        # By rate, whatever order the rates were given in: a line goes from point to point.
        own = sorted((i for i, other in enumerate(keys) if other == key), key=lambda i: columns["lr"][i])
        label = f"{key[0]}, start {key[1] + 1}" if several else key[0]
        picked = {name: tuple(columns[name][i] for i in own) for name in ("lr", "loss", "steps_to_99_9", "diverged_at")}
        yield _Curve(label, run_role(at), picked)


def _losses(sweep: SweptRuns, curves: list[_Curve], asked: str) -> Panel:
    first = float(sweep.losses[0].max())
    seen = [value for curve in curves for value in curve.columns["loss"] if value is not None and 0 < value <= first]
    least = min([*seen, *([sweep.floor] if sweep.floor > 0 else [])], default=first or 1.0)
    # Up to four times the start: who ends above it diverges, and how far above says nothing.
    low, high = least / 1.4, 4 * max(first, least)
    marks: list[Mark] = []
    if sweep.floor > 0:
        marks.append(Horizontal(sweep.floor, "floor", f"exact solution: {said(sweep.floor)}"))
    if first > 0:
        several = int(sweep.starts.max()) > 0
        marks.append(Horizontal(first, "reference", f"{'highest ' if several else ''}start: {said(first)}"))
    for row, curve in enumerate(curves):
        marks.append(curve.line("loss"))
        if curve.diverged:
            # Diverged runs have no loss to be drawn at: they stand in the strip above the start, each curve in its own row.
            height = high / 4 ** (0.15 + 0.1 * (row % 7))  # curves one below the other, all above the start
            label = "diverged" if len(curves) == 1 else f"diverged: {curve.label}"
            marks.append(Points(curve.diverged, (height,) * len(curve.diverged), curve.role, label))
    marks += _limits(sweep, curves, named=False)
    return _panel(f"Loss after {asked}", "loss", marks, sweep, (low, high))


def _steps(sweep: SweptRuns, curves: list[_Curve]) -> Panel:
    marks = [*(curve.line("steps_to_99_9") for curve in curves), *_limits(sweep, curves, named=True)]
    return _panel("Steps until 0.1% of the reducible loss remains", "steps", marks, sweep, (0.8, 1.3 * sweep.steps))


def _limits(sweep: SweptRuns, curves: list[_Curve], *, named: bool) -> list[Mark]:
    # A limit belongs to an optimiser, not to a start: it takes the look of its first curve.
    roles = {curve.label.partition(",")[0]: curve.role for curve in reversed(curves)}
    marks: list[Mark] = []
    for name, limit in sweep.limits.items():
        if limit is not None:
            of, role = ("", "reference") if len(roles) == 1 else (f", {name}", roles[name])
            marks.append(Vertical(limit, role, f"largest stable rate{of}: {said(limit)}" if named else ""))
    return marks


def _panel(title: str, ylabel: str, marks: list[Mark], sweep: SweptRuns, ylim: tuple[float, float]) -> Panel:
    low, high = float(sweep.lrs.min()), float(sweep.lrs.max())
    xlim = (low, high) if high > low else (low / 2, high * 2)
    return Panel(title, "learning rate", ylabel, tuple(marks), xlim=xlim, ylim=ylim, log_x=True, log_y=True)
