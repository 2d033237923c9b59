"""What other programs call things that have another name here: for error messages."""

from __future__ import annotations

#: By argument: a word of Stata's, R's or SAS's, in lower case, and what to write here.
OPTIONS: dict[str, dict[str, str]] = {
    "df": {
        "kr": 'df="kenward-roger"',
        "kenward_roger": 'df="kenward-roger"',
        "kroger": 'df="kenward-roger"',
        "satt": 'df="satterthwaite"',
        "satterth": 'df="satterthwaite"',
        "bw": 'df="between-within"',
        "anova": 'df="between-within"',
        "containment": 'df="between-within"',
        "asymptotic": "no `df` at all",
        "normal": "no `df` at all",
        "z": "no `df` at all",
    },
    "vcov": {
        "robust": 'vcov="CR2" (clusters: the groups of a mixed model), vcov="HC3" (a regression)',
        "cluster": 'vcov="CR2", with cluster= for clusters other than the groups of a mixed model',
        "sandwich": 'vcov="CR0"',
        "hc": 'vcov="HC3" for a regression, vcov="CR2" for a mixed model',
        "naive": 'vcov="nonrobust"',
        "bias_reduced": 'vcov="CR3"',
        "cr1s": 'vcov="CR1"',
        "kr": 'vcov="kenward-roger"',
        "nonrobust": 'vcov="model"',
        "bootstrap": 'method="bootstrap"',
    },
    "adjust": {
        "bonf": '"bonferroni"',
        "bh": '"fdr_bh"',
        "fdr": '"fdr_bh"',
        "by": '"fdr_by"',
        "single-step": '"mvt"',
        "dunnettx": '"dunnett"',
        "none": "nothing: a result is not adjusted unless you ask",
    },
    "scale": {
        **dict.fromkeys(("odds", "or"), 'scale="logit", on which contrasts are odds ratios'),
        "rr": 'scale="log", on which contrasts are ratios',
        "ratio": 'scale="log"',
        "link": 'response="link", for the linear predictor',
        "response": "no `scale` at all",
    },
    "response": {
        "class": 'response="mean" for the mean class, no `response` at all for probabilities',
        "prob": "no `response` at all",
        "probs": "no `response` at all",
        "probability": "no `response` at all",
        "response": "no `response` at all",
        "linear": 'response="link"',
        "xb": 'response="link"',
    },
    "at": {
        "means": 'at="mean"',
        "atmeans": 'at="mean"',
        "emmeans": 'at="balanced"',
        "reference": 'at="balanced"',
        "equal": 'at="balanced"',
        "observed": 'at="overall"',
    },
    "method": {"boot": 'method="bootstrap"', "mc": 'method="simulation"'},
    "random_effects": {
        "blup": 'random_effects="predicted"',
        "conditional": 'random_effects="predicted"',
        "marginal": "no `random_effects` at all",
        "population": "no `random_effects` at all",
        "fixed": "no `random_effects` at all for the population, "
        'random_effects="zero" for the typical cluster',
    },
    "kind": {
        "case": 'kind="rows", or kind="cluster" for whole groups',
        "pairs": 'kind="rows"',
        "cases": 'kind="rows"',
        "nonparametric": 'kind="rows", or kind="cluster" for whole groups',
        "std": 'kind="sd"',
        "var": 'kind="variance"',
    },
    "interval": {
        "perc": 'interval="percentile"',
        "norm": 'interval="normal"',
        "stud": 'interval="studentized"',
        "t": 'interval="studentized"',
    },
    "alternative": {
        "bigger": 'alternative="greater"',
        "larger": 'alternative="greater"',
        "smaller": 'alternative="less"',
    },
    "by": {"cohen": 'by="residual" or by="total"', "pooled": 'by="residual"'},
}
#: Keywords, and what does the same here.
KEYWORDS: dict[str, str] = {
    "newdata": "a data frame: m.predict(frame) for one estimate a row, Margins(fit, at=frame) for "
    "an average over its rows",
    "data": "Margins(fit, data=frame), for a fit that does not carry its own",
    "alpha": "the confidence level: Margins(fit, level=0.95), .conf_int(level=0.95)",
    "conf_level": "level=",
    "seed": "rng=, of the session: Margins(fit, method=..., rng=1)",
    "random_state": "rng=, of the session: Margins(fit, method=..., rng=1)",
    "by": "over= for subgroups of rows, atexog= for values that are set in every row",
    "specs": 'names in atexog: m.predict("school")',
    "variables": 'names: m.dydx(["age", "dose"])',
    "atexogs": "atexog=",
    "values": 'atexog={"age": [30, 50]}',
    "scale": "Margins(fit, scale=...): the scale belongs to the session",
    "type": 'of the session: scale=, or response="link" for the linear predictor',
    "exposure": "offset=0 for rates, offset=np.log(exposure) for one exposure of all rows: "
    "Margins(fit, offset=0)",
    "level": "Margins(fit, level=...), or .conf_int(level=...) and .summary(level=...) of a result",
    "vcov": "Margins(fit, vcov=...): the covariance belongs to the session",
    "df": "Margins(fit, df=...): degrees of freedom belong to the session",
    "weights": "Margins(fit, weights=...): weights belong to the session",
    "wts": "Margins(fit, weights=...): weights belong to the session",
    "atmeans": 'Margins(fit, at="mean")',
    "at": "Margins(fit, at=...) for what is averaged over, atexog= for values that are set",
    "adjust": 'the result: m.contrasts(...).adjust("tukey")',
    "p_adjust": 'the result: m.contrasts(...).adjust("tukey")',
    "null": "the result: .test(null=...)",
    "hypothesis": "the result: .contrast(...), .test(null=...)",
    "groups": "over=",
    "group": "over=",
    "reps": "n_boot=",
    "nsim": "n_sim=",
    "robust": 'vcov="CR2" (clusters: the groups of a mixed model), vcov="HC3" (a regression)',
    "link": "scale=",
    "ddf": 'df="kenward-roger" or df="satterthwaite"',
    "mode": 'df="kenward-roger" or df="satterthwaite"',
    "re_form": "random_effects=, of the session: integrated over by default, "
    'random_effects="predicted" for the clusters themselves',
    "re_formula": "random_effects=, of the session: integrated over by default, "
    'random_effects="predicted" for the clusters themselves',
    "slope": "the verb: m.dydx, m.eyex, m.eydx or m.dyex",
    "delta": "low and high: .equivalence(-1, 1)",
    "B": "n_boot=",
    "R": "n_boot=",
    "clusters": "cluster=",
    "cov_type": "vcov=, of the session: Margins(fit, vcov=...)",
    "cov_kwds": "cluster=, of the session: Margins(fit, vcov=..., cluster=...)",
}

