"""Results in files: everything a table, a test or a plot needs, or a clear error."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import pymargins
from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    Margins,
    Scale,
    UnsupportedError,
    load,
    pairwise,
)
from support.small_models import fit, session, study

METHODS = {
    "delta": {},
    "gls": {"vcov": "gls"},
    "number of df": {"vcov": "gls", "df": 10},
    "satterthwaite": {"df": "satterthwaite"},
    "kenward-roger": {"df": "kenward-roger"},
    "robust": {"vcov": "CR2", "df": "satterthwaite"},
    "predicted": {"random_effects": "predicted"},
    "simulation": {"method": "simulation", "n_sim": 50, "rng": 1},
    "percentile": {"method": Bootstrap(40, rng=1, interval="percentile")},
    "basic": {"method": Bootstrap(40, rng=1, interval="basic")},
    "normal": {"method": Bootstrap(40, rng=1, interval="normal")},
    "studentized": {"method": Bootstrap(40, rng=1, interval="studentized")},
    "bca": {"method": Bootstrap(40, rng=1, interval="bca")},
    "log": {"vcov": "gls", "scale": "log"},
    "weights": {"vcov": "gls", "weights": "dose"},
    "mapping": {"vcov": "gls", "at": {"dose": "p25"}},
}
#: What is computed from arrays again, in another order.
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def fitted():
    frame = study()
    frame["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["student"], "D")
    frame["band"] = pd.cut(frame["age"], [0, 40, 100])
    return fit("score ~ np.log(dose) * treated + C(school)", frame)


def asked(m):
    every = m.contrasts(pairwise("school", list("ABC")))
    return {
        "grid": m.predict({"dose": [1.0, 2.0], "school": ["A", "B"]}),
        "over": m.predict(over="school"),
        "slope": m.dydx("dose"),
        "contrasts": every,
        "holm": every.adjust("holm"),
        "a selection": every.adjust("holm")[[2, 0]],
        "mvt": every.adjust("mvt"),
        "difference": every[0] - every[1],
    }


def through(result, tmp_path):
    path = tmp_path / "result.margins"
    result.save(path)
    return load(path)


def same(found, result, level=0.9):
    pd.testing.assert_frame_equal(found.to_frame(), result.to_frame(), rtol=ROUNDING)
    assert str(found) == str(result)
    assert found.summary().to_html() == result.summary().to_html()
    assert found.facts == result.facts
    rounding = 1e-14 * np.nanmax(np.abs(result.cov))  # of covariances that are zero
    np.testing.assert_allclose(found.cov, result.cov, rtol=ROUNDING, atol=rounding)
    pd.testing.assert_frame_equal(found.conf_int(level), result.conf_int(level), rtol=ROUNDING)
    null = 1.5
    pd.testing.assert_frame_equal(found.test(null), result.test(null), rtol=ROUNDING)
    if result.draws is not None:
        np.testing.assert_allclose(found.draws, result.draws, rtol=ROUNDING)


@pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)
def test_a_file_gives_the_result_back(fitted, tmp_path, options):
    for result in asked(session(fitted, **options)).values():
        same(through(result, tmp_path), result)


@pytest.mark.parametrize("name", ["gls", "number of df", "percentile", "bca", "log"])
def test_what_is_loaded_can_be_combined(fitted, tmp_path, name):
    every = asked(session(fitted, **METHODS[name]))["contrasts"]
    found = through(every, tmp_path)
    matrix = [[1, -1, 0], [0, 1, 1]]
    same(found.contrast(matrix), every.contrast(matrix))
    same(found.pairwise(), every.pairwise())
    same(found.adjust("holm"), every.adjust("holm"))
    pd.testing.assert_series_equal(found.joint_test(), every.joint_test(), rtol=1e-9)
    same(found[1] - found[0], every[1] - every[0])


def test_tukeys_structure_is_kept(fitted, tmp_path):
    every = asked(session(fitted, vcov="gls"))["contrasts"]
    found = through(every, tmp_path)
    same(found.adjust("tukey"), every.adjust("tukey"))
    same(through(every.adjust("tukey"), tmp_path), every.adjust("tukey"))
    bounds = found.conf_int(simultaneous=True), every.conf_int(simultaneous=True)
    pd.testing.assert_frame_equal(*bounds, rtol=ROUNDING)


def test_results_of_one_session_can_be_combined(fitted, tmp_path):
    m = session(fitted, vcov="gls")
    a, b = m.predict({"dose": [1.0]}), m.predict({"dose": [2.0]})
    a.save(tmp_path / "a"), b.save(tmp_path / "b")
    same(load(tmp_path / "a") - load(tmp_path / "b"), a - b)
    other = session(fitted, vcov="gls").predict()
    with pytest.raises(ArgumentError, match="different sessions"):
        load(tmp_path / "a") - other


def test_variance_parameters(fitted, tmp_path):
    m = session(fitted, vcov="gls")
    for result in (m.variance_components(), m.icc()):
        same(through(result, tmp_path), result)
    with pytest.raises(UnsupportedError, match="profile-likelihood limits are searched"):
        m.variance_components(method="profile").save(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    drawn = session(fitted, method=Bootstrap(30, rng=1)).variance_components()
    same(through(drawn, tmp_path), drawn)


def test_outcomes_and_odds_ratios(tmp_path):
    frame = study()
    frame["band"] = pd.cut(frame["score"], 3, labels=False)
    many = smf.mnlogit("band ~ age", frame).fit(disp=0)
    result = Margins(many).predict({"age": [30, 40]})
    same(through(result, tmp_path), result)
    frame["passed"] = (frame["score"] > frame["score"].median()).astype(int)
    one = smf.logit("passed ~ age + school", frame).fit(disp=0)
    result = Margins(one, scale="logit").contrasts(pairwise("school", ["A", "B", "C"]))
    found = through(result, tmp_path)
    same(found, result)
    same(found.adjust("tukey"), result.adjust("tukey"))


def test_values_of_every_kind(fitted, tmp_path):
    m = session(fitted, vcov="gls")
    for column in ("day", "band", "student", "smoker", "grade"):
        result = m.predict(over=column)
        found = through(result, tmp_path)
        same(found, result)
        assert found.to_frame()[column].equals(result.to_frame()[column])


def test_plots(fitted, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    result = session(fitted, vcov="gls").predict({"dose": [1.0, 2.0, 3.0]})
    drawn = [one.plot().lines[0].get_xydata() for one in (result, through(result, tmp_path))]
    np.testing.assert_array_equal(*drawn)


# --- what only a session knows -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["satterthwaite", "kenward-roger", "studentized"])
def test_combinations_that_need_the_model_are_refused(fitted, tmp_path, name):
    every = asked(session(fitted, **METHODS[name]))["contrasts"]
    found = through(every, tmp_path)
    with pytest.raises(UnsupportedError, match="loaded from a file, and a combination of rows has"):
        str(found.contrast([1, -1, 1]))
    same(found[[2, 1]], every[[2, 1]])
    if name != "studentized":
        with pytest.raises(UnsupportedError, match="a joint test has degrees of freedom"):
            found.joint_test()


def test_what_cannot_be_saved(fitted, tmp_path):
    root = Scale(np.sqrt, np.square, lambda mean: 0.5 / np.sqrt(mean), name="square root")
    with pytest.raises(UnsupportedError, match="functions of your own"):
        session(fitted, vcov="gls", scale=root).predict().save(tmp_path / "none")
    result = session(fitted, vcov="gls").predict()
    with pytest.raises(ArgumentTypeError, match="save: expected a path, got int"):
        result.save(3)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnsupportedError, match="travelled without its session"):
        through(session(fitted, vcov="gls").dydx("dose"), tmp_path).effect_size()


# --- files that are not what they should be ------------------------------------------------------


@pytest.fixture
def path(fitted, tmp_path):
    path = tmp_path / "result.margins"
    session(fitted, vcov="gls").predict(over="school").save(path)
    return path


def rewritten(path, change):
    """Write the archive again with some files changed."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files = change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def edited(**changes):
    def change(files):
        text = json.loads(files["result.json"]) | changes
        return files | {"result.json": json.dumps(text).encode()}

    return change


