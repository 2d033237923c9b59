"""The likelihood of a linear mixed model: data, parameters, criterion, optimum, predictions."""
