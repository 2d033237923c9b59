"""What comes one a row is aligned by its index, never by position in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pymargins import ArgumentError, Margins
from support.small_models import ROUNDING, fit, session, study


@pytest.fixture(scope="module")
def data():
    frame = study()
    frame.index = [f"r{i}" for i in range(len(frame))]
    frame["w"] = np.linspace(0.1, 3.0, len(frame)) ** 2
    return frame


@pytest.fixture(scope="module")
def model(data):
    return fit("score ~ age * treated + school", data)


def test_weights_in_another_order_are_brought_to_that_of_the_rows(model, data):
    right = session(model, weights="w").predict()
    shuffled = data["w"].sample(frac=1.0, random_state=1)
    found = session(model, weights=shuffled).predict()
    assert found.estimate[0] == pytest.approx(right.estimate[0], rel=ROUNDING)
    array = session(model, weights=shuffled.to_numpy()).predict()
    assert array.estimate[0] != pytest.approx(right.estimate[0], rel=1e-4)  # positions, as given


def test_an_index_that_does_not_match_is_an_error(model, data):
    with pytest.raises(ArgumentError) as caught:
        session(model, weights=data["w"].reset_index(drop=True))
    for part in ("weights", "index", "'r0'", "96 of them", "weights.to_numpy()"):
        assert part in str(caught.value)
    twice = pd.concat([data["w"], data["w"]])
    with pytest.raises(ArgumentError, match="names some rows twice"):
        session(model, weights=twice)


def test_rows_that_the_fit_dropped_may_be_among_the_weights(data):
    holed = data.copy()
    holed.loc[["r3", "r50"], "age"] = np.nan
    made = fit("score ~ age * treated + school", holed, missing="drop")
    found = session(made, weights=holed["w"], data=holed).predict()
    kept = holed.dropna(subset=["age"])
    assert found.estimate[0] == pytest.approx(
        session(made, weights=kept["w"].to_numpy(), data=holed).predict().estimate[0], rel=ROUNDING
    )


def test_weights_of_a_frame_given_are_aligned_with_it(model, data):
    part = data.iloc[20:60]
    right = session(model, at=part, weights="w").predict()
    found = session(model, at=part, weights=part["w"].iloc[::-1]).predict()
    assert found.estimate[0] == pytest.approx(right.estimate[0], rel=ROUNDING)
    with pytest.raises(ArgumentError, match="does not match that of the 40 rows"):
        session(model, at=part, weights=data["w"].iloc[:40])


def test_clusters_are_aligned_too(model, data):
    village = (data["student"] // 3).rename("village")
    right = Margins(model, vcov="CR1", cluster=village.to_numpy()).predict()
    found = Margins(model, vcov="CR1", cluster=village.sample(frac=1, random_state=2)).predict()
    assert found.std_error[0] == pytest.approx(right.std_error[0], rel=1e-12)
    with pytest.raises(ArgumentError, match="cluster: the index of this series"):
        Margins(model, vcov="CR1", cluster=village.reset_index(drop=True))
