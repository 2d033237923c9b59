"""Settings for every test and doctest."""

import os
import sys
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import pytest
from _pytest.doctest import DoctestItem
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples each time in CI, fresh ones elsewhere; a busy machine is no failure.
settings.register_profile(
    "pymargins",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pymargins")


@cache
def names_that_examples_know():
    """What the example in the docstring of `Margins` leaves behind."""
    import statsmodels.formula.api as smf

    from pymargins import Margins

    rng = np.random.default_rng(1)
    person, dose = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0, 2.0, 3.0], 20)
    df = pd.DataFrame({"person": person, "dose": dose})
    df["arm"] = np.where(person < 10, "old", "new")
    df["score"] = 10 + 2 * dose + rng.normal(0, 2, 20)[person] + rng.normal(0, 1, 80)
    fit = smf.mixedlm("score ~ dose * arm", df, groups="person").fit()
    return {"Margins": Margins, "fit": fit, "m": Margins(fit, vcov="gls")}


@pytest.fixture(autouse=True)
def names_of_the_examples(request):
    """Let the examples of verbs begin where that of `Margins` ends."""
    if isinstance(request.node, DoctestItem):
        request.getfixturevalue("doctest_namespace").update(names_that_examples_know())


@pytest.fixture(autouse=True)
def no_figure_left_open() -> Iterator[None]:
    """Close every figure, so that no test sees one that another test drew."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
