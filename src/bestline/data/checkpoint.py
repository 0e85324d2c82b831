"""Checkpoint: moments of files, collected so that the work can be ended at any time and gone on with.

    files  ->  units, each a file, some row groups or a range of bytes  ->  their parts, added one after the other

After a unit, what all have added up to and which they are stand in one file, which is replaced whole. So a unit is counted once, or not
at all, whenever the process ends. Files that come later are units that are not done yet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

import bestline.data.stored_comoments as stored
import bestline.files as store
from bestline.data import stored_growth
from bestline.data.collected import Collect, Collected
from bestline.data.design import Design
from bestline.data.design.growing import CannotGrowError
from bestline.data.design.learn import learnt
from bestline.data.design.weight_kinds import ANALYTIC
from bestline.data.gather import Begun, Gathered, Query, gone_through, grows, of_folds, usable
from bestline.data.grown import Grow, Growth, Into, rough_means
from bestline.data.passes import Named
from bestline.data.progress import Progress, Within
from bestline.data.tables import Files
from bestline.data.tables.places import STANDARD_INPUT
from bestline.errors import DataError, OptionError, readable

_FORMAT = 1
UNIT = 1 << 27  # bytes of a file that are a unit: seconds of work, beside which writing some kB is nothing

Mark: TypeAlias = tuple[str, int, int, int, int]  # path, bytes and time of the file; number of the unit in it, and of how many


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What was read, what it added up to, and what people should know of it.

    Attributes
    ----------
    found : Growth or (Design, Collected)
    done : tuple of Mark
    notes, rounded : tuple of str
        What the rows have told of the columns so far: see `Source.said` and `Design.rounded`.
    """

    found: Growth | tuple[Design, Collected]
    done: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()


def gather_on(query: Query, path: str | os.PathLike[str], progress: Progress | None = None) -> Gathered:
    """What `gather` gives, of files, going on from a checkpoint where there is one.

    Raises
    ------
    OptionError
        For what is no file.
    DataError
        For a checkpoint of another question, a file that has changed since it was read, and what `gather` raises.
    """
    source, weights = query.opened()
    if not isinstance(source, Files) or any(part.place.shown == STANDARD_INPUT for part in source.parts):
        raise OptionError("A checkpoint is of files, whose parts can be told from each other; for other data leave it out.")
    source.scattered = "a checkpoint is of one part after the other; leave the checkpoint out"
    begun = Begun.of(query, source, weights, progress)
    draft, learner, by, folds, grouping = begun.draft, begun.learner, begun.by, begun.folds, begun.grouping
    question = {
        "formula": draft.formula.text,
        "weights": weights,
        **({} if query.weight_kind == ANALYTIC else {"weight_kind": query.weight_kind}),
        "missing": query.missing,
        "folds": query.folds,
        "seed": query.seed,
        "values": None if by is None else list(begun.values),
    }
    units = [(_mark(unit, i, len(parts)), unit) for parts in source.units(UNIT) for i, unit in enumerate(parts)]
    state = _read(path, question, folds) if Path(path).exists() else None
    if state is None:
        if grows(draft, learner):
            over = Grow(draft, rough_means(source, draft, learner.counted), learner.counted, Into(folds, grouping))
            state = _State(Growth(draft, over.rough, over.empty()))
        else:
            design = learnt(draft, learner)
            state = _State((design, Collect(design, folds, grouping).empty()))
    _check_unchanged(state.done, [mark for mark, _ in units], path)
    done = {*state.done}
    left = [(mark, unit) for mark, unit in units if mark not in done]
    for i, (mark, unit) in enumerate(left):
        told = None if progress is None else Within(progress, (len(units) - len(left) + i) / len(units), 1 / len(units))
        try:
            state = _after(state, mark, unit, query, learner.counted, Into(folds, grouping), told)
        except CannotGrowError:
            raise DataError(
                "The columns of these files are too many to be learnt while they are read; learn the design first, by "
                "bestline.Design.learn, and collect every file with it, by bestline.Moments.of."
            ) from None
        _write(path, question, state)
    growth = state.found if isinstance(state.found, Growth) else None
    design, found = state.found.settled() if isinstance(state.found, Growth) else state.found
    design = replace(design, rounded=state.rounded, table=draft.table, notes=draft.notes)
    notes = (*source.about, *state.notes, *design.notes, *(() if by is None else of_folds(by, design)))
    notes = tuple(dict.fromkeys(notes))
    return Gathered(design, usable(found, design, source), source, None, grouping, by, begun.values, notes, growth=growth)


