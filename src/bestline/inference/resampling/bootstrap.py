"""Bootstrap: errors and intervals of the weights from samples of the rows themselves."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.calls import checked, is_whole, no_such, one_of
from bestline.data.folds import check_seed
from bestline.errors import DataError, NumericalError, OptionError, listed, readable, warn
from bestline.inference import classical
from bestline.inference.coordinates import Totals
from bestline.inference.fitted import FittedLine
from bestline.inference.resampling.draws import MULTIPLIERS, counts
from bestline.inference.resampling.draws import multipliers as drawn_multipliers
from bestline.inference.resampling.intervals import INTERVALS, ends
from bestline.inference.resampling.replicates import UnitSums
from bestline.inference.training_rows import numbered
from bestline.inference.uncertainty import basis_of, check_same_rows
from bestline.inference.why_not import refuse, refuse_absorbed
from bestline.wording import aligned, apart, finite, level_of, significant

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = ("pairs", "wild", "cluster", "jackknife")
_MOST_NUMBERS = 5e8  # of all rows' products, 4 GB
_FEWEST, _MOST = 10, 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Errors of weights without a formula. `print` it, or take its `frame()`.

    Attributes
    ----------
    kind : str
        "pairs", "wild", "cluster" or "jackknife".
    about : str
        The same in words.
    terms, targets : tuple of str
        Names of the weights (d,) and targets (k,).
    estimate, std_error, bias, conf_low, conf_high : Tensor (d, k)
        NaN for weights that the data do not determine.
    replicates : Tensor (B, d, k)
        The weights of every sample that determines the line; of the jackknife of every line that lacks a unit.
    level : float
    interval : str
    lost : int
        Samples that do not determine the line, as without a level.
    """

    kind: str
    about: str
    terms: tuple[str, ...]
    targets: tuple[str, ...]
    estimate: Tensor
    std_error: Tensor
    bias: Tensor
    conf_low: Tensor
    conf_high: Tensor
    replicates: Tensor
    level: float
    interval: str
    lost: int

    def frame(self) -> DataFrame:
        """One row a weight: term, estimate, std_error, conf_low, conf_high, bias; of several targets with a first column `target`."""
        import pandas as pd

        names = ("estimate", "std_error", "conf_low", "conf_high", "bias")
        frames = []
        for i, target in enumerate(self.targets):
            frame = pd.DataFrame({"term": self.terms} | {name: getattr(self, name)[:, i].tolist() for name in names})
            if len(self.targets) > 1:
                frame.insert(0, "target", target)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        weights = [{name: finite(value) for name, value in row.items()} for row in self.frame().to_dict(orient="records")]
        told = {"kind": self.kind, "about": self.about, "samples": len(self.replicates), "lost": self.lost}
        return {**told, "level": self.level, "interval": self.interval, "weights": weights}

    def __str__(self) -> str:
        lines = [self.about]
        for i, target in enumerate(self.targets):
            head = [
                "" if len(self.targets) == 1 else target,
                "estimate",
                "std error",
                f"{level_of(self.level)} interval",
                "bias",
            ]
            rows = [
                [name, *map(significant, (w, error)), f"{significant(low)} {significant(high)}", significant(bias)]
                for name, w, error, low, high, bias in zip(
                    apart(list(self.terms)),
                    *(getattr(self, v)[:, i].tolist() for v in ("estimate", "std_error", "conf_low", "conf_high", "bias")),
                    strict=True,
                )
            ]
            lines += ["", *aligned([head, *rows], numbers=True)]
        return "\n".join(lines)

    __repr__ = __str__