MEANS = 'm.predict("school"): means over the rows of the fit, or over what `at` says'
SLOPES = 'm.dydx("age"), m.dydx("all")'
DIFFERENCES = 'm.contrasts(pairwise("school"))'
#: What is asked of a session under other names, and how it is asked here.
VERBS: dict[str, str] = {
    **dict.fromkeys(("predictions", "avg_predictions", "margins", "marginal_means"), MEANS),
    **dict.fromkeys(("emmeans", "lsmeans"), 'Margins(fit, at="balanced").predict("school")'),
    **dict.fromkeys(("slopes", "avg_slopes", "marginal_effects", "get_margeff"), SLOPES),
    **dict.fromkeys(("mfx", "ame", "effects", "marginaleffects", "emtrends"), SLOPES),
    **dict.fromkeys(("comparisons", "avg_comparisons", "pairs", "contrast"), DIFFERENCES),
    **dict.fromkeys(("pairwise", "t_test", "compare_means"), DIFFERENCES),
    **dict.fromkeys(("hypotheses", "nlcom", "deltamethod"), "m.evaluate(scenarios, function)"),
    "lincom": "the result: rows subtract, m.predict(...)[1] - m.predict(...)[0], and "
    ".contrast(matrix) takes weights",
    **dict.fromkeys(("anova", "anova_lm", "wald_test", "test", "Anova"), "m.joint_tests()"),
    **dict.fromkeys(("elasticities", "elasticity"), "m.eyex(variables)"),
    **dict.fromkeys(
        ("ranef", "blups"), 'm.random_effects(), of a session with random_effects="predicted"'
    ),
    **dict.fromkeys(("VarCorr", "varcorr"), "m.variance_components()"),
    **dict.fromkeys(("plot", "plot_predictions", "marginsplot"), 'm.predict("age").plot()'),
    **dict.fromkeys(
        ("partial_dependence", "pdp", "emmip"), 'm.predict({"age": [20, 40, 60]}).plot()'
    ),
    **dict.fromkeys(("plot_slopes", "plot_comparisons"), 'the result: m.dydx("age").plot()'),
    **dict.fromkeys(
        ("to_frame", "summary_frame", "conf_int"), "the result: m.predict(...).to_frame()"
    ),
    **dict.fromkeys(
        ("prediction_interval", "predictInterval", "get_prediction"),
        "the result: m.predict(points).prediction_interval()",
    ),
    **dict.fromkeys(
        ("params", "coef", "fit", "cov_params"),
        "the fit itself: the session estimates nothing anew",
    ),
    "bootstrap": 'Margins(fit, method="bootstrap")',
}
#: What a result has under other names.
FIGURES: dict[str, str] = {
    **dict.fromkeys(("se", "std_err", "bse", "std_errors", "stderr"), "std_error"),
    **dict.fromkeys(("pvalue", "pvalues", "p", "p_values"), "p_value"),
    **dict.fromkeys(("coef", "params", "estimates", "mean", "predicted", "values"), "estimate"),
    **dict.fromkeys(("tvalues", "zvalues", "t", "z"), "statistic"),
    **dict.fromkeys(("confint", "ci", "conf_low", "conf_high", "ci_lower"), "conf_int()"),
    **dict.fromkeys(("prediction_intervals", "pi", "obs_ci_lower"), "prediction_interval()"),
    **dict.fromkeys(("summary_frame", "to_pandas", "frame", "dataframe"), "to_frame()"),
    **dict.fromkeys(
        ("to_csv", "to_excel", "to_parquet", "to_dict", "head", "columns", "shape"),
        "to_frame(), a data frame with all that a data frame has",
    ),
    **dict.fromkeys(("to_latex", "to_markdown", "to_html"), "summary(), whose exports these are"),
    "table": "summary()",
    **dict.fromkeys(("cohens_d", "eff_size", "cohen", "hedges_g"), "effect_size()"),
    **dict.fromkeys(("vcov", "cov_params"), "cov"),
    **dict.fromkeys(("pairs", "contrasts", "comparisons"), "pairwise() or contrast(matrix)"),
    **dict.fromkeys(("t_test", "wald_test"), "test() or joint_test()"),
}


