"""Estimands: labelled functions of the parameters, with exact Jacobians."""
