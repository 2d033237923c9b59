"""The papers behind each method, for a methods section."""

from __future__ import annotations

from pymargins.facts import (
    BootstrapDraws,
    Distribution,
    Imputed,
    PosteriorDraws,
    SessionFacts,
    SimulatedDraws,
)

KENWARD_ROGER = "Kenward and Roger (1997), Biometrics 53, doi:10.2307/2533558"
SATTERTHWAITE = (
    "Kuznetsova, Brockhoff and Christensen (2017), Journal of Statistical Software 82(13), "
    "doi:10.18637/jss.v082.i13"
)
ROBUST = (
    "Pustejovsky and Tipton (2018), Journal of Business and Economic Statistics 36, "
    "doi:10.1080/07350015.2016.1247004"
)
BETWEEN_WITHIN = (
    "Schluchter and Elashoff (1990), Journal of Statistical Computation and Simulation 37"
)
SIMULATION = "Krinsky and Robb (1986), Review of Economics and Statistics 68, doi:10.2307/1924536"
BOOTSTRAPS = {
    "rows": "Freedman (1981), Annals of Statistics 9, doi:10.1214/aos/1176345638",
    "cluster": "Field and Welsh (2007), Journal of the Royal Statistical Society B 69, "
    "doi:10.1111/j.1467-9868.2007.00593.x",
    "residual": "Carpenter, Goldstein and Rasbash (2003), Applied Statistics 52, "
    "doi:10.1111/1467-9876.00415",
    "parametric": "Davison and Hinkley (1997), Bootstrap Methods and their Application, "
    "doi:10.1017/CBO9780511802843",
    "wild": "Modugno and Giannerini (2015), Communications in Statistics: Theory and Methods 44, "
    "doi:10.1080/03610926.2013.802807",
}
DIRECTION = (
    "Makowski, Ben-Shachar, Chen and Luedecke (2019), Frontiers in Psychology 10, "
    "doi:10.3389/fpsyg.2019.02767"
)
IMPUTED = (
    "Rubin (1987), Multiple Imputation for Nonresponse in Surveys, doi:10.1002/9780470316696",
    "Barnard and Rubin (1999), Biometrika 86, doi:10.1093/biomet/86.4.948",
)
PREDICTION_ERRORS = (
    "Chatterjee, Lahiri and Li (2008), Annals of Statistics 36, doi:10.1214/07-AOS512"
)
WILD = {
    True: "Wu (1986), Annals of Statistics 14, doi:10.1214/aos/1176350142",
    False: "Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90, "
    "doi:10.1162/rest.90.3.414",
}


def references_for(facts: SessionFacts) -> tuple[str, ...]:
    """Name the papers of the methods a session uses."""
    kind, distribution = facts.covariance.kind, facts.reference.distribution
    used: list[str] = []
    if isinstance(facts.method, BootstrapDraws) and facts.method.kind in BOOTSTRAPS:
        used.append(_bootstrap(facts.method))
        used += [PREDICTION_ERRORS] if facts.method.of_prediction else []
    if isinstance(facts.method, SimulatedDraws):
        used.append(SIMULATION)
    if isinstance(facts.method, PosteriorDraws):
        used.append(DIRECTION)
    if isinstance(facts.method, Imputed):
        used += IMPUTED
    if kind == "kenward-roger" or distribution is Distribution.KENWARD_ROGER:
        used.append(KENWARD_ROGER)
    if distribution is Distribution.SATTERTHWAITE:
        used.append(SATTERTHWAITE)
    if kind.startswith("CR"):
        used.append(ROBUST)
    if distribution is Distribution.BETWEEN_WITHIN:
        used.append(BETWEEN_WITHIN)
    return tuple(f"Method: {paper}" for paper in used)


def _bootstrap(method: BootstrapDraws) -> str:
    """Name the paper of a bootstrap; that of residuals of a regression has others."""
    least_squares = method.rows or method.clusters is not None
    return WILD[method.rows] if method.kind == "wild" and least_squares else BOOTSTRAPS[method.kind]
