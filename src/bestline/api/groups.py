"""Groups: one line for each group of the rows, in one pass: `bestline.fit_groups`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from bestline.api.fit import fit
from bestline.api.lines import ManyLines, told
from bestline.api.model import Model
from bestline.calls import answering, data_first, is_number, is_whole, with_hints
from bestline.data.design import Key
from bestline.data.design.weight_kinds import ANALYTIC, FREQUENCY, PROBABILITY, checked_kind, refuse_classical
from bestline.data.folds import check_seed
from bestline.data.gather import Query
from bestline.data.grouped import gather_groups, rows_of_group, with_dates
from bestline.data.moments import Moments
from bestline.data.progress import Progress
from bestline.data.runner import calmly
from bestline.data.tables import Source
from bestline.data.unnamed_columns import Which
from bestline.engines.choose import placed
from bestline.errors import DataError, OptionError, listed
from bestline.inference.covariance.base import Classical, Cov, CovarianceKind
from bestline.inference.covariance.by_row import ByRow
from bestline.inference.covariance.clustered import Clustered
from bestline.inference.covariance.named import parse_cov
from bestline.inference.groups import tables
from bestline.inference.groups.by_group import lines_of_groups
from bestline.inference.hypotheses import Verdict
from bestline.training.request import check_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

    from bestline.pictures.groups import GroupGallery


@final
@answering(
    {
        "coef params coefficients weights": "groups.tidy() has one row a group and weight",
        "r2 rsquared sigma scores metrics": "groups.glance() has one row a group",
        "predict": "a group's line predicts: groups.model(key).predict(data)",
        "to_csv to_parquet write": "groups.save('lines.parquet') writes tidy()",
        "anova chow": "groups.test() tests whether all lines are one",
    }
)
@with_hints
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Groups(ManyLines):
    """One line for each group; made by `bestline.fit_groups`. See `ManyLines` for what it holds besides.

    Attributes
    ----------
    keys : tuple of Key
        The values that tell the groups, as they are written.
    source : Source
        The rows.
    asked : dict
        What `fit` would be asked for one of them.
    """

    keys: tuple[Key, ...]
    source: Source
    asked: dict[str, Any]

    def tidy(self, level: float = 0.95, *, pooling: str | None = None) -> DataFrame:
        """One row a group and weight: the groups' columns, term, estimate, std_error, statistic, p_value, conf_low, conf_high.

        Parameters
        ----------
        level : float
            Of the intervals.
        pooling : "partial", optional
            The lines shrunk towards their common line, by as much as their errors and differences say (Swamy 1970): empirical Bayes.
            Errors are those given the common line.

        Raises
        ------
        NumericalError
            With pooling, where too few groups determine their line and its errors: five more than weights.
        """
        return tables.tidy(self.lines, level, pooling=pooling)

    def test(self, *, target: int | str = 0) -> Verdict:
        """Are all lines one? The F test of one line for all rows against a line for each group (Chow 1960)."""
        return tables.one_line(self.lines, target)

    @property
    def plot(self) -> GroupGallery:
        """Pictures: `groups.plot.slopes("price")`, every group's weight with its interval; `groups.plot.lines()`, rows and lines."""
        from bestline.pictures.groups import GroupGallery  # matplotlib

        return GroupGallery(self.lines, self.keys, self.source)

    def model(self, *group: Any) -> Model:
        """The line of one group with all that a Model has; its rows are read again, and have to fit into memory.

        What is learnt of rows (levels, means that are filled in, the bases of poly, scale and center) is then learnt of these alone.

        Parameters
        ----------
        *group
            The values of the groups' columns, in their order: `groups.model("Gentoo")`, `groups.model("Adelie", 2008)`.

        Raises
        ------
        OptionError
            For a group that is not there.
        """
        key = self._key(group)
        cov = self.asked["cov"]
        beside = () if cov is None else parse_cov(cov).columns
        rows = rows_of_group(self.source, self.design, tuple(self.lines.labels), key, beside)
        return fit(with_dates(rows), self.design.formula, **self.asked)

    def _key(self, group: Sequence[Any]) -> Key:
        values = tuple(group[0]) if len(group) == 1 and isinstance(group[0], tuple) else tuple(group)
        labels = self.lines.labels
        if len(values) != len(labels):
            raise OptionError(f"A group is named by its value in {listed(labels)}; got {len(values)} values.")
        same = np.ones(len(self), dtype=bool)
        for known, value in zip(labels.values(), values, strict=True):
            same &= _equal(known, value)
        if not same.any():
            names = [str(value) for value in values]
            raise OptionError(
                f"There is no group {listed(names)}; such as {listed(self.lines.name(0))} there are {len(self):,}."
            )
        return self.keys[int(np.flatnonzero(same)[0])]


