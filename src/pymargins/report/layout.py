"""How wide the columns of a table are, and where a table that is wider than a page is parted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pymargins.report.table import SomeTable, Table


@dataclass(frozen=True, slots=True)
class Layout:
    """How a kind of page measures its tables.

    Parameters
    ----------
    length : callable
        How wide words are, in its units.
    gap : float
        What every column takes beside its words.
    alone, several : float
        What a column of words keeps where it is the only one, and where there are several: its
        words are broken then. Figures stay whole, their headings are broken.
    """

    length: Callable[[str], float]
    gap: float
    alone: float
    several: float

    def total(self, widths: Sequence[float]) -> float:
        """Return how wide columns are together."""
        return sum(widths) + self.gap * len(widths)

    def natural(self, table: Table) -> list[float]:
        """Return the width of each column where nothing is broken."""
        return self._spanned(
            table, [max(self.length(h), self._cells(table, j)) for j, h in enumerate(_alone(table))]
        )

    def least(self, table: Table) -> list[float]:
        """Return the least width of each column."""
        narrowest = self.several if table.alignment.count("l") > 1 else self.alone
        out: list[float] = []
        for j, (side, head) in enumerate(zip(table.alignment, _alone(table), strict=True)):
            own = self._cells(table, j)
            if side == "l":
                out.append(min(max(own, self.length(head)), narrowest))
            else:
                word = max(map(self.length, head.split()), default=0)
                out.append(max(own, min(word, self.alone)))
        return self._spanned(table, out)

    def widths(self, table: Table, room: float) -> list[float]:
        """Return the width of each column: headings of figures give way first, then words."""
        widths, least, sides = self.natural(table), self.least(table), table.alignment
        if self.total(widths) > room:
            widths = [
                w if side == "l" else own for w, side, own in zip(widths, sides, least, strict=True)
            ]
        words = [j for j, side in enumerate(sides) if side == "l"]
        while self.total(widths) > room and any(widths[j] > least[j] for j in words):
            widest = max(words, key=lambda j: (widths[j] > least[j], widths[j]))
            widths[widest] = max(widths[widest] - 1, least[widest])
        return widths

    def parts(self, table: SomeTable, room: float) -> list[SomeTable]:
        """Return the table, or several with some of its columns each, led by the names of the rows.

        A single column that is wider than the room stays.
        """

        def fits(one: Table, share: float = 1.0) -> bool:
            return self.total(self.least(one)) <= share * room

        if fits(table):
            return [table]
        lead = list(range(max(table.keys, 1)))
        if len(lead) > 1 and (fits(table.labelled()) or not fits(table.chosen(lead), 0.5)):
            return self.parts(table.labelled(), room)
        out: list[SomeTable] = []
        taken = lead
        for start, count in table.headings[len(lead) :]:
            more = [*taken, *range(start, start + count)]
            if taken != lead and not fits(table.chosen(more)):
                out.append(table.chosen(taken))
                more = [*lead, *range(start, start + count)]
            taken = more
        return [*out, table.chosen(taken)]

    def _cells(self, table: Table, column: int) -> float:
        return max((self.length(row[column]) for row in table.rows), default=0)

    def _spanned(self, table: Table, widths: Sequence[float]) -> list[float]:
        """Widen columns under a heading that is wider than they are."""
        out = list(widths)
        for start, count in table.spans:
            room = self.total(out[start : start + count]) - self.gap
            out[start] += max(self.length(table.header[start]) - room, 0)
        return out


def _alone(table: Table) -> list[str]:
    """Return the headings that stand over one column."""
    return [table.header[j] if k == 1 else "" for j, k in table.headings for _ in range(k)]
