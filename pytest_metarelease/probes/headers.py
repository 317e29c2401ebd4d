"""What the headers of an answer say: who gave it, where it points, and one line about it all.

It refuses to interpret a body, and request headers that would make a request another one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from pytest_metarelease.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BODY_SHOWN = 200
# By these, frameworks take a GET or a POST for another method (Express, Rails, Symfony, ASP.NET).
_OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
# By these, a server would take one request for two, or for one to somebody else.
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "upgrade", "connection"})


def refuse_disguise(names: Iterable[str], url: str) -> None:
    """Do nothing if a request with headers of these names is what its method and address say.

    Raises:
        ForbiddenError: A header, or ``_method`` in the query, could make it another one.
    """
    found = sorted({name.strip().lower() for name in names} & (_OVERRIDES | _FRAMING))
    if any(name.lower() == "_method" for name, _ in parse_qsl(urlsplit(url).query)):
        found.append("_method in the query")
    if found:
        raise ForbiddenError(
            f"not sent: {', '.join(found)} may turn the request into another one than its method "
            "and address say; leave it out"
        )


def header_of(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    """Return a header, several of one name joined by a comma, or None."""
    values = [value for key, value in headers if key == name.lower()]
    return ", ".join(values) if values else None


def summarise(status: int, headers: Sequence[tuple[str, str]], body: bytes) -> str:
    """Return an answer in one bounded line."""
    kind = (header_of(headers, "content-type") or "no content type").split(";")[0]
    location = header_of(headers, "location")
    if location is not None and 300 <= status < 400:
        return f"{status} to {urlsplit(location).netloc or 'the same host'}"
    start = body[: 4 * _BODY_SHOWN].decode("utf-8", errors="replace")[:_BODY_SHOWN]
    start = " ".join(start.split())
    return f"{status} {kind} {len(body)} bytes" + (f": {start}" if start else "")


def cached_by(headers: Sequence[tuple[str, str]]) -> str | None:
    """Return the header by which an answer shows that a cache gave it, None where none does.

    ``Age`` is RFC 9111 section 5.1, ``Cache-Status`` RFC 9211; the others are what caches say.
    """
    age = (header_of(headers, "age") or "").strip()
    if age.isdecimal() and int(age[:9]) > 0:
        return f"Age: {age[:9]}"
    for name in ("x-cache", "cf-cache-status", "x-vercel-cache", "cache-status"):
        said = header_of(headers, name) or ""
        if re.search(r"\b(hit|stale|updating)\b", said, re.IGNORECASE):
            return f"{name}: {said[:60]}"
    return None
