"""The covariances by name: the one list of them. A new covariance is a file beside this one and a row here."""

from __future__ import annotations

from collections.abc import Mapping

from bestline.errors import OptionError, listed, near_names
from bestline.inference.covariance.base import Classical, Cov, CovarianceKind
from bestline.inference.covariance.by_row import HC0, HC1, HC2, HC3
from bestline.inference.covariance.clustered import Clustered

COVARIANCES: dict[str, type[CovarianceKind]] = {kind.name: kind for kind in (Classical, HC0, HC1, HC2, HC3, Clustered)}
# What others call them, or have and we have not.
_ELSEWHERE = {
    **dict.fromkeys(("nonrobust", "iid", "ols", "const", "none", "default"), "write 'classical'"),
    **dict.fromkeys(
        ("robust", "hc", "white", "hetero", "sandwich", "hc4", "hc5"),
        "write 'HC3', which is consistent under heteroscedasticity of any kind",
    ),
    **dict.fromkeys(
        ("hac", "newey", "neweywest"),
        "standard errors that allow for autocorrelation (HAC, Newey-West) are not in bestline yet; statsmodels has them, by cov_type='HAC'",
    ),
}


def parse_cov(cov: Cov) -> CovarianceKind:
    """The covariance that "HC3", {"cluster": "firm"} or "cluster:firm" asks for; OptionError for anything else."""
    by_column = [name for name, kind in COVARIANCES.items() if kind.by_column]
    if isinstance(cov, Mapping):
        name, column = next(iter(cov.items()), ("", None))
        if len(cov) != 1 or name not in by_column or not isinstance(column, str):
            raise OptionError(f"`cov` as a mapping names one column of clusters, {{'cluster': column}}; got {cov!r}.")
        return COVARIANCES[name](column)  # type: ignore[call-arg]  # one that goes by a column has one field, its name
    # As text, for the command line; "hc3" is as good as "HC3".
    name, colon, column = str(cov).partition(":")
    kind = next((kind for known, kind in COVARIANCES.items() if known.lower() == name.lower()), None)
    if kind is not None and kind.by_column and column:
        return kind(column)  # type: ignore[call-arg]  # as above
    if kind is not None and not kind.by_column and not colon:
        return kind()
    plain = [known for known in COVARIANCES if known not in by_column]
    usual = _ELSEWHERE.get(name.lower().replace("-", ""))
    if usual:
        raise OptionError(f"There is no `cov` {cov!r}; {usual}.")
    near = [] if kind is not None else near_names(name, COVARIANCES)
    if near and isinstance(cov, str):
        raise OptionError(f"There is no `cov` {cov!r}; did you mean {listed(near, joined='or')}?")
    columns = [f"{{{known!r}: column}} (--cov {known}:COLUMN)" for known in by_column]
    raise OptionError(f"`cov` is one of {', '.join(plain)}, or {' or '.join(columns)}; got {cov!r}.")
