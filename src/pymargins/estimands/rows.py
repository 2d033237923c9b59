"""The rows of a population, and moments of their design factors."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError, PymarginsError
from pymargins.models.design import Design
from pymargins.models.domain import NoValueError
from pymargins.models.factors import Columns, Factor
from pymargins.models.variables import Variable

#: A row factor in a moment: numbers (n, k), or codes (n,) with their coding (K, k).
Part: TypeAlias = "tuple[AnyArray, FloatArray | None]"


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Subgroups of the rows: `codes` (n,) in 0..size-1."""

    codes: IntArray
    size: int


class Rows:
    """The rows of a population: their columns, weights, and what was computed on them once.

    Parameters
    ----------
    designs : mapping of str to Design
        By role: of the mean, of a second equation.
    variables : mapping of str to Variable
    columns : mapping of str to column
        At least the variables of the designs; n values each.
    n : int
    weights : ndarray, shape (n,), or None
    values : mapping of str to sequence
        By role, the values of every factor of the design, where they are known already.
    clusters : Strata, optional
        The groups of the fit that the rows belong to, where replicates resample them.
    offsets : mapping of str to ndarray
        By role, what is added to the linear predictor of each row.
    partial : bool
        Whether they are a part of the population, so that no function of a whole column can be
        applied to them.
    """

    __slots__ = (
        "_moments",
        "_values",
        "clusters",
        "columns",
        "counted",
        "designs",
        "n",
        "offsets",
        "partial",
        "variables",
        "weights",
    )

    def __init__(
        self,
        designs: Mapping[str, Design],
        variables: Mapping[str, Variable],
        columns: Columns,
        n: int,
        weights: FloatArray | None = None,
        values: Mapping[str, Sequence[AnyArray]] | None = None,
        clusters: Strata | None = None,
        offsets: Mapping[str, FloatArray] | None = None,
        partial: bool = False,
    ) -> None:
        self.designs = designs
        self.variables = variables
        self.columns = columns
        self.n = n
        self.weights = weights
        self.clusters = clusters
        self.partial = partial
        self.offsets: Mapping[str, FloatArray] = dict(offsets or {})
        self._values: dict[tuple[str, int], AnyArray] = {
            (role, i): value
            for role, known in (values or {}).items()
            for i, value in enumerate(known)
        }
        self._moments: dict[Any, FloatArray] = {}
        #: What was counted of equal rows, by what sets them apart.
        self.counted: dict[Any, Any] = {}

    def some(self, places: IntArray, weights: FloatArray) -> Rows:
        """Return some of the rows with weights of their own."""
        out = Rows(
            self.designs,
            self.variables,
            {k: c.iloc[places].reset_index(drop=True) for k, c in self.columns.items()},
            len(places),
            weights,
            clusters=self.clusters and Strata(self.clusters.codes[places], self.clusters.size),
            offsets={role: offset[places] for role, offset in self.offsets.items()},
            partial=self.partial,
        )
        out._values = {key: value[places] for key, value in self._values.items()}
        return out

    def with_design(self, role: str, design: Design) -> Rows:
        """Return the same rows with a design of another role; themselves where they have one."""
        if role in self.designs:
            return self
        designs = {**self.designs, role: design}
        return Rows(designs, self.variables, self.columns, self.n, self.weights)

    def value(self, role: str, i: int) -> AnyArray:
        """Return factor i of a design on the rows, evaluated when first asked for."""
        if (role, i) not in self._values:
            factor = self.designs[role].factors[i]
            columns = {v: self.columns[v] for v in factor.variables}
            with no_value(factor, self.variables):
                self._values[role, i] = repeat_constant(factor.evaluate(columns), self.n)
        return self._values[role, i]

    def totals(self, strata: Strata | None) -> FloatArray:
        """Return the weight of each stratum."""
        if strata is None:
            return np.array([self.n if self.weights is None else self.weights.sum()], dtype=float)
        return np.bincount(strata.codes, self.weights, strata.size).astype(float)

    def moment(self, parts: Sequence[Part], strata: Strata | None, key: Any = None) -> FloatArray:
        """Average the product of row factors within strata: (R, k_1, ..., k_j).

        Of a stratum without rows it is 0.
        With a hashable `key` the result over all rows is remembered.
        """
        if key is not None and strata is None and key in self._moments:
            return self._moments[key]
        mass = self.totals(strata).reshape((-1,) + (1,) * len(parts))
        out = _moment(parts, self.weights, strata, self.n) / np.where(mass > 0, mass, 1.0)
        if key is not None and strata is None:
            self._moments[key] = out
        return out


