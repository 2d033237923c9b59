"""Populations that are read in pieces give what they would give in memory, or say what is wrong."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    Margins,
    Scenario,
    Simulation,
    UnknownNameError,
    UnsupportedError,
    pairwise,
)
from pymargins.asking import pieces, recognised, sources
from support.small_models import fit, quietly, study

pa = pytest.importorskip("pyarrow")
dataset = pytest.importorskip("pyarrow.dataset")

#: Sums in another order.
SUMS = 1e-12
BATCH = 60


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Cut streams into pieces that a test can afford."""
    monkeypatch.setattr(pieces, "ROWS", 100)
    monkeypatch.setattr(pieces, "FEW", 50)


class Stream:
    """A table whose Arrow stream can be opened again, in batches; counts how often it is."""

    def __init__(self, frame, opened=None, batch=BATCH):
        self.table = pa.Table.from_pandas(frame, preserve_index=False).combine_chunks()
        self.most = opened
        self.opened = 0
        self.batch = batch

    def __arrow_c_stream__(self, requested_schema=None):
        self.opened += 1
        if self.most is not None and self.opened > self.most:
            raise RuntimeError("consumed")
        batches = self.table.to_batches(max_chunksize=self.batch)
        reader = pa.RecordBatchReader.from_batches(self.table.schema, batches)
        return reader.__arrow_c_stream__(requested_schema)


