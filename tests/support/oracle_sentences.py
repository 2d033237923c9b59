"""What a user types to ask the queries of the reference cases.

R's spec of a query is turned into calls of a session's public verbs, usually in more than one way:
as predictions that are then contrasted, as a list of scenarios with weights, with a helper, over a
data frame that is the population. A *sentence* is one of these ways: from `Sessions` to a result
(or several, one below the other). Every sentence must give R's rows, in R's order.

Only the translation is here; no design row and no coefficient is ever handed to a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from pymargins import (
    Scenario,
    ScenarioSet,
    did,
    grid,
    levels,
    pairwise,
    polynomial,
    reference,
    sequential,
)
from support.oracle_agreement import Results
from support.oracle_cases import Case, Query, Sessions, load

Sentence = Callable[[Sessions], Results]
Weights = Mapping[str, Any]

#: The kinds of query that are about quantities a user asks for. The other one, `coefficient`, is
#: about lme4's parameters, which belong to lme4's coding; tests compare them as rows.
ROW_KINDS = (
    "slope",
    "prediction",
    "prediction_average_over_data",
    "contrast",
    "interaction contrast",
    "emmeans",
    "emtrends",
)
JOINT_KIND = "joint_test"

_MEAN_OF_LOG_RESPONSE = (
    "the mean of a lognormal outcome, exp(eta + variance/2), needs the variance parameters, which "
    "no verb reads yet; a user could only type numbers taken from elsewhere into evaluate()"
)
#: Queries that no verb expresses, and why.
NOT_EXPRESSED = {
    "chick_log-mean_weight": _MEAN_OF_LOG_RESPONSE,
    "chick_log-mean_weight_rows": _MEAN_OF_LOG_RESPONSE,
    "chick_log-mean_weight_rows_vs_D1": _MEAN_OF_LOG_RESPONSE,
    "chick_log-time_slope_mean": _MEAN_OF_LOG_RESPONSE,
}


def translate(query: Query) -> list[Sentence]:
    """Return the sentences that ask a query; none for coefficients and those `NOT_EXPRESSED`."""
    case, spec = load(query.case), query.spec
    if query.name in NOT_EXPRESSED or query.kind not in (*ROW_KINDS, JOINT_KIND):
        return []
    sentences = [
        lambda ask, by_hand=by_hand: by_hand(ask, case) for by_hand in BY_HAND.get(query.name, ())
    ]
    if "scale" in spec or "zero_coefficients" in spec or "increment" in spec:
        return sentences
    if query.kind == JOINT_KIND:
        return sentences + _terms_on_the_grid(case, spec)
    general = {"rows": _over_rows, "grid": _on_the_grid, "none": _at_profiles}[spec["average"]]
    return sentences + general(case, query)


# --- averages over the rows of the fit -----------------------------------------------------------


def _over_rows(case: Case, query: Query) -> list[Sentence]:
    spec = query.spec
    points = last_fastest(spec["set"] or {})
    combine = None if spec["combine"] is None else named(spec["combine"], query)
    if "variable" in spec:
        return _row_slopes(case, spec, points, combine)
    if combine is None:
        return [
            lambda ask: ask().predict(points or None),
            lambda ask: ask(at=case.used).predict(points),
            lambda ask: ask().contrasts(scenarios(points)),
        ]
    sentences: list[Sentence] = [
        lambda ask: ask().predict(points).contrast(combine),
        lambda ask: ask().contrasts(scenarios(points), combine),
    ]
    if len(points) == 1:
        ((variable, values),) = points.items()
        sentences += [
            lambda ask, found=found: ask().contrasts(found)
            for found in helpers_with(variable, values, spec["combine"])
        ]
    return sentences


def _row_slopes(
    case: Case, spec: Mapping[str, Any], points: dict[str, Any], combine: Weights | None
) -> list[Sentence]:
    variable, within = spec["variable"], spec["within_rows_of"]
    if combine is not None:
        return [lambda ask: ask().dydx(variable, atexog=points).contrast(combine)]
    sentences: list[Sentence] = [
        lambda ask: ask().dydx(variable, atexog=points, over=within),
        lambda ask: ask(at=case.used).dydx([variable], atexog=points or None, over=within),
    ]
    if within is not None:
        subgroups = [case.used[within] == level for level in case.factors[within]]
        sentences += [
            lambda ask: [ask(at=case.used[s]).dydx(variable) for s in subgroups],
            lambda ask: [ask(weights=s.astype(float)).dydx(variable) for s in subgroups],
        ]
    return sentences


# --- the reference grid (estimated marginal means) -----------------------------------------------


def _on_the_grid(case: Case, query: Query) -> list[Sentence]:
    spec = query.spec
    over, by, at = spec["over"], spec["by"], spec["at"]
    if spec["weights"] == "proportional":
        return _proportional(case, spec)
    if spec.get("numeric_not_in_at", "").startswith("two-valued numerics "):
        return _two_valued(case, spec)
    fixed = {k: only(v) for k, v in at.items() if k not in over + by}
    points = fixed | last_fastest({k: at.get(k) or case.factors[k] for k in over + by})
    populations = ["balanced", reference_grid(case, {})]
    if set(case.factors) <= set(over + by):  # only numeric variables are left to be averaged
        populations += ["mean", dict.fromkeys(case.means, "mean")]
    contrast = spec.get("contrast")
    if contrast is None:
        if "slope_of" in spec:
            return [
                lambda ask, p=p: ask(p).dydx(spec["slope_of"], atexog=points) for p in populations
            ]
        return [lambda ask, p=p: ask(p).predict(points) for p in populations]
    chosen = [contrast] if not isinstance(contrast, list) else contrast
    helpers = [
        emmeans_contrast(name, v, case.factors[v]) for name, v in zip(chosen, over, strict=True)
    ]
    weights = crossed([h.weights for h in helpers], [points[k] for k in by])
    if "slope_of" in spec:
        return [
            lambda ask, p=p: ask(p).dydx(spec["slope_of"], atexog=points).contrast(weights)
            for p in populations
        ]
    sentences: list[Sentence] = []
    for p in populations:
        sentences.append(lambda ask, p=p: ask(p).contrasts(scenarios(points), weights))
        sentences.append(lambda ask, p=p: ask(p).predict(points).contrast(weights))
    if len(over) == 1 and not by and not at:
        sentences.append(lambda ask: ask("balanced").contrasts(helpers[0]))
    return sentences


def _proportional(case: Case, spec: Mapping[str, Any]) -> list[Sentence]:
    """Levels weighted by their frequency in the rows, numeric variables at their mean."""
    assert not spec["over"]
    assert not spec["by"]
    assert len(case.factors) == 1
    cells = case.used.groupby(list(case.factors), observed=True).size().rename("rows")
    cells = cells.reset_index().assign(**case.means)
    return [
        lambda ask: ask().predict(case.means),
        lambda ask: ask(at=cells, weights="rows").predict(),
        lambda ask: ask(at=case.used.assign(**case.means)).predict(),
    ]


def _two_valued(case: Case, spec: Mapping[str, Any]) -> list[Sentence]:
    """Numeric variables with two values stay at both, equally weighted: emmeans' default."""
    names = spec["numeric_not_in_at"].split()[2].split(",")
    both = {name: sorted(case.used[name].unique().tolist()) for name in names}
    points = {v: case.factors[v] for v in spec["over"]}
    size = np.prod([len(v) for v in points.values()], dtype=int)
    average = np.kron(np.eye(size), np.full(2 ** len(both), 0.5 ** len(both)))
    return [
        lambda ask: ask(at=reference_grid(case, both)).predict(points),
        lambda ask: ask("balanced").predict(points | both).contrast(average),
    ]


