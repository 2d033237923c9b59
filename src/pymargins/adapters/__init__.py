"""Adapters: what turns a fitted model into what estimands need."""

from __future__ import annotations

from typing import Any

from pymargins.adapters.registry import register_adapter

__all__ = [
    "LearnerAdapter",  # pyright: ignore[reportUnsupportedDunderAll]
    "StatsmodelsMixedLMAdapter",  # pyright: ignore[reportUnsupportedDunderAll]
    "register_adapter",
]


def __getattr__(name: str) -> Any:
    # loaded when asked for, so that importing pymargins does not look for statsmodels
    if name == "LearnerAdapter":
        from pymargins.adapters.learners import LearnerAdapter

        return LearnerAdapter
    if name == "StatsmodelsMixedLMAdapter":
        from pymargins.adapters.statsmodels_mixedlm import StatsmodelsMixedLMAdapter

        return StatsmodelsMixedLMAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
