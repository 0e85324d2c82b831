"""Where the tests of SQL engines have their rows: Polars, DuckDB, Ibis over DuckDB, and a PostgreSQL of their own, as far as installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

ENGINES = ("polars", "duckdb", "ibis", "postgres")


def binaries() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).parent if on_path else None


def lacking(engine: str) -> str:
    """Why an engine cannot be tested here; empty if it can."""
    if engine in ("ibis", "postgres") and find_spec("ibis") is None:
        return "needs ibis-framework"
    if engine == "postgres" and find_spec("psycopg") is None:
        return "needs psycopg"
    return "needs Debian's package postgresql" if engine == "postgres" and binaries() is None else ""


def _someone() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as the user of Debian's package, or as nobody."""
    if os.geteuid():
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL that lives as long as this context, in a temporary folder, on a free port of this machine."""
    programs = binaries()
    assert programs is not None
    someone = _someone()
    with tempfile.TemporaryDirectory() as folder:
        if someone:
            shutil.chown(folder, someone["user"])
        data = f"{folder}/data"

        def run(*command: str | Path) -> None:
            out = subprocess.DEVNULL
            subprocess.run(command, check=True, stdout=out, stderr=out, cwd=folder, **someone)

        run(programs / "initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        control = (programs / "pg_ctl", "-D", data, "-l", f"{folder}/log", "-w", "-t", "60")
        run(*control, "-o", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off", "start")
        try:
            yield f"host=127.0.0.1 port={port} user=tester dbname=postgres"
        finally:
            run(*control, "-m", "immediate", "stop")


def _column(field: Any) -> str:
    """A column as PostgreSQL declares it."""
    kinds = {
        "text": (pa.types.is_string, pa.types.is_large_string),
        "boolean": (pa.types.is_boolean,),
        "bigint": (pa.types.is_integer,),
        "real": (pa.types.is_float32,),
        "double precision": (pa.types.is_float64,),
    }
    kind = next(kind for kind, tests in kinds.items() if any(is_it(field.type) for is_it in tests))
    return f'"{field.name}" {kind}'


class Homes:
    """Puts a frame where an engine has it."""

    def __init__(self, address: Callable[[], str]) -> None:
        self.address, self.number, self.open = address, 0, []

    def close(self) -> None:
        for connection in self.open:
            connection.close()

    def put(self, engine: str, frame: pd.DataFrame) -> Any:
        """The rows of a frame as a lazy frame of the engine."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if engine == "polars":
            return pl.from_arrow(table).lazy()
        self.number += 1
        name = f"t{self.number}"
        if engine == "postgres":
            return self._in_postgres(table, name)
        connection = duckdb.connect()
        connection.register("given", table)
        connection.execute(f"create table {name} as select * from given")  # noqa: S608  our own name
        self.open.append(connection)
        if engine == "duckdb":
            return connection.table(name)
        import ibis

        return ibis.duckdb.from_connection(connection).table(name)

    def _in_postgres(self, table: pa.Table, name: str) -> Any:
        import ibis
        import psycopg

        columns = ", ".join(map(_column, table.schema))
        with psycopg.connect(self.address()) as connection, connection.cursor() as cursor:
            cursor.execute(f"create table {name} ({columns})")
            with cursor.copy(f"copy {name} from stdin") as copy:
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
                    copy.write_row(row)
        parts = dict(part.split("=") for part in self.address().split())
        backend = ibis.postgres.connect(
            host=parts["host"], port=int(parts["port"]), user=parts["user"], database=parts["dbname"]
        )
        self.open.append(backend.con)
        return backend.table(name)
