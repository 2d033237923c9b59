"""All pairs at a glance: letters and the matrix of p-values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Margins, UnknownNameError, pairwise


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 240
    df = pd.DataFrame({"feed": rng.choice(list("ABCDE"), n), "sex": rng.choice(["f", "m"], n)})
    df["gain"] = 20 + df["feed"].map(dict(zip("ABCDE", [0, 0.4, 1.2, 1.6, 4.0], strict=True)))
    df["gain"] += (df["sex"] == "m") * 2 + rng.normal(0, 1.5, n)
    return df


@pytest.fixture(scope="module")
def m(data: pd.DataFrame) -> Margins:
    return Margins(smf.ols("gain ~ feed * sex", data).fit(), at="balanced")


def test_the_matrix_holds_p_values_estimates_and_differences(m: Margins) -> None:
    means = m.predict("feed")
    table = means.matrix()
    assert table.index.tolist() == table.columns.tolist() == list(means.labels)
    pairs = m.contrasts(pairwise("feed")).adjust("tukey")
    upper = np.triu_indices(5, 1)
    np.testing.assert_allclose(table.to_numpy()[upper], pairs.p_value, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(table.to_numpy().T[upper], pairs.estimate, rtol=1e-9)
    np.testing.assert_allclose(np.diag(table), means.estimate)


def test_the_matrix_holds_ratios_on_the_log_scale(data: pd.DataFrame) -> None:
    means = Margins.log_scale(smf.ols("gain ~ feed", data).fit()).predict("feed")
    np.testing.assert_allclose(
        means.matrix("none").to_numpy()[1, 0], means.estimate[0] / means.estimate[1]
    )


def test_rows_share_a_letter_where_the_matrix_says_so(m: Margins) -> None:
    means = m.predict("feed")
    for method in (None, "none", "bonferroni"):
        table = means.letters(method)
        assert table.columns.tolist() == ["estimate", "letters"]
        p = means.matrix(method).to_numpy()
        letters = [set(text.replace(" ", "")) for text in table["letters"]]
        for i in range(5):
            for j in range(i + 1, 5):
                assert bool(letters[i] & letters[j]) == (p[i, j] >= 0.05)


def test_the_first_letter_is_of_the_least_or_of_the_largest(m: Margins) -> None:
    means = m.predict("feed")
    least, most = int(np.argmin(means.estimate)), int(np.argmax(means.estimate))
    assert means.letters()["letters"].iloc[least].startswith("a")
    assert means.letters(decreasing=True)["letters"].iloc[most] == "a"


def test_letters_within_the_levels_of_another_variable(m: Margins) -> None:
    means = m.predict(["sex", "feed"])
    table = means.letters(by="sex")
    for sex in "fm":
        part = means.where(sex=sex)
        assert (
            table["letters"].loc[list(part.labels)].tolist() == part.letters()["letters"].tolist()
        )
    with pytest.raises(UnknownNameError, match="Did you mean 'sex'"):
        means.letters(by="sx")


def test_a_stricter_level_has_fewer_differences(m: Margins) -> None:
    means = m.predict("feed")
    assert len(set(means.letters(level=0.9999)["letters"])) <= len(set(means.letters()["letters"]))


def test_a_single_row_has_one_letter(m: Margins) -> None:
    one = m.predict({"feed": "A"})
    assert one.letters()["letters"].tolist() == ["a"]
    np.testing.assert_allclose(one.matrix(), [one.estimate])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.letters("tuky"), "Did you mean 'tukey'"),
        (lambda r: r.matrix("tuky"), "Did you mean 'tukey'"),
        (lambda r: r.pairwise().letters(), "letters: these rows are contrasts already"),
        (lambda r: r.letters(level=95), "level"),
        (lambda r: r[[0] * 201].matrix(), "matrix: 201 rows are too many"),
    ],
)
def test_what_is_refused(m: Margins, ask: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ask(m.predict("feed"))