def _equal(known: NDArray[Any], value: Any) -> NDArray[np.bool_]:
    """Which values of a column that tells groups are this one, be it a number, a date or as it is written."""
    if known.dtype.kind == "M":
        try:
            value = np.datetime64(value)
        except ValueError:
            return np.zeros(len(known), dtype=bool)
    elif known.dtype.kind in "bif" and isinstance(value, str):
        return known.astype(str) == value
    return np.asarray(known == value) & np.ones(len(known), dtype=bool)


def _errors(cov: Cov | None, l2: float, weight_kind: str) -> CovarianceKind:
    """The covariance asked for, or the one that goes with the weights; OptionError for one that lines of groups do not have."""
    if cov is None:
        return parse_cov("HC1") if weight_kind == PROBABILITY and not l2 else Classical()
    kind = parse_cov(cov)
    classical = isinstance(kind, Classical)
    plainly = isinstance(kind, Clustered) and kind.type == "CR1" and len(kind.by) == 1
    if not (classical or isinstance(kind, ByRow) or plainly):
        raise OptionError(
            f"Lines of groups have classical standard errors, HC0 to HC3, and {{'cluster': column}}; got {cov!r}."
        )
    if l2:
        raise OptionError("Under a penalty there are no standard errors; leave out `cov`, or `l2`.")
    if classical:
        refuse_classical(weight_kind)
    elif weight_kind == FREQUENCY:
        raise OptionError(
            "Lines of groups with frequency weights have classical standard errors; leave `cov` out, or repeat the rows."
        )
    return kind


@data_first
@calmly
def fit_groups(
    data: Any,
    formula: Any = None,
    *,
    by: str | Sequence[str] | None = None,
    target: Which | None = None,
    features: Which | None = None,
    l2: float = 0.0,
    weights: Any = None,
    weight_kind: str = ANALYTIC,
    missing: str = "raise",
    folds: int = 5,
    seed: int = 0,
    digits: int = 8,
    cov: Cov | None = None,
    engine: Any = None,
    progress: Progress | None = None,
) -> Groups:
    """Fit one least-squares line to each group of the rows: thousands of groups in one pass and one batched solve.

    Parameters
    ----------
    data, formula, target, features, weights, weight_kind, missing
        As in `bestline.fit`; with frequency weights errors are classical ones, with probability weights HC1 where `cov` says nothing else. The columns are those of all rows together; what a group does not determine is NaN there.
    by : str or sequence of str
        The columns whose values tell the groups. They are no features unless they are named.
    l2 : float
        Ridge penalty, on columns standardised within each group; then there are no standard errors.
    folds : int
        Of the held-out error within each group; 1 for none, which takes a fifth of the memory.
    seed : int
        Of the folds.
    digits : int
        Right digits asked for; groups whose moments leave fewer are solved exactly from their rows. 0: none is.
    cov : str or dict, optional
        Standard errors: "classical" (the default, but for weights), "HC0" to "HC3", or {"cluster": column}, whose values are clusters within each group; the robust
        ones take one more pass over the rows.
    engine : str or client, optional
        As in `bestline.fit`.
    progress : callable, optional
        Hears of passes over the data: (what, fraction).

    Returns
    -------
    Groups

    Raises
    ------
    DataError, OptionError
        And their subclasses; see `bestline.errors`.

    Warns
    -----
    BestlineWarning
        For rows left out or filled in, and groups without a line.
    """
    columns = (by,) if isinstance(by, str) else tuple(by) if isinstance(by, list | tuple) else ()
    if not columns or not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
        raise OptionError(f"`by` names the columns whose values tell the groups, each once; got {by!r}.")
    if isinstance(data, Moments):
        raise OptionError("Lines of groups need the rows, and moments hold none; give the data that they were collected from.")
    tables.refuse_taken(columns)
    if not is_number(l2) or not 0 <= l2 < math.inf:
        raise OptionError(f"`l2` must be a number that is not negative; got {l2!r}.")
    if not is_whole(folds) or not 1 <= folds <= 100:
        raise OptionError(f"`folds` must be a whole number from 1 to 100; got {folds!r}.")
    check_digits(digits)
    weight_kind = checked_kind(weight_kind, weights)
    kind = _errors(cov, l2, weight_kind)
    query = Query(
        *(placed(data, engine), formula, target, features, weights, missing),
        folds=folds,
        seed=check_seed(seed),
        beside=kind.columns,
        weight_kind=weight_kind,
    )
    source, design, found, notes = gather_groups(query, columns, progress)
    lines, keys = lines_of_groups(design, columns, found, source, l2=float(l2), digits=digits, kind=kind, progress=progress)
    if not keys:
        raise DataError(f"No usable row is left in {source.label}, so there is no group to fit a line to.")
    told(lines, "group", notes, found.dropped, found.read)
    asked = {
        "weights": design.weights,
        "weight_kind": weight_kind,
        "missing": design.missing,
        "l2": l2,
        "seed": seed,
        "digits": digits,
        "cov": cov,
    }
    return Groups(lines, design, found.dropped, keys, source, asked)
