"""Numbers as a table should write them: as many digits as the standard error supports."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from pymargins._typing import FloatArray

#: Digits of a standard error that are worth printing; an estimate ends at the same decimal.
ERROR_DIGITS = 3
#: Digits of an estimate that is known exactly.
VALUE_DIGITS = 4
#: Rows whose decimals differ by no more than this are written alike.
UNIFORM = 2
#: More decimals, or more digits before the point, are written as powers of ten.
MOST_DECIMALS = 6
LARGEST = 1e7

#: Computed degrees of freedom this close to a whole number are one.
WHOLE = 1e-4

#: As wide as a digit and as a point: they pad cells so that decimal points stand in line.
FIGURE_SPACE = "\u2007"
POINT_SPACE = "\u2008"
INFINITY = "∞"
#: The power of ten at the end of a number.
POWER = re.compile(r"(?<=\d)e-?\d+$")
#: What is not defined: a note below the table says why.
MISSING = "–"


def decimals(estimate: FloatArray, std_error: FloatArray) -> list[int]:
    """Return how many decimals each row needs, the same for all rows where that reads well.

    Negative where even the last digits before the point are beyond what is known.
    """
    needed = [_decimals(e, s) for e, s in zip(estimate.tolist(), std_error.tolist(), strict=True)]
    least, last = min(needed, default=0), max(needed, default=0)
    if last - UNIFORM <= least <= MOST_DECIMALS < last == MOST_DECIMALS + 1:
        return [MOST_DECIMALS] * len(needed)  # a digit less, rather than two notations
    plain = [d for d in needed if d <= MOST_DECIMALS]
    most = max(plain, default=0)
    if most - min(plain, default=0) <= UNIFORM:
        needed = [most if d <= MOST_DECIMALS else d for d in needed]
    return needed


def _decimals(estimate: float, std_error: float) -> int:
    if np.isfinite(std_error) and std_error > 0:
        return ERROR_DIGITS - 1 - _exponent(std_error, ERROR_DIGITS)
    if np.isfinite(estimate) and estimate != 0:
        return VALUE_DIGITS - 1 - _exponent(estimate, VALUE_DIGITS)
    return ERROR_DIGITS


def _exponent(value: float, digits: int) -> int:
    """Return the power of ten of a number after rounding it to some digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def figures(values: FloatArray, places: Sequence[int]) -> list[str]:
    """Write one column of numbers, its decimal points in line."""
    return in_line([_figure(v, d) for v, d in zip(values.tolist(), places, strict=True)])


def _figure(value: float, places: int) -> str:
    if not np.isfinite(value):
        return _not_finite(value)
    if value != 0 and (places > MOST_DECIMALS or abs(value) >= LARGEST):
        return _scientific(value, max(0, _exponent(value, ERROR_DIGITS) + places))
    return _unsigned_zero(f"{value:.{min(max(places, 0), MOST_DECIMALS)}f}")


def _scientific(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{min(digits, VALUE_DIGITS)}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _not_finite(value: float) -> str:
    if np.isnan(value):
        return MISSING
    return INFINITY if value > 0 else f"-{INFINITY}"


def _unsigned_zero(text: str) -> str:
    return text.lstrip("-") if float(text) == 0.0 else text


def statistics(values: FloatArray) -> list[str]:
    """Write test statistics: two decimals."""
    return in_line(
        [
            _scientific(v, 2) if np.isfinite(v) and abs(v) >= 1e5 else _figure(v, 2)
            for v in values.tolist()
        ]
    )


def degrees_of_freedom(values: FloatArray) -> list[str]:
    """Write degrees of freedom: whole numbers where they all are, otherwise one decimal."""
    finite = values[np.isfinite(values)]
    whole = bool(np.allclose(finite, np.round(finite), rtol=0.0, atol=WHOLE))
    return in_line([_figure(v, 0 if whole else 1) for v in values.tolist()])


def p_values(values: FloatArray) -> list[str]:
    """Write p-values: three decimals, or that they are smaller."""
    return in_line([_p_value(p) for p in values.tolist()])


def _p_value(p: float) -> str:
    if np.isnan(p):
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def shares(values: FloatArray) -> list[str]:
    """Write shares of draws: three decimals, or that they are nearly all of them."""
    return in_line([">0.999" if p > 0.999 else _figure(p, 3) for p in values.tolist()])


def in_line(cells: Sequence[str]) -> list[str]:
    """Pad cells on the right so that, set flush right, their decimal points stand in line."""
    tails = [_tail(cell) for cell in cells]
    longest = max(map(len, tails), default=0)
    pointed = any("." in cell for cell in cells)
    out: list[str] = []
    for cell, tail in zip(cells, tails, strict=True):
        point = POINT_SPACE if pointed and "." not in cell else ""
        out.append(cell + point + FIGURE_SPACE * (longest - len(tail)))
    return out


def _tail(cell: str) -> str:
    """Return what follows the point, or would follow it: decimals, a power of ten."""
    if "." in cell:
        return cell.partition(".")[2]
    found = POWER.search(cell)
    return found.group() if found else ""


def percent(level: float) -> str:
    """Write a confidence level: ``"95 %"``."""
    return f"{100 * level:.10g} %"
