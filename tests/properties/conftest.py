"""What holds for anything that may stand in a file, and what is looked at whole."""

from __future__ import annotations

from tests import profiles

profiles.load()
