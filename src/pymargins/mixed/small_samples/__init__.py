"""Inference on fixed effects that allows for few groups, at given variance parameters."""
