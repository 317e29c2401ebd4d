"""Raw storage slots of a contract against the manifest, read at the pinned block.

Refuses to read a word as a type that it is not: an address with something in front is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.manifest.model import SlotExpectation
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_WORD = 32


def slot_number(text: str) -> str:
    """Return a slot, written as a decimal or 0x number, as 32 bytes of 0x hex."""
    return f"0x{int(text, 16 if text.startswith('0x') else 10):064x}"


def storage_asks(contract: ContractProbe) -> list[tuple[str, Ask]]:
    """Return what has to be asked for the declared slots, by what it is remembered under."""
    return [
        (_key(slot), storage_ask(contract, slot))
        for slot, wanted in contract.declared.storage.items()
        if wanted.unchecked is None
    ]


def storage_ask(contract: ContractProbe, slot: str) -> Ask:
    """Return the question for one slot at the pinned block."""
    return Ask("eth_getStorageAt", (contract.address, slot_number(slot), contract.snapshot.tag))


def read_storage(contract: ContractProbe, slot: str) -> tuple[bytes, Measurement]:
    """Return the 32 bytes of a slot.

    Raises:
        ProbeError: No usable answer.
    """
    asked = f"eth_getStorageAt {contract.address} slot {slot}"
    known = contract.remembered.get(_key(slot))
    if known is not None:
        seen = contract.asking.known(asked, known, block=contract.snapshot.number)
        return word_of(known, asked), seen

    def question() -> bytes:
        ask = storage_ask(contract, slot)
        return word_of(
            settled(read_pinned(contract.rpc, contract.snapshot, [ask])[0], asked), asked
        )

    return contract.asking.ask(
        asked, question, show=lambda word: "0x" + word.hex(), block=contract.snapshot.number
    )


def judge_storage(contract: ContractProbe, slot: str, wanted: SlotExpectation) -> None:
    """Judge one slot against its line; raises as ``ContractProbe.state`` does."""
    from pytest_metarelease.probes.chain.state import met_or_raise

    if wanted.unchecked is not None:
        return
    word, seen = read_storage(contract, slot)
    name = f"{contract.name} slot {slot}"
    try:
        value = typed(word, wanted.read_as)
    except ValueError as problem:
        raise contract.asking.unmet(
            seen, f"{name} holds a {wanted.read_as}", f"0x{word.hex()}: {problem}"
        ) from None
    met_or_raise(contract, seen, name, value, wanted)


def typed(word: bytes, kind: str) -> Any:
    """Return the word read as a type; raises ``ValueError`` where it is none."""
    number = int.from_bytes(word, "big")
    if kind == "uint256":
        return number
    if kind == "bool":
        if number > 1:
            raise ValueError("neither 0 nor 1")
        return bool(number)
    if kind == "address":
        if any(word[:12]):
            raise ValueError("more than 20 bytes")
        return checksum("0x" + word[12:].hex())
    return "0x" + word.hex()


def word_of(value: Any, what: str) -> bytes:
    """Return the 32 bytes of a storage answer; nodes may leave out leading zeros."""
    text = value
    if isinstance(value, str) and value.startswith("0x") and len(value) % 2:
        text = "0x0" + value[2:]
    return payload(text, what).rjust(_WORD, b"\0")


def _key(slot: str) -> str:
    return f"slot:{slot_number(slot)}"
