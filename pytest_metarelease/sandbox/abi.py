"""Calls and signatures of the sandbox's own contracts, encoded without a library.

Refuses arrays inside arrays, structs and decoding: the sandbox needs words, strings and bytes, and
importing a full ABI codec would cost every one of its processes a fifth of a second.
"""

from __future__ import annotations

from typing import TypeAlias

from eth_hash.auto import keccak as _keccak

Value: TypeAlias = "int | str | bytes | bool"

WORD = 32


def keccak(data: bytes) -> bytes:
    """The Keccak-256 digest of ``data``, 32 bytes (Ethereum's, not NIST's SHA3-256)."""
    return bytes(_keccak(data))


def checksum_address(address: bytes | str) -> str:
    """The address with its EIP-55 checksum."""
    plain = address.hex() if isinstance(address, bytes) else address.lower().removeprefix("0x")
    digest = keccak(plain.encode()).hex()
    marked = (
        char.upper() if int(nibble, 16) >= 8 else char
        for char, nibble in zip(plain, digest, strict=False)
    )
    return "0x" + "".join(marked)


def selector(signature: str) -> bytes:
    """The four bytes by which a function is called: ``keccak("deposit()")[:4]``."""
    return keccak(signature.encode())[:4]


def call(signature: str, *values: Value) -> str:
    """Call data as 0x hex, for instance ``call("submitEvidence(string)", "ipfs://...")``."""
    return "0x" + (selector(signature) + encode(_types(signature), values)).hex()


def encode(types: tuple[str, ...], values: tuple[Value, ...]) -> bytes:
    """ABI encoding of ``values``; dynamic ones (string, bytes) go behind the heads."""
    if len(types) != len(values):
        raise ValueError(f"{len(types)} types for {len(values)} values")
    heads, tail = [], b""
    for kind, value in zip(types, values, strict=True):
        if kind in ("string", "bytes"):
            heads.append(word(WORD * len(types) + len(tail)))
            tail += _dynamic(value)
        else:
            heads.append(word(value))
    return b"".join(heads) + tail


def word(value: Value) -> bytes:
    """One static value as 32 bytes: integers and addresses left-padded, bytes right-padded."""
    if isinstance(value, bytes):
        return value.ljust(WORD, b"\0")
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x")).rjust(WORD, b"\0")
    return int(value).to_bytes(WORD, "big")


def _dynamic(value: Value) -> bytes:
    data = value.encode() if isinstance(value, str) else bytes(value)
    padded = len(data) + -len(data) % WORD
    return word(len(data)) + data.ljust(padded, b"\0")


def _types(signature: str) -> tuple[str, ...]:
    inner = signature[signature.index("(") + 1 : -1]
    return tuple(inner.split(",")) if inner else ()