@checked
def bootstrap(
    line: FittedLine,
    data: Any = None,
    *,
    kind: str = "pairs",
    samples: int | None = None,
    seed: int | None = None,
    level: float = 0.95,
    interval: str | None = None,
    cluster: str | None = None,
    multipliers: str | None = None,
) -> Bootstrap:
    """Errors and intervals of a least-squares line from samples of its training rows.

    Parameters
    ----------
    line : FittedLine
    data
        The training rows, for a model that has none.
    kind : {"pairs", "wild", "cluster", "jackknife"}
        Rows drawn with replacement; residuals multiplied at random, the columns kept as they are; whole clusters drawn with
        replacement; or each row (or cluster) left out once, which draws nothing.
    samples : int, optional
        How many samples, 2,000 by default; the jackknife has as many as there are rows or clusters.
    seed : int, optional
        Of the draws, by a generator of their own, 0 by default; the jackknife draws nothing.
    level : float
    interval : {"percentile", "bca", "basic", "normal"}, optional
        "percentile" by default; those of the jackknife are by Student's t.
    cluster : str, optional
        A column: "cluster" draws by it, "wild" multiplies the residuals of a cluster alike, "jackknife" leaves out one at a time.
    multipliers : {"rademacher", "webb"}, optional
        Of the wild bootstrap, "rademacher" by default.

    Raises
    ------
    OptionError, DataError
        For options that are none, or of which the kind makes no use; for absorbed effects; for other rows than those of training, rows without a cluster, and fewer than two clusters.
    NumericalError
        For penalties, bounds, other losses and own forward functions, and where most samples do not determine the line.
    """
    given = {"samples": samples, "seed": seed, "interval": interval, "multipliers": multipliers}
    samples, seed = 2_000 if samples is None else samples, 0 if seed is None else seed
    interval, multipliers = "percentile" if interval is None else interval, "rademacher" if multipliers is None else multipliers
    seed = _checked(kind, samples, seed, level, interval, cluster, multipliers)
    _refuse_unused(kind, {name for name, value in given.items() if value is not None})
    refuse_absorbed(line, "A bootstrap estimates the effects of every sample anew, which is not done")
    inference = refuse(line, "There is no bootstrap")
    units = _units(line, data, cluster)
    generator = torch.Generator().manual_seed(seed)
    if kind == "jackknife":
        changes = units.left_out()
    elif kind == "wild":
        changes = units.multiplied(samples, lambda size: drawn_multipliers(size, len(units), generator, multipliers))
    else:
        changes = units.drawn(samples, lambda size: counts(size, len(units), generator))
    # NaN where a sample does not determine the line: no weights are made up for it.
    firm = ~changes.isnan().flatten(1).any(1)
    lost = int((~firm).sum())
    # Those that do have the rare rows or clusters, each about once: they are more alike than samples are.
    if len(firm) - lost < 2 or lost > len(firm) / 2:
        raise NumericalError(
            f"{lost:,} of {len(firm):,} samples do not determine the line, as without a level, and the others are more alike than samples are; "
            f"use kind='wild'."
        )
    if lost:
        warn(f"{lost:,} of {len(firm):,} samples do not determine the line, as without a level, and are left out.")
    basis = basis_of(line, data)
    T = basis.weights()
    # Drawn in the line's own coordinates, in which a sample is a small system well conditioned; T brings what changed to the data's units.
    moved = torch.einsum("dr,brk->bdk", T, changes[firm]) * basis.unit
    without = torch.einsum("dr,brk->bdk", T, units.left_out()) * basis.unit if interval == "bca" else None
    found = _read(moved, without, kind, interval, level)
    blind = ~inference.determined
    for values in found:
        values[blind] = torch.nan
    error, bias, low, high = found
    # Intervals are about the exact weights: what training has missed is no error of sampling.
    w = line.exact_weights
    return Bootstrap(
        kind=kind,
        about=_about(kind, len(firm), len(units), interval, cluster, multipliers, lost),
        terms=line.names,
        targets=line.targets,
        estimate=line.weights,
        std_error=error,
        bias=bias,
        conf_low=w + low,
        conf_high=w + high,
        replicates=w + moved,
        level=level,
        interval="normal" if kind == "jackknife" else interval,
        lost=lost,
    )


def _checked(kind: str, samples: int, seed: int, level: float, interval: str, cluster: Any, multipliers: str) -> int:
    for what, value, known in (
        ("kind of bootstrap", kind, KINDS),
        ("interval", interval, INTERVALS),
        ("multipliers", multipliers, MULTIPLIERS),
    ):
        if not one_of(value, known):
            raise no_such(what, value, known)
    if not is_whole(samples) or not _FEWEST <= samples <= _MOST:
        raise OptionError(f"`samples` is a whole number from {_FEWEST} to {_MOST:,}; got {samples!r:.60}.")
    classical.check_level(level)
    if cluster is not None and not isinstance(cluster, str):
        raise OptionError(f"`cluster` is the name of a column; got {cluster!r:.60}.")
    if (kind == "cluster") > (cluster is not None):
        raise OptionError("kind='cluster' draws whole clusters; say by which column, as cluster='firm'.")
    if kind == "pairs" and cluster is not None:
        raise OptionError("kind='pairs' draws single rows; with a `cluster` write kind='cluster', or 'wild'.")
    return check_seed(seed)


