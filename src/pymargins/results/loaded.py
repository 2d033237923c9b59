"""Results read from the files that `MarginsResult.save` writes."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.estimands.scales import ODDS_RATIOS, SCALES
from pymargins.facts import ResultFacts
from pymargins.facts.plain import revived
from pymargins.families.adjustment import Adjustment, make_adjustment
from pymargins.inference.kept import kept_inference, kept_rows
from pymargins.results.result import MarginsResult
from pymargins.results.saved import DIGEST, FORMAT, ODDS, VERSION, WORDS, digest

#: What a file that is no archive, or a damaged one, makes Python say.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError),
    *(LookupError, TypeError, ValueError),
)


def load(path: str | os.PathLike[str]) -> MarginsResult:
    """Read a result that `MarginsResult.save` wrote.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    MarginsResult
        With the figures, covariance, labels, facts, tables and plots of the one that was saved, and
        its tests, contrasts and adjustments. Results of one session that were saved apart can
        be added and subtracted where they rest on the delta method.

    Raises
    ------
    ArgumentError
        For a file that is none of pymargins, was changed or cut short, or was written by a newer
        version.

    Notes
    -----
    What only a session knows is refused: degrees of freedom of new combinations where each has its
    own (Kenward-Roger, Satterthwaite), their standard errors in every bootstrap replicate, standard
    deviations to divide effects by. Whether a new contrast rests on one cluster only is not told.

    Examples
    --------
    >>> import tempfile
    >>> import pymargins
    >>> path = tempfile.mkdtemp() + "/gain.margins"
    >>> m.predict({"dose": [0, 3]}).save(path)
    >>> pymargins.load(path).labels
    ('dose=0', 'dose=3')
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"load: expected a path, got {type(path).__name__}.")
    if not Path(path).is_file():
        raise ArgumentError(f"load: there is no file {str(path)!r}.")
    text, arrays = _read(path)
    try:
        return _result({name: revived(one) for name, one in text["words"].items()}, arrays)
    except (LookupError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"load: {str(path)!r} holds what this version of pymargins ({version('pymargins')}) "
            f"does not know; it was written by {text.get('pymargins')}: {error}"
        ) from error


def _result(words: dict[str, Any], arrays: dict[str, FloatArray]) -> MarginsResult:
    inference = kept_inference(words["inference"], arrays)
    columns = {name: list(values) for name, values in words["columns"].items()}
    estimand = kept_rows(arrays, tuple(words["labels"]), columns)
    rows = arrays["rows"].astype(np.intp)
    facts, scale = words["facts"], words["scale"]
    if not isinstance(facts, ResultFacts):
        raise TypeError(f"facts are {type(facts).__name__}")
    adjustment: Adjustment | None = None
    if words["adjustment"] is not None:
        method, by = words["adjustment"]
        adjustment = make_adjustment(method, list(by) or None, inference, estimand, words["level"])
        adjustment, estimand = adjustment[rows], estimand[rows]
    return MarginsResult(
        estimand,
        inference,
        ODDS_RATIOS if scale == ODDS else SCALES[scale],
        words["level"],
        facts,
        adjustment,
    )


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Return words and arrays of a file that is whole, unchanged and of a version known here."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        text = json.loads(files[WORDS])
        known = text["format"] == FORMAT
    except UNREADABLE as error:
        raise ArgumentError(
            f"load: {str(path)!r} is no result that pymargins saved, or it was cut short ({error})."
        ) from error
    if not known:
        raise ArgumentError(f"load: {str(path)!r} is no result that pymargins saved.")
    if text.get("version") != VERSION:
        raise ArgumentError(
            f"load: {str(path)!r} was written by pymargins {text.get('pymargins')} in version "
            f"{text.get('version')} of the format; this one reads version {VERSION}. Load it with "
            "that pymargins."
        )
    digests = {WORDS: files.get(DIGEST, b"").decode(errors="replace"), **text["arrays"]}
    changed = [n for n, one in digests.items() if n not in files or digest(files[n]) != one]
    if changed:
        raise ArgumentError(
            f"load: {str(path)!r} is not as pymargins wrote it: {', '.join(changed)} was changed "
            "or is missing."
        )
    arrays = {
        name.removesuffix(".npy"): np.load(io.BytesIO(files[name]), allow_pickle=False)
        for name in text["arrays"]
    }
    return text, arrays