def _terms_on_the_grid(case: Case, spec: Mapping[str, Any]) -> list[Sentence]:
    """A term is tested through contrasts that span its effects; `joint_test` is asked of them."""
    assert not spec["at"]
    terms = spec["terms"]
    points = last_fastest({t: case.factors[t] for t in terms})
    spanning = crossed([reference(t, case.factors[t]).weights for t in terms], [])
    redundant = crossed([pairwise(t, case.factors[t]).weights for t in terms], [])
    sentences: list[Sentence] = [
        lambda ask: ask("balanced").contrasts(scenarios(points), spanning),
        lambda ask: ask("balanced").contrasts(scenarios(points), redundant),
    ]
    if len(terms) == 1:
        sentences.append(lambda ask: ask("balanced").dydx(terms[0]))
        sentences.append(lambda ask: ask("balanced").predict(points).pairwise())
    return sentences


# --- full profiles -------------------------------------------------------------------------------


def _at_profiles(case: Case, query: Query) -> list[Sentence]:
    spec = query.spec
    profiles = spec["profiles"]
    assert all(set(p) == {*case.factors, *case.means} for p in profiles)
    table = pd.DataFrame(profiles)
    combine = None if spec["combine"] is None else named(spec["combine"], query)
    if "variable" in spec:
        name = spec["variable"]
        if combine is not None:
            return [lambda ask: ask().dydx(name, atexog=table).contrast(combine)]
        return [
            lambda ask: ask().dydx(name, atexog=table),
            lambda ask: [ask(at=profile).dydx(name) for profile in profiles],
            lambda ask: [ask(at=table.iloc[[i]]).dydx(name) for i in range(len(table))],
        ]
    assert combine is None
    return [
        lambda ask: ask().predict(table),
        lambda ask: ask().contrasts([Scenario(profile) for profile in profiles]),
        lambda ask: [ask(at=profile).predict() for profile in profiles],
        lambda ask: [ask(at=table.iloc[[i]]).predict() for i in range(len(table))],
    ]


