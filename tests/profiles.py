"""Property tests give the same answer every time, and no machine is too slow for them.

While somebody works, and in ``scripts/soak``, a few examples of each are tried; ``scripts/mutate``
asks for more by ``HYPOTHESIS_PROFILE=mutate``, ``scripts/test`` without arguments by ``thorough``.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def load() -> None:
    """Register our profiles and load the one that is asked for."""
    settings.register_profile(
        "unit",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=10,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("mutate", settings.get_profile("unit"), max_examples=25)
    settings.register_profile("thorough", settings.get_profile("unit"), max_examples=100)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))
