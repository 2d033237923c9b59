"""The inverse of a statsmodels link."""

from __future__ import annotations

from typing import Any

from pymargins.models.links import (
    CAUCHIT,
    CLOGLOG,
    IDENTITY,
    LOG,
    LOG_COMPLEMENT,
    LOGIT,
    LOGLOG,
    PROBIT,
    distribution_link,
    negative_binomial_link,
    own_link,
    power_link,
)
from pymargins.models.means import InverseLink

#: statsmodels 0.14 names them in small letters too.
BY_NAME = {
    "logit": LOGIT,
    "probit": PROBIT,
    "cloglog": CLOGLOG,
    "loglog": LOGLOG,
    "cauchy": CAUCHIT,
    "log": LOG,
    "logc": LOG_COMPLEMENT,
    "identity": IDENTITY,
}


def inverse_link(link: Any) -> InverseLink:
    """Return the inverse of a link, with exact derivatives where the link is statsmodels' own."""
    kind = type(link)
    if kind.__module__ != "statsmodels.genmod.families.links":
        return own_link(link)
    known = BY_NAME.get(kind.__name__.lower())
    if known is not None:
        return known
    if hasattr(link, "power"):
        return power_link(float(link.power))
    if kind.__name__.lower() in ("negativebinomial", "nbinom"):
        return negative_binomial_link(float(link.alpha))
    if hasattr(link, "dbn"):
        return distribution_link(link.dbn)
    return own_link(link)