@pytest.fixture(scope="module")
def data():
    frame = study(96)
    frame["passed"] = (frame["score"] > frame["score"].median()).astype(int)
    frame["band"] = pd.cut(frame["score"], 3, labels=False)
    frame["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["age"], "D")
    return frame


@pytest.fixture(scope="module")
def crowd():
    """Many rows: some students are new, subgroups come late, text and categories, whole numbers."""
    rng = np.random.default_rng(3)
    frame = pd.concat([study(96, seed=s) for s in range(7)], ignore_index=True)
    frame["student"] = rng.integers(0, 15, len(frame))
    frame["weight"] = rng.uniform(0, 2, len(frame)).round(2)
    frame["region"] = np.where(np.arange(len(frame)) < 500, "south", "north")
    frame["level"] = pd.Categorical(
        rng.choice(["low", "high"], len(frame)), ["low", "mid", "high"], ordered=True
    )
    frame["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["age"], "D")
    return frame


RIGHT = "age * treated + np.log(dose) + C(school) + smoker + grade"
DAYS = "I((day - pd.Timestamp('2020-01-01')) / pd.Timedelta('1D'))"
FITS = {
    "ols": lambda d: smf.ols(f"score ~ {RIGHT}", d).fit(),
    "logit": lambda d: smf.logit("passed ~ age * treated + np.log(dose)", d).fit(disp=0),
    "multinomial": lambda d: smf.mnlogit("band ~ age * treated", d).fit(disp=0),
    "mixed": lambda d: fit(f"score ~ {RIGHT}", d),
    "dates": lambda d: smf.ols(f"score ~ {DAYS} * treated", d).fit(),
    "spline": lambda d: smf.ols("score ~ bs(age, df=4) + treated + I(age * dose / 50)", d).fit(),
}
ASKED = {
    "mean": lambda m: m.predict(),
    "grid": lambda m: m.predict({"treated": [0, 1], "age": [30, 40, 50]}),
    "over": lambda m: m.predict({"treated": [0, 1]}, over=["region", "level"]),
    "slopes": lambda m: m.dydx("all"),
    "contrast": lambda m: m.contrasts(pairwise("treated"), over="female"),
    "several scenarios": lambda m: m.contrasts(
        [Scenario({"treated": 0}), Scenario({"treated": 1, "age": 40})]
    ),
    "function": lambda m: m.evaluate([Scenario({"treated": 0}), Scenario({"treated": 1})], np.exp),
    "shift": lambda m: m.predict({"treated": lambda treated: 1 - treated}),
    "elasticity": lambda m: m.eyex("treated", atexog={"treated": 1}),
}


@pytest.fixture(scope="module")
def fits(data):
    with quietly():
        return {name: make(data) for name, make in FITS.items()}


def opened(model, at, **options):
    with quietly():
        return Margins(model, at=at, **options)


def same(found, expected, tolerance=SUMS):
    assert found.labels == expected.labels
    frame, other = found.to_frame(), expected.to_frame()
    pd.testing.assert_frame_equal(frame, other, rtol=tolerance, atol=1e-12)
    np.testing.assert_allclose(found.cov, expected.cov, rtol=1e-10, atol=1e-12)


SETS_AGE = {"grid", "several scenarios"}
CASES = [(f, a) for f in FITS for a in ASKED if f != "dates" or a not in SETS_AGE]


@pytest.mark.parametrize(("name", "ask"), CASES)
def test_a_stream_is_a_data_frame(fits, crowd, name, ask):
    held, read = opened(fits[name], crowd), opened(fits[name], Stream(crowd))
    same(ASKED[ask](read), ASKED[ask](held))


@pytest.mark.parametrize("name", ["ols", "logit", "mixed"])
def test_weights_are_a_column(fits, crowd, name):
    held = opened(fits[name], crowd, weights="weight")
    read = opened(fits[name], Stream(crowd), weights="weight")
    for ask in (ASKED["grid"], ASKED["over"], ASKED["slopes"]):
        same(ask(read), ask(held))
    assert "weighted" in str(read.predict())


def test_rows_keep_their_clusters(fits, crowd):
    held = opened(fits["mixed"], crowd, random_effects="predicted")
    read = opened(fits["mixed"], Stream(crowd), random_effects="predicted")
    for ask in (ASKED["grid"], ASKED["over"], ASKED["contrast"]):
        same(ask(read), ask(held))
    same(read.predict(over="student"), held.predict(over="student"))


@pytest.mark.parametrize("method", [Simulation(50, rng=1), Bootstrap(30, rng=1)])
@pytest.mark.parametrize("name", ["ols", "logit"])
def test_draws(fits, crowd, name, method):
    held = opened(fits[name], crowd, method=method)
    read = opened(fits[name], Stream(crowd), method=method)
    same(ASKED["grid"](read), ASKED["grid"](held), 1e-9)


def test_an_offset_is_a_number(crowd, data):
    model = smf.glm("passed ~ age", data, family=sm.families.Poisson(), offset=data["dose"]).fit()
    held, read = opened(model, crowd, offset=0), opened(model, Stream(crowd), offset=0)
    same(read.predict(), held.predict())
    with pytest.raises(ArgumentError, match="offset: this model was fitted with an offset"):
        opened(model, Stream(crowd))


# --- where rows come from ------------------------------------------------------------------------


def from_polars(path):
    polars = pytest.importorskip("polars", "1.34")  # the first whose lazy frames have batches
    return polars.scan_parquet(path)


def from_narwhals(path):
    import narwhals as nw

    return nw.from_native(from_polars(path))


def from_duckdb(path):
    duckdb = pytest.importorskip("duckdb")
    return duckdb.sql(f"select *, age::decimal(9, 3) as exact from '{path}'")


SOURCES = {
    "a path": lambda path: path,
    "the text of a path": str,
    "a dataset": dataset.dataset,
    "a polars LazyFrame": from_polars,
    "a narwhals LazyFrame": from_narwhals,
    "a DuckDB relation": from_duckdb,
}


@pytest.fixture(scope="module")
def file(crowd, tmp_path_factory):
    path = tmp_path_factory.mktemp("crowd") / "crowd.parquet"
    crowd.to_parquet(path, row_group_size=150)
    return path


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("name", ["ols", "logit"])
def test_sources(fits, crowd, file, source, name):
    held, read = opened(fits[name], crowd), opened(fits[name], source(file))
    if source is not from_duckdb:  # which reads categories as text, and so sorts them
        same(ASKED["over"](read), ASKED["over"](held))
    for ask in (ASKED["grid"], ASKED["contrast"], ASKED["slopes"]):
        same(ask(read), ask(held))
    assert f"averaged over the {len(crowd)} rows of " in str(read.predict()).lower()


def test_a_folder_of_files(fits, crowd, tmp_path):
    for region, part in crowd.groupby("region"):
        folder = tmp_path / f"region={region}"
        folder.mkdir()
        part.drop(columns="region").to_parquet(folder / "part.parquet")
    held, read = opened(fits["ols"], crowd), opened(fits["ols"], tmp_path)
    same(read.predict(over="region"), held.predict(over="region"))


def test_exact_decimals_are_numbers(data, file, crowd):
    model = smf.ols("score ~ exact", data.assign(exact=data["age"])).fit()
    read = opened(model, from_duckdb(file))
    same(read.predict(), opened(model, crowd.assign(exact=crowd["age"])).predict())


def test_a_session_that_reads_a_file_travels(fits, file):
    m = opened(fits["ols"], file)
    far = pickle.loads(pickle.dumps(m))
    same(far.predict({"treated": [0, 1]}), m.predict({"treated": [0, 1]}))


def test_older_polars_are_told_of(fits, file):
    class Older:
        """A LazyFrame before 1.34."""

        def collect_schema(self):
            return self

        def names(self):
            return ["age"]

    with pytest.raises(UnsupportedError, match=r"polars 1.34 does. Or give the path of the Parq"):
        sources.LazySource(Older())


# --- how often -----------------------------------------------------------------------------------

READ_ONCE = ["mean", "grid", "slopes", "contrast", "several scenarios", "function"]


@pytest.mark.parametrize("name", ["ols", "logit"])
@pytest.mark.parametrize("ask", READ_ONCE)
def test_a_question_reads_once(fits, crowd, name, ask):
    stream = Stream(crowd)
    m = opened(fits[name], stream)
    assert stream.opened == 2  # counted, and opened again to see that it can be
    result = ASKED[ask](m)
    result.summary(), result.cov, result.to_frame(), (result[0] - result[-1]).std_error
    assert stream.opened == 3 + (ask == "contrast")  # `over` reads its columns for the subgroups


def test_memory_is_that_of_a_piece(fits, crowd, monkeypatch):
    alive = []
    made = pieces.Piece.variable

    def counted(piece, variable):
        alive.append(piece.n)
        return made(piece, variable)

    monkeypatch.setattr(pieces.Piece, "variable", counted)
    ASKED["grid"](opened(fits["ols"], Stream(crowd, batch=250)))
    assert max(alive) <= 100
    alive.clear()
    ASKED["grid"](opened(fits["ols"], Stream(crowd, batch=7)))
    assert min(alive[:-6]) >= 50  # small batches are put together


# --- what cannot be read -------------------------------------------------------------------------


def bad_stream(crowd, row, **values):
    frame = crowd.copy()
    for name, value in values.items():
        frame[name] = frame[name].astype(object)
        frame.loc[row, name] = value
    return Stream(frame, batch=10)


OFFENDERS = {
    "a level": ({"school": "E"}, ["at: 'E' is not a level of 'school'", "Levels: 'A', 'B'"]),
    "a missing level": ({"school": None}, ["at: column 'school' has a missing value"]),
    "a missing number": ({"age": None}, ["at: column 'age' has a missing value"]),
    "an indicator": ({"treated": 7}, ["'treated' is a 0/1 indicator; 7 lies outside"]),
    "an infinite number": ({"dose": np.inf}, ["a value for 'dose' is missing or infinite"]),
}


@pytest.mark.parametrize(("values", "parts"), OFFENDERS.values(), ids=OFFENDERS)
@pytest.mark.parametrize("row", [0, 374, 671])
def test_the_first_offender_is_named(fits, crowd, row, values, parts):
    m = opened(fits["ols"], bad_stream(crowd, [row, 671], **values))
    with pytest.raises(ArgumentError) as caught:
        m.predict()
    message = str(caught.value)
    place = f"row {row} (row {row % 10} of batch {row // 10}, counted from 0)"
    for part in [*parts, place]:
        assert part in message, message


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-1.0, "every weight must be finite and not negative. That is in row 374"),
        (np.inf, "every weight must be finite"),
        (1e200, "too far from 1 to be summed"),
        (None, "column 'weight' has a missing value in row 374"),
    ],
)
def test_weights_that_cannot_be_used(fits, crowd, weight, message):
    frame = crowd.copy()
    frame.loc[374, "weight"] = weight
    m = opened(fits["ols"], Stream(frame, batch=10), weights="weight")
    with pytest.raises(ArgumentError) as caught:
        m.predict()
    assert message in str(caught.value)


