"""Every kind of table with names and numbers that are hard to set: it fits, and holds its cells."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins, compare, pairwise
from pymargins.report.summary import Summary
from pymargins.report.wrapping import width

LONG = "a_very_long_name_of_a_variable_of_forty_x"
LEVELS = ["50% & $3 #1 ~^\\{x}", "<b>_it_</b> *s* `c`|d", "second_level_without_any_blank_in_it"]
GRID = {LONG: LEVELS, "größe": [0, 1.25], "年齢": ["男性", "女性"], "x1": "a", "x2": "a", "x3": "b"}


@pytest.fixture(scope="module", params=[1e-12, 1.0, 1e12], ids=["tiny", "usual", "huge"])
def m(request: Any) -> Margins:
    rng = np.random.default_rng(1)
    n = 120
    df = pd.DataFrame({"größe": rng.normal(size=n)})
    levels = {LONG: LEVELS, "年齢": ["男性", "女性"], **{f"x{i}": list("ab") for i in (1, 2, 3)}}
    for name, values in levels.items():
        df[name] = rng.choice(values, n)
    df["y"] = request.param * (df["größe"] + 0.1 * rng.normal(size=n))
    return Margins(smf.ols(f"y ~ {LONG} + größe + 年齢 + x1 + x2 + x3", df).fit())


KINDS: dict[str, Callable[[Margins], Any]] = {
    "session": lambda m: m,
    "predict": lambda m: m.predict(GRID),
    "dydx": lambda m: m.dydx("all"),
    "contrasts": lambda m: m.contrasts(pairwise(LONG)),
    "joint_tests": lambda m: m.joint_tests(by=LONG),
    "test": lambda m: m.predict(GRID).test(),
    "letters": lambda m: m.predict([LONG, "年齢"]).letters(),
    "matrix": lambda m: m.predict([LONG, "年齢"]).matrix(),
    "equivalence": lambda m: m.contrasts(pairwise(LONG)).equivalence(-1, 1),
    "prediction_interval": lambda m: m.predict(GRID).prediction_interval(),
    "compare": lambda m: compare({name: m.predict([LONG, "年齢"]) for name in (*LEVELS, "d")}),
    "variables": lambda m: m.variables,
    "diagnose": lambda m: m.diagnose(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::pymargins.errors.FitWarning")
def test_every_table_fits_and_holds_its_cells(kind: str, m: Margins, monkeypatch: Any) -> None:
    table = KINDS[kind](m).summary()
    for columns in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert max(width(line) for line in str(table).splitlines()) <= columns
    _check_markup(table)


def _check_markup(table: Summary) -> None:
    piped = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in piped} == {table.width + 1}
    html = table.to_html()
    assert "<b>" not in html
    for row in re.findall(r"<tr>(.*?)</tr>", html):
        spanned = len(re.findall('colspan="2"', row))
        assert len(re.findall("<t[dh]", row)) + spanned == table.width
