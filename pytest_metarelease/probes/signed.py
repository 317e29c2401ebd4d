"""Requests with an EIP-712 signature in them: valid ones, and forgeries of every kind.

Only builds bodies; sending them, and saying what must come back, is the caller's.
"""

from __future__ import annotations

import copy
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.manifest.model import SignedRequest, TypedData
from pytest_metarelease.probes.chain.altering import other, other_domain_value
from pytest_metarelease.probes.chain.signing import address_of, fresh_key, sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.manifest.model import Environment

_VALID_FOR = 3600


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
