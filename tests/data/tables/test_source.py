"""Sources: columns by name, and reading no more than is asked for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bestline.data.tables import open_source, read_table
from bestline.errors import ColumnError, OptionError
from data.tables.examples import all_numbers


def test_extra_is_refused_beside_files(put):
    with pytest.raises(OptionError, match="`w`"):
        open_source(put("x\n1\n"), extra={"w": [1]})


def test_unknown_columns_are_refused_with_near_names(put):
    source = open_source(put("weight,y\n1,2\n"))
    for ask in (lambda: source.field("wieght"), lambda: source.batches(["wieght"])):
        with pytest.raises(ColumnError, match="did you mean `weight`"):
            ask()
    with pytest.raises(ColumnError, match="weight"):
        next(iter(source.batches(["y"]))).numbers(["weight"])


def test_only_named_columns_are_decoded(put):
    source = open_source(put("x,y\n" + "1,2\n" * 20 + "oops,3\n"))
    assert all_numbers(source, ["y"])[-1, 0] == 3


def test_read_table(put):
    table = read_table(put("x,g,b\n1,a,True\nNA,NA,False\n"))
    assert table.to_pydict() == {"x": [1.0, None], "g": ["a", None], "b": [True, False]}


def test_no_warning_is_raised_by_read_only_memory():
    X = np.ones((3, 2))
    X.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_source(X)
