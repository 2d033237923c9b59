"""How a value of a variable is written: in labels, legends, notes and messages alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import numpy as np


def value_texts(values: Sequence[Any]) -> list[str]:
    """Write levels or numbers the way a table should, with the digits that tell them apart."""
    distinct = len(set(values))
    for digits in (6, 9, 12, 17):
        texts = [value_text(v, digits) for v in values]
        if len(set(texts)) == distinct:
            break
    return texts


def value_text(value: Any, digits: int = 6) -> str:
    """Write one level or number."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        number = float(value)
        whole = number.is_integer() and abs(number) < 1e15
        return str(int(number)) if whole else f"{number:.{digits}g}"
    if callable(value):
        name = getattr(value, "__name__", "function")
        return "shifted" if name == "<lambda>" else name
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return str(value)
