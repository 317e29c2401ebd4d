"""OpenAPI documents as they are served or kept: JSON or YAML, of bounded size, whole in themselves.

Refuses YAML aliases, which explode, and says where a document refers to another one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 8 * 2**20


def read_document(content: bytes, source: str) -> Any:
    """Return the document that ``content`` is; ``source`` is what it is called in errors.

    Raises:
        UsageError: It is too long, or neither JSON nor YAML without aliases.
    """
    if len(content) > MOST_BYTES:
        raise UsageError(f"{source} is longer than {MOST_BYTES} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    import yaml

    try:
        text = content.decode("utf-8")
        if any(isinstance(one, yaml.events.AliasEvent) for one in yaml.parse(text)):
            raise UsageError(f"{source} has YAML aliases; write it without them, or as JSON")
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{source} is neither JSON nor YAML: {str(error)[:200]}") from None


def references_elsewhere(document: Any) -> Iterator[str]:
    """Yield each reference out of the document: another file, another address."""
    waiting = [document]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            target = found.get("$ref")
            if isinstance(target, str) and not target.startswith("#"):
                yield target
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
