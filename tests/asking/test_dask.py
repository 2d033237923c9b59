"""A Dask frame as a population: its workers form partial sums, whoever they are."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import ArgumentError, ArgumentTypeError, Margins, UnknownNameError
from support.small_models import fit, quietly, study

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

#: Sums in another order.
SUMS = 1e-12


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(3)
    frame = pd.concat([study(96, seed=s) for s in range(3)], ignore_index=True)
    frame["student"] = np.sort(rng.integers(0, 20, len(frame)))  # new ones in the last partitions
    frame["weight"] = rng.uniform(0, 2, len(frame))
    frame["region"] = np.where(np.arange(len(frame)) < 200, "south", "north")
    return frame


@pytest.fixture(scope="module")
def fits():
    data = study(96)
    data["passed"] = (data["score"] > data["score"].median()).astype(int)
    with quietly():
        return {
            "ols": smf.ols("score ~ age * treated + C(school) + grade", data).fit(),
            "logit": smf.logit("passed ~ age * treated", data).fit(disp=0),
            "mixed": fit("score ~ age * treated", data),
        }


def opened(model, at, **options):
    with quietly():
        return Margins(model, at=at, **options)


def parts(crowd, count):
    return dd.from_pandas(crowd, npartitions=count, sort=False)


ASKED = {
    "grid": lambda m: m.predict({"treated": [0, 1], "age": [30, 50]}),
    "over": lambda m: m.predict({"treated": [0, 1]}, over=["region", "grade"]),
    "slopes": lambda m: m.dydx("all"),
    "shift": lambda m: m.predict({"age": plus_one}),
}


def plus_one(age):
    return age + 1


def same(found, expected):
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), rtol=SUMS, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 4, 19])
@pytest.mark.parametrize("name", ["ols", "logit"])
def test_partitions_are_a_data_frame(fits, crowd, name, count):
    held = opened(fits[name], crowd, weights="weight")
    read = opened(fits[name], parts(crowd, count), weights="weight")
    for ask in ASKED.values():
        same(ask(read), ask(held))
    assert "averaged over the 288 rows of a dask data frame" in str(read.predict()).lower()


@pytest.mark.slow
def test_rows_keep_their_clusters(fits, crowd):
    """Clusters that the fit has not seen have other numbers in every partition."""
    held = opened(fits["mixed"], crowd, random_effects="predicted")
    with dask.config.set(scheduler="processes", num_workers=1):
        read = opened(fits["mixed"], parts(crowd, 4), random_effects="predicted")
        for ask in (ASKED["grid"], ASKED["over"]):
            found, expected = ask(read), ask(held)
            same(found, expected)
            np.testing.assert_allclose(found.cov, expected.cov, rtol=1e-10)


def test_what_is_wrong_is_named(fits, crowd):
    late = crowd.assign(school=np.where(crowd.index == 250, "E", crowd["school"]))
    m = opened(fits["ols"], parts(late, 4))
    with pytest.raises(ArgumentError, match=r"'E' is not a level .* row 34 of partition 3 \(coun"):
        m.predict()
    with pytest.raises(ArgumentTypeError, match="has them in a column"):
        opened(fits["ols"], parts(crowd, 2), weights=np.ones(288))
    with pytest.raises(UnknownNameError, match="'age' is not a column of the population"):
        opened(fits["ols"], parts(crowd.drop(columns="age"), 2))
    with pytest.raises(ArgumentError, match="looks at more than one row"):
        opened(fits["ols"], parts(crowd, 2)).predict({"age": np.sort})


def test_empty_partitions_do_no_harm(fits, crowd):
    frame = parts(crowd, 4)
    some = frame[frame["age"] > 60]
    some = some.map_partitions(lambda part: part.iloc[:0] if part.index[0] < 70 else part)
    held = opened(fits["ols"], some.compute())
    same(ASKED["over"](opened(fits["ols"], some)), ASKED["over"](held))


def test_a_session_travels(fits, crowd):
    m = opened(fits["ols"], parts(crowd, 2))
    same(pickle.loads(pickle.dumps(m)).predict(), m.predict())


# --- clusters ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 2, 4])
def client(request):
    distributed = pytest.importorskip("distributed")
    options = {"dashboard_address": ":0", "silence_logs": 50, "processes": False}
    with distributed.Client(n_workers=request.param, threads_per_worker=1, **options) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 4])
def test_workers(client, fits, crowd, count):
    held, read = opened(fits["logit"], crowd), opened(fits["logit"], parts(crowd, count))
    for ask in ASKED.values():
        same(ask(read), ask(held))


class DiesOnce:
    """A shift that ends the process of the worker that calls it first."""

    def __init__(self, marker, here):
        self.marker = str(marker)
        self.here = here
        self.__name__ = "plus_one"

    def __call__(self, age):
        if os.getpid() != self.here:
            try:
                os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os._exit(1)
        return age + 1


@pytest.mark.slow
def test_a_worker_that_dies_costs_time_only(fits, crowd, tmp_path):
    distributed = pytest.importorskip("distributed")
    dies = DiesOnce(tmp_path / "died", os.getpid())
    with distributed.Client(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ):
        found = opened(fits["ols"], parts(crowd, 4)).predict({"age": dies})
    assert (tmp_path / "died").exists()
    same(found, opened(fits["ols"], crowd).predict({"age": plus_one}))
