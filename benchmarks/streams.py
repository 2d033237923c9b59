"""Averages over a population in a Parquet file: time and memory, against one pass of the source.

``python benchmarks/streams.py [rows ...]`` makes a file of so many rows (2,000,000 by default) in
the temporary folder, asks, prints and deletes it. Each piece runs in a process of its own: seconds,
the most memory held, and how many times a pass that only adds up the same columns it takes. Linux
only (``/proc`` tells the peak); DuckDB, polars and pyarrow must be there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

SCHOOLS = [f"school {i:02d}" for i in range(12)]
GRID = {"age": np.linspace(20, 70, 28), "treated": [0, 1]}
#: Rows that are compared with what memory gives.
SAMPLE = 500_000


def made(n: int, seed: int) -> pd.DataFrame:
    """Return rows of people."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 75, n),
            "dose": rng.gamma(2.0, 1.0, n),
            "treated": rng.integers(0, 2, n).astype(np.int8),
            "school": np.array(SCHOOLS, dtype=object)[rng.integers(0, len(SCHOOLS), n)],
        }
    )
    eta = 0.03 * frame["age"] - 0.2 * frame["dose"] + 0.5 * frame["treated"] - 1.5
    frame["score"] = eta + rng.normal(0, 1, n)
    frame["passed"] = (frame["score"] > 0).astype(np.int8)
    return frame


def write(path: str, n: int) -> None:
    """Write a file piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for start in range(0, n, 1_000_000):
        rows = made(min(1_000_000, n - start), start)
        table = pa.Table.from_pandas(rows, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def fitted(kind: str):
    """Return a fitted model of people."""
    import statsmodels.formula.api as smf

    frame = made(2_000, 99)
    formula = "{} ~ age * treated + np.log1p(dose) + school"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "linear":
            return smf.ols(formula.format("score"), frame).fit()
        return smf.logit(formula.format("passed"), frame).fit(disp=0)


def session(kind: str, at):
    """Open a session."""
    from pymargins import Margins

    return Margins(fitted(kind), at=at)


def source_pyarrow(path: str) -> Callable:
    import pyarrow.compute as pc
    from pyarrow import parquet

    def run():
        total = 0.0
        columns = ["age", "dose", "treated"]
        file = parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        for batch in file.iter_batches(131_072, columns=[*columns, "school"]):
            total += sum(pc.sum(batch.column(name)).as_py() for name in columns)
            total += pc.count_distinct(batch.column("school")).as_py()
        return total

    return run


def source_duckdb(path: str) -> Callable:
    import duckdb

    asked = "count(*), sum(age), sum(dose), sum(treated), count(distinct school)"
    return lambda: duckdb.sql(f"select {asked} from '{path}'").fetchall()


def asked(kind: str, question: Callable, reader: Callable = str) -> Callable:
    def prepared(path: str) -> Callable:
        m = session(kind, reader(path))
        return lambda: question(m)

    return prepared


def duckdb_relation(path: str):
    import duckdb

    return duckdb.sql(f"from '{path}'")


def arrow_dataset(path: str):
    from pyarrow import dataset

    return dataset.dataset(path)


def polars_frame(path: str):
    import polars

    return polars.scan_parquet(path)


PIECES: dict[str, Callable] = {
    "one pass by pyarrow": source_pyarrow,
    "one pass by DuckDB": source_duckdb,
    "linear, 56 points": asked("linear", lambda m: m.predict(GRID)),
    "linear, 56 points, over school": asked("linear", lambda m: m.predict(GRID, over="school")),
    "linear, all slopes": asked("linear", lambda m: m.dydx("all")),
    "logit, 56 points": asked("logit", lambda m: m.predict(GRID)),
    "logit, all slopes": asked("logit", lambda m: m.dydx("all")),
    "linear, 56 points, pyarrow dataset": asked("linear", lambda m: m.predict(GRID), arrow_dataset),
    "linear, 56 points, DuckDB": asked("linear", lambda m: m.predict(GRID), duckdb_relation),
    "linear, 56 points, polars": asked("linear", lambda m: m.predict(GRID), polars_frame),
}


def peak() -> float:
    """Return the most memory held since the last reset, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(name: str, path: str) -> float:
    """Print what one piece takes; return seconds."""
    work = PIECES[name](path)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{seconds:.3f} {peak():.0f}")
    return seconds


def agrees(path: str) -> None:
    """Print how far a stream's figures are from those of memory, on some of the rows."""
    import pyarrow.parquet as pq

    some = next(pq.ParquetFile(path).iter_batches(SAMPLE)).to_pandas()
    part = Path(path).with_name("part.parquet")
    some.to_parquet(part)
    for kind in ("linear", "logit"):
        read, held = (session(kind, at).predict(GRID) for at in (part, some))
        away = max(
            np.abs(read.estimate / held.estimate - 1).max(),
            np.abs(read.std_error / held.std_error - 1).max(),
        )
        print(f"{kind}: the largest relative difference from memory is {away:.1e}", flush=True)
    part.unlink()


def run(rows: int, wanted: list[str]) -> None:
    """Measure every piece on a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "people.parquet")
        write(path, rows)
        print(f"{rows:,} rows, {Path(path).stat().st_size / 1e6:.0f} MB", flush=True)
        agrees(path)
        once = np.inf
        for piece in wanted or PIECES:
            env = {**os.environ, "PIECE": piece, "OPENBLAS_NUM_THREADS": "1"}
            command = [sys.executable, __file__, path]
            done = subprocess.run(command, env=env, check=False, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                print(f"{piece:34s} failed", flush=True)
                continue
            seconds, megabytes = map(float, done.stdout.split())
            once = min(once, seconds) if piece.startswith("one pass") else once
            ratio = f"{seconds / once:7.1f} passes" if np.isfinite(once) else ""
            print(f"{piece:34s} {seconds:8.2f} s {megabytes:7.0f} MB {ratio}", flush=True)


if __name__ == "__main__":
    if os.environ.get("PIECE"):
        measure(os.environ["PIECE"], sys.argv[1])
    else:
        named = [word for word in sys.argv[1:] if not word.isdigit()]
        for count in [int(word) for word in sys.argv[1:] if word.isdigit()] or [2_000_000]:
            run(count, named)
