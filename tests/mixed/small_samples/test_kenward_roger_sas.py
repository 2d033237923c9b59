"""R and SAS differ in Kenward-Roger: the expected against the observed information.

On the strip-plot data of battery cells (see tests/data), crossed random effects of whole plots and
subplots: both are reproduced.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pymargins.mixed import MixedData, fit
from pymargins.mixed.small_samples.kenward_roger import kenward_roger_fit

DATA = Path(__file__).parents[2] / "data" / "battery_cell.csv"
#: R's optimum is ours; SAS stops earlier (its X5 standard error is 4e-5 off), and the subplot
#: variance, estimated from six subplots, is what the small degrees of freedom hang on.
TOLERANCE = {"expected": 1e-6, "observed": 2e-4}

#: effect -> standard error and df, from lmerTest (expected) and SAS PROC MIXED (observed)
FIGURES = {
    "expected": {
        "1": (1.22119335418264, 3.32665177707565),
        "X1": (1.04555958848939, 4.27590652316292),
        "X5": (1.04091408776883, 1.58890753273538),
        "X6": (0.907296416783894, 1.35167898637679),
        "X1:X2": (1.02272431633727, 3.91467484989779),
        "X1:X5": (0.653731496651909, 21.7001729623983),
        "X1:X6": (0.651972723885855, 20.0390988965691),
    },
    "observed": {
        "1": (1.22116776344467, 3.20034332104032),
        "X1": (1.04556254900257, 4.69303402808581),
        "X5": (1.01803364180257, 1.94168722960761),
        "X6": (0.90725980200905, 1.70290492486754),
        "X1:X2": (1.02272722056432, 4.29326351777212),
        "X1:X5": (0.65283279697308, 21.3757825675402),
        "X1:X6": (0.65197445175543, 19.6484225470186),
    },
}


@pytest.fixture(scope="module")
def battery() -> tuple[MixedData, list[str]]:
    frame = pd.read_csv(DATA)
    main = [f"X{i}" for i in range(1, 7)]
    names = ["1", *main, *(f"{a}:{b}" for a, b in combinations(main, 2))]
    columns = [np.ones(len(frame)), *(frame[m] for m in main)]
    columns += [frame[a] * frame[b] for a, b in combinations(main, 2)]
    crossed = [[pd.get_dummies(frame[unit]).to_numpy(float)] for unit in ("whole_plot", "subplot")]
    data = MixedData.from_arrays(
        frame.Y, np.column_stack(columns), np.zeros(len(frame), dtype=int), components=crossed
    )
    return data, names


@pytest.mark.parametrize("information", ["expected", "observed"])
def test_standard_errors_and_df(information, battery):
    data, names = battery
    found = kenward_roger_fit(data, fit(data).params, information)
    tolerance = TOLERANCE[information]
    for effect, (se, df) in FIGURES[information].items():
        row = np.zeros((1, len(names)))
        row[0, names.index(effect)] = 1.0
        assert np.sqrt(row @ found.cov @ row.T)[0, 0] == pytest.approx(
            se, rel=TOLERANCE[information]
        )
        assert found.df(row)[0] == pytest.approx(df, rel=tolerance)