#: Keywords that mean something else where they are tried with one verb or method.
INSTEAD: dict[tuple[str, str], str] = {
    ("contrasts", "method"): DIFFERENCES + ", or reference, sequential, polynomial, helmert",
    ("pairwise", "by"): 'm.contrasts(pairwise("dose"), atexog="school"): pairs within each level',
    ("joint_tests", "type"): "no `type` at all: every term is tested averaged over the levels of "
    "the others (type III)",
    ("to_frame", "level"): "of the session, Margins(fit, level=...), or .conf_int(level=...)",
}
#: How verbs and methods are called that need an argument.
CALLS: dict[str, str] = {
    **{verb: f'm.{verb}("age"), m.{verb}("all")' for verb in ("dydx", "eyex", "eydx", "dyex")},
    "contrasts": 'm.contrasts(pairwise("school"))',
    "evaluate": 'm.evaluate(levels("dose", [0, 1]), lambda mean: mean[1] / mean[0])',
    "likelihood_ratio_test": 'm.likelihood_ratio_test("age:school")',
    "slope_share": 'm.slope_share("age")',
    "slope_quantiles": 'm.slope_quantiles("age")',
    "adjust": '.adjust("holm")',
    "equivalence": ".equivalence(-1, 1)",
    "contrast": ".contrast([[1, -1, 0]])",
    "pairwise": ".where(school=...).pairwise() for pairs of some rows",
    "Margins": "Margins(model.fit())",
}


def name_hint(names: dict[str, str], name: str, where: str = "") -> str:
    """Return `" Here it is ..."` for another program's name, or nothing."""
    return f" Here it is {names[name]}{where}." if name in names else ""


def option_hint(argument: str, value: object) -> str:
    """Return `" Write ... "` for a word of another program's, or nothing."""
    here = OPTIONS.get(argument, {}).get(str(value).strip().lower())
    return f" Here it is {here}." if here else ""
