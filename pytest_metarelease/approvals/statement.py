"""What a signer signs: the EIP-712 message of a sign-off, its hash, and what wallets are shown.

Signs and recovers nothing. The domain has no chain and no contract: release, environment and
checklist item are in the message itself, and a Safe adds its own chain and address.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_metarelease.approvals.model import SignOff
from pytest_metarelease.manifest.checksum import keccak_256

if TYPE_CHECKING:
    from collections.abc import Mapping

_DOMAIN = {"name": "pytest-metarelease sign-off", "version": "1"}
# Every member is a text, so that every wallet shows what is signed, times and digest included.
_MEMBERS = {
    "item": "item",
    "itemDigest": "item_digest",
    "release": "release",
    "version": "version",
    "commit": "commit",
    "environment": "environment",
    "signer": "signer",
    "signedAt": "signed_at",
    "expires": "expires",
    "reason": "reason",
}


def payload(sign_off: SignOff) -> dict[str, Any]:
    """Return the typed data as ``eth_signTypedData_v4`` takes it (EIP-712)."""
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": "string"} for name in _DOMAIN],
            "SignOff": [{"name": name, "type": "string"} for name in _MEMBERS],
        },
        "primaryType": "SignOff",
        "domain": dict(_DOMAIN),
        "message": _message(sign_off),
    }


@lru_cache(maxsize=256)
def digest(sign_off: SignOff) -> bytes:
    """Return the 32 bytes that are signed (EIP-712, ``encode(domainSeparator, message)``)."""
    domain = _struct("EIP712Domain", _DOMAIN)
    return keccak_256(b"\x19\x01" + domain + _struct("SignOff", _message(sign_off)))


def from_payload(document: object, signature: str) -> SignOff:
    """Return the sign-off whose payload was printed as ``document``, with its signature.

    Raises:
        ValueError: It is not what ``payload`` returns.
    """
    message = document.get("message") if isinstance(document, dict) else None
    if not isinstance(message, dict) or set(message) != set(_MEMBERS):
        raise ValueError("is no payload that --print-payload printed")
    if not all(isinstance(one, str) for one in message.values()):
        raise ValueError("holds something else than texts in its message")
    values: dict[str, Any] = {field: message[name] for name, field in _MEMBERS.items()}
    # An optional member that is left out is signed as an empty text.
    values |= {name: values[name] or None for name in ("commit", "reason")}
    found = SignOff(**values, signature=signature)
    if payload(found) != document:
        raise ValueError("is no payload that --print-payload printed: domain or types differ")
    return found


def _message(sign_off: SignOff) -> dict[str, str]:
    return {name: getattr(sign_off, field) or "" for name, field in _MEMBERS.items()}


def _struct(name: str, values: Mapping[str, str]) -> bytes:
    kind = f"{name}({','.join(f'string {one}' for one in values)})"
    return keccak_256(b"".join(map(_hashed, (kind, *values.values()))))


@lru_cache(maxsize=256)
def _hashed(text: str) -> bytes:
    """Kept: the sign-offs of one release have most of their texts in common."""
    return keccak_256(text.encode())
