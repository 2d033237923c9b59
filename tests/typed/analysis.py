"""A user's script as a type checker sees it: read by pyright (`make types`), never run.

Lines marked as mistakes must be found: an ignore that is not needed is an error itself.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import Any

import numpy as np
import pandas as pd
from typing_extensions import assert_type

from pymargins import Bootstrap, KenwardRoger, Margins, MarginsResult, Scenario, levels, pairwise


def session(fit: Any, children: pd.DataFrame) -> Margins:
    Margins(fit, vcov="HC5")  # pyright: ignore[reportArgumentType]
    Margins(fit, method="boot")  # pyright: ignore[reportArgumentType]
    Margins(fit, random_effects="BLUP")  # pyright: ignore[reportArgumentType]
    Margins(fit, at=3)  # pyright: ignore[reportArgumentType]
    Margins(fit, at="people.parquet", weights="n")
    Margins.log_scale(fit, dfs=3)  # pyright: ignore[reportCallIssue]
    Margins.log_scale(fit, vcov="CR2", cluster="school")
    Margins.imputed([fit, fit], vcov="HC5")  # pyright: ignore[reportArgumentType]
    Margins.imputed([fit, fit], scale="log", data=[children, children])
    Margins(fit, at=children, weights=np.ones(len(children)), vcov=KenwardRoger("observed"))
    Margins(fit, at={"age": "median"}, method=Bootstrap(kind="wild", n_boot=99))
    return Margins(fit, vcov="kenward-roger", df="kenward-roger", scale="log", level=0.9)


def questions(m: Margins, children: pd.DataFrame) -> MarginsResult:
    means = m.predict({"age": [8, 14], "Sex": ...}, over="school")
    assert_type(means, MarginsResult)
    m.predict(children.head())
    m.predict(3)  # pyright: ignore[reportArgumentType]
    m.predict("age", at="mean")  # pyright: ignore[reportCallIssue]
    m.dydx(["age", "weight"], atexog={"Sex": "Male"})
    m.contrasts(pairwise("Sex"), atexog="age")
    m.contrasts(
        [Scenario({"age": 8}, "young"), {"atexog": {"age": 14}, "label": "old"}],
        {"growth": [-1, 1]},
    )
    m.evaluate(levels("age", [8, 14]), lambda mean: mean[1] / mean[0], ["ratio"])
    m.joint_tests(by={"age": [8, 14]})
    m.variance_components(method="profile")
    return means


def results(res: MarginsResult) -> pd.DataFrame:
    res.adjust("none")  # pyright: ignore[reportArgumentType]
    adjusted = res.pairwise().adjust("holm", by="age")
    adjusted.equivalence(-1, 1)
    adjusted.test(null=1, alternative="greater")
    adjusted.test(alternative="more")  # pyright: ignore[reportArgumentType]
    (res["age=8"] - res["age=14"]).plot()
    res.plot(order={"age": [14, 8]}, colors="tab:red", data=True)
    res.plot(data=3)  # pyright: ignore[reportArgumentType]
    res.plot(order=3)  # pyright: ignore[reportArgumentType]
    res.contrast({"growth": [-1, 1]}).prediction_interval(weight=2)
    res.where(age=[8, 14]).conf_int(0.9, simultaneous=True)
    return res.to_frame()