def _after(state: _State, mark: Mark, unit: Files, query: Query, counted: Any, into: Into, progress: Progress | None) -> _State:
    """The state once a unit is added."""
    if isinstance(state.found, Growth):
        growth = state.found
        over = Grow(growth.draft, growth.rough, counted, into)
        found: Growth | tuple[Design, Collected] = replace(
            growth, part=growth.part + gone_through(unit, growth.draft, over, progress=progress)
        )
        reads = [*growth.draft.reads()]
    else:
        design, before = state.found
        part = gone_through(unit, design, Collect(design, into.number, into.grouping), progress=progress)
        found, reads = (design, before + part), design.reads()
    return _State(
        found,
        (*state.done, mark),
        tuple(dict.fromkeys((*state.notes, *unit.said(reads)))),
        tuple(sorted({*state.rounded, *unit.rounded(reads)})),
    )


def _mark(unit: Files, number: int, units: int) -> Mark:
    (part,) = unit.parts
    place = part.place
    changed = Path(place.path).stat().st_mtime_ns if place.system is None else 0
    return (f"{place.path}{f'!{place.member}' if place.member else ''}", place.size, changed, number, units)


def _check_unchanged(done: tuple[Mark, ...], there: list[Mark], path: str | os.PathLike[str]) -> None:
    """Raise DataError for a file that was read, and is not there any more, or is another one by now."""
    known = {*there}
    lost = next((mark for mark in done if mark not in known), None)
    if lost is not None:
        what = (
            "has changed since it was read" if lost[0] in {mark[0] for mark in there} else "was read, and is not among the data"
        )
        raise DataError(
            f"{readable(lost[0])} {what} for the checkpoint {readable(str(path))}; give the same files, or delete the checkpoint and "
            f"begin anew."
        )


# --- as a file -----------------------------------------------------------------------------------------------------------


def _write(path: str | os.PathLike[str], question: dict[str, Any], state: _State) -> None:
    tensors: dict[str, Tensor] = {}
    facts: dict[str, Any] = {"question": question, "done": state.done, "notes": state.notes, "rounded": state.rounded}
    if isinstance(state.found, Growth):
        tensors |= stored_growth.tensors(state.found)
        facts["growth"] = stored_growth.facts(state.found)
    else:
        design, found = state.found
        tensors |= {"low": found.low, "high": found.high}
        for i, group in enumerate(found.groups):
            tensors |= stored.tensors(group, str(i))
        facts["design"] = design.to_dict()
        facts["groups"] = [stored.numbers(group) for group in found.groups]
        facts["counts"] = {"read": found.read, "dropped": found.dropped}
        facts["imputed"] = dict(found.imputed.parts)
    store.write(path, "checkpoint", _FORMAT, tensors, facts, overwrite=True)


def _read(path: str | os.PathLike[str], question: dict[str, Any], folds: int) -> _State:
    _, tensors, facts = store.read(path, "checkpoint", _FORMAT)
    with store.restoring(path, "checkpoint"):
        other = [name for name, value in question.items() if facts["question"].get(name) != value]
        if not other:
            return _restored(tensors, facts, folds)
    said = ", ".join(f"{name} {facts['question'].get(name)!r}" for name in other)
    raise DataError(
        f"The checkpoint {readable(str(path))} was begun with another question ({said}); ask the same, or name another file."
    )


def _restored(tensors: dict[str, Tensor], facts: dict[str, Any], folds: int) -> _State:
    done = tuple((str(p), *(stored.whole(n, "a mark") for n in numbers)) for p, *numbers in facts["done"])
    if any(len(mark) != 5 for mark in done):
        raise ValueError("a mark of no unit")
    notes, rounded = (tuple(map(str, facts[name])) for name in ("notes", "rounded"))
    if "growth" in facts:
        return _State(stored_growth.growth(tensors, facts["growth"], folds), done, notes, rounded)  # type: ignore[arg-type]  # of five
    design = Design.from_dict(facts["design"])
    q = design.p + len(design.responses)
    groups = tuple(stored.comoments(tensors, str(i), n, q, p=design.p) for i, n in enumerate(facts["groups"]))
    if len(groups) != folds:
        raise ValueError(f"{len(groups)} folds")
    low, high = stored.ranges(tensors, design.p, 0)
    read, dropped = (stored.whole(facts["counts"][name], name) for name in ("read", "dropped"))
    imputed = Named({str(name): stored.whole(count, "imputed") for name, count in facts["imputed"].items()})
    found = Collected(groups, low, high, read, dropped, imputed)
    return _State((design, found), done, notes, rounded)  # type: ignore[arg-type]  # of five
