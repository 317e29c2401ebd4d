"""Callers without a credential, with a wrong one, and with one that is over.

Refuses to show a credential, and to send a right one anywhere but with the declared request.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.model import Credential
    from pytest_metarelease.probes.api.examined import Examined

_NEXT = "check the caller before anything else, and answer 401 or 403"
#: Long ago: 2020-01-01T00:00:00Z.
_OVER = 1_577_836_800


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who must not be served, in words, and the headers that are sent instead."""

    name: str
    headers: dict[str, str]


def refuses_strangers(one: Examined) -> None:
    """Judge that the declared request is refused from everybody without the right credential."""
    trials = one.trials(_NEXT)
    body = one.example()
    for stranger in strangers(one):
        trials.refused(
            stranger.name,
            partial(one.send, body=body, headers=stranger.headers, anonymous=True),
            redirect=True,
        )
    trials.finish("401 or 403 for whoever has not the right credential")


def strangers(one: Examined) -> Iterator[Stranger]:
    """Yield who must be refused."""
    declared = one.declared
    credential = one.environment.credentials.get(declared.credential or "")
    header = credential.header if credential is not None else _header_of(declared.authentication)
    scheme = _scheme(credential, declared.authentication)
    yield Stranger("anonymous", {})
    yield Stranger("an empty credential", {header: scheme.strip() or " "})
    yield Stranger("a wrong credential", {header: f"{scheme}wrong-0123456789abcdef"})
    if header.lower() == "authorization":
        yield Stranger("another scheme", {header: "Basic " + _base64(b"admin:admin")})
        yield Stranger("a token that nobody signed", {header: f"Bearer {unsigned_token()}"})
        yield Stranger("the credential in the wrong case", {header: "bearer undefined"})
    known = _secret(credential)
    if known:
        last = "0" if known[-1] != "0" else "1"
        yield Stranger(
            "a credential with one character changed", {header: scheme + known[:-1] + last}
        )
        yield Stranger("a credential with one character less", {header: scheme + known[:-1]})
        claims = claims_of(known)
        if claims is not None:
            expired = with_claims(known, {**claims, "exp": _OVER})
            yield Stranger("an expired token", {header: scheme + expired})


def _header_of(kind: str | None) -> str:
    return "X-Api-Key" if kind == "api-key" else "Authorization"


def _scheme(credential: Credential | None, kind: str | None) -> str:
    if credential is not None:
        word, space, _ = credential.value.partition(" ")
        return f"{word} " if space and word.isalpha() else ""
    return "Bearer " if kind in (None, "bearer", "header") else ""


def _secret(credential: Credential | None) -> str:
    if credential is None:
        return ""
    word, space, rest = credential.value.partition(" ")
    return rest if space and word.isalpha() else credential.value


def unsigned_token() -> str:
    """Return a JWT (RFC 7519) with the algorithm ``none``, of an administrator, that never ends."""
    head = {"alg": "none", "typ": "JWT"}
    claims = {"sub": "admin", "role": "admin", "exp": 4_102_444_800}
    return f"{_encoded(head)}.{_encoded(claims)}."


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a JWT, None where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def with_claims(token: str, claims: dict[str, Any]) -> str:
    """Return a JWT with other claims under the old signature, which no longer fits."""
    head, _, signature = token.split(".")
    return f"{head}.{_encoded(claims)}.{signature}"


def _encoded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode()).rstrip("=").replace("+", "-").replace("/", "_")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
