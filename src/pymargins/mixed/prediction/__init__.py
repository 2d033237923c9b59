"""Prediction of linear functions of fixed and random effects together: known clusters."""
