"""Which adapter reads which model."""

from __future__ import annotations

from typing import Any

from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnsupportedModelError,
)
from pymargins.models.fitted import Adapter, Fitted

_REGISTERED: list[type[Any]] = []


def register_adapter(adapter: type[Any]) -> type[Any]:
    """Make a class of your own known to `Margins`; usable as a decorator.

    Later registrations are asked first, so that yours can replace a built-in one. Run
    `pymargins.testing.check_adapter` on an instance before you rely on it.

    Parameters
    ----------
    adapter : class
        With ``accepts(model)``, made from a fitted model, and then with `fitted`: see
        `pymargins.models.fitted.Adapter`.
    """
    if not isinstance(adapter, type):
        raise ArgumentTypeError(
            f"register_adapter: expected a class, got {type(adapter).__name__}; pass the class "
            "itself, not an instance."
        )
    if not callable(getattr(adapter, "accepts", None)):
        raise ArgumentTypeError(
            f"register_adapter: {adapter.__name__} lacks 'accepts'; an adapter is a class with the "
            "classmethod accepts(model), whose instances have `fitted`."
        )
    if adapter not in _REGISTERED:
        _REGISTERED.append(adapter)
    return adapter


def adapter_for(model: Any, data: Any, adapter: Any) -> Adapter:
    """Return the adapter of a fitted model.

    Raises
    ------
    UnsupportedModelError
        For a model that is not fitted, and for a class that no adapter knows.
    """
    if adapter is not None:
        return _given(model, data, adapter)
    if _is_adapter(model):
        if data is not None:
            raise ArgumentError("data: the adapter brings its own; give one of the two.")
        return model
    from pymargins.adapters.statsmodels_mixedlm import StatsmodelsMixedLMAdapter

    known = [*reversed(_REGISTERED), StatsmodelsMixedLMAdapter]
    for candidate in known:
        if candidate.accepts(model):
            return candidate(model) if data is None else candidate(model, data)
    name = f"{type(model).__module__}.{type(model).__name__}"
    # scikit-learn marks what a fit has learnt with a trailing underscore
    learnt = [k for k in dir(model) if k.endswith("_") and not k.startswith("_")]
    if hasattr(model, "fit") and not hasattr(model, "params") and not learnt:
        raise UnsupportedModelError(
            f"model: {name} is not fitted; pass the result of its fit(): Margins(model.fit())."
        )
    raise UnsupportedModelError(
        f"model: no adapter knows {name}. Supported: statsmodels MixedLM results; register your "
        "own with pymargins.adapters.register_adapter."
    )


def _given(model: Any, data: Any, adapter: Any) -> Adapter:
    """Check the adapter that a user passed."""
    if isinstance(adapter, type):
        raise ArgumentTypeError(
            f"adapter: expected an adapter instance, got the class {adapter.__name__}; pass "
            f"{adapter.__name__}(model, ...)."
        )
    if not _is_adapter(adapter):
        raise ArgumentTypeError(
            f"adapter: expected an adapter instance, got {type(adapter).__name__}."
        )
    if data is not None:
        raise ArgumentError("data: the adapter brings its own; give one of the two.")
    own = adapter.model
    if own is not model and getattr(own, "_results", own) is not getattr(model, "_results", model):
        raise ArgumentError("adapter: it was made for another fitted model than `model`.")
    return adapter


def _is_adapter(value: Any) -> bool:
    """Tell whether a user's value is an adapter made from a model."""
    return not isinstance(value, type) and isinstance(getattr(value, "fitted", None), Fitted)
