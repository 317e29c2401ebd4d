"""The manifest: ``release.yaml`` read into frozen values, with the place of every error.

Refuses to import YAML or the model before somebody reads a manifest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_metarelease.manifest.finding import find_manifest
    from pytest_metarelease.manifest.json_schema import schema
    from pytest_metarelease.manifest.loading import Loaded, Resolved, load
    from pytest_metarelease.manifest.places import Places

__all__ = ["Loaded", "Places", "Resolved", "find_manifest", "load", "schema"]

_HOMES = {
    "Loaded": "loading",
    "Places": "places",
    "Resolved": "loading",
    "find_manifest": "finding",
    "load": "loading",
    "schema": "json_schema",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for from the module that holds it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
