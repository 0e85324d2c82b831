"""Engines: the passes run where the data are, in a cluster or a database; the numbers come out as if they were here.

`base` is the contract: an engine says which data are its own, and opens them as a `Source` whose `reduce(pass)` runs there.
It knows no mathematics, and the mathematics does not know it. One file an engine, one row in `choose`. Doors:
`choose.placed(data, engine)` says who is to read data, and `choose.brought(data)` opens those of an engine; `open_source` asks it.

Databases need no file here: a relation of DuckDB, a table of Ibis and a lazy frame of Polars are tables (`data.tables.lazy`), and
what they add up themselves a pass asks of them, said once in narwhals for all of them.
"""
