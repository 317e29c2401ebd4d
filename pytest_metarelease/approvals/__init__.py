"""Approvals: waivers and sign-offs as people write them into ``release-approvals/``.

Nothing here decides whether one counts, asks a chain, or knows what time it is.
"""

from __future__ import annotations

FOLDER = "release-approvals"
"""The folder beside the manifest; it is outside every digest that an approval names or signs."""
