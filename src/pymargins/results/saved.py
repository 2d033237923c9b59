"""Results in files that need neither the model nor pickle: JSON and arrays in one zip archive.

``result.json`` holds labels, columns and facts, and of every array its shape and SHA-256;
``digest`` is the SHA-256 of ``result.json``; the arrays are in NumPy's own format. Nothing in a
file is ever executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pymargins._typing import AnyArray
from pymargins.errors import ArgumentTypeError, UnsupportedError
from pymargins.estimands.nodes import Estimand, stacked
from pymargins.estimands.scales import ODDS_RATIOS, Scale
from pymargins.facts.plain import plain
from pymargins.inference.kept import described, kept_as
from pymargins.results.estimates import Estimates

FORMAT = "pymargins result"
#: Raised whenever older versions could not read what is written.
VERSION = 1
WORDS, DIGEST = "result.json", "digest"
ODDS = "odds ratio"


def save(result: Estimates, path: str | os.PathLike[str]) -> None:
    """Write a result; see `MarginsResult.save`."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"save: expected a path, got {type(path).__name__}.")
    whole, rows = _whole(result)
    arrays: dict[str, AnyArray] = dict(kept_as(result.inference, whole))
    arrays["rows"] = rows
    adjustment = result.adjustment
    words = {
        "labels": whole.labels,
        "columns": dict(whole.columns),
        "scale": _scale_name(result.scale),
        "level": result.level,
        "facts": result.facts,
        "inference": described(result.inference, arrays),
        "adjustment": None if adjustment is None else (adjustment.method, adjustment.by),
    }
    files = {f"{name}.npy": _bytes_of(array) for name, array in arrays.items()}
    text = {
        "format": FORMAT,
        "version": VERSION,
        "pymargins": version("pymargins"),
        "arrays": {name: digest(content) for name, content in files.items()},
        "words": {name: _plain(name, value) for name, value in words.items()},
    }
    content = json.dumps(text, indent=1, ensure_ascii=False, allow_nan=False).encode()
    files = {WORDS: content, DIGEST: digest(content).encode(), **files}
    part = Path(path).with_name(Path(path).name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in files.items():
            archive.writestr(name, one)
    part.replace(path)  # whole, or not at all


def _whole(result: Estimates) -> tuple[Estimand, AnyArray]:
    """Return all rows that were adjusted together, and which of them the result has."""
    found = result.adjustment
    if found is None:
        return result.estimand, np.arange(len(result))
    order = np.argsort(np.concatenate([rows for rows, _ in found.families]))
    return stacked([family.estimand for _, family in found.families])[order], found.rows


def _scale_name(scale: Scale) -> str:
    if scale == ODDS_RATIOS:
        return ODDS
    if not scale.is_named:
        raise UnsupportedError(
            f"save: the scale {scale.name!r} is made of functions of your own, which a plain file "
            "cannot hold. Pickle the result instead."
        )
    return scale.name


def _plain(name: str, value: Any) -> Any:
    try:
        return plain(value)
    except TypeError as error:
        raise UnsupportedError(
            f"save: the {name} of this result hold a {error}, which a plain file cannot hold. Give "
            "such values as text or numbers, or pickle the result."
        ) from None


# --- files ---------------------------------------------------------------------------------------


def _bytes_of(array: AnyArray) -> bytes:
    out = io.BytesIO()
    np.save(out, np.asarray(array, dtype=float), allow_pickle=False)
    return out.getvalue()


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file in the archive."""
    return hashlib.sha256(content).hexdigest()
