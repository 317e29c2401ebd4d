"""Callers without a credential, with a wrong one, and with one that is over.

Refuses to show a credential, and to send a right one anywhere but with the declared request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.model import Credential
    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.api.trials import Trials

_NEXT = "check the caller before anything else, and answer 401 or 403"
#: What people write until they have a real one.
_GUESSED = ("admin", "test", "secret", "null")
_SECRETS = (
    "",
    "secret",
    "Secret",
    "secretkey",
    "secret-key",
    "supersecret",
    "super-secret",
    "changeme",
    "change-me",
    "password",
    "jwt",
    "jwtsecret",
    "jwt-secret",
    "jwt_secret",
    "JWT_SECRET",
    "your-secret",
    "your-secret-key",
    "your_jwt_secret",
    "your-256-bit-secret",
    "mysecret",
    "my-secret",
    "dev",
    "development",
    "test",
    "test-secret",
    "admin",
    "key",
    "123456",
    "qwerty",
    "undefined",
)
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
    for name in one.declared.not_for:
        other = one.environment.credentials[name]
        trials.refused(
            f"the credential of {name}",
            partial(one.send, body=body, headers={other.header: other.value}, anonymous=True),
            redirect=True,
        )
    _judge_spellings(one, trials, body)
    _judge_secret(one, trials)
    trials.finish("401 or 403 for whoever has not the right credential")


def _judge_spellings(one: Examined, trials: Trials, body: Any) -> None:
    """Judge that nobody is served at another spelling of the path, which a guard may not know.

    What answers every path alike has served nobody: a path of nobody's is the control. On
    read-only only reads are spelled otherwise: what is declared to be safe is so at its path.
    """
    if not one.may_write and one.declared.method not in ("GET", "HEAD"):
        return
    above = one.declared.target.rstrip("/").rpartition("/")[0]
    paths = list(other_spellings(one.declared.target))
    nowhere = f"{above}/no-such-{secrets.token_hex(6)}"
    send = partial(one.send, body=body, anonymous=True)
    control = trials.answered("a path of nobody's", partial(send, path=nowhere)) if paths else None
    for path in paths:
        answer = trials.answered(f"anonymous, at {path}", partial(send, path=path))
        if answer is None:
            continue
        served = answer.status < 300 and not one.says_no(answer)
        alike = control is not None and (control.status, control.body) == (
            answer.status,
            answer.body,
        )
        trials.judge(
            answer.measurement,
            f"anonymous, at {path}: not served",
            f"accepted: {answer.summary}" if served and not alike else "",
            met=answer.summary[:60],
        )


def _judge_secret(one: Examined, trials: Trials) -> None:
    """Judge that the declared token, where it is a JWT, is signed with no secret of tutorials."""
    token = _secret(one.environment.credentials.get(one.declared.credential or ""))
    if claims_of(token) is None or one.probe.last is None:
        return
    found = guessed_secret(token) is not None
    problem = "with a secret that everybody tries first" if found else ""
    trials.judge(one.probe.last, "how the token is signed: as nobody guesses", problem, met="so")


def strangers(one: Examined) -> Iterator[Stranger]:
    """Yield who must be refused."""
    declared = one.declared
    credential = one.environment.credentials.get(declared.credential or "")
    header = credential.header if credential is not None else _header_of(declared.authentication)
    scheme = _scheme(credential, declared.authentication)
    yield Stranger("anonymous", {})
    yield Stranger("an empty credential", {header: scheme.strip()})
    yield Stranger("a wrong credential", {header: f"{scheme}wrong-0123456789abcdef"})
    if header.lower() == "authorization":
        yield Stranger("another scheme", {header: "Basic " + _base64(b"admin:admin")})
        yield Stranger("a token that nobody signed", {header: f"Bearer {unsigned_token()}"})
        yield Stranger("the credential in the wrong case", {header: "bearer undefined"})
    yield from _privileged()
    for word in _GUESSED:
        yield Stranger(f"the credential {word!r}", {header: f"{scheme}{word}"})
    known = _secret(credential)
    if known:
        claims = claims_of(known)
        changed, shorter = altered(known, is_token=claims is not None, scheme=scheme)
        yield Stranger("a credential with one character changed", {header: scheme + changed})
        yield Stranger("a credential with one character less", {header: scheme + shorter})
        if claims is not None:
            expired = with_claims(known, {**claims, "exp": _OVER})
            yield Stranger("an expired token", {header: scheme + expired})


def altered(known: str, *, is_token: bool, scheme: str) -> tuple[str, str]:
    """Return a credential with another character, and with one less, that mean something else.

    The last character of base64 may carry bits that nobody reads (RFC 4648 section 3.5), and its
    padding none at all: what differs in them only is the right one to many.
    """
    if is_token:
        head, _, signature = known.rpartition(".")
        return f"{head}.{_other(signature[:1])}{signature[1:]}", known[:-1]
    if scheme.lower() == "basic ":
        try:
            plain = base64.b64decode(known, validate=True).decode("latin-1")
        except ValueError:
            plain = ""
        if plain:
            parts = plain[:-1] + _other(plain[-1]), plain[:-1]
            changed, shorter = (_base64(one.encode("latin-1")) for one in parts)
            return changed, shorter
    return known[:-1] + _other(known[-1]), known[:-1]


def _other(character: str) -> str:
    return "0" if character != "0" else "1"


def _privileged() -> Iterator[Stranger]:
    """Yield who claims by other headers to be let in, which only a proxy of one's own may set."""
    here = "127.0.0.1"
    yield Stranger(
        "who says to come from the machine itself",
        {"X-Forwarded-For": here, "X-Real-IP": here, "Forwarded": f"for={here}"},
    )
    yield Stranger(
        "who says to be an administrator",
        {"X-User": "admin", "X-User-Id": "1", "X-Role": "admin", "X-Forwarded-User": "admin"},
    )
    yield Stranger(
        "who says to debug it",
        {"X-Debug": "true", "X-Debug-Mode": "true", "X-Internal": "true", "X-Test-Mode": "true"},
    )
    # Next.js before 14.2.25 and 15.2.3 ran no middleware for this (CVE-2025-29927).
    for name in ("middleware", "src/middleware"):
        yield Stranger(
            f"who says that {name} has run", {"x-middleware-subrequest": ":".join([name] * 5)}
        )


def other_spellings(path: str) -> Iterator[str]:
    """Yield a path as a router may read it like ``path``, and what guards it may not."""
    above, _, last = path.rstrip("/").rpartition("/")
    if last:
        yield f"{above}/{last}/"
        yield f"{above}/{last.upper()}"
        yield f"{above}/%{ord(last[0]):02x}{last[1:]}"


def guessed_secret(token: str) -> str | None:
    """Return the secret with which a JWT is signed (HS256, RFC 7518) where it is a usual one."""
    head, _, signature = token.rpartition(".")
    for word in _SECRETS:
        made = hmac.new(word.encode(), head.encode(), hashlib.sha256).digest()
        if base64.urlsafe_b64encode(made).decode().rstrip("=") == signature.rstrip("="):
            return word
    return None


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
