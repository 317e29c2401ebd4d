"""The door to schemathesis: a program of its own, which makes requests and judges answers to them.

It sends nothing: each request goes, as a line of JSON, to the process that started it, which sends
it or refuses to, and hands back what came. So no key, no socket and no bound is in here, and
neither schemathesis nor Hypothesis is in the process of pytest. Imports nothing of ours, so that it
runs on any interpreter that has schemathesis.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

_SHOWN = 600


class _Over(BaseException):
    """No further request may be made."""


class _Line:
    """The one line of talk with who started us: a line out, and for requests a line in."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, **told: Any) -> None:
        self._out.write(json.dumps(told) + "\n")
        self._out.flush()

    def ask(self, prepared: Any) -> dict[str, Any]:
        body = prepared.body or b""
        self.say(
            ask={
                "method": prepared.method,
                "url": prepared.url,
                "headers": dict(prepared.headers),
                "body": base64.b64encode(body.encode() if isinstance(body, str) else body).decode(),
            }
        )
        found: dict[str, Any] = json.loads(sys.stdin.readline() or '{"over": true}')
        if found.get("over"):
            raise _Over
        return found


def main() -> int:
    """Read what is to be tried from the first line; tell what was found, a line each."""
    # What libraries print must not come between our lines.
    line = _Line(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    try:
        import schemathesis
    except ImportError as error:
        line.say(unsupported=str(error))
        return 0
    line.say(version=schemathesis.__version__)
    try:
        schema = schemathesis.openapi.from_dict(order["document"])
        results = list(schema.get_all_operations())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the document
        line.say(malformed=_told(error))
        return 0
    with suppress(_Over):
        _try_all(results, order, line)
    line.say(done=True)
    return 0


def _try_all(results: list[Any], order: dict[str, Any], line: _Line) -> None:
    from schemathesis.core.result import Ok

    for result in results:
        if not isinstance(result, Ok):
            error = result.err()
            line.say(problem=_told(error))
            continue
        operation = result.ok()
        name = f"{operation.method.upper()} {operation.path}"
        if name not in order["operations"]:
            continue
        line.say(operation=name)
        try:
            _try_one(operation, name, order, line)
        except Exception as error:  # noqa: BLE001 - a schema that nothing can be made for
            line.say(problem=_told(error))


def _try_one(operation: Any, name: str, order: dict[str, Any], line: _Line) -> None:
    """Send the declared example, then what is made by the operation's schemas."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    left = order["examples"]
    for example in order["known"].get(name, ()):
        left -= 1
        _send(operation.Case(**example), order, line)
    if left < 1:
        return

    # A failure is told and not raised: nothing is to be tried again to make it smaller.
    @seed(order["seed"])
    @settings(
        max_examples=left,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(case=operation.as_strategy())
    def try_it(case: Any) -> None:
        _send(case, order, line)

    try_it()


def _send(case: Any, order: dict[str, Any], line: _Line) -> None:
    import requests
    from schemathesis import Response
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    given = case.as_transport_kwargs(base_url=order["base"])
    kept = {"method", "url", "headers", "params", "data", "json", "files", "cookies"}
    wanted = {name: value for name, value in given.items() if name in kept}
    prepared = requests.Request(**wanted).prepare()
    found = line.ask(prepared)
    if "status" not in found:
        return
    headers: dict[str, list[str]] = {}
    for header, value in found["headers"]:
        headers.setdefault(header, []).append(value)
    content = base64.b64decode(found["body"])
    response = Response(found["status"], headers, content, prepared, 0.0, verify=True)
    judged = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]
    try:
        case.validate_response(response, checks=judged)
    except BaseExceptionGroup as group:
        told = [
            [
                getattr(one, "title", ""),
                _told(str(getattr(one, "message", "")).strip().split("\n")[0]),
            ]
            for one in group.exceptions
        ]
        line.say(failure=sorted(told))


def _told(error: object) -> str:
    return " ".join(str(error).split())[:_SHOWN]


if __name__ == "__main__":
    sys.exit(main())
