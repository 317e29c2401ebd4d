"""Whether a domain follows its chain through a fork, by the instruction that asks for the chain id.

Refuses a separator that was made once and is kept: after a fork of the chain a signature of one
chain holds on the other (EIP-2612 and EIP-712, security considerations). Runs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.hidden import codes_of
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.tail import metadata_start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.contracts import ContractProbe

_CHAINID, _CODESIZE = 0x46, 0x38  # EIP-1344
_PUSHES = range(0x60, 0x80)


def judge_following(contract: ContractProbe, domain: str) -> None:
    """Judge that the code of a contract, or code that it runs as its own, asks for the chain id.

    Raises:
        UnmetError: Nothing of it does.
        ProbeError: No usable answer.
    """
    codes, seen = contract.asking.ask(
        f"eth_getCode {contract.address} and what it delegates to",
        lambda: [*codes_of(contract)[0], *_beside(contract)],
        show=lambda found: f"{sum(map(len, found))} bytes in {len(found)} places",
        block=contract.snapshot.number,
    )
    expected = f"{contract.name} asks for the chain id (CHAINID) when it makes its domain"
    if any(map(asks_chain_id, codes)):
        contract.asking.met(seen, expected, "it does")
        return
    raise contract.asking.unmet(
        seen,
        expected,
        "the domain of its deployment is kept: after a fork of the chain, what is signed for one "
        "of the two chains holds on the other",
        f"make it anew where block.chainid is another; where it must stay, say why in domains."
        f"{domain}.kept",
    )


def asks_chain_id(code: bytes) -> bool:
    """Whether CHAINID stands among the instructions of runtime code, and not in what they push.

    The compiler's metadata is left out: of 32 bytes of a hash, one in eight hashes has that byte.
    """
    return any(True for _ in _chain_ids(code))


def with_other_chain_id(code: bytes) -> bytes:
    """Return runtime code in which every instruction for the chain id says how long the code is.

    That is a number as well, takes as much of the stack, and is no chain's id.
    """
    changed = bytearray(code)
    for at in _chain_ids(code):
        changed[at] = _CODESIZE
    return bytes(changed)


def _chain_ids(code: bytes) -> Iterator[int]:
    at, end = 0, metadata_start(code)
    while at < end:
        opcode = code[at]
        if opcode == _CHAINID:
            yield at
        at += opcode - 0x5E if opcode in _PUSHES else 1


def _beside(contract: ContractProbe) -> list[bytes]:
    """Return the code of linked libraries and declared facets, which runs as the contract's."""
    places = [
        *(one.address for one in contract.artifact.links),
        *(contract.directory.contracts[name] for name in contract.declared.facets),
    ]
    asks = [Ask("eth_getCode", (one, contract.snapshot.tag)) for one in dict.fromkeys(places)]
    answers = read_pinned(contract.rpc, contract.snapshot, asks) if asks else []
    return [payload(settled(one, "eth_getCode"), "code") for one in answers]