def _refuse_unused(kind: str, given: set[str]) -> None:
    """Raises OptionError for what was asked for and would change nothing."""
    if kind == "jackknife":
        if of_draws := [name for name in ("samples", "seed", "interval", "multipliers") if name in given]:
            raise OptionError(
                f"kind='jackknife' draws nothing, and its intervals are by Student's t: leave out {listed(of_draws)}, or choose another kind."
            )
    elif "multipliers" in given and kind != "wild":
        raise OptionError(f"`multipliers` are of kind='wild' alone, and kind={kind!r} multiplies nothing: leave them out.")


def _units(line: FittedLine, data: Any, cluster: str | None) -> UnitSums:
    """The rows in the line's own coordinates, or their sums by cluster."""
    basis = basis_of(line, data)
    if line.training.count * basis.rank * (basis.rank + len(line.targets)) > _MOST_NUMBERS:
        raise OptionError(
            f"{line.training.count:,} rows with {basis.rank} weights are too many to draw from one by one; at that size classical and robust "
            f"errors are as good: model.tidy(cov='HC1')."
        )
    parts, totals, places = [], Totals.none(basis), dict[Hashable, int]()
    codes: list[Tensor] = []
    for batch in numbered(line, data, also=() if cluster is None else (cluster,), once=False):
        seen = basis.see(batch.rows.to("cpu"))
        parts.append((seen.q, seen.e, seen.root))
        totals += Totals.of(seen)
        if cluster is not None:
            own, names = batch.groups(cluster)
            # Codes are those of a batch; a cluster has one place among all of them.
            place = torch.tensor([places.setdefault(name, len(places)) for name in names] or [0])
            codes.append(place[own])
    check_same_rows(basis, totals)
    q, e, root = (torch.cat(part) for part in zip(*parts, strict=True))
    there = root > 0  # a row of weight 0 is none
    units = UnitSums.of(q[there], e[there], torch.cat(codes)[there] if cluster is not None else None)
    if len(units) < 2:
        of = "" if cluster is None else f" by {readable(cluster)}; there is 1 cluster"
        raise DataError(f"Samples need two rows or clusters or more{of}.")
    return units


def _read(
    moved: Tensor, without: Tensor | None, kind: str, interval: str, level: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Standard errors, bias, and the ends less the estimates, (d, k) each, of changes (B, d, k)."""
    B = len(moved)
    shape = moved.shape[1:]
    if kind != "jackknife":
        low, high = ends(interval, moved.flatten(1), None if without is None else without.flatten(1), level)
        return moved.std(0), moved.mean(0), low.unflatten(0, shape), high.unflatten(0, shape)
    # Quenouille's bias and Tukey's variance: lines that lack one unit differ by a share of what samples differ by.
    error = ((B - 1) / B * (moved - moved.mean(0)).square().sum(0)).sqrt()
    half = classical.t_quantile(0.5 + level / 2, B - 1) * error
    return error, (B - 1) * moved.mean(0), -half, half


def _about(kind: str, samples: int, units: int, interval: str, cluster: str | None, multipliers: str, lost: int) -> str:
    by = f"{units:,} clusters of {cluster}" if cluster is not None else f"{units:,} rows"
    less = f", {lost:,} of them without a line" if lost else ""
    if kind == "jackknife":
        return f"Jackknife: each of {by} left out once{less}; intervals by Student's t on {units - 1:,} degrees of freedom."
    how = {
        "pairs": f"{by} drawn with replacement",
        "cluster": f"{by} drawn with replacement",
        "wild": f"residuals of {by} multiplied by {multipliers.capitalize()} weights",
    }[kind]
    return f"Bootstrap ({kind}): {samples:,} samples{less}, {how}; {'BCa' if interval == 'bca' else interval} intervals."
