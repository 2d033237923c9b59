"""Which adapter reads which model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnsupportedModelError,
)
from pymargins.models.fitted import Adapter, Fitted

#: The classes of statsmodels that are read, and what reads them: module and adapter.
BUILT_IN: dict[str, tuple[str, str]] = {
    "MixedLM": ("statsmodels_mixedlm", "StatsmodelsMixedLMAdapter"),
    **dict.fromkeys(("OLS", "WLS", "GLS"), ("linear", "LeastSquaresAdapter")),
    **dict.fromkeys(("RLM", "QuantReg"), ("linear", "LocationAdapter")),
    "GLM": ("glm", "GlmAdapter"),
    **dict.fromkeys(
        (
            *("Logit", "Probit", "Poisson", "NegativeBinomial", "NegativeBinomialP"),
            "GeneralizedPoisson",
        ),
        ("discrete", "DiscreteAdapter"),
    ),
    "GEE": ("gee", "GeeAdapter"),
    "PHReg": ("hazards", "HazardsAdapter"),
    "OrderedModel": ("ordinal", "OrdinalAdapter"),
    "MNLogit": ("multinomial", "MultinomialAdapter"),
    **dict.fromkeys(
        (
            *("ZeroInflatedPoisson", "ZeroInflatedGeneralizedPoisson"),
            "ZeroInflatedNegativeBinomialP",
        ),
        ("zero_inflated", "ZeroInflatedAdapter"),
    ),
    "BetaModel": ("beta", "BetaAdapter"),
    **dict.fromkeys(
        ("BinomialBayesMixedGLM", "PoissonBayesMixedGLM"),
        ("bayes_mixed_glm", "BayesMixedGlmAdapter"),
    ),
}

#: Classes of other packages, by package.
ELSEWHERE: dict[str, dict[str, tuple[str, str]]] = {
    "linearmodels": dict.fromkeys(
        (
            *("PanelOLS", "PooledOLS", "RandomEffects"),
            *("IV2SLS", "IVLIML", "IVGMM", "IVGMMCUE"),
        ),
        ("panel", "LinearModelsAdapter"),
    ),
    "pyfixest": dict.fromkeys(("Feols", "Fepois"), ("fixest", "FixestAdapter")),
}
#: Where things come from that are no fits: what was passed is a formula, data, or coefficients.
NO_MODELS = ("builtins", "numpy", "pandas", "polars")

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


def adapter_for(model: Any, data: Any, adapter: Any, equations: Any = None) -> Adapter:
    """Return the adapter of a fitted model.

    Raises
    ------
    UnsupportedModelError
        For a model that is not fitted, and for a class that no adapter knows.
    """
    if equations is not None and (adapter is not None or _is_adapter(model)):
        raise ArgumentError("equations: the adapter reads the fit; give them to it.")
    if adapter is not None:
        return _given(model, data, adapter)
    if _is_adapter(model):
        if data is not None:
            raise ArgumentError("data: the adapter brings its own; give one of the two.")
        return model
    known = [*reversed(_REGISTERED), *_built_in(model)]
    for candidate in known:
        if candidate.accepts(model):
            return _made(candidate, model, data, equations)
    name = f"{type(model).__module__}.{type(model).__name__}"
    if type(model).__module__.split(".")[0] in NO_MODELS:
        raise UnsupportedModelError(
            f"model: expected a fitted model, got {type(model).__name__}; pass what its fit() "
            'returned: Margins(smf.ols("y ~ x", data).fit()).'
        )
    # scikit-learn marks what a fit has learnt with a trailing underscore
    learnt = [k for k in dir(model) if k.endswith("_") and not k.startswith("_")]
    if hasattr(model, "fit") and not hasattr(model, "params") and not learnt:
        call = "model.fit(X, y)" if name.startswith("sklearn.") else "model.fit()"
        raise UnsupportedModelError(
            f"model: {name} is not fitted; pass the result of its fit(): Margins({call})."
        )
    source = getattr(getattr(model, "_results", model), "model", None)
    of = f" of a {type(source).__name__}" if source is not None else ""
    raise UnsupportedModelError(
        f"model: no adapter knows {name}{of}. Supported are the results of statsmodels' "
        f"{', '.join(sorted(BUILT_IN))}; of {_elsewhere()}; scikit-learn's estimators; "
        "register your own with "
        "pymargins.adapters.register_adapter."
    )


def _elsewhere() -> str:
    return "; of ".join(
        f"{package}'s {', '.join(classes)}" for package, classes in ELSEWHERE.items()
    )


def _made(adapter: type[Any], model: Any, data: Any, equations: Any) -> Adapter:
    if equations is not None:
        from pymargins.adapters.equations import TakesEquations  # only when asked for

        makes: Any = adapter
        if not (issubclass(adapter, TakesEquations) and adapter.second):
            raise ArgumentError(
                "equations: this class of models has one equation, whose formula the fit brings; "
                "leave `equations` out."
            )
        return makes(model, data, equations)
    return adapter(model) if data is None else adapter(model, data)


def _built_in(model: Any) -> list[type[Any]]:
    """Return the adapter of a class, imported only now."""
    if any(kind.__module__.split(".")[0] == "sklearn" for kind in type(model).__mro__):
        return [import_module("pymargins.adapters.learners").LearnerAdapter]
    source = type(getattr(getattr(model, "_results", model), "model", None))
    source = type(model) if source is type(None) else source
    package = source.__module__.split(".")[0]
    known = BUILT_IN if package == "statsmodels" else ELSEWHERE.get(package, {})
    if source.__name__ not in known:
        return []
    module, adapter = known[source.__name__]
    return [getattr(import_module(f"pymargins.adapters.{module}"), adapter)]


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
