"""ONNX graph: a fitted line as one, in double precision, which runs wherever ONNX does.

    components (N, c) -> columns (N, p), each a product of components -> prediction (N, k) = columns @ weights + intercept

What has no prediction is NaN: a row with a missing value, or with a level that training never saw.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

import bestline.files as store
from bestline.data.design import MISSING_LEVEL, Design, Factor
from bestline.errors import ColumnError, OptionError, listed
from bestline.export.terms import PlainLine, components, refuse_shifts, sendable
from bestline.inference.fitted import FittedLine
from bestline.wording import VERSION

# What older runtimes read decides, not what is newest.
_OPSET, _IR = 19, 9  # the first with Equal on strings; ONNX Runtime 1.16 and all later ones run it
_OUTPUT, _MATRIX, _ROWS = "prediction", "X", "N"


def to_onnx(model: FittedLine, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a line as an ONNX file: double precision, one input for each column of the table that the line needs.

    Inputs are (N, 1) and called like their columns: doubles, missing is NaN; and strings for categories, missing is "". Numbers
    that training read as categories are strings too, written the short way: "2007". Columns called x0, x1, ... as those of
    arrays without names are one input instead, `X` (N, m), in the order of training. The output is `prediction` (N, k), turned back into y where the target is `log(y)`, as `predict` does.

    Parameters
    ----------
    model : FittedLine
        A line.
    path : path
        Written whole or not at all.
    overwrite : bool
        Replace a file that exists.

    Raises
    ------
    OptionError
        For an own forward function, a line without columns, names that a graph cannot have, or when `onnx` is not installed.
    ColumnError
        When a column is read both as numbers and as categories: an input has one type.
    DataError
        When the path cannot be written.
    """
    line = PlainLine.of(model, "ONNX")
    refuse_shifts(line.design, "ONNX")
    # Made whole in memory first: a file appears only when there is a graph to put into it.
    content = _graph(line).SerializeToString()
    with store.fresh(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def _graph(line: PlainLine) -> Any:
    design = line.design
    _check_names(design)
    builder = _Builder(design)
    # A line without columns has no product, one without an intercept nothing to add, and plain numbers show gaps by themselves.
    product = builder.node("MatMul", builder.columns(), builder.doubles(line.weights)) if design.columns else ""
    known = [
        builder.column(o.column) if o.kind == "number" else components(o.text, design.states, builder)[0]
        for o in design.offsets
    ]
    terms = [product, builder.doubles([line.intercept]) if design.intercept else "", builder.gaps(), *known]
    total, *others = [term for term in terms if term]
    for term in others:
        total = builder.node("Add", total, term)
    builder.node("Identity", builder.turned_back(line, total), name=_OUTPUT)
    return builder.model(line)


class _Builder:
    """Nodes of a graph as they are needed; it is a `Language` whose fragments are names of values (N, 1)."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self._onnx = _library()
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._made: dict[Any, str] = {}
        self._fitted = ""  # what the line fits, while it is turned back: then the only column
        self._numbers = [name for name in design.needs if name not in design.texts]
        self._matrix = design.table if _bare(design) else ()
        self._block = self._number_block() if self._numbers else ""
        self._components, self._at = self._all_components()

    def node(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """The output of a node; the same node is made once."""
        # x**2 in two columns is one node: what was made once under this key is used again.
        key = (kind, inputs, tuple(sorted(attributes.items())) if kind != "ConstantOfShape" else ())
        if key not in self._made or name is not None:
            self._made[key] = name or self._fresh()
            self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [self._made[key]], **attributes))
        return self._made[key]

    def doubles(self, values: Any) -> str:
        """A constant array of doubles."""
        array = np.asarray(values, dtype=np.float64)
        return self._constant(("doubles", array.shape, array.tobytes()), lambda name: self._from_array(array, name))

    def integers(self, values: Sequence[int]) -> str:
        """A constant vector of integers."""
        array = np.asarray(values, dtype=np.int64)
        return self._constant(("integers", tuple(values)), lambda name: self._from_array(array, name))

    def strings(self, values: Sequence[str]) -> str:
        """A constant row (1, n) of strings."""
        kind = self._onnx.TensorProto.STRING
        content = [v.encode() for v in values]
        return self._constant(
            ("strings", tuple(values)), lambda name: self._onnx.helper.make_tensor(name, kind, [1, len(content)], content)
        )

    def columns(self) -> str:
        """The columns of the design (N, p)."""
        parts = [[self._at[factor] + component for factor, component in column.parts] for column in self.design.columns]
        # Columns are products of up to `most` components; shorter ones are filled up with a component of ones.
        most = max(len(p) for p in parts)
        found, one = self._components, self._width
        if any(len(p) < most for p in parts):
            shape = self.node("Shape", self.node("Gather", found, self.integers([0]), axis=1))
            ones = self.node("ConstantOfShape", shape, value=self._from_array(np.ones(1), ""))
            found = self.node("Concat", found, ones, axis=1)
        product = ""
        for place in range(most):
            index = [p[place] if place < len(p) else one for p in parts]
            # Gathering all components in their order changes nothing, so it is left out.
            same = index == list(range(one)) and found == self._components
            factor = found if same else self.node("Gather", found, self.integers(index), axis=1)
            product = self.node("Mul", product, factor) if product else factor
        return product

    def turned_back(self, line: PlainLine, fitted: str) -> str:
        """What a line fits (N, k) in units of the targets' own columns."""
        if not any(line.inverses):
            return fitted
        own = []
        for i in range(len(line.outputs)):
            self._fitted = fitted if len(line.outputs) == 1 else self.node("Gather", fitted, self.integers([i]), axis=1)
            own.append(line.turned_back(i, self))
        self._fitted = ""
        return self._joined(own)

    def gaps(self) -> str:
        """0 (N, 1), or NaN for rows where any component is missing, infinite or undefined; nothing where products show it."""
        if all(f.kind == "number" for f in self.design.factors):
            return ""
        # 0 * x is 0, and NaN where x is missing or infinite: summed over a row it says whether there is a prediction.
        nothing = self.node("Mul", self._components, self.doubles(0.0))
        return self.node("ReduceSum", nothing, self.integers([1]), keepdims=1)

    def column(self, name: str) -> str:
        """A number column (N, 1), its gaps filled if the design does so; on the way back what the line fits."""
        if self._fitted:
            return self._fitted
        return self.node("Gather", self._block, self.integers([self._numbers.index(name)]), axis=1)

    def operation(self, sign: str, a: str | float, b: str | float) -> str:
        """A node of two inputs."""
        kind = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "**": "Pow"}[sign]
        return self.node(kind, self._value(a), self._value(b))

    def function(self, name: str, x: str | float) -> str:
        """A node, or the few that make up what ONNX Runtime has no double precision for."""
        value, one = self._value(x), self.doubles(1.0)
        match name:
            case "log2" | "log10":
                return self.node("Div", self.node("Log", value), self.doubles(np.log(2.0 if name == "log2" else 10.0)))
            case "tan":
                return self.node("Div", self.node("Sin", value), self.node("Cos", value))
            case "log1p":  # Kahan's way, which keeps all digits near zero
                sum_ = self.node("Add", value, one)
                quotient = self.node("Div", self.node("Mul", self.node("Log", sum_), value), self.node("Sub", sum_, one))
                return self.node("Where", self.node("Equal", sum_, one), value, quotient)
            case "expm1":
                power = self.node("Exp", value)
                less = self.node("Sub", power, one)
                quotient = self.node("Div", self.node("Mul", less, value), self.node("Log", power))
                inner = self.node("Where", self.node("Equal", less, self.doubles(-1.0)), self.doubles(-1.0), quotient)
                return self.node("Where", self.node("Equal", power, one), value, inner)
        return self.node(name.capitalize(), value)

    def chosen(self, x: str | float, bounds: Sequence[float], values: Sequence[str | float]) -> str:
        """A node for each bound; NaN, which is below none of them, is left to the last value."""
        *earlier, found = map(self._value, values)
        for bound, value in zip(reversed(bounds), reversed(earlier), strict=True):
            found = self.node("Where", self.node("Less", self._value(x), self.doubles(bound)), value, found)
        return found

    def model(self, line: PlainLine) -> Any:
        """The finished graph, with what a reader should know in its metadata."""
        helper, kinds, design = self._onnx.helper, self._onnx.TensorProto, self.design

        def value(name: str, kind: int, width: int, what: str) -> Any:
            return helper.make_tensor_value_info(name, kind, [_ROWS, width], doc_string=what)

        if self._matrix:
            inputs = [value(_MATRIX, kinds.DOUBLE, len(self._matrix), f"columns {', '.join(self._matrix)}")]
        else:
            inputs = [
                value(n, kinds.STRING, 1, 'category; "" is missing')
                if n in design.texts
                else value(n, kinds.DOUBLE, 1, "number; NaN is missing")
                for n in design.needs
            ]
        outputs = [value(_OUTPUT, kinds.DOUBLE, len(design.targets), f"predicted {', '.join(design.targets)}")]
        graph = helper.make_graph(self._nodes, "bestline", inputs, outputs, self._constants, doc_string=design.formula)
        made = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR,
            producer_name="bestline",
            producer_version=VERSION,
        )
        facts = {"features": design.names, "targets": design.targets}
        texts = {name: json.dumps(names, ensure_ascii=False) for name, names in facts.items()}
        helper.set_model_props(made, {"formula": design.formula, "bestline": VERSION, **texts})
        return made

    def _number_block(self) -> str:
        """All number columns (N, m), in the order of the design."""
        if self._matrix:
            # Arrays come as one matrix; the line may need some of its columns, in another order.
            index = [self._matrix.index(name) for name in self._numbers]
            whole = index == list(range(len(self._matrix)))
            block = _MATRIX if whole else self.node("Gather", _MATRIX, self.integers(index), axis=1)
        else:
            block = self._joined(self._numbers)
        if self.design.missing != "impute":
            return block
        means = self.doubles([[self.design.means.get(name, np.nan) for name in self._numbers]])
        return self.node("Where", self.node("IsNaN", block), means, block)

    def _all_components(self) -> tuple[str, list[int]]:
        """Every component side by side (N, c), and where each factor's begin."""
        pieces = [self._block] if self._block else []
        self._width = len(self._numbers)
        at = []
        for factor in self.design.factors:
            if factor.kind == "number":
                at.append(self._numbers.index(factor.column))
                continue
            at.append(self._width)
            category = factor.kind == "category"
            pieces += [self._indicators(factor)] if category else components(factor.text, self.design.states, self)
            self._width += factor.components
        return self._joined(pieces), at

    def _indicators(self, factor: Factor) -> str:
        """A column of 0 and 1 for each level (N, levels), all NaN for a level that training never saw."""
        cell, levels = factor.column, [sendable(level, "The level") for level in factor.levels]
        has_level = MISSING_LEVEL in levels
        missing = self.node("Equal", cell, self.strings([""])) if self.design.missing == "impute" and "" not in levels else ""
        if missing and has_level:
            cell = self.node("Where", missing, self.strings([MISSING_LEVEL]), cell)
        hits = self.node("Cast", self.node("Equal", cell, self.strings(levels)), to=self._onnx.TensorProto.DOUBLE)
        # A level that training never saw hits no column, so the sum of its row is 0.
        unseen = self.node("Equal", self.node("ReduceSum", hits, self.integers([1]), keepdims=1), self.doubles(0.0))
        found = self.node("Where", unseen, self.doubles(np.nan), hits)
        if missing and not has_level:  # training had no gaps here: a gap counts as every level, each by its share
            found = self.node("Where", missing, self.doubles([factor.shares]), found)
        return self.node("MatMul", found, self.doubles(factor.values)) if factor.is_coded else found

    def _joined(self, pieces: Sequence[str]) -> str:
        return pieces[0] if len(pieces) == 1 else self.node("Concat", *pieces, axis=1)

    def _value(self, x: str | float) -> str:
        return x if isinstance(x, str) else self.doubles(x)

    def _constant(self, key: Any, make: Any) -> str:
        if key not in self._made:
            self._made[key] = self._fresh()
            self._constants.append(make(self._made[key]))
        return self._made[key]

    def _from_array(self, array: Any, name: str) -> Any:
        return self._onnx.numpy_helper.from_array(array, name)

    def _fresh(self) -> str:
        """A name that no column has: columns' names are not empty, and this begins with one more underline than any of theirs."""
        # A graph has one space of names for columns, constants and results.
        longest = max((len(n) - len(n.lstrip("_")) for n in self.design.needs), default=0)
        return f"{'_' * (longest + 1)}{len(self._made)}"


