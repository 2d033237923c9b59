"""Inference: from estimands to standard errors, intervals and tests."""
