"""What a fitted model is: parameters, designs, and the mean of a row as a function of both."""

from pymargins.models.design import Design
from pymargins.models.fitted import Fitted
from pymargins.models.means import LinearMean, Predictor, PredictorMean, link_mean
from pymargins.models.parameters import Parameters, Point

__all__ = [
    "Design",
    "Fitted",
    "LinearMean",
    "Parameters",
    "Point",
    "Predictor",
    "PredictorMean",
    "link_mean",
]
