"""How the rows of a table are told apart: by a column for each variable, or by their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from pymargins.facts import ResultFacts
from pymargins.values import value_texts

#: The columns that say what was compared, and by which variable rows are slopes or changes.
CONTRAST, TERM = "contrast", "term"
#: The column that names the outcomes of a model with several: innermost, though it comes first.
OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class RowNames:
    """The leading columns of a table.

    Parameters
    ----------
    header : tuple of str
    cells : tuple of sequence of str
        One a column.
    align : str
        ``"l"`` or ``"r"`` for each: numbers are set flush right.
    """

    header: tuple[str, ...]
    cells: tuple[Sequence[str], ...]
    align: str


def row_names(
    labels: Sequence[str], columns: Mapping[str, Sequence[Any]], facts: ResultFacts
) -> RowNames:
    """Tell rows apart by a column for each variable, where columns say all that labels do.

    A label that says more, such as one that a user gave, or the name of a sum, stays a label.
    """
    asked = (*facts.asked.over, *facts.asked.given)
    own = {*asked, *(f"at_{name}" for name in asked), TERM, CONTRAST, OUTCOME}
    for kept in (list(columns), [name for name in columns if name in own]):  # others are carried
        names = _in_order(kept, facts)
        texts = {name: _texts(columns[name]) for name in names}
        if names and list(labels) == _labels(names, texts, len(labels)):
            break
    else:
        return RowNames(("",), (labels,), "l")
    numeric = "".join("r" if _is_numeric(columns[name]) else "l" for name in names)
    alone = len(names) == 1 and names[0] in (TERM, CONTRAST)
    header = ("",) if alone else tuple(names)
    return RowNames(header, tuple(texts[name] for name in names), numeric)


def _in_order(names: Sequence[str], facts: ResultFacts) -> list[str]:
    """Return columns as rows are nested in them, the outermost first."""
    effects = [name for name in (TERM, CONTRAST) if name in names]
    outcome = [OUTCOME] if OUTCOME in names and OUTCOME not in facts.session.variables else []
    others = [name for name in names if name not in (*effects, *outcome)]
    if TERM in effects:
        return [*effects, *others, *outcome]
    return [*others, *effects, *outcome]


def _labels(names: Sequence[str], texts: Mapping[str, Sequence[str]], size: int) -> list[str]:
    """Write the labels that rows have by their columns."""
    effects = [name for name in (TERM, CONTRAST) if name in names]
    others = [name for name in names if name not in effects]
    out: list[str] = []
    for i in range(size):
        effect = ": ".join(texts[name][i] for name in effects if texts[name][i])
        parts = [f"{name}={texts[name][i]}" for name in others]
        out.append(", ".join([effect, *parts] if effects else parts))
    return out


def _texts(values: Sequence[Any]) -> list[str]:
    distinct = list(dict.fromkeys(values))
    text = dict(zip(distinct, value_texts(distinct), strict=True))
    return [text[value] for value in values]


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(isinstance(v, Real) and not isinstance(v, bool) for v in values)
