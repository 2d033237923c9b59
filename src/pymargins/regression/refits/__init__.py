"""Refits of regressions to resampled data, on arrays alone."""
