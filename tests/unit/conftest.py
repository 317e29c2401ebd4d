"""Property tests give the same answer every time, and no machine is too slow for them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", derandomize=True, database=None, deadline=None)
settings.load_profile("unit")
