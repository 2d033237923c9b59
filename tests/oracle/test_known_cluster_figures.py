"""Predictions of known clusters against R's figures, at R's variance parameters."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import patsy
import pytest
from scipy import sparse

from pymargins.mixed import CovarianceParameters, MixedData, gls, random_effects
from pymargins.mixed.prediction.columns import EffectColumns, joined
from pymargins.mixed.prediction.prediction import predict_clusters
from pymargins.mixed.small_samples.derivatives import variance_derivatives

HERE = Path(__file__).parent / "beyond"
CASES = sorted(path.stem for path in (HERE / "known_cluster").glob("*.json"))


class Case:
    """A fit of R's: its arrays, and the place of each of its random effects."""

    def __init__(self, name: str) -> None:
        self.figures = json.loads((HERE / "cases" / f"{name}.json").read_text())
        self.queries = json.loads((HERE / "known_cluster" / f"{name}.json").read_text())
        words, columns = self.figures["statsmodels"], self.figures["data"]["columns"]
        text = {c: str for c, i in columns.items() if i["type"] in ("category", "group")}
        path = HERE / self.figures["data"]["file"]
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=text)
        for new, expression in (words["new_columns"] or {}).items():
            frame[new] = frame.eval(expression)
        frame = frame.dropna(subset=list(columns)).reset_index(drop=True)
        for column, info in columns.items():
            if info["type"] == "category":
                frame[column] = pd.Categorical(frame[column], categories=info["levels"])
        y, x = patsy.dmatrices(words["formula"], frame, return_type="dataframe")
        turn = np.array(self.figures["statsmodels_fit"]["to_statsmodels"]["T"])
        self.frame, self.codes = frame, pd.factorize(frame[words["groups"]])[0]
        z = None
        if words["re_formula"] is not None:
            z = np.asarray(patsy.dmatrix(words["re_formula"], frame))
        elif words["vc_formula"] is None:
            z = np.ones((len(frame), 1))
        self.components = list(words["vc_formula"] or {})
        self.matrices = [
            [
                _used(np.asarray(patsy.dmatrix(formula, frame))[self.codes == g])
                for g in range(self.codes.max() + 1)
            ]
            for formula in (words["vc_formula"] or {}).values()
        ]
        reml = bool(self.figures["r"]["REML"])
        arrays = (np.asarray(y)[:, 0], np.asarray(x) @ turn, self.codes)
        self.data = MixedData.from_arrays(*arrays, Z=z, components=self.matrices, reml=reml)
        self.params = self._params()
        self.columns = EffectColumns.of(self.data)

    def _params(self) -> CovarianceParameters:
        psi, components = np.zeros((self.data.q,) * 2), np.zeros(len(self.components))
        found = self.figures["variance_parameters"]
        for name, value in zip(found["names"], found["estimate"], strict=True):
            if name == "Residual||":
                sigma2 = value
                continue
            place = self.figures["statsmodels"]["variances"][name]
            if place.startswith("cov_re"):
                i, j = map(int, place[len("cov_re[") : -1].split(","))
                psi[i, j] = psi[j, i] = value
            else:
                components[self.components.index(place[len("vcomp[") : -1])] = value
        return CovarianceParameters(psi, components, sigma2)

    def place(self, name: str) -> int:
        """Return where an effect of R's, ``term|effect|level``, stands among all."""
        term, effect, level = name.split("|")
        info = next(t for t in self.figures["random_terms"] if t["name"] == term)
        keys = info["group"].split(":")
        joint = self.frame[keys].astype(object).astype(str).agg(":".join, axis=1)
        row = int(np.flatnonzero(joint == level)[0])
        group = self.codes[row]
        where = self.figures["statsmodels"]["variances"][f"{term}|{effect}|"]
        if where.startswith("cov_re"):
            return int(group * self.data.q + int(where[len("cov_re[") : -1].split(",")[0]))
        v = self.components.index(where[len("vcomp[") : -1])
        within = int((self.codes[:row] == group).sum())
        column = int(np.flatnonzero(self.matrices[v][group][within])[0])
        return int(self.columns.first[group, v] + column)

    def rows(self, wanted: list[dict]) -> sparse.csr_array:
        p = self.data.n_fixed
        out = np.zeros((len(wanted), p + self.columns.size))
        for i, row in enumerate(wanted):
            out[i, :p] = row["L"]
            for name, value in row["M"].items():
                out[i, p + self.place(name)] += value
        return sparse.csr_array(out)


def _used(block: np.ndarray) -> np.ndarray:
    return block[:, np.any(block != 0, axis=0)]


@cache
def case_of(name: str) -> Case:
    return Case(name)


def _figure(rows: list[dict], method: str, key: str) -> np.ndarray:
    found = [(row.get(method) or {}).get(key) for row in rows]
    return np.array([np.nan if v is None else float(v) for v in found])


@pytest.mark.parametrize("name", CASES)
def test_known_clusters_are_rs(name: str) -> None:
    case = case_of(name)
    data, params = case.data, case.params
    found = gls(data, params)
    theta = np.concatenate([found.beta, joined(random_effects(data, params, found))])
    pieces = variance_derivatives(data, params)
    plain = predict_clusters(data, params, pieces, "satterthwaite")
    adjusted = predict_clusters(data, params, pieces, "kenward-roger") if data.reml else None
    for query in case.queries:
        wanted = query["rows"]
        rows = case.rows(wanted)
        estimate = np.array([row["estimate"] for row in wanted])
        np.testing.assert_allclose(rows @ theta, estimate, rtol=1e-8, atol=1e-8)
        errors = _figure(wanted, "asymptotic", "se")
        np.testing.assert_allclose(
            np.sqrt(np.maximum(plain.variance(rows), 0)), errors, rtol=1e-6, atol=1e-6
        )
        df = _figure(wanted, "satterthwaite", "df")
        some = np.isfinite(df)
        np.testing.assert_allclose(plain.df(rows)[some], df[some], rtol=1e-5)
        if adjusted is None:
            continue
        errors = _figure(wanted, "kenward_roger", "se")
        np.testing.assert_allclose(np.sqrt(adjusted.variance(rows)), errors, rtol=1e-6, atol=1e-8)
        df = _figure(wanted, "kenward_roger", "df")
        some = np.isfinite(df)
        np.testing.assert_allclose(adjusted.df(rows)[some], df[some], rtol=1e-5)
