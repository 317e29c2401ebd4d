"""``metarelease adopt --openapi``: endpoints of an OpenAPI description, as lines to be confirmed.

Prints and changes no file; asks the one address it was given, and follows nothing in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_metarelease.errors import UsageError

_WITHIN = 15.0
_MOST = 8 * 2**20


def adopt_openapi(source: str) -> int:
    """Print the section ``endpoints:`` of the description at a path or URL; return 0.

    Raises:
        UsageError: There is no such file, or it is no OpenAPI 3 description.
        ProbeError: The address gave no usable answer.
    """
    from pytest_metarelease.probes.api.openapi import Description

    description = Description.read(_document(_content(source), source))
    print("\n".join(description.lines()))  # noqa: T201 - a command speaks
    return 0


def _content(source: str) -> bytes:
    if not source.startswith(("http://", "https://")):
        try:
            return Path(source).read_bytes()[: _MOST + 1]
        except OSError as error:
            raise UsageError(f"{source} cannot be read: {error.strerror}") from None
    from pytest_metarelease.probes.clock import Deadline
    from pytest_metarelease.probes.wire import Question, Wire

    wire = Wire()
    try:
        question = Question("GET", source, {"accept": "application/json"})
        answer = wire.send(question, deadline=Deadline.after(_WITHIN), limit=_MOST)
    finally:
        wire.close()
    if answer.status != 200:
        raise UsageError(f"{source} answered {answer.status}; name the description itself")
    return answer.body


def _document(content: bytes, source: str) -> Any:
    if len(content) > _MOST:
        raise UsageError(f"{source} is longer than {_MOST} bytes")
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
