"""EIP-712 signatures and the throw-away accounts that make them.

The one module of the probes that imports ``eth_account``, and only when something is signed.
Refuses messages that lack a member or have one too many, and never shows a key.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import TypedData

_KEY = re.compile(r"0x[0-9a-fA-F]{64}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_DOMAIN = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
)
_ARRAY = re.compile(r"(.+)\[(\d*)\]")
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def fresh_key() -> str:
    """Return a new private key, 0x hex; whoever funds it must sweep it."""
    return "0x" + secrets.token_hex(32)


def check_key(key: str, what: str) -> str:
    """Return ``key`` where it is a private key; the error does not show it."""
    prefixed = key if key.startswith("0x") else f"0x{key}"
    if _KEY.fullmatch(prefixed) is None:
        raise UsageError(f"{what} is no private key: 32 bytes as 0x hexadecimal are needed")
    return prefixed


def address_of(key: str) -> str:
    """Return the checksummed address of a private key."""
    return str(_account(key).address)


def sign(typed_data: TypedData, message: Mapping[str, Any], key: str) -> str:
    """Return the 65-byte signature ``r || s || v`` of an EIP-712 message, 0x hex, v 27 or 28.

    Integers may be given as decimal or 0x texts.

    Raises:
        UsageError: The message does not fit its types, or the key is none.
    """
    signed = _account(key).sign_message(_signable(typed_data, message))
    return "0x" + bytes(signed.signature).hex()


def recover(typed_data: TypedData, message: Mapping[str, Any], signature: str) -> str | None:
    """Return the address that signed, or None where the signature is none."""
    from eth_account import Account
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    signable = _signable(typed_data, message)
    if _SIGNATURE.fullmatch(signature) is None:
        return None
    try:
        return str(Account.recover_message(signable, signature=signature))
    except (BadSignature, ValidationError, ValueError):
        return None


def digest_of(typed_data: TypedData, message: Mapping[str, Any]) -> bytes:
    """Return the 32 bytes that are signed for an EIP-712 message.

    Raises:
        UsageError: The message does not fit its types.
    """
    from eth_utils.crypto import keccak

    signable = _signable(typed_data, message)
    return bytes(keccak(b"\x19\x01" + bytes(signable.header) + bytes(signable.body)))


def sign_digest(digest: bytes, key: str) -> str:
    """Return the 65-byte signature ``r || s || v`` of 32 bytes, 0x hex, v 27 or 28, s low."""
    signature = _account(key).unsafe_sign_hash(digest).signature
    return "0x" + bytes(signature).hex()


def recover_digest(digest: bytes, signature: bytes) -> str | None:
    """Return the checksummed address that signed 32 bytes, or None where nobody did.

    Only 65 bytes with v 27 or 28 and a low s: of the two signatures that fit one message, the one
    with the high s is refused (EIP-2), so that nobody can make a second one of the first.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if s > _HALF_ORDER:
        return None
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    try:
        made = Signature(vrs=(signature[64] - 27, r, s))
        return made.recover_public_key_from_msg_hash(digest).to_checksum_address()
    except (BadSignature, ValidationError, ValueError):
        return None


def key_of_keystore(document: str, password: str) -> str:
    """Return the private key in a keystore, 0x hex (Web3 Secret Storage, version 3).

    Raises:
        UsageError: It is no keystore, or the password is wrong; neither is shown.
    """
    from eth_account import Account

    try:
        return "0x" + bytes(Account.decrypt(json.loads(document), password)).hex()
    except ValueError as problem:
        wrong = "MAC" in str(problem)
        why = "the password does not open it" if wrong else "it is no keystore of version 3"
        raise UsageError(f"the keystore cannot be used: {why}") from None
    except (TypeError, KeyError, AttributeError, NotImplementedError):
        raise UsageError("the keystore cannot be used: it is no keystore of version 3") from None


def sign_transaction(fields: Mapping[str, Any], key: str) -> tuple[str, str]:
    """Return the raw transaction and its hash, both 0x hex."""
    signed = _account(key).sign_transaction(dict(fields))
    return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()


def _account(key: str) -> Any:
    from eth_account import Account

    return Account.from_key(check_key(key, "the signing key"))


def _signable(typed_data: TypedData, message: Mapping[str, Any]) -> Any:
    from eth_abi.exceptions import EncodingError
    from eth_account.messages import encode_typed_data

    types = {
        name: [{"name": one.name, "type": one.type} for one in members]
        for name, members in typed_data.types.items()
        if name != "EIP712Domain"
    }
    if typed_data.primary not in types:
        raise UsageError(
            f"typed data: the primary type {typed_data.primary} is not among its types"
        )
    unknown = sorted(set(typed_data.domain) - {name for name, _ in _DOMAIN})
    if unknown:
        raise UsageError(f"typed data: an EIP-712 domain has no {', '.join(unknown)}")
    types["EIP712Domain"] = [
        {"name": name, "type": kind} for name, kind in _DOMAIN if name in typed_data.domain
    ]
    try:
        return encode_typed_data(
            full_message={
                "types": types,
                "primaryType": typed_data.primary,
                "domain": _value(types, "EIP712Domain", typed_data.domain),
                "message": _value(types, typed_data.primary, message),
            }
        )
    except (TypeError, ValueError, OverflowError, EncodingError) as problem:
        raise UsageError(f"typed data {typed_data.primary}: {problem}") from None


def _value(types: Mapping[str, list[dict[str, str]]], kind: str, value: Any) -> Any:
    array = _ARRAY.fullmatch(kind)
    if array is not None:
        return [_value(types, array[1], one) for one in _sequence(kind, value)]
    if kind in types:
        return _struct(types, kind, value)
    if kind.startswith(("uint", "int")):
        return integer(kind, value)
    if value is None:
        # Would be signed as an empty value, which nobody meant.
        raise UsageError(f"typed data: {kind} has no value")
    return value


def _struct(types: Mapping[str, list[dict[str, str]]], kind: str, value: Any) -> dict[str, Any]:
    members = {one["name"]: one["type"] for one in types[kind]}
    if not isinstance(value, Mapping) or set(value) != set(members):
        # A member left out would be signed as zero, which nobody meant.
        given = ", ".join(sorted(value)) if isinstance(value, Mapping) else type(value).__name__
        raise UsageError(
            f"typed data {kind}: needs {', '.join(members)}; given: {given or 'nothing'}"
        )
    return {name: _value(types, inner, value[name]) for name, inner in members.items()}


def _sequence(kind: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise UsageError(f"typed data: {kind} needs a list")
    return value


def integer(kind: str, value: Any) -> int:
    """Return a number that may be written as a decimal or 0x text.

    Raises:
        UsageError: It is no number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+|0x[0-9a-fA-F]+", value):
        return int(value, 16 if value.startswith("0x") else 10)
    raise UsageError(f"typed data: {value!r:.60} is no {kind}")