def test_weights_of_nothing(fits, crowd):
    m = opened(fits["ols"], Stream(crowd.assign(weight=0.0)), weights="weight")
    with pytest.raises(ArgumentError, match="the total weight is zero"):
        m.predict()
    frame = crowd.assign(weight=np.where(crowd["region"] == "north", 0.0, 1.0))
    m = opened(fits["ols"], Stream(frame), weights="weight")
    with pytest.raises(ArgumentError, match=r"the subgroup \{'region': 'north'\} has zero total"):
        m.predict(over="region")


def once(crowd):
    return Stream(crowd, opened=1)


class Emptied(Stream):
    """A stream that gives its rows once, and nothing afterwards."""

    def __arrow_c_stream__(self, requested_schema=None):
        if self.opened:
            self.table = self.table.slice(0, 0)
        return super().__arrow_c_stream__(requested_schema)


REFUSED = {
    "a reader": (lambda c, t: Stream(c).table.to_reader(), "a RecordBatchReader can be read once"),
    "a generator": (lambda c, t: iter([c]), "a list_iterator can be read once"),
    "a stream": (lambda c, t: once(c), "this Stream cannot be opened a second time"),
    "an emptied stream": (lambda c, t: Emptied(c), "this Emptied cannot be opened a second"),
    "no file": (lambda c, t: t / "none.parquet", "there is no file or folder"),
    "another file": (lambda c, t: written(c, t / "crowd.csv"), 'format="csv"'),
    "no Parquet": (lambda c, t: written(c, t / "crowd.parquet"), "cannot be read as Parquet"),
    "a name": (lambda c, t: "overal", "Did you mean 'overall'?"),
    "a number": (lambda c, t: 3, "or what is read in pieces"),
    "no rows": (lambda c, t: Stream(c.iloc[:0]), "has no rows"),
    "a column": (lambda c, t: Stream(c.drop(columns="dose")), "'dose' is not a column of the pop"),
}


