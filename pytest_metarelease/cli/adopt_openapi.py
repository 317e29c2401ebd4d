"""``metarelease adopt --openapi``: endpoints of an OpenAPI description, as lines to be confirmed.

Prints and changes no file; asks the one address it was given, and follows nothing in it.
"""

from __future__ import annotations

from pathlib import Path

from pytest_metarelease.errors import UsageError

_WITHIN = 15.0


def adopt_openapi(source: str) -> int:
    """Print the section ``endpoints:`` of the description at a path or URL; return 0.

    Raises:
        UsageError: There is no such file, or it is no OpenAPI 3 description.
        ProbeError: The address gave no usable answer.
    """
    from pytest_metarelease.probes.api.openapi import Description
    from pytest_metarelease.probes.api.openapi_document import read_document

    description = Description.read(read_document(_content(source), source))
    print("\n".join(description.lines()))  # noqa: T201 - a command speaks
    return 0


def _content(source: str) -> bytes:
    from pytest_metarelease.probes.api.openapi_document import MOST_BYTES

    if not source.startswith(("http://", "https://")):
        try:
            return Path(source).read_bytes()[: MOST_BYTES + 1]
        except OSError as error:
            raise UsageError(f"{source} cannot be read: {error.strerror}") from None
    from pytest_metarelease.probes.clock import Deadline
    from pytest_metarelease.probes.wire import Question, Wire

    wire = Wire()
    try:
        question = Question("GET", source, {"accept": "application/json"})
        answer = wire.send(question, deadline=Deadline.after(_WITHIN), limit=MOST_BYTES)
    finally:
        wire.close()
    if answer.status != 200:
        raise UsageError(f"{source} answered {answer.status}; name the description itself")
    return answer.body
