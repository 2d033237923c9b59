"""Families of tests: many rows tested together, and equivalence."""
