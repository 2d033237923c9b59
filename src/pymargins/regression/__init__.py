"""Covariances of regressions with one row an observation, on arrays alone."""