@contextmanager
def no_value(factor: Factor, variables: Mapping[str, Variable]) -> Generator[None]:
    """Say which factor has no value where it was asked: a spline beyond its boundary knots."""
    try:
        with np.errstate(all="ignore"):
            yield
    except Warning:  # where the user has made errors of them
        raise
    except Exception as error:
        if isinstance(error, PymarginsError) and not isinstance(error, NoValueError):
            raise
        raise _no_value(factor, variables, error) from error


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _no_value(factor: Factor, variables: Mapping[str, Variable], error: Exception) -> ArgumentError:
    fitted = [
        f"{name} from {_text(variables[name].ends[0])} to {_text(variables[name].ends[1])}"
        for name in factor.variables
        if name in variables and variables[name].kind == "numeric"
    ]
    ranges = f" (it was fitted with {', '.join(fitted)})" if fitted else ""
    if isinstance(error, NoValueError):
        where, why = str(error).split(": ", 1)
    else:
        where, why = "some of what was asked", str(error).splitlines()[0] if str(error) else ""
        why = why or type(error).__name__
    advice = "Ask within these values, in atexog= or at="
    if "knots" in why:
        advice += (
            "; a spline reaches further where the formula gives it lower_bound= and upper_bound="
        )
    if isinstance(error.__cause__ or error, (IndexError, KeyError)):
        advice += "; what is looked up in a table has values at the numbers that it holds only"
    return ArgumentError(
        f"atexog or at: the factor {factor.name!r} of the formula has no value at {where}"
        f"{ranges}: {why}. {advice}."
    )


def repeat_constant(values: AnyArray, n: int) -> AnyArray:
    """Repeat the value of a factor that depends on no variable."""
    return values if len(values) == n else np.repeat(values, n, axis=0)


def _moment(
    parts: Sequence[Part], weights: FloatArray | None, strata: Strata | None, n: int
) -> FloatArray:
    """Sum the product of row factors within strata.

    Categorical parts and strata are counted, not expanded: their codes are joined into one code
    and the product of the numeric columns is added up per code.
    """
    numeric = [j for j, (_, coding) in enumerate(parts) if coding is None]
    categorical = [j for j, (_, coding) in enumerate(parts) if coding is not None]
    shape = [strata.size if strata else 1] + [len(parts[j][1]) for j in categorical]  # type: ignore[arg-type]
    code = _joint_code([strata.codes] if strata else [], [parts[j][0] for j in categorical], shape)
    widths = [parts[j][0].shape[1] for j in numeric]
    sums = np.empty((int(np.prod(shape)), int(np.prod(widths))))
    for column, picks in enumerate(product(*(range(w) for w in widths))):
        columns = [parts[j][0][:, k] for j, k in zip(numeric, picks, strict=True)]
        sums[:, column] = _sum_by_code(columns, weights, code, len(sums), n)
    out = sums.reshape(shape + widths)
    for axis, j in enumerate(categorical, start=1):
        out = np.moveaxis(np.tensordot(out, parts[j][1], axes=(axis, 0)), -1, axis)  # type: ignore[arg-type]
    order = categorical + numeric
    return np.moveaxis(out, range(1, out.ndim), [1 + j for j in order])


def _joint_code(
    strata: Sequence[IntArray], codes: Sequence[AnyArray], shape: Sequence[int]
) -> AnyArray | None:
    every = [*strata, *codes]
    sizes = shape if strata else shape[1:]
    if not every:
        return None
    joint = every[0]
    for code, size in zip(every[1:], sizes[1:], strict=True):
        joint = joint.astype(np.intp) * size + code
    return joint


def _sum_by_code(
    columns: Sequence[FloatArray],
    weights: FloatArray | None,
    code: AnyArray | None,
    size: int,
    n: int,
) -> FloatArray | float:
    terms = list(columns) + ([weights] if weights is not None else [])
    if code is None:
        if not terms:
            return float(n)
        if len(terms) == 1:
            return float(np.add.reduce(terms[0]))
        left = terms[0] if len(terms) == 2 else np.multiply.reduce(terms[:-1])
        return float(left @ terms[-1])
    total = None if not terms else terms[0] if len(terms) == 1 else np.multiply.reduce(terms)
    return np.bincount(code, total, size).astype(float)
