"""Values of the ABI to bytes and back: what a manifest may write, what a report shows.

The one module of the probes that imports ``eth_abi``, and only when something is encoded. Refuses
values that do not fit their type instead of truncating them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.manifest.amounts import is_wei, read_wei
from pytest_metarelease.probes.chain.words import read_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.probes.chain.abi import Entry, Interface
    from pytest_metarelease.probes.chain.revert import Revert


@lru_cache(maxsize=4096)
def checksum(address: str) -> str:
    """Return the address with its EIP-55 checksum."""
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(address))


def call_data(function: Entry, args: Sequence[Any]) -> str:
    """Return the call data of ``function`` with these arguments, 0x hex.

    Raises:
        UsageError: An argument is missing, superfluous or does not fit.
    """
    return function.selector + encode(function, args).hex()


def encode(entry: Entry, args: Sequence[Any]) -> bytes:
    """Return the ABI encoding of the arguments of a function or constructor.

    Integers may be given as decimal or 0x texts or as amounts (``1 ether``), bytes as 0x hex,
    structs as lists.

    Raises:
        UsageError: An argument is missing, superfluous or does not fit.
    """
    if not args and not entry.inputs:
        return b""
    from eth_abi.abi import encode as pack
    from eth_abi.exceptions import EncodingError

    what = entry.signature if entry.name else "constructor"
    if len(args) != len(entry.inputs):
        names = ", ".join(f"{one.type} {one.name}".strip() for one in entry.inputs)
        raise UsageError(f"{what} takes {len(entry.inputs)} arguments ({names}), got {len(args)}")
    values = []
    for parameter, value in zip(entry.inputs, args, strict=True):
        try:
            values.append(_coerce(_grammar(parameter.type), value))
            packed = pack([parameter.type], [values[-1]])
        except (EncodingError, TypeError, ValueError) as problem:
            raise UsageError(
                f"{what}: argument {parameter.name or parameter.type} "
                f"({parameter.type}): {value!r:.100} does not fit: {problem}"
            ) from None
    return bytes(packed if len(values) == 1 else pack(list(entry.input_types), values))


def decode(types: Sequence[str], data: bytes, what: str) -> tuple[Any, ...]:
    """Return the values in ``data``: addresses checksummed, bytes as 0x hex, arrays as lists.

    Raises:
        MalformedError: The bytes are no encoding of these types.
        UsageError: A type is none of an ABI.
    """
    if (plain := read_words(types, data)) is not None:
        return tuple(
            checksum(one) if kind == "address" else one
            for kind, one in zip(types, plain, strict=True)
        )
    from eth_abi.abi import decode as unpack
    from eth_abi.exceptions import DecodingError

    grammars = [_grammar(kind) for kind in types]
    try:
        values = unpack(list(types), data)
    except (DecodingError, OverflowError, ValueError) as problem:
        raise MalformedError(
            f"{what}: {len(data)} bytes are no {','.join(types)}: {type(problem).__name__}"
        ) from None
    return tuple(_present(kind, value) for kind, value in zip(grammars, values, strict=True))


def explain(revert: Revert, interface: Interface) -> Revert:
    """Return the revert with the name and values of a custom error of this ABI as its reason."""
    error = interface.error(revert.selector)
    if error is None:
        return revert
    try:
        values = decode(error.input_types, bytes.fromhex(revert.data[10:]), error.signature)
    except MalformedError:
        return revert
    return replace(revert, reason=f"{error.name}({', '.join(map(str, values))})")


def event_values(event: Entry, log: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a log of ``event`` by name; topics and data as 0x hex.

    An indexed parameter of a dynamic type is its hash, since the chain keeps nothing else.
    """
    indexed = [one for one in event.inputs if one.indexed]
    plain = [one for one in event.inputs if not one.indexed]
    topics = list(log["topics"])[1:]
    if len(topics) != len(indexed):
        raise MalformedError(f"{event.signature}: {len(topics)} topics for {len(indexed)} indexed")
    values = decode([one.type for one in plain], bytes.fromhex(log["data"][2:]), event.signature)
    found = dict(zip((one.name for one in plain), values, strict=True))
    for parameter, topic in zip(indexed, topics, strict=True):
        dynamic = _grammar(parameter.type).is_dynamic or parameter.type.endswith(("]", ")"))
        kind = "bytes32" if dynamic else parameter.type
        found[parameter.name] = decode([kind], bytes.fromhex(topic[2:]), event.signature)[0]
    return found


def _grammar(kind: str) -> Any:
    from eth_abi.exceptions import ParseError
    from eth_abi.grammar import parse

    try:
        return parse(kind)
    except ParseError:
        raise UsageError(f"{kind!r:.100} is no type of an ABI; build the artifact again") from None


def _coerce(kind: Any, value: Any) -> Any:
    if kind.is_array:
        return [_coerce(kind.item_type, one) for one in _sequence(value)]
    if hasattr(kind, "components"):
        items = _sequence(value)
        if len(items) != len(kind.components):
            raise ValueError(f"a struct of {len(kind.components)} members")
        return tuple(_coerce(one, item) for one, item in zip(kind.components, items, strict=True))
    if kind.base in ("uint", "int"):
        return _integer(value)
    if kind.base == "bytes" and isinstance(value, str):
        if not value.startswith("0x"):
            raise ValueError("bytes are written as 0x hexadecimal")
        return bytes.fromhex(value[2:])
    return value


def _sequence(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError("a list is needed")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("an integer is needed")
    if isinstance(value, int):
        return value
    if is_wei(value):
        return read_wei(value)
    return int(value, 16 if value.lower().startswith("0x") else 10)


def _present(kind: Any, value: Any) -> Any:
    if kind.is_array:
        return [_present(kind.item_type, one) for one in value]
    if hasattr(kind, "components"):
        return [_present(one, item) for one, item in zip(kind.components, value, strict=True)]
    if kind.base == "address":
        return checksum(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value
