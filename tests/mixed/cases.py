"""Oracle cases and simulated data as arrays, and the textbook formulas to compare with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import patsy

from pymargins.mixed import CovarianceParameters, MixedData

ORACLE = Path(__file__).parents[1] / "oracle"
CASES = sorted(path.stem for path in (ORACLE / "cases").glob("*.json"))


@dataclass(frozen=True)
class OracleCase:
    """An lme4 fit: its arrays in lme4's own columns, and its figures."""

    figures: dict
    data: MixedData
    params: CovarianceParameters
    arrays: dict

    @property
    def beta(self):
        return np.array(self.figures["fixed_effects"]["estimate"])

    @property
    def vcov(self):
        return np.array(self.figures["fixed_effects"]["vcov"])

    @property
    def loglik(self):
        """lme4's figure; the arrays hold lme4's own columns, so no shift is due."""
        return self.figures["loglik"]


@cache
def oracle_case(name: str) -> OracleCase:
    figures = json.loads((ORACLE / "cases" / f"{name}.json").read_text())
    frame = read_frame(figures)
    arrays = oracle_arrays(figures, frame)
    data = MixedData.from_arrays(**arrays)
    return OracleCase(figures, data, oracle_params(figures, data), arrays)


def read_frame(figures: dict) -> pd.DataFrame:
    columns = figures["data"]["columns"]
    text = {c: str for c, info in columns.items() if info["type"] in ("category", "group")}
    frame = pd.read_csv(
        ORACLE / figures["data"]["file"], keep_default_na=False, na_values=[""], dtype=text
    )
    frame = frame.dropna(subset=list(columns)).reset_index(drop=True)
    for column, info in columns.items():
        if info["type"] == "category":
            frame[column] = pd.Categorical(frame[column], categories=info["levels"])
    for name, expression in (figures["statsmodels"]["new_columns"] or {}).items():
        frame[name] = frame.eval(expression)
    return frame


def oracle_arrays(figures: dict, frame: pd.DataFrame) -> dict:
    words = figures["statsmodels"]
    y, x = patsy.dmatrices(words["formula"], frame, return_type="dataframe")
    transform = np.array(figures["statsmodels_fit"]["to_statsmodels"]["T"])
    codes, _ = pd.factorize(frame[words["groups"]])
    z = None
    if words["re_formula"] is not None:
        z = np.asarray(patsy.dmatrix(words["re_formula"], frame))
    elif words["vc_formula"] is None:
        z = np.ones((len(frame), 1))
    components = tuple(
        [
            _used_columns(np.asarray(patsy.dmatrix(formula, frame))[codes == i])
            for i in range(codes.max() + 1)
        ]
        for formula in (words["vc_formula"] or {}).values()
    )
    return {
        "y": np.asarray(y)[:, 0],
        "X": np.asarray(x) @ transform,
        "groups": codes,
        "Z": z,
        "components": components,
        "reml": figures["r"]["REML"],
    }


def _used_columns(block: np.ndarray) -> np.ndarray:
    return block[:, np.any(block != 0, axis=0)]


def oracle_params(figures: dict, data: MixedData) -> CovarianceParameters:
    psi = np.zeros((data.q, data.q))
    components = np.zeros(data.n_components)
    names = list(figures["statsmodels"]["vc_formula"] or {})
    for entry in figures["variance_components"]:
        if entry["group"] == "Residual":
            sigma2 = entry["vcov"]
            continue
        key = f"{entry['group']}|{entry['var1'] or ''}|{entry['var2'] or ''}"
        place = figures["statsmodels"]["variances"][key]
        if place.startswith("cov_re"):
            i, j = map(int, place[len("cov_re[") : -1].split(","))
            psi[i, j] = psi[j, i] = entry["vcov"]
        else:
            components[names.index(place[len("vcomp[") : -1])] = entry["vcov"]
    return CovarianceParameters(psi, components, sigma2)


