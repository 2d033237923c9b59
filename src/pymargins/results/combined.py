"""Rows of a result picked, added, subtracted and divided, with their joint covariance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.asking.scenarios import Contrasts, contrast_weights
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from pymargins.estimands.columns import in_common_of_blocks, with_contrast
from pymargins.estimands.nodes import Combine, Estimand
from pymargins.facts import HardlySeen, Operation, QuotientNull, ResultFacts
from pymargins.inference.leverage import hardly_seen
from pymargins.results.arithmetic import (
    added,
    aligned,
    combination,
    divided,
    pairs,
    positions,
    scaled,
)
from pymargins.results.hypotheses import Hypotheses
from pymargins.results.selection import rows_where

C = TypeVar("C", bound="Combined")

#: More pairs are a mistake: nobody reads them.
MOST_PAIRS = 1_000_000


class Combined(Hypotheses):
    """Estimates that can be picked and combined."""

    __slots__ = ()

    def __contains__(self, label: object) -> bool:
        return label in self.labels

    def __iter__(self: C) -> Iterator[C]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self: C, rows: str | int | slice | Sequence[Any] | AnyArray) -> C:
        picked = positions(self.labels, rows)
        if self.adjustment is None:
            return self._with(self.estimand[picked])
        kept = self.adjustment[picked]
        return replace(self, estimand=self.estimand[picked], adjustment=kept, _cache={})

    def where(self: C, **columns: Any) -> C:
        """Pick rows by the columns of the table.

        Parameters
        ----------
        **columns
            A value, or several, of scenario and subgroup variables: ``where(school="A", age=[30,
            50])``. A row must have one of the values in every column named.

        Returns
        -------
        MarginsResult
            In the order of the rows; adjusted figures are kept, as by any selection.

        Raises
        ------
        UnknownNameError
            For a column that the rows do not have.
        ArgumentError
            For a value that no row has.
        """
        return self[rows_where(self.estimand.columns, columns, len(self))]

    __array_ufunc__ = None  # NumPy numbers leave the arithmetic to the result

    def __float__(self) -> float:
        if len(self) != 1:
            raise TypeError(f"only a result with one row is a number; this one has {len(self)}")
        return float(self.estimate[0])

    # --- arithmetic ----------------------------------------------------------------------------

    def contrast(self: C, matrix: Contrasts, labels: Sequence[str] | None = None) -> C:
        """Return linear combinations of the rows, formed on the session's scale.

        Parameters
        ----------
        matrix : array_like, shape (m, k) or (k,), or mapping of name to weights
        labels : sequence of str, optional
            Names of the combinations; by default what was added and subtracted.

        Returns
        -------
        MarginsResult
            m rows.
        """
        named = contrast_weights(matrix, self.labels, "matrix", "rows", self.scale.divides)
        labels = [labels] if isinstance(labels, str) else labels
        names = list(named) if labels is None else [str(x) for x in labels]
        if len(names) != len(named):
            raise ArgumentError(f"labels: {len(names)} given for {len(named)} contrasts.")
        matrix = np.stack(list(named.values()))
        columns = with_contrast(in_common_of_blocks(self.estimand.columns, matrix), names)
        return self._combined(Combine(self.estimand, matrix, tuple(names), columns), matrix)

    def pairwise(self: C) -> C:
        """Contrast every pair of rows, the earlier minus the later, as the helper does.

        Returns
        -------
        MarginsResult
            k(k - 1)/2 rows, ``"A - B"``; on the log scale ratios, ``"A / B"``, on the logit scale
            odds ratios.
        """
        if len(self) < 2:
            raise ArgumentError("pairwise: needs at least two rows.")
        count = len(self) * (len(self) - 1) // 2
        if count > MOST_PAIRS:
            raise ArgumentError(
                f"pairwise: {len(self):,} rows make {count:,} pairs; the limit is {MOST_PAIRS:,}. "
                "Pick rows first, res.where(...).pairwise(), or name the contrasts that matter, "
                "res.contrast(matrix)."
            )
        minus = "/" if self.scale.divides else "-"
        return self._combined(pairs(self.estimand, minus), np.array([[1.0, -1.0]]))

    def __sub__(self: C, other: Any) -> C:
        return self._add(other, -1.0)

    def __add__(self: C, other: Any) -> C:
        return self._add(other, 1.0)

    def _add(self: C, other: Any, sign: float) -> C:
        if isinstance(other, (int, float, np.number)):
            raise ArgumentTypeError(
                f"a result and the number {other:g} cannot be added or subtracted; to compare with "
                f"it, test against it: .test(null={other:g})."
            )
        if not isinstance(other, Combined):
            return NotImplemented
        self._check_same_session(other)
        a, b = aligned(self.estimand, other.estimand)
        return self._combined(added(a, b, sign, self._symbol(sign)), np.array([[1.0, sign]]))

    def _symbol(self, sign: float) -> str:
        """Write what a sum or difference on the session's scale is in the units reported."""
        if sign < 0:
            return "/" if self.scale.divides else "-"
        multiplies = self.scale.divides and self.scale == self.scale.of_contrasts
        return "*" if multiplies else "+"

    def __mul__(self: C, factor: Any) -> C:
        if isinstance(factor, Combined):
            raise ArgumentTypeError(
                "two results cannot be multiplied; m.evaluate(scenarios, function) gives any "
                "function of mean responses with its uncertainty."
            )
        if not isinstance(factor, (int, float, np.number)):
            return NotImplemented
        self._refuse_off_identity("scaling")
        return self._combined(scaled(self.estimand, float(factor)), np.eye(1))

    __rmul__ = __mul__

    def __neg__(self: C) -> C:
        return self * -1.0

    def __truediv__(self: C, other: Any) -> C:
        self._refuse_off_identity("dividing")
        if not isinstance(other, Combined):
            if not isinstance(other, (int, float, np.number)):
                return NotImplemented
            if not np.isfinite(other) or float(other) == 0.0:
                raise ArgumentError(
                    "a result can be divided by a finite number other than zero, or by a result."
                )
            return self * (1.0 / float(other))
        self._check_same_session(other)
        quotient = divided(*aligned(self.estimand, other.estimand), self.inference)
        facts = replace(self.facts, quantity=self.facts.quantity.after(Operation.QUOTIENT))
        return self._with(quotient, facts.noting(QuotientNull()))

    def _refuse_off_identity(self, what: str) -> None:
        if not self.scale.is_identity:
            raise UnsupportedError(
                f"{what} a result on the {self.scale.name} scale has no clear meaning; use "
                "m.evaluate(scenarios, function) for functions of the mean responses."
            )

    def _check_same_session(self, other: Combined) -> None:
        same = other.inference.key == self.inference.key
        if same and other.scale != self.scale:
            raise ArgumentError(
                f"one result is on the {self.scale.name} scale, the other on the "
                f"{other.scale.name} scale; only results on one scale can be combined."
            )
        if not same:
            raise ArgumentError(
                "these results come from different sessions, so their joint uncertainty is not "
                "known. Make both with the same Margins session."
            )

    def _combined(self: C, estimand: Estimand, weights: FloatArray) -> C:
        """Make a result of linear combinations of the rows, told by their weights."""
        quantity = combination(self.facts.quantity, weights, self.facts.scale)
        scale = self.scale.of_contrasts if quantity.compares else self.scale
        kept = tuple(note for note in self.facts.notes if not isinstance(note, HardlySeen))
        notes = (*kept, *hardly_seen(self.inference, estimand))
        facts = replace(self.facts, quantity=quantity, scale=scale.facts, notes=notes)
        made = self._with(estimand, facts)
        return replace(made, scale=scale, _cache={})

    def _with(self: C, estimand: Estimand, facts: ResultFacts | None = None) -> C:
        plain = self._unadjusted()
        return replace(plain, estimand=estimand, facts=facts or plain.facts, _cache={})
