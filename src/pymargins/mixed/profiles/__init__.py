"""Profile likelihoods of variance parameters."""
