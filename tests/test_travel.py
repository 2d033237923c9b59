"""Sessions and results leave the process: pickle, joblib, Dask."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

from pymargins import Bootstrap, Margins, UnsupportedError, pairwise
from support.small_models import fit, session, study

METHODS = {
    "delta": {},
    "gls": {"vcov": "gls"},
    "satterthwaite": {"df": "satterthwaite"},
    "kenward-roger": {"df": "kenward-roger"},
    "robust": {"vcov": "CR2", "df": "satterthwaite"},
    "polished": {"vcov": "gls", "polish": True},
    "simulation": {"method": "simulation", "n_sim": 50, "rng": 1},
    "bootstrap": {"method": Bootstrap(40, rng=1)},
    "bca": {"method": Bootstrap(40, rng=1, interval="bca")},
    "log": {"vcov": "gls", "scale": "log"},
    "balanced": {"vcov": "gls", "at": "balanced"},
}


@pytest.fixture(scope="module")
def fitted():
    return fit("score ~ np.log(dose) * treated + C(school, Sum) + bs(age, df=4)", study())


def every_verb(m: Margins) -> list:
    results = [
        m.predict({"dose": [1.0, 2.0], "school": ["A", "B"]}),
        m.predict(over="school"),
        m.dydx("dose"),
        m.contrasts(pairwise("school", list("ABC"))),
    ]
    return [*results, results[3].adjust("holm")]


@pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)
def test_results_and_sessions_travel(options, fitted):
    m = session(fitted, **options)
    far = pickle.loads(pickle.dumps(m))
    assert str(far.summary()) == str(m.summary())
    for here, there in zip(every_verb(m), every_verb(far), strict=True):
        pd.testing.assert_frame_equal(there.to_frame(), here.to_frame())
        sent = pickle.loads(pickle.dumps(here))
        pd.testing.assert_frame_equal(sent.to_frame(), here.to_frame())
        assert str(sent) == str(here)
    sent = pickle.loads(pickle.dumps(m.dydx("dose")))
    assert (sent - m.dydx("dose")).std_error[0] == 0  # one session still


def test_a_session_that_travelled_tests_and_diagnoses(fitted):
    m = session(fitted, vcov="gls")
    far = pickle.loads(pickle.dumps(m))
    pd.testing.assert_frame_equal(far.joint_tests(), m.joint_tests())
    assert str(far.diagnose()) == str(m.diagnose())
    p = far.likelihood_ratio_test("np.log(dose):treated", n_boot=20, rng=1)
    assert p.equals(m.likelihood_ratio_test("np.log(dose):treated", n_boot=20, rng=1))


def test_what_cannot_travel_says_so(fitted):
    far = pickle.loads(pickle.dumps(session(fitted, vcov="gls")))
    with pytest.raises(UnsupportedError, match="does not travel with a session"):
        far._fitted.refits.bootstrap(Bootstrap(5, engine="refit"))


def test_results_of_the_delta_method_are_small(fitted):
    m = session(fitted, vcov="gls")
    assert len(pickle.dumps(m.predict({"dose": [1.0, 2.0]}))) < 30_000


def slope_over(m: Margins, column: str):
    return m.dydx("dose", over=column)


@pytest.mark.slow
def test_joblib_workers(fitted):
    joblib = pytest.importorskip("joblib")
    m = session(fitted, vcov="gls")
    jobs = (joblib.delayed(slope_over)(m, name) for name in ("female", "treated"))
    found = joblib.Parallel(n_jobs=2)(jobs)
    for result, name in zip(found, ("female", "treated"), strict=True):
        pd.testing.assert_frame_equal(result.to_frame(), m.dydx("dose", over=name).to_frame())
    assert (found[0] - m.dydx("dose", over="female")).estimate == pytest.approx([0, 0])


@pytest.mark.slow
def test_dask_workers(fitted):
    distributed = pytest.importorskip("distributed")
    m = session(fitted, vcov="gls")
    with distributed.Client(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as client:
        found = client.submit(slope_over, m, "female").result()
    pd.testing.assert_frame_equal(found.to_frame(), m.dydx("dose", over="female").to_frame())