def written(crowd, path):
    crowd.to_csv(path)
    return path


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_at_once(fits, crowd, tmp_path, make, message):
    at = make(crowd, tmp_path)
    with pytest.raises((ArgumentError, ArgumentTypeError, UnknownNameError)) as caught:
        opened(fits["ols"], at)
    assert message in str(caught.value)
    assert str(caught.value).startswith("at: ")


def test_a_reader_that_was_refused_is_whole(fits, crowd):
    reader = Stream(crowd).table.to_reader()
    with pytest.raises(ArgumentTypeError, match="Give what it is read from"):
        opened(fits["ols"], reader)
    assert reader.read_all().num_rows == len(crowd)


@pytest.mark.parametrize("weights", [np.ones(672), [1.0], pd.Series([1.0])])
def test_weights_by_row_are_refused(fits, crowd, weights):
    with pytest.raises(ArgumentTypeError, match="has them in a column: give its name"):
        opened(fits["ols"], Stream(crowd), weights=weights)
    with pytest.raises(UnknownNameError, match="Did you mean 'weight'"):
        opened(fits["ols"], Stream(crowd), weights="weigth")


def test_functions_of_a_whole_column_are_refused(fits, crowd):
    m = opened(fits["ols"], Stream(crowd))
    for function in (lambda age: age - age.mean(), lambda age: age.rank(), np.sort):
        with pytest.raises(ArgumentError, match="looks at more than one row"):
            m.predict({"age": function})
    same(
        m.predict({"age": lambda age: np.minimum(age + 5, 60)}),
        opened(fits["ols"], crowd).predict({"age": lambda age: np.minimum(age + 5, 60)}),
    )


def test_subgroups_that_are_not_there(fits, crowd):
    m = opened(fits["ols"], Stream(crowd))
    with pytest.raises(UnknownNameError, match="Did you mean 'region'"):
        m.predict(over="regoin")
    with pytest.raises(UnknownNameError, match="'score2' is not a column of the population"):
        m.predict(over="score2")
    with pytest.raises(ArgumentError, match="a column is named twice"):
        m.predict(over=["region", "region"])
    frame = crowd.assign(region=crowd["region"].where(crowd.index != 555))
    with pytest.raises(ArgumentError, match="column 'region' has a missing value in row 555"):
        opened(fits["ols"], Stream(frame)).predict(over="region")


def test_a_population_that_changes_is_noticed(fits, crowd, tmp_path):
    path = tmp_path / "crowd.parquet"
    crowd.to_parquet(path)
    m = opened(fits["ols"], path)
    m.predict()
    crowd.iloc[:100].to_parquet(path)
    with pytest.raises(ArgumentError, match="it had 672 rows, and has 100 now"):
        m.predict()


def test_a_connection_is_free_after_an_error(fits, crowd, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "crowd.parquet"
    crowd.assign(school=np.where(crowd.index == 3, "E", crowd["school"])).to_parquet(path)
    relation = duckdb.sql(f"from '{path}'")
    m = opened(fits["ols"], relation)
    for _ in range(2):
        with pytest.raises(ArgumentError, match="'E' is not a level"):
            m.predict()
    assert relation.aggregate("count(*)").fetchall() == [(672,)]


def test_progress_belongs_to_what_takes_long(fits, crowd):
    opened(fits["ols"], Stream(crowd), progress=False).predict()
    with pytest.raises(ArgumentError, match='progress: method="delta" does not use it'):
        opened(fits["ols"], crowd, progress=False)


def test_what_is_no_stream():
    assert recognised.source_of(3) is None
    assert recognised.source_of("overall") is None