def with_digest(change):
    def changed(files):
        from pymargins.results.saved import digest

        files = change(files)
        return files | {"digest": digest(files["result.json"]).encode()}

    return changed


def unknown_fact(files):
    text = files["result.json"].decode().replace('"PopulationFacts"', '"CrowdFacts"')
    return files | {"result.json": text.encode()}


CHANGES = {
    "a number": (edited(level=0.5), "result.json was changed"),
    "an array": (lambda f: f | {"cov.npy": f["cov.npy"][:-8] + bytes(8)}, "cov.npy was changed"),
    "an array gone": (lambda f: {k: v for k, v in f.items() if k != "cov.npy"}, "cov.npy was ch"),
    "no words": (lambda f: {k: v for k, v in f.items() if k != "result.json"}, "is no result"),
    "newer": (with_digest(edited(version=2)), "in version 2 of the format; this one reads ver"),
    "another format": (with_digest(edited(format="x")), "is no result that pymargins saved"),
    "unknown facts": (with_digest(unknown_fact), "does not know; it was written by"),
    "no words of it": (with_digest(edited(words={})), "does not know; it was written by"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_changed_files_are_told(path, change, message):
    rewritten(path, change)
    with pytest.raises(ArgumentError) as caught:
        load(path)
    assert str(caught.value).startswith(f"load: {str(path)!r}")
    assert message in str(caught.value)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_files_cut_short_are_told(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ArgumentError, match="is no result that pymargins saved, or it was cut"):
        load(path)


def test_one_byte_is_enough(path):
    content = bytearray(path.read_bytes())
    for place in range(60, len(content) - 200, 997):
        content[place] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(ArgumentError):
            load(path)
        content[place] ^= 0xFF


def test_other_files_and_places(path, tmp_path):
    with pytest.raises(ArgumentError, match="there is no file"):
        load(tmp_path / "none")
    with pytest.raises(ArgumentTypeError, match="load: expected a path"):
        load(3)
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(ArgumentError, match="is no result"):
        load(tmp_path / "text")


def test_no_pickle_is_ever_read(path):
    rewritten(path, lambda files: files | {"cov.npy": np_of_objects()})
    with pytest.raises(ArgumentError, match="was changed"):
        load(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert {name.rpartition(".")[2] for name in names} == {"json", "digest", "npy"}
    assert pymargins.load is load


def np_of_objects():
    import io

    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return out.getvalue()
