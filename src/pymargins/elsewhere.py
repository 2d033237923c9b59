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
        "odds": 'scale="logit", on which contrasts are odds ratios',
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
        "observed": 'at="overall"',
    },
    "method": {"boot": 'method="bootstrap"', "mc": 'method="simulation"'},
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
}


def option_hint(argument: str, value: object) -> str:
    """Return `" Write ... "` for a word of another program's, or nothing."""
    here = OPTIONS.get(argument, {}).get(str(value).strip().lower())
    return f" Here it is {here}." if here else ""
