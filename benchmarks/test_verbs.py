"""The verbs under pytest-benchmark: ``make bench``. Nothing is asserted of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models import GRID, POINT, fitted
from pymargins import Margins

ROWS = (400, 100_000)
VERBS: dict[str, Callable[[Margins], Any]] = {
    "grid": lambda m: m.predict(atexog=GRID),
    "point": lambda m: m.predict(atexog=POINT),
    "slope": lambda m: m.dydx("age"),
    "slopes": lambda m: m.dydx("all"),
    "subgroups": lambda m: m.predict(atexog={"treated": [0, 1]}, over="school"),
}


@pytest.mark.parametrize("n", ROWS)
@pytest.mark.parametrize("verb", VERBS)
def test_first_call(benchmark: Any, verb: str, n: int) -> None:
    fit = fitted(n)
    result = benchmark.pedantic(
        VERBS[verb], setup=lambda: ((Margins(fit),), {}), rounds=5 if n > 400 else 20
    )
    assert len(result.estimate) > 0


@pytest.mark.parametrize("n", ROWS)
@pytest.mark.parametrize("verb", VERBS)
def test_later_call(benchmark: Any, verb: str, n: int) -> None:
    m = Margins(fitted(n))
    result = benchmark.pedantic(VERBS[verb], (m,), rounds=20, warmup_rounds=1)
    assert len(result.estimate) > 0


@pytest.mark.parametrize("n", ROWS)
def test_session(benchmark: Any, n: int) -> None:
    m = benchmark.pedantic(Margins, (fitted(n),), rounds=5, warmup_rounds=1)
    assert m.facts.model.n == n