# --- by hand: what no general rule expresses, and what a user would rather type -------------------


def _shifted_by_one(ask: Sessions, case: Case) -> Results:
    return ask().contrasts([Scenario({"Days": lambda d: d + 1}), Scenario({})], [1, -1])


def _shifted_less_observed(ask: Sessions, case: Case) -> Results:
    return ask().predict({"Days": lambda d: d + 1}) - ask().predict()


def _did_in_each_region(ask: Sessions, case: Case) -> Results:
    return [
        ask(at=case.used.assign(region=region)).contrasts(did("treat", "post"))
        for region in case.factors["region"]
    ]


def _did_by_region(ask: Sessions, case: Case) -> Results:
    cells = grid(region=case.factors["region"], treat=[1, 0], post=[1, 0])
    return ask().contrasts(cells, np.kron(np.eye(2), [1, -1, -1, 1]))


def _did_of_rows_as_observed(ask: Sessions, case: Case) -> Results:
    return ask().contrasts(did("treat", "post"))


def _effect_as_slope(ask: Sessions, case: Case) -> Results:
    # the mean is linear in the indicator, so that its derivative is the change from 0 to 1
    return ask().dydx("treat", atexog={"region": case.factors["region"], "post": [0, 1]})


def _triple_difference(ask: Sessions, case: Case) -> Results:
    north, south = _did_by_region(ask, case)
    return south - north


def _treated_as_on_the_page(ask: Sessions, case: Case) -> Results:
    return ask().contrasts(*pairwise("treated", [1, 0]))


def _schools_as_on_the_page(ask: Sessions, case: Case) -> Results:
    return ask().contrasts(*reference("school", ["A", "B", "C", "D"], ref_level="A"))


def _schools_as_changes(ask: Sessions, case: Case) -> Results:
    return ask().dydx("school")


def _sexes_apart(ask: Sessions, case: Case) -> Results:
    # the difference of two lines is zero everywhere where it is zero at two ages
    return ask().dydx("Sex", atexog={"age": [8, 14]})


def _median_weights(ask: Sessions, case: Case) -> Results:
    cells = grid(Time=[0, 10, 21], Diet=case.factors["Diet"])
    return ask().evaluate(cells, np.exp)


def _weight_ratios(ask: Sessions, case: Case) -> Results:
    at_21 = grid(Time=21, Diet=case.factors["Diet"])
    return ask().evaluate(at_21, lambda eta: np.exp(eta[1:] - eta[0]))


def _median_weights_over_rows(ask: Sessions, case: Case) -> Results:
    # the mean response of a scenario is an average of eta, exp comes after it: so every observed
    # Time is a scenario of its own, and the user does the averaging
    times, rows = np.unique(case.used["Time"], return_counts=True)
    cells = grid(Diet=case.factors["Diet"], Time=times)
    return ask().evaluate(cells, lambda eta: np.exp(eta).reshape(4, -1) @ rows / rows.sum())


def _slope_of_median_over_rows(ask: Sessions, case: Case) -> Results:
    # eta is a line in Time for each Diet: two of its points give its slope, and
    # d exp(eta)/dTime = exp(eta) * slope
    diets = case.factors["Diet"]
    times, column = np.unique(case.used["Time"], return_inverse=True)
    rows = np.zeros((len(diets), len(times)))
    np.add.at(rows, (case.used["Diet"].cat.codes, column), 1.0)

    def slope(eta: np.ndarray) -> float:
        start, end = eta.reshape(len(diets), 2).T
        rise = (end - start) / 20.0
        return (rows * np.exp(start[:, None] + rise[:, None] * times) * rise[:, None]).sum() / 578

    return ask().evaluate(grid(Diet=diets, Time=[0, 20]), slope)