def _bare(design: Design) -> bool:
    """Whether the columns are called as those of arrays without names, all numbers."""
    return design.table == tuple(f"x{j}" for j in range(len(design.table))) and not design.texts


def _check_names(design: Design) -> None:
    if not design.needs:
        raise OptionError("A line without columns is one number, and a graph of it would have no inputs; take `to_dict`.")
    odd = [name for name in design.needs if name in ("", _OUTPUT)]
    if odd:
        raise OptionError(f"ONNX cannot have an input called {listed(odd)}; rename the column and fit again.")
    for name in design.needs:
        sendable(name, "The column")
    numbers = {name for f in (*design.factors, *design.offsets) for name in f.numbers}
    filled = [name for o in design.offsets for name in o.numbers if name in design.means]
    if filled:
        raise OptionError(
            f"{listed(filled)} is a feature whose gaps are filled and an offset whose gaps are not, and an ONNX input is one of both; copy the "
            f"column under another name and fit again."
        )
    both = [name for name in design.texts if name in numbers]
    if both:
        raise ColumnError(
            f"{listed(both)} {'is' if len(both) == 1 else 'are'} read both as numbers and as categories, and an ONNX input has one "
            f"type; copy the column under another name and fit again."
        )


def _library() -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise OptionError("Writing ONNX needs the package onnx; install it with pip install 'bestline[onnx]'.") from error
    return onnx
