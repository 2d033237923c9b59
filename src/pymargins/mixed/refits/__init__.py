"""Refits of a model to many replicates of its data: what is drawn, refitted and studentized."""