def dense_pieces(arrays: dict, params: CovarianceParameters):
    """Return V and the derivative matrices G_r in the order of `CovarianceParameters.gamma`."""
    n, groups, z = len(arrays["y"]), arrays["groups"], arrays.get("Z")
    same = groups[:, None] == groups[None, :]
    derivatives = []
    for i in range(params.psi.shape[0]):
        for j in range(i + 1):
            g = np.outer(z[:, i], z[:, j])
            derivatives.append((g if i == j else g + g.T) * same)
    for parts in arrays.get("components", ()):
        g = np.zeros((n, n))
        for code, part in enumerate(parts):
            rows = np.flatnonzero(groups == code)
            part = np.asarray(part.toarray() if hasattr(part, "toarray") else part)
            g[np.ix_(rows, rows)] = part @ part.T
        derivatives.append(g)
    derivatives.append(np.eye(n))
    v = sum(gamma * g for gamma, g in zip(params.gamma, derivatives, strict=True))
    return v, derivatives


def dense_fit(arrays: dict, params: CovarianceParameters, reml: bool = True):
    """Textbook GLS: beta, Phi, log-likelihood and the score of -2 loglik, with V written out."""
    y, x = arrays["y"], arrays["X"]
    v, derivatives = dense_pieces(arrays, params)
    v_inv = np.linalg.inv(v)
    phi = np.linalg.inv(x.T @ v_inv @ x)
    beta = phi @ x.T @ v_inv @ y
    residual = y - x @ beta
    p = v_inv - v_inv @ x @ phi @ x.T @ v_inv
    minus_two = np.linalg.slogdet(v)[1] + residual @ v_inv @ residual
    if reml:
        minus_two += (len(y) - x.shape[1]) * np.log(2 * np.pi)
        minus_two += np.linalg.slogdet(x.T @ v_inv @ x)[1]
    else:
        minus_two += len(y) * np.log(2 * np.pi)
    middle = p if reml else v_inv
    gradient = [np.trace(middle @ g) - y @ p @ g @ p @ y for g in derivatives]
    return beta, phi, -0.5 * minus_two, np.array(gradient)


STRUCTURES = ("intercept", "slope", "nested", "slope_and_nested", "crossed", "uneven_components")


def simulated(
    structure: str, seed: int = 0, n_groups: int = 12
) -> tuple[dict, CovarianceParameters]:
    """Unbalanced data in shuffled row order, and parameters to evaluate at."""
    rng = np.random.default_rng(seed)
    if structure == "crossed":
        n_groups = 1
    sizes = rng.integers(1, 8, n_groups) if n_groups > 1 else np.array([48])
    groups = rng.permutation(np.repeat(np.arange(n_groups), sizes))
    n = len(groups)
    x = np.column_stack([np.ones(n), rng.normal(size=n), (groups % 2) + 0.1 * rng.normal(size=n)])
    z = np.column_stack([np.ones(n), x[:, 1]])
    components: tuple = ()
    if structure in ("nested", "slope_and_nested", "crossed", "uneven_components"):
        levels = 40 if structure == "uneven_components" else 3
        many = rng.integers(0, levels, n)
        few = rng.integers(0, 5, n)
        if structure == "uneven_components":
            many = np.where(groups < n_groups // 2, many, 0)
        components = tuple(
            [_used_columns(np.eye(50)[label[groups == i]]) for i in range(n_groups)]
            for label in ((many,) if structure == "slope_and_nested" else (many, few))
        )
    q = {"intercept": 1, "slope": 2, "nested": 1, "slope_and_nested": 2}.get(structure, 0)
    y = 2 + x[:, 1] + rng.normal(size=n_groups)[groups] * 0.8 + rng.normal(size=n)
    arrays = {"y": y, "X": x, "groups": groups, "Z": z[:, :q], "components": components}
    psi = np.array([[0.9, 0.2], [0.2, 0.5]])[:q, :q]
    return arrays, CovarianceParameters(psi, [0.4, 0.25][: len(components)], 1.3)
