"""The fields of an EIP-712 domain: how two domains differ, and which are near one.

Values in, values out. Refuses extensions and bits that ERC-5267 does not define.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.signing import integer
from pytest_metarelease.probes.reading import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FIELDS = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
"""The fields of a domain in the order of EIP-712, which is that of the bits of ERC-5267."""


def separator_of(domain: Mapping[str, Any]) -> bytes:
    """Return the 32 bytes of ``domainSeparator`` (EIP-712) of these fields."""
    present = [name for name in FIELDS if name in domain]
    kind = f"EIP712Domain({','.join(f'{FIELDS[name]} {name}' for name in present)})"
    return keccak(keccak(kind.encode()) + b"".join(_word(name, domain[name]) for name in present))


def _word(name: str, value: Any) -> bytes:
    if FIELDS[name] == "string":
        return keccak(str(value).encode())
    return integer("uint256", value).to_bytes(32, "big")


def differences(published: Sequence[Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield how an ERC-5267 answer differs from the wanted domain, field by field."""
    bits, *values, extensions = published
    number = int(bits, 16)
    if extensions or number & 0x20:
        yield f"extensions: {show(extensions)}, which no wallet here can sign (ERC-5267)"
    if number & 0xC0:
        yield f"fields: {bits} has bits that ERC-5267 does not define"
    for place, (name, value) in enumerate(zip(FIELDS, values, strict=True)):
        has = bool(number & 1 << place)
        if has != (name in wanted):
            told = show(value) if has else "none"
            yield f"{name}: the contract has {told}, the manifest {show(wanted.get(name, 'none'))}"
        elif has and not equal(name, value, wanted[name]):
            yield f"{name}: the contract says {show(value)}, the manifest {show(wanted[name])}"


def equal(name: str, value: Any, wanted: Any) -> bool:
    """Return whether two values of one field are the same, however they are written."""
    if FIELDS[name] == "string":
        return str(value) == str(wanted)
    return integer("uint256", value) == integer("uint256", wanted)


def neighbours(
    domain: Mapping[str, Any], likely: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield domains that differ in one field, by values that it is likely to have instead."""
    for name, values in likely.items():
        was = show(domain.get(name, "none"))
        for value in values:
            if name not in domain or not equal(name, value, domain[name]):
                yield f"{name} {show(value)} instead of {was}", {**domain, name: value}
        if name in domain and len(domain) > 1:
            less = {key: one for key, one in domain.items() if key != name}
            yield f"no {name} instead of {was}", less
