"""Linear mixed models on arrays alone: cross-products, likelihood, fits and refits."""

from pymargins.mixed.gls import GlsFit, gls, score
from pymargins.mixed.parameters import CovarianceParameters
from pymargins.mixed.structure import ColumnLayout, GroupBlock, MixedData, RowBlock

__all__ = [
    "ColumnLayout",
    "CovarianceParameters",
    "GlsFit",
    "GroupBlock",
    "MixedData",
    "RowBlock",
    "gls",
    "score",
]
