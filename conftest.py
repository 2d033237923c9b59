"""Settings for every test and doctest."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples each time in CI, fresh ones elsewhere; a busy machine is no failure.
settings.register_profile(
    "pymargins",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pymargins")
