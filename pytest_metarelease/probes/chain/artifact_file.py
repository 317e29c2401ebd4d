"""JSON files that compilers and deployment tools write, read within bounds.

Refuses files that are too large, too deep or no JSON object, with what to do instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.nesting import check_depth

if TYPE_CHECKING:
    from pathlib import Path

_DEEPEST = 1_000  # syntax trees are deep
_BOUND = 256 * 1024 * 1024  # build-info of a large project


def read_text(path: Path, advice: str) -> str:
    """Return the text of a file of at most 256 MiB.

    Raises:
        UsageError: It is missing, too large or not UTF-8; ``advice`` says what to do.
    """
    try:
        if path.stat().st_size > _BOUND:
            raise UsageError(f"{path}: larger than {_BOUND} bytes, so no artifact of a contract")
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{path}: {problem.strerror}; {advice}") from None
    except ValueError as problem:
        raise UsageError(f"{path}: no JSON: {problem}") from None


def read_document(
    path: Path, advice: str = "build the contracts, or correct `artifact:`"
) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        UsageError: The file is missing, too large, too deep or holds no object.
    """
    text = read_text(path, advice)
    try:
        check_depth(text.encode(), _DEEPEST)
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path}: no JSON: {problem}") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path}: no artifact: not a JSON object")
    return document


def section(document: Any, *keys: str) -> dict[str, Any]:
    """Return the object below ``document`` along ``keys``; empty where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}
