"""Results: labelled estimates with their full joint uncertainty."""
