"""Take what tests need from the full reference figures: `python take.py FULL KIND [KIND ...]`.

A case keeps its data, model and variance parameters (`cases/`), each kind of query its rows
(`<kind>/<case>.json`); data sets that `../data` lacks are copied.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEPT = ("id", "title", "features", "data", "r", "statsmodels", "random_terms", "fixed_effects")
KEPT += ("variance_parameters", "singular", "statsmodels_fit")
FIT = ("figures_from", "fe_params", "scale", "cov_re", "vcomp", "to_statsmodels")


def take(full: Path, kinds: list[str]) -> None:
    """Write the cases that have queries of these kinds."""
    for path in sorted((full / "cases").glob("*.json")):
        figures = json.loads(path.read_text())
        small = {key: figures[key] for key in KEPT}
        small["statsmodels_fit"] = {key: figures["statsmodels_fit"][key] for key in FIT}
        found = {k: [q for q in figures["queries"] if q["kind"] == k] for k in kinds}
        if not any(found.values()):
            continue
        source = (full / figures["data"]["file"]).resolve()
        own = HERE.parent / "data" / source.name
        if not own.exists():
            own = HERE / "data" / source.name
            shutil.copy(source, own)
        small["data"]["file"] = Path(os.path.relpath(own, HERE)).as_posix()
        write(HERE / "cases" / path.name, small)
        for kind, queries in found.items():
            if queries:
                write(HERE / kind / path.name, queries)


def write(path: Path, value: object) -> None:
    """Write compact JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    take(Path(sys.argv[1]), sys.argv[2:])
