"""Property tests give the same answer every time, and no machine is too slow for them.

While somebody works, a quarter of the examples is tried; ``scripts/test`` without arguments and
``scripts/soak`` ask for all of them by ``HYPOTHESIS_PROFILE=thorough``.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=25)
settings.register_profile("thorough", settings.get_profile("unit"), max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))
