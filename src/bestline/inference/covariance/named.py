"""The covariances by name: the one list of them. A new covariance is a file beside this one and a row here.

In Python {"cluster": ["firm", "year"]} and {"hac": "week", "lags": 4}; as one text "cluster:firm,year" and "hac:week,lags=4".
Lines under a loss with edges have kinds of their own, "robust" and "iid".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bestline.errors import OptionError, clean, in_a_row, listed, near_names
from bestline.inference.covariance.base import Classical, Cov, CovarianceKind
from bestline.inference.covariance.by_row import HC0, HC1, HC2, HC3
from bestline.inference.covariance.by_time import DriscollKraay
from bestline.inference.covariance.clustered import Clustered
from bestline.inference.covariance.edged import KINDS
from bestline.inference.covariance.in_order import NeweyWest
from bestline.training.losses.base import Loss, LossFunction
from bestline.training.losses.named import parse_loss

COVARIANCES: dict[str, type[CovarianceKind]] = {
    kind.name: kind for kind in (Classical, HC0, HC1, HC2, HC3, Clustered, NeweyWest, DriscollKraay)
}
# Other names of them, and the options that these stand for.
_ALIASES: dict[str, tuple[str, dict[str, str]]] = {
    **{name: ("cluster", {"type": name.upper()}) for name in ("cr1", "cr2", "cr3")},
    **{name: ("hac", {}) for name in ("newey-west", "neweywest", "newey_west", "newey", "nw")},
    **{name: ("driscoll-kraay", {}) for name in ("driscollkraay", "driscoll_kraay", "dk", "xtscc")},
}
_HUBER: dict[str, tuple[str, dict[str, str]]] = {name: ("iid", {"form": name.upper()}) for name in ("h1", "h2", "h3")}
_QUANTILES: dict[str, tuple[str, dict[str, str]]] = {"nid": ("robust", {"density": "fits"})}
# Of lines under a loss with edges, what others call them and what goes for least squares.
_OF_EDGES = {
    **dict.fromkeys(("h1", "h2", "h3", "ols", "nonrobust", "const", "default"), "iid"),
    **dict.fromkeys(
        ("ker", "kernel", "powell", "nid", "hc", "hc0", "hc1", "hc2", "hc3", "hc4", "white", "hetero", "sandwich"), "robust"
    ),
}
# What others call them, or have and we have not.
_ELSEWHERE = {
    **dict.fromkeys(("nonrobust", "iid", "ols", "const", "none", "default"), "write 'classical'"),
    **dict.fromkeys(
        ("robust", "hc", "white", "hetero", "sandwich", "hc4", "hc5"),
        "write 'HC3', which is consistent under heteroscedasticity of any kind",
    ),
}


def parse_cov(cov: Cov, loss: str | LossFunction = "squared") -> CovarianceKind:
    """The covariance that "HC3", {"cluster": "firm"}, "cluster:firm" or {"hac": "week", "lags": 4} asks for.

    Of lines by a `loss` with edges "robust" or "iid".

    Raises OptionError for anything else.
    """
    cost, kinds = parse_loss(loss), COVARIANCES
    if cost.edged:
        kinds = {kind.name: kind for kind in KINDS[cost.name]}
    if isinstance(cov, CovarianceKind):
        if type(cov) not in kinds.values():
            raise _unknown(cov.text, cov.name, kinds, cost)
        return cov
    name, columns, options = _of_mapping(cov, kinds) if isinstance(cov, Mapping) else _of_text(cov)
    plain = name.lower().rstrip(":")
    aliases = _ALIASES if not cost.edged else _HUBER if cost.name == "huber" else _QUANTILES
    plain, meant = aliases.get(plain, (plain, {}))
    kind = next((kind for known, kind in kinds.items() if known.lower() == plain), None)
    if kind is None:
        raise _unknown(cov, name, kinds, cost)
    if name.endswith(":") or len(columns) not in kind.columns_wanted:
        raise _columns(cov, kind)
    twice = [option for option in meant if option in options]
    if twice:
        raise OptionError(f"`cov` {name!r} says its {twice[0]} itself; leave {twice[0]} out, or write {kind.name!r} with it.")
    options = meant | options
    odd = [option for option in options if option not in kind.options]
    if odd:
        takes = f"it takes {listed(kind.options)}" if kind.options else "it takes none"
        raise OptionError(f"`cov` {kind.name!r} has no option {odd[0]!r}; {takes}.")
    return kind.asked(columns, options)


def _of_mapping(cov: Mapping[str, Any], kinds: Mapping[str, type[CovarianceKind]]) -> tuple[str, list[str], dict[str, Any]]:
    """The name, the columns and the options of {name: column or columns, option: value}."""
    known = {*(name.lower() for name in (*COVARIANCES, *kinds)), *_ALIASES}
    named = [key for key in cov if isinstance(key, str) and key.lower() in known]
    name = named[0] if len(named) == 1 else next((key for key in cov if isinstance(key, str)), "")
    value = cov.get(name)
    columns = [value] if isinstance(value, str) else [] if value is None else value
    if len(named) > 1 or not isinstance(columns, list | tuple) or not all(isinstance(c, str) and c for c in columns):
        raise OptionError(
            f"`cov` as a mapping names the columns of one kind, as {{'cluster': column}} or {{'cluster': [a, b]}}, and its options, as "
            f"{{'hac': column, 'lags': 4}}; columns are named, as the table has them; got {_brief(cov)}."
        )
    return name, list(columns), {str(key): given for key, given in cov.items() if key != name}


def _brief(cov: object) -> str:
    """What was given, on one line that nobody minds reading."""
    return clean(" ".join(repr(cov).split()))[:100]


def _of_text(cov: object) -> tuple[str, list[str], dict[str, Any]]:
    """The same of name:column,column,option=value; a column that has a comma or an equals sign stands in double quotes."""
    name, colon, rest = str(cov).partition(":") if isinstance(cov, str) else (str(cov), "", "")
    if not rest.strip():  # nothing behind a colon: neither a kind with columns nor one without
        return f"{name.strip()}{colon}", [], {}
    columns: list[str] = []
    options: dict[str, Any] = {}
    for word in re.findall(r'\s*("(?:[^"]|"")*"|[^,]*)\s*(?:,|\Z)', rest):
        option, equals, value = word.partition("=")
        if word.startswith('"'):
            columns.append(word[1:-1].replace('""', '"'))
        elif equals:
            options[option.strip()] = value.strip()
        elif word.strip():
            columns.append(word.strip())
    return name.strip(), columns, options


def _columns(cov: Cov, kind: type[CovarianceKind]) -> OptionError:
    takes = kind.takes or f"no column; write {kind.name!r} alone"
    return OptionError(f"`cov` {kind.name!r} takes {takes}; got {_brief(cov)}.")


def _unknown(cov: Cov, name: str, kinds: Mapping[str, type[CovarianceKind]], cost: Loss) -> OptionError:
    if cost.edged:
        huber, meant = cost.name == "huber", _OF_EDGES.get(name.lower())
        own = [repr(known) for known in kinds] + (["'H2'", "'H3'"] if huber else ["'nid'"])
        lines = "Huber lines" if huber else "median and quantile lines"
        if name.lower() == Classical.name:
            return OptionError(
                f"`cov` 'classical' is of least squares, and there is none for {lines}; write 'robust', or 'iid' for errors alike in all rows."
            )
        if name.lower() == "rank" and not huber:
            return OptionError(
                f"There is no `cov` {_brief(cov)}: intervals by inverting a rank test have no standard error, and are not computed; write "
                f"{in_a_row(own, 'or')}."
            )
        hint = f"; {meant!r} is nearest to that" if meant else ""
        return OptionError(
            f"There is no `cov` {_brief(cov)} for {lines}, whose standard errors are of "
            f"independent rows; write {in_a_row(own, 'or')}{hint}."
        )
    if not cost.squared:
        return OptionError(
            f"There is no `cov` {_brief(cov)}, and a loss of one's own has no standard errors at all; leave `cov` out, or fit by "
            f"least squares, 'absolute', 'quantile:0.9' or 'huber'."
        )
    usual = _ELSEWHERE.get(name.lower().replace("-", ""))
    if usual:
        return OptionError(f"There is no `cov` {_brief(cov)}; {usual}.")
    kind, equals, behind = name.partition("=")
    if equals and kind.strip().lower() in COVARIANCES:
        return OptionError(f"There is no `cov` {_brief(cov)}; write '{kind.strip().lower()}:{behind.strip()}'.")
    near = near_names(name, COVARIANCES)
    if near and isinstance(cov, str):
        return OptionError(f"There is no `cov` {_brief(cov)}; did you mean {listed(near, joined='or')}?")
    plain = [known for known, kind in COVARIANCES.items() if 0 in kind.columns_wanted]
    columns = [
        f"{{{known!r}: column}} (--cov {known}:COLUMN)" for known, kind in COVARIANCES.items() if 1 in kind.columns_wanted
    ]
    return OptionError(f"`cov` is one of {', '.join(plain)}, or {' or '.join(columns)}; got {_brief(cov)}.")
