"""Requests with an EIP-712 signature in them: valid ones, and forgeries of every kind.

Only builds bodies; sending them, and saying what must come back, is the caller's.
"""

from __future__ import annotations

import copy
import itertools
import re
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.manifest.model import SignedRequest, TypedData
from pytest_metarelease.probes.api.bodies import is_amount
from pytest_metarelease.probes.chain.altering import other, other_domain_value
from pytest_metarelease.probes.chain.signing import address_of, fresh_key, sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.manifest.model import Environment

_VALID_FOR = 3600
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_KIND = re.compile(r"(?i).*(?:kind|type|side)")
_ELSEWHERE = "0x000000000000000000000000000000000000dEaD"


@dataclass(frozen=True, slots=True)
class Forgery:
    """A body that must be refused, and in words what is wrong with it."""

    name: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes bodies of one declared signed request, each with a fresh nonce."""

    declared: SignedRequest
    typed_data: TypedData
    key: str

    @classmethod
    def of(cls, declared: SignedRequest, environment: Environment) -> Signer:
        """Return a signer with the declared key, or a fresh one where none is declared."""
        typed_data = environment.typed_data[declared.typed_data]
        return cls(declared, typed_data, declared.key or fresh_key())

    def message(self) -> dict[str, Any]:
        """Return the declared message with signer, nonce and expiry filled in."""
        values = {
            "$signer": address_of(self.key),
            "$nonce": str(secrets.randbits(63)),
            "$expiry": int(time.time()) + _VALID_FOR,
        }
        return {name: _filled(value, values) for name, value in self.declared.message.items()}

    def body(
        self,
        *,
        message: Mapping[str, Any] | None = None,
        signed: Mapping[str, Any] | None = None,
        typed_data: TypedData | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Return a body with ``message`` and a signature over ``signed`` (default: the same)."""
        shown = dict(self.message() if message is None else message)
        signature = sign(typed_data or self.typed_data, signed or shown, key or self.key)
        return self.assembled(shown, signature)

    def assembled(self, message: Mapping[str, Any], signature: str) -> dict[str, Any]:
        """Return a body that holds ``message`` and ``signature`` at their declared places."""
        body: dict[str, Any] = {}
        _put(body, self.declared.message_at, dict(message))
        _put(body, self.declared.signature_at, signature)
        return body


def forgeries(signer: Signer) -> Iterator[Forgery]:
    """Yield bodies that an honest service refuses, worst last: with a valid one it would accept."""
    yield from _changed_fields(signer)
    yield from _other_domains(signer)
    message = signer.message()
    yield Forgery(
        "a signature by another account than the maker",
        signer.body(message=message, key=fresh_key()),
    )
    yield Forgery("no signature", signer.assembled(message, "0x"))
    yield Forgery("a signature of zeros", signer.assembled(message, "0x" + "00" * 65))
    honest = sign(signer.typed_data, message, signer.key)
    yield Forgery("a signature cut short", signer.assembled(message, honest[:-2]))
    yield Forgery("a signature with bytes behind it", signer.assembled(message, honest + "00"))


def misuses(signer: Signer) -> Iterator[Forgery]:
    """Yield requests that are signed by whom they say, and must be refused for what they say."""
    members = signer.typed_data.types[signer.typed_data.primary]
    declared = signer.declared.message
    for member in members:
        name, value = member.name, declared.get(member.name)
        if value == "$expiry":
            yield _signed(
                signer, f"expired: {name} an hour ago", {name: int(time.time()) - _VALID_FOR}
            )
            yield _signed(signer, f"never valid: {name} is zero", {name: 0})
        elif member.type.startswith("uint") and is_amount(name, value):
            yield _signed(signer, f"{name} is zero", {name: _written_like(value, 0)})
            message = signer.message()
            negative = {**message, name: _written_like(value, -1)}
            yield Forgery(f"{name} is negative", signer.body(message=negative, signed=message))
            beyond = {**message, name: str(2**256)}
            yield Forgery(f"{name} is 2 ** 256", signer.body(message=beyond, signed=message))
        elif member.type == "string" and _KIND.fullmatch(name):
            yield _signed(signer, f"an unknown {name}", {name: "no-such-kind"})
    yield from _equal_pairs(signer)
    if signer.declared.extra_members == "refused":
        signed = signer.message()
        extra = {**signed, "status": "filled", "isAdmin": True}
        yield Forgery("members that nobody signed", signer.body(message=extra, signed=signed))


def _equal_pairs(signer: Signer) -> Iterator[Forgery]:
    """What is sold for itself: two addresses of tokens that are the same."""
    members = signer.typed_data.types[signer.typed_data.primary]
    tokens = [one.name for one in members if one.type == "address" and "token" in one.name.lower()]
    for first, second in itertools.pairwise(tokens):
        value = signer.declared.message.get(first)
        yield _signed(signer, f"{first} and {second} are equal", {second: value})


def _signed(signer: Signer, name: str, changes: Mapping[str, Any]) -> Forgery:
    return Forgery(name, signer.body(message={**signer.message(), **changes}))


def _written_like(value: Any, number: int) -> Any:
    return str(number) if isinstance(value, str) else number


def replays(signer: Signer, body: Mapping[str, Any]) -> Iterator[Forgery]:
    """Yield a body that was sent before in the ways that are the same to who checks signatures.

    The other signature of the same message (s negated, v flipped) is valid to ecrecover; EIP-2.
    """
    yield Forgery("the same again", dict(body))
    signature = _at(body, signer.declared.signature_at)
    if not isinstance(signature, str) or len(signature) != 132:
        return
    for name, again in (
        ("the same with the other signature of the same message", _negated(signature)),
        ("the same with the signature in upper case", "0x" + signature[2:].upper()),
    ):
        changed = copy.deepcopy(dict(body))
        _put(changed, signer.declared.signature_at, again)
        yield Forgery(name, changed)


def _negated(signature: str) -> str:
    r, s, v = signature[2:66], int(signature[66:130], 16), int(signature[130:], 16)
    return f"0x{r}{_ORDER - s:064x}{27 + 28 - v if v in (27, 28) else 1 - v:02x}"


def _at(body: Mapping[str, Any], path: str) -> Any:
    found: Any = body
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _changed_fields(signer: Signer) -> Iterator[Forgery]:
    members = signer.typed_data.types[signer.typed_data.primary]
    for member in members:
        signed = signer.message()
        shown = {**signed, member.name: other(signed[member.name], member.type)}
        yield Forgery(
            f"{member.name} changed after signing", signer.body(message=shown, signed=signed)
        )


def _other_domains(signer: Signer) -> Iterator[Forgery]:
    for name, value in signer.typed_data.domain.items():
        domain = {**signer.typed_data.domain, name: other_domain_value(name, value)}
        yield Forgery(
            f"signed for another {name}",
            signer.body(typed_data=replace(signer.typed_data, domain=domain)),
        )


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    return values.get(value, value) if isinstance(value, str) else copy.deepcopy(value)


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for key in above:
        body = body.setdefault(key, {})
    body[last] = value
