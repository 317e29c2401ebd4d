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

from pytest_metarelease.errors import RefusedError
from pytest_metarelease.manifest.model import Answer, SignedRequest, TypedData
from pytest_metarelease.manifest.scalars import ValuePath
from pytest_metarelease.probes.api.bodies import is_address, is_amount
from pytest_metarelease.probes.chain.altering import other, other_domain_value
from pytest_metarelease.probes.chain.signing import address_of, fresh_key, sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.probes.exchange import Response

_VALID_FOR = 3600
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_KIND = re.compile(r"(?i).*(?:kind|type|side)")
_ELSEWHERE = "0x000000000000000000000000000000000000dEaD"
_NONCES = ("$nonce", "$nonce_number")
#: What stands for a time, and how many of it are a second.
_EXPIRIES: dict[Any, int] = {"$expiry": 1, "$expiry_ms": 1000}
#: Texts that are no amount, and numbers to JavaScript, but for the last.
_NO_AMOUNTS = ("0", "-1", "Infinity", "1e400", "NaN")


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
    refusal: Answer | None = None
    """How the endpoint refuses where that is no 4xx."""
    same: ValuePath | None = None
    """Where the id stands of which a repeated request must give the first one's, if it may come."""

    @classmethod
    def of(cls, declared: SignedRequest, environment: Environment) -> Signer:
        """Return a signer with the declared key, or a fresh one where none is declared."""
        typed_data = environment.typed_data[declared.typed_data]
        owner, _, name = declared.endpoint.partition(".")
        endpoint = environment.services[owner].endpoints[name]
        same = endpoint.created.id if endpoint.idempotent and endpoint.created else None
        key = declared.key or fresh_key()
        return cls(declared, typed_data, key, endpoint.refusal, same)

    def expect_refused(self, answer: Response, next_step: str) -> None:
        """Judge that a request was refused; a service that fails has neither done so nor not.

        Raises:
            UnmetError: It was accepted.
            RefusedError: The service failed.
        """
        if answer.status >= 500:
            error = RefusedError(f"neither accepted nor refused: {answer.summary}")
            answer.unknown(error, "a refusal")
        if self.refusal is not None and answer.status not in self.declared.refused:
            answer.expect_answer(self.refusal, next_step=next_step)
        else:
            answer.expect(self.declared.refused, next_step=next_step)

    def expect_no_second(self, answer: Response, first: Response | None, next_step: str) -> None:
        """Judge that a repeated request was refused or, where it may come, made nothing new.

        Raises:
            UnmetError: It counts once more.
            RefusedError: The service failed.
        """
        if self.same is None or first is None or not self.is_accepted(answer):
            self.expect_refused(answer, next_step)
        else:
            answer.value(self.same).expect(first.value(self.same).value, next_step=next_step)

    def expect_accepted(self, answer: Response, next_step: str) -> None:
        """Judge that a request was accepted, and that the answer says so where that is declared.

        Raises:
            UnmetError: It was not.
        """
        accepted = Answer(status=self.declared.accepted, values=self.declared.says)
        answer.expect_answer(accepted, next_step=next_step)

    def is_accepted(self, answer: Response) -> bool:
        """Return whether a request was accepted, without judging it."""
        accepted = Answer(status=self.declared.accepted, values=self.declared.says)
        refuses = self.refusal is not None and answer.is_as(self.refusal)
        return answer.is_as(accepted) and not refuses

    def message(self) -> dict[str, Any]:
        """Return the declared message with signer, nonce and expiry filled in."""
        # No more than JavaScript counts exactly: products read a nonce as a number of theirs.
        nonce, expiry = secrets.randbits(53), int(time.time()) + _VALID_FOR
        values = {
            "$signer": address_of(self.key),
            "$nonce": str(nonce),
            "$nonce_number": nonce,
            "$expiry": expiry,
            "$expiry_ms": expiry * 1000,
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
        for place, value in self.declared.beside.items():
            _put(body, place, copy.deepcopy(value))
        if self.declared.message_at is None:
            body |= message
        else:
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
        if value in _EXPIRIES:
            over = (int(time.time()) - _VALID_FOR) * _EXPIRIES[value]
            yield _signed(signer, f"expired: {name} an hour ago", {name: over})
            yield _signed(signer, f"never valid: {name} is zero", {name: 0})
        elif member.type == "string" and is_amount(name, value):
            for other in _NO_AMOUNTS:
                yield _signed(signer, f"{name} is {other}", {name: other})
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

    The other signature of the same message (s negated, v flipped) is valid to ecrecover; EIP-2. An
    address is signed as a number, so that its spelling can be changed afterwards.
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

    message = _message(body, signer)
    for name, rewrite in (
        ("the same with addresses in lower case", str.lower),
        ("the same with addresses in upper case", lambda text: "0x" + text[2:].upper()),
    ):
        shown = {
            key: rewrite(value) if is_address(value) else value for key, value in message.items()
        }
        if shown != message:
            yield Forgery(name, signer.assembled(shown, signature))


def reuses(signer: Signer, body: Mapping[str, Any]) -> Iterator[Forgery]:
    """Yield another request with the nonce of one that was accepted, and rightly signed.

    None where the message has no nonce, or where the manifest says that it is only salt.
    """
    if signer.declared.nonce == "salt":
        return
    declared = signer.declared.message
    used = [name for name, value in declared.items() if value in _NONCES]
    members = signer.typed_data.types[signer.typed_data.primary]
    kinds = {one.name: one.type for one in members}
    varied = [name for name, value in declared.items() if is_amount(name, value) and name in kinds]
    if not used or not varied:
        return
    first, name = _message(body, signer), varied[0]
    again = {**signer.message(), **{nonce: first[nonce] for nonce in used}}
    again[name] = other(first[name], kinds[name])
    yield Forgery(f"another {name} with the nonce of the one before", signer.body(message=again))


def _message(body: Mapping[str, Any], signer: Signer) -> dict[str, Any]:
    """Return the members of the message as they stand in ``body``."""
    place = signer.declared.message_at
    found = body if place is None else _at(body, place)
    names = signer.declared.message
    return {name: found[name] for name in names} if isinstance(found, dict) else {}


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
