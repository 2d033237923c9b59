"""The papers behind each method, for a methods section."""

from __future__ import annotations

from typing import Any

from pymargins.inference.options import Bootstrap

PAPERS = {
    "kenward-roger": "Kenward and Roger (1997), Biometrics 53, doi:10.2307/2533558",
    "satterthwaite": "Kuznetsova, Brockhoff and Christensen (2017), Journal of Statistical "
    "Software 82(13), doi:10.18637/jss.v082.i13",
    "robust": "Pustejovsky and Tipton (2018), Journal of Business and Economic Statistics 36, "
    "doi:10.1080/07350015.2016.1247004",
    "between-within": "Schluchter and Elashoff (1990), Journal of Statistical Computation and "
    "Simulation 37",
    "cluster": "Field and Welsh (2007), Journal of the Royal Statistical Society B 69, "
    "doi:10.1111/j.1467-9868.2007.00593.x",
    "residual": "Carpenter, Goldstein and Rasbash (2003), Applied Statistics 52, "
    "doi:10.1111/1467-9876.00415",
    "parametric": "Davison and Hinkley (1997), Bootstrap Methods and their Application, "
    "doi:10.1017/CBO9780511802843",
    "wild": "Modugno and Giannerini (2015), Communications in Statistics: Theory and Methods 44, "
    "doi:10.1080/03610926.2013.802807",
    "simulation": "Krinsky and Robb (1986), Review of Economics and Statistics 68, "
    "doi:10.2307/1924536",
}


def references_for(option: Any, vcov: str, df_words: str) -> tuple[str, ...]:
    """Name the papers of the methods a session uses."""
    used: list[str] = []
    if isinstance(option, Bootstrap):
        used.append(option.kind)
    elif type(option).__name__ == "Simulation":
        used.append("simulation")
    if vcov == "kenward-roger" or df_words.startswith("Kenward"):
        used.append("kenward-roger")
    if df_words == "Satterthwaite":
        used.append("satterthwaite")
    if vcov.startswith("CR"):
        used.append("robust")
    if df_words == "between-within":
        used.append("between-within")
    return tuple(f"Method: {PAPERS[name]}" for name in used)
