"""Signatures that must not count, and calls that carry them: every kind of forgery there is.

Only builds call data; what comes back, and whether its reason is the declared one, is for others
to judge. Refuses calls in which no `$signature` stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.model import TypedData
from pytest_metarelease.probes.chain.altering import other, other_domain_value
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.signing import fresh_key, sign

if TYPE_CHECKING:
    from pytest_metarelease.manifest.trials import Forged
    from pytest_metarelease.probes.chain.abi import Entry

SIGNATURE = "$signature"
"""Where a signature stands among the arguments of a call."""

STAND_INS = {"signature": SIGNATURE, "v": "$v", "r": "$r", "s": "$s"}
"""What stands for a signature, or for its numbers where a call takes them one by one."""

_WHOLE = 2 + 2 * 65
# The order of secp256k1; s and ORDER - s fit the same message (EIP-2).
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True)
class Signed:
    """What is signed, and with which key."""

    typed_data: TypedData
    message: Mapping[str, Any]
    key: str

    def signature(self, **changes: Any) -> str:
        """Return the 65-byte signature, 0x hex, with another ``message``, ``key`` or domain."""
        domain = changes.get("domain", self.typed_data.domain)
        return sign(
            replace(self.typed_data, domain=domain),
            changes.get("message", self.message),
            changes.get("key", self.key),
        )


@dataclass(frozen=True, slots=True)
class Forgery:
    """Call data that must be refused: what is wrong with it, and reasons of which one must come."""

    title: str
    data: str
    refusals: tuple[str, ...]


def forgeries(
    signed: Signed, entry: Entry, args: Sequence[Any], declared: Forged
) -> Iterator[Forgery]:
    """Yield a call for everything that can be wrong with the signature of this one.

    Raises:
        UsageError: Nowhere in the arguments stands `$signature`, or they do not fit.
    """
    if not any(one in args for one in STAND_INS.values()):
        raise UsageError(f"{entry.signature}: no argument is {SIGNATURE}; nothing can be forged")
    for title, signature, refusals in _signatures(signed, declared):
        if SIGNATURE not in args and len(signature) != _WHOLE:
            # Three numbers have no other length.
            continue
        reasons = tuple(dict.fromkeys(refusals or declared.reverts))
        yield Forgery(title, _with(entry, args, signature), reasons)
    genuine = signed.signature()
    for index, (parameter, value) in enumerate(zip(entry.inputs, args, strict=True)):
        if value in STAND_INS.values():
            continue
        # By name or, since an ABI need not name them, by place.
        own = declared.arguments.get(parameter.name, declared.arguments.get(str(index), ()))
        changed = [*args[:index], other(value, parameter.type), *args[index + 1 :]]
        yield Forgery(
            f"{parameter.name or f'argument {index}'} changed after signing",
            _with(entry, changed, genuine),
            own or declared.reverts,
        )
    yield from _expired(signed, entry, args, declared)
    _check_names(entry, declared)


def replays(
    signed: Signed, entry: Entry, args: Sequence[Any], declared: Forged
) -> Iterator[Forgery]:
    """Yield the call again, once it was accepted: as it was, and in its other forms."""
    genuine = signed.signature()
    yield Forgery("a replay", _with(entry, args, genuine), declared.replay)
    again = (*declared.replay, *(declared.high_s or declared.reverts))
    yield Forgery("a replay with the high s", _with(entry, args, malleated(genuine)), again)
    again = (*declared.replay, *(declared.length or declared.reverts))
    if SIGNATURE in args:
        yield Forgery("a replay in 64 bytes", _with(entry, args, compact(genuine)), again)


def malleated(signature: str) -> str:
    """Return the other signature of the same key that fits: s above half the order, v flipped."""
    raw = bytes.fromhex(signature[2:])
    high = _ORDER - int.from_bytes(raw[32:64], "big")
    return "0x" + (raw[:32] + high.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()


def compact(signature: str) -> str:
    """Return the 64 bytes of the same signature: r, then v's parity above s (EIP-2098)."""
    raw = bytes.fromhex(signature[2:])
    s = int.from_bytes(raw[32:64], "big") | (raw[64] - 27) << 255
    return "0x" + (raw[:32] + s.to_bytes(32, "big")).hex()


