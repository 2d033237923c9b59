"""Facts and figures made by hand, and what was printed of them when facts were still sentences.

The numbers are those of sessions on simulated data; `printed` holds their tables, 88 columns wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pymargins.facts import (
    Adjusted,
    BootstrapDraws,
    Computation,
    Computed,
    CovarianceFacts,
    DeltaMethod,
    Distribution,
    Extrapolation,
    FewGroups,
    Health,
    Kind,
    ModelFacts,
    Operation,
    Polished,
    PopulationFacts,
    Quantity,
    QuotientNull,
    RandomEffects,
    ReferenceFacts,
    ResultFacts,
    ScaleFacts,
    SessionFacts,
    SimulatedDraws,
    SlopesOnIdentity,
    Where,
)
from pymargins.report import Figures, Summary, summarise

WELL = Health(
    converged=True,
    deviance_gap=0.001,
    se_shift=0.0,
    boundary=False,
    se_ratio=np.array([1.0, 1.0002]),
    names=("Intercept", "age"),
    rank_deficient=False,
    groups=1040,
    group_sizes=(5, 5, 5),
)

#: Labels that some format would read as commands, markup or a variant.
ODD = ("a_b", "50% of $3", "<x> & y", "A|B", "[c]", "*d*", r"e\f {g} ~ ^ #h", '"β² × ∞"', "−1 ⁻¹")
PRINTED = Path(__file__).parent / "printed"
INF = float("inf")

IDENTITY = ScaleFacts("identity", 0.0, builtin=True)
LOG = ScaleFacts("log", 1.0, builtin=True)
#: A user's own scale that happens to have the name of a built-in one.
OWN_LOG = ScaleFacts("log", 1.0, builtin=False)

MEAN = Quantity(Kind.MEAN)
CONTRAST = MEAN.after(Operation.CONTRAST)
RATIO = MEAN.after(Operation.RATIO)
SLOPE = Quantity(Kind.SLOPE)

SCORES = ModelFacts(
    "linear mixed model (statsmodels MixedLM)",
    "score",
    200,
    40,
    "student",
    "REML",
    RandomEffects.INTEGRATED,
)
FEW_SCORES = replace(SCORES, n=72, groups=12)

GLS = SessionFacts(
    SCORES,
    ("age", "treated", "school"),
    PopulationFacts(Where.OVERALL, 200),
    IDENTITY,
    CovarianceFacts("gls"),
    ReferenceFacts(Distribution.NORMAL),
    DeltaMethod(),
    0.95,
)
FEW = replace(
    GLS,
    model=FEW_SCORES,
    population=PopulationFacts(Where.OVERALL, 72),
    notes=(FewGroups(12),),
)
EXPECTED = ReferenceFacts(Distribution.KENWARD_ROGER, information="expected")
SESSIONS = {
    "gls": GLS,
    "few": FEW,
    "kenward_roger": replace(
        FEW,
        covariance=CovarianceFacts("kenward-roger", information="expected"),
        reference=EXPECTED,
        notes=(),
    ),
    "cluster_robust": replace(
        FEW,
        covariance=CovarianceFacts("CR2", clusters=12),
        reference=ReferenceFacts(Distribution.BELL_MCCAFFREY, covariance="CR2"),
        notes=(),
    ),
    "bootstrap": replace(
        GLS,
        covariance=CovarianceFacts("draws"),
        reference=ReferenceFacts(Distribution.DRAWS),
        method=BootstrapDraws("cluster", 99, "studentized", resampled=True, strata=("treated",)),
    ),
    "log": replace(GLS, scale=LOG),
    "simulation": replace(
        GLS,
        scale=LOG,
        reference=ReferenceFacts(Distribution.DRAWS),
        method=SimulatedDraws(1500),
    ),
    "balanced": replace(GLS, population=PopulationFacts(Where.BALANCED, 6), level=0.9),
    "typical": replace(
        FEW,
        population=PopulationFacts(Where.TYPICAL, 1),
        reference=ReferenceFacts(Distribution.GIVEN, df=12.0),
        notes=(),
    ),
    "polished": replace(GLS, notes=(Polished(9.777e-12),)),
}

RESULTS = {
    "gls": ResultFacts(GLS, MEAN, IDENTITY, (Extrapolation("age", 400.0, 20.0, 74.0),)),
    "few": ResultFacts(FEW, CONTRAST, IDENTITY),
    "kenward_roger": ResultFacts(SESSIONS["kenward_roger"], CONTRAST, IDENTITY),
    "cluster_robust": ResultFacts(
        SESSIONS["cluster_robust"], Quantity(Kind.SLOPE_OR_CHANGE), IDENTITY
    ),
    "bootstrap": ResultFacts(SESSIONS["bootstrap"], SLOPE, IDENTITY),
    "log": ResultFacts(SESSIONS["log"], RATIO, LOG),
    "log_slopes": ResultFacts(SESSIONS["log"], SLOPE, IDENTITY, (SlopesOnIdentity(),)),
    "over": ResultFacts(GLS, MEAN, IDENTITY),
    "adjusted": ResultFacts(GLS, CONTRAST, IDENTITY).noting(
        Adjusted("tukey", (), 1, 3, 3, (Computed(Computation.MEANS, 3),))
    ),
    "balanced": ResultFacts(SESSIONS["balanced"], MEAN, IDENTITY),
    "polished": ResultFacts(SESSIONS["polished"], Quantity(Kind.EYEX), IDENTITY),
    "quotient": ResultFacts(GLS, CONTRAST.after(Operation.QUOTIENT), IDENTITY, (QuotientNull(),)),
}


def figures_of(name: str) -> Figures:
    """Return the figures of a result by its name."""
    facts = RESULTS[name]
    numbers = {
        k: v if k in ("labels", "columns") else np.array(v) for k, v in NUMBERS[name].items()
    }
    draws = 99 if name == "bootstrap" else None
    return Figures(**numbers, level=facts.session.level, facts=facts, draws=draws)


def over_all(variables: Mapping[str, Sequence[Any]], facts: ResultFacts | None = None) -> Figures:
    """Make figures over all combinations of some values."""
    rows = list(product(*variables.values()))
    labels = [", ".join(f"{k}={v}" for k, v in zip(variables, row, strict=True)) for row in rows]
    columns = {name: [row[j] for row in rows] for j, name in enumerate(variables)}
    facts = facts or ResultFacts(GLS, MEAN, IDENTITY)
    return made_figures(np.arange(len(rows)) * 3.0, facts, labels, columns)


def made_figures(
    estimate: Any,
    facts: ResultFacts = RESULTS["over"],
    labels: Any = None,
    columns: Any = None,
    half: float = 1.0,
    level: float = 0.95,
) -> Figures:
    """Make figures of estimates alone, each with an interval `half` to both sides."""
    estimate = np.asarray(estimate, dtype=float)
    size = len(estimate)
    return Figures(
        labels=[f"row {i}" for i in range(size)] if labels is None else labels,
        columns=columns or {},
        estimate=estimate,
        std_error=np.full(size, half / 2),
        statistic=estimate / (half / 2),
        df=np.full(size, INF),
        p_value=np.full(size, 0.5),
        ci_lower=estimate - half,
        ci_upper=estimate + half,
        level=level,
        facts=facts,
    )


def odd_table() -> Summary:
    """Return a table with labels that need care."""
    return summarise(made_figures([60.0 + i for i in range(len(ODD))], labels=ODD))


def printed(name: str) -> str:
    """Return what was printed."""
    return (PRINTED / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


NUMBERS: dict[str, dict[str, Any]] = {
    "gls": {
        "labels": ["age=30", "age=400"],
        "columns": {"age": [30, 400]},
        "estimate": [60.0047627, 165.998078],
        "std_error": [0.813943244, 8.74431381],
        "statistic": [73.7210648, 18.9835454],
        "df": [INF, INF],
        "p_value": [0.0, 2.33308062e-80],
        "ci_lower": [58.4094632, 148.859538],
        "ci_upper": [61.6000621, 183.136618],
    },
    "kenward_roger": {
        "labels": ["A - B", "A - C", "B - C"],
        "columns": {},
        "estimate": [-3.41103124, -2.29382405, 1.11720719],
        "std_error": [1.50909767, 1.49522352, 1.44696101],
        "statistic": [-2.26031178, -1.53410111, 0.77210594],
        "df": [63.4050271, 64.1611448, 58.2614504],
        "p_value": [0.0272443395, 0.129921424, 0.443172436],
        "ci_lower": [-6.42634533, -5.28073193, -1.77892324],
        "ci_upper": [-0.395717151, 0.693083828, 4.01333762],
    },
    "cluster_robust": {
        "labels": ["age", "treated", "school: B - A", "school: C - A"],
        "columns": {},
        "estimate": [0.246106797, 5.56651272, 3.41103124, 2.29382405],
        "std_error": [0.0380232758, 2.03663819, 1.39087899, 1.05223626],
        "statistic": [6.47253009, 2.73318685, 2.45242848, 2.17995153],
        "df": [9.22296259, 9.98456052, 9.55551848, 10.0281798],
        "p_value": [0.000103096455, 0.0211055684, 0.0351549978, 0.0541761281],
        "ci_lower": [0.160408101, 1.0276487, 0.292308082, -0.0498117204],
        "ci_upper": [0.331805492, 10.1053768, 6.5297544, 4.63745983],
    },
    "bootstrap": {
        "labels": ["age"],
        "columns": {},
        "estimate": [0.28646842],
        "std_error": [0.0278793893],
        "statistic": [10.275276],
        "df": [INF],
        "p_value": [0.02],
        "ci_lower": [0.221965585],
        "ci_upper": [0.344249493],
    },
    "log": {
        "labels": ["A - B", "A - C", "B - C"],
        "columns": {},
        "estimate": [1.00583591, 1.01864409, 1.01273386],
        "std_error": [0.0143049157, 0.0136942063, 0.0152664839],
        "statistic": [0.409153448, 1.37407147, 0.839394178],
        "df": [INF, INF, INF],
        "p_value": [0.682427054, 0.169419495, 0.40124815],
        "ci_lower": [0.978185944, 0.992154455, 0.983249811],
        "ci_upper": [1.03426745, 1.04584097, 1.04310204],
    },
    "log_slopes": {
        "labels": ["age"],
        "columns": {},
        "estimate": [0.28646842],
        "std_error": [0.024727881],
        "statistic": [11.584835],
        "df": [INF],
        "p_value": [4.91913025e-31],
        "ci_lower": [0.238002664],
        "ci_upper": [0.334934176],
    },
    "over": {
        "labels": [
            "school=A, age=30",
            "school=A, age=50",
            "school=B, age=30",
            "school=B, age=50",
            "school=C, age=30",
            "school=C, age=50",
        ],
        "columns": {"school": ["A", "A", "B", "B", "C", "C"], "age": [30, 50, 30, 50, 30, 50]},
        "estimate": [60.7068981, 66.4362665, 59.8906548, 65.6200232, 59.2450231, 64.9743915],
        "std_error": [0.923983153, 0.839567317, 1.05339042, 0.903580749, 0.951643845, 0.888140852],
        "statistic": [65.7013041, 79.1315541, 56.8551355, 72.6222015, 62.2554577, 73.1577557],
        "df": [INF, INF, INF, INF, INF, INF],
        "p_value": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "ci_lower": [58.8959244, 64.7907448, 57.8260476, 63.8490375, 57.3798355, 63.2336674],
        "ci_upper": [62.5178718, 68.0817883, 61.9552621, 67.391009, 61.1102108, 66.7151156],
    },
    "adjusted": {
        "labels": ["A - B", "A - C", "B - C"],
        "columns": {},
        "estimate": [0.380032956, 1.19883246, 0.818799509],
        "std_error": [0.928409254, 0.871417102, 0.975679782],
        "statistic": [0.409337751, 1.37572749, 0.839209261],
        "df": [INF, INF, INF],
        "p_value": [0.911789079, 0.35367207, 0.678607238],
        "ci_lower": [-1.79588036, -0.843508308, -1.46790177],
        "ci_upper": [2.55594627, 3.24117324, 3.10550079],
    },
    "balanced": {
        "labels": ["school=A", "school=B", "school=C"],
        "columns": {"school": ["A", "B", "C"]},
        "estimate": [65.4997788, 65.1197458, 64.3009463],
        "std_error": [0.831934417, 0.905964231, 0.881203542],
        "statistic": [78.7319017, 71.8789369, 72.9694597],
        "df": [INF, INF, INF],
        "p_value": [0.0, 0.0, 0.0],
        "ci_lower": [64.1313684, 63.6295673, 62.8514955],
        "ci_upper": [66.8681891, 66.6099244, 65.7503972],
    },
    "polished": {
        "labels": ["age"],
        "columns": {},
        "estimate": [0.205938435],
        "std_error": [0.0176912019],
        "statistic": [11.6407261],
        "df": [INF],
        "p_value": [2.5582838e-31],
        "ci_lower": [0.171264317],
        "ci_upper": [0.240612554],
    },
    "few": {
        "labels": ["A - B", "A - C", "B - C"],
        "columns": {},
        "estimate": [-3.41103124, -2.29382405, 1.11720719],
        "std_error": [1.48840762, 1.47160508, 1.4431794],
        "statistic": [-2.29173191, -1.55872257, 0.77412911],
        "df": [INF, INF, INF],
        "p_value": [0.0219211176, 0.119062058, 0.438854444],
        "ci_lower": [-6.32825657, -5.17811701, -1.71137247],
        "ci_upper": [-0.493805915, 0.590468909, 3.94578684],
    },
    "quotient": {
        "labels": ["(A - B) / (A - C)"],
        "columns": {},
        "estimate": [0.317002556],
        "std_error": [0.710769833],
        "statistic": [0.44599889],
        "df": [INF],
        "p_value": [0.655598048],
        "ci_lower": [-1.07608072],
        "ci_upper": [1.71008583],
    },
}
