"""The covariances by name: the one list of them. A new covariance is a file beside this one and a row here."""

from __future__ import annotations

from collections.abc import Mapping

from bestline.errors import OptionError
from bestline.inference.covariance.base import Classical, Cov, CovarianceKind
from bestline.inference.covariance.by_row import HC0, HC1, HC2, HC3
from bestline.inference.covariance.clustered import Clustered

COVARIANCES: dict[str, type[CovarianceKind]] = {kind.name: kind for kind in (Classical, HC0, HC1, HC2, HC3, Clustered)}


def parse_cov(cov: Cov) -> CovarianceKind:
    """The covariance that "HC3", {"cluster": "firm"} or "cluster:firm" asks for; OptionError for anything else."""
    by_column = [name for name, kind in COVARIANCES.items() if kind.by_column]
    if isinstance(cov, Mapping):
        name, column = next(iter(cov.items()), ("", None))
        if len(cov) != 1 or name not in by_column or not isinstance(column, str):
            raise OptionError(f"`cov` as a mapping names one column of clusters, {{'cluster': column}}; got {cov!r}.")
    else:
        name, _, column = str(cov).partition(":")
        name = next((known for known in COVARIANCES if known.lower() == name.lower()), "")
    kind = COVARIANCES.get(name)
    if kind is None or kind.by_column != bool(column) or (not kind.by_column and ":" in str(cov)):
        plain = [known for known in COVARIANCES if known not in by_column]
        columns = [f"{{{known!r}: column}} (--cov {known}:COLUMN)" for known in by_column]
        raise OptionError(f"`cov` is one of {', '.join(plain)}, or {' or '.join(columns)}; got {cov!r}.")
    return kind(column) if column else kind()  # type: ignore[call-arg]  # one that goes by a column has one field, its name