def _signatures(signed: Signed, declared: Forged) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield what is wrong with a signature, the signature, and how it is refused if otherwise."""
    yield "signed by another key", signed.signature(key=fresh_key()), ()
    typed = signed.typed_data
    for member in typed.types[typed.primary]:
        changed = {**signed.message, member.name: _other(signed, member.name, member.type)}
        yield f"signed with another {member.name}", signed.signature(message=changed), ()
    for name, value in typed.domain.items():
        domain = {**typed.domain, name: other_domain_value(name, value)}
        yield f"signed for another {_TITLES.get(name, name)}", signed.signature(domain=domain), ()
    genuine = signed.signature()
    body, v = genuine[:-2], int(genuine[-2:], 16)
    yield "with the high s", malleated(genuine), declared.high_s
    yield "in 64 bytes (EIP-2098)", compact(genuine), declared.length
    yield "without a signature", "0x", declared.length
    yield "with a byte too many", genuine + "00", declared.length
    yield f"with v {v - 27}", f"{body}{v - 27:02x}", declared.recovery
    yield "with v 29", f"{body}1d", declared.recovery
    yield "with v 255", f"{body}ff", declared.recovery
    # ecrecover answers the zero address: a contract whose signer was never set would take it.
    yield "with a signature of zeros", "0x" + "00" * 65, declared.recovery
    yield "with another r", "0x" + "11" * 32 + genuine[66:], (*declared.reverts, *declared.recovery)


def _expired(
    signed: Signed, entry: Entry, args: Sequence[Any], declared: Forged
) -> Iterator[Forgery]:
    """Yield the call, signed rightly, with each end of its validity in the past.

    Only where the call takes that time as well: what a contract keeps itself cannot be changed.
    """
    for member in signed.typed_data.types[signed.typed_data.primary]:
        if member.name.lower().replace("_", "") not in _ENDS or not member.type.startswith("uint"):
            continue
        place = _place(entry, args, member.name, signed.message.get(member.name))
        if place is None:
            continue
        message = {**signed.message, member.name: _LONG_AGO}
        over = [*args[:place], _LONG_AGO, *args[place + 1 :]]
        yield Forgery(
            f"signed with a {member.name} that is over",
            _with(entry, over, signed.signature(message=message)),
            tuple(dict.fromkeys(declared.expired or declared.reverts)),
        )


def _place(entry: Entry, args: Sequence[Any], name: str, value: Any) -> int | None:
    """Return the argument that is this member: of its value, and of its name where several are."""
    same = [at for at, one in enumerate(args) if str(one) == str(value)]
    named = [at for at in same if entry.inputs[at].name.strip("_").lower() == name.lower()]
    found = named or same
    return found[0] if len(found) == 1 else None


# How standards and products call the second from which on a signature does not count any more:
# EIP-2612, ERC-3009, ERC-4337, and orders.
_ENDS = frozenset(
    {
        *("deadline", "expiry", "expires", "expiresat", "expiration", "expirationtime"),
        *("validbefore", "validuntil", "validto", "endtime"),
    }
)
_LONG_AGO = 1

_TITLES = {"chainId": "chain (chainId)", "verifyingContract": "contract (verifyingContract)"}


def _other(signed: Signed, name: str, kind: str) -> Any:
    if name not in signed.message:
        raise UsageError(f"typed data {signed.typed_data.primary}: the message lacks {name}")
    return other(signed.message[name], kind)


def parts_of(signature: str) -> dict[str, Any]:
    """Return what each stand-in stands for: the whole signature, and v, r and s."""
    body = signature[2:].ljust(130, "0")
    r, s, v = f"0x{body[:64]}", f"0x{body[64:128]}", int(body[128:130], 16)
    return {"signature": signature, "v": v, "r": r, "s": s}


def _with(entry: Entry, args: Sequence[Any], signature: str) -> str:
    parts = parts_of(signature)
    named = {STAND_INS[name]: part for name, part in parts.items()}
    return call_data(entry, [named.get(one, one) if isinstance(one, str) else one for one in args])


def _check_names(entry: Entry, declared: Forged) -> None:
    known = {one.name for one in entry.inputs} | {str(at) for at in range(len(entry.inputs))}
    unknown = sorted(set(declared.arguments) - known)
    if unknown:
        names = ", ".join(one.name for one in entry.inputs)
        raise UsageError(f"{entry.signature} has no argument {', '.join(unknown)}; it has {names}")
