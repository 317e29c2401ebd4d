"""Values in milliseconds; what takes longer or wants many files is in ``tests/properties``."""

from __future__ import annotations

from tests import profiles

profiles.load()