BY_HAND: dict[str, Sequence[Callable[[Sessions, Case], Results]]] = {
    # the page of the tutorial
    "seed_score-treated_contrast": [_treated_as_on_the_page],
    "seed_score-school_vs_A": [_schools_as_on_the_page, _schools_as_changes],
    # shifts
    "sleepstudy_quadratic_ml-plus_one_day": [_shifted_by_one, _shifted_less_observed],
    # differences in differences
    "did_3way-did_by_region": [_did_in_each_region, _did_by_region],
    "did_3way-did_average_rows": [_did_of_rows_as_observed],
    "did_3way-effect_by_post_region": [_effect_as_slope],
    "did_3way-ddd": [_triple_difference],
    # joint tests: what is zero where the coefficients are
    "cake_sum-interaction_joint": [
        lambda ask, case: ask().dydx("temp", atexog={"recipe": case.factors["recipe"]}).pairwise()
    ],
    "sleep_missing-interaction_joint": [
        lambda ask, case: ask().dydx("Days", atexog={"shift": case.factors["shift"]}).pairwise()
    ],
    "did_3way-interactions_joint": [_did_by_region],
    "orthodont_interaction-sex_joint": [_sexes_apart],
    "pixel_nested_slope-day_joint": [
        lambda ask, case: ask().dydx("day", atexog={"day": [0, 10]}),
        lambda ask, case: ask().contrasts(pairwise("day", [0, 10, 20])),
    ],
    "sleepstudy_quadratic_ml-days_joint": [
        lambda ask, case: ask().dydx("Days", atexog={"Days": [0, 9]}),
        lambda ask, case: ask().contrasts(sequential("Days", [0, 3, 6, 9])),
    ],
    "seed_score-treated_female_joint": [
        lambda ask, case: ask().dydx(["female", "treated"]),
    ],
    # a log response, on its own scale
    "chick_log-median_weight": [_median_weights],
    "chick_log-ratios_21": [_weight_ratios],
    "chick_log-median_weight_rows": [_median_weights_over_rows],
    "chick_log-time_slope_median": [_slope_of_median_over_rows],
}


# --- from R's way of writing to a user's ---------------------------------------------------------


def last_fastest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the variables round: R lists the first of them fastest, pymargins the last."""
    return dict(reversed(values.items()))


def scenarios(points: Mapping[str, Any]) -> list[Scenario]:
    """Write a grid as a list of scenarios."""
    return grid(**points) if points else [Scenario({})]


def only(values: Any) -> Any:
    """Return the one value that a variable outside the rows is held at."""
    (value,) = values if isinstance(values, list) else [values]
    return value


def named(matrix: Sequence[Sequence[float]], query: Query) -> Weights:
    """Name the rows of R's contrast matrix as R does."""
    return dict(zip(query.names, matrix, strict=True))


def helpers_with(variable: str, values: Sequence[Any], matrix: Any) -> list[ScenarioSet]:
    """Find the helpers that give R's contrast matrix, whichever way the levels are listed."""
    found: list[ScenarioSet] = []
    for listed in (list(values), list(reversed(values))):
        for helper in (pairwise, reference, sequential):
            points, weights = helper(variable, listed)
            order = [listed.index(v) for v in values]
            if np.array_equal(np.stack(list(weights.values()))[:, order], np.array(matrix)):
                found.append(ScenarioSet(points, weights))
    return found


def emmeans_contrast(name: Any, variable: str, values: Sequence[Any]) -> ScenarioSet:
    """Return the helper for one of emmeans' contrast methods, or for a user's own weights."""
    if isinstance(name, Mapping):
        return ScenarioSet(levels(variable, values), dict(name))
    if name == "eff":  # no helper: a user writes the weights
        weights = np.eye(len(values)) - 1.0 / len(values)
        effects = dict(zip([f"{v} effect" for v in values], weights, strict=True))
        return ScenarioSet(levels(variable, values), effects)
    if name == "trt.vs.ctrlk":
        return reference(variable, values, ref_level=values[-1])
    helper = {
        "pairwise": pairwise,
        "trt.vs.ctrl": reference,
        "consec": sequential,
        "poly": polynomial,
    }[name]
    return helper(variable, values)


def crossed(parts: Sequence[Weights], by: Sequence[Sequence[Any]]) -> Weights:
    """Multiply contrasts of several factors, within every combination of the `by` values.

    The first factor is the fastest, over the points and over the contrasts.
    """
    out: dict[str, Any] = {"": np.ones(1)}
    for weights in parts:
        out = {
            f"{name} x {outer}" if name else outer: np.kron(w, inner)
            for outer, w in weights.items()
            for name, inner in out.items()
        }
    size = int(np.prod([len(values) for values in by], dtype=int))
    if not by:
        return out
    points = [", ".join(map(str, point)) for point in product(*reversed(by))]
    return {
        f"{name}, {points[b]}": np.kron(np.eye(size)[b], w)
        for b in range(size)
        for name, w in out.items()
    }


def reference_grid(case: Case, more: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Build emmeans' reference grid as a data frame: all levels, numbers at their mean."""
    values = {**case.factors, **{k: [v] for k, v in case.means.items()}, **more}
    return pd.DataFrame(list(product(*values.values())), columns=list(values))
