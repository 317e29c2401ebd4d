"""Selectors that the code answers and the ABI does not list.

Refuses to say that there are none where the code's dispatcher could not be followed to its end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UnsupportedError
from pytest_metarelease.probes.chain.dispatcher import dispatch_of
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.storage import storage_ask, word_of

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.contracts import ContractProbe

# bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1), EIP-1967.
_IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
# The minimal proxy of EIP-1167, whose one push is the address it delegates to.
_MINIMAL = re.compile(rb"^\x36\x3d\x3d\x37\x3d\x3d\x3d\x36\x3d\x73(.{20})\x5a\xf4", re.DOTALL)


def judge_hidden(contract: ContractProbe) -> None:
    """Judge that code (and the implementation behind a proxy) answers no unlisted selector.

    Raises:
        UnmetError: No code, or a selector that neither ABI nor manifest lists.
        UnsupportedError: The dispatcher cannot be followed to its end.
        ProbeError: No usable answer.
    """
    (codes, shown), seen = contract.asking.ask(
        f"eth_getCode {contract.address} and what it delegates to",
        lambda: _codes(contract),
        show=lambda found: found[1],
        block=contract.snapshot.number,
    )
    expected = f"the code of {contract.name} answers only selectors of its ABI"
    if not codes[0]:
        raise contract.asking.unmet(seen, expected, "no code", "check address and deployment")
    if contract.declared.dispatcher_unchecked is not None:
        contract.asking.met(seen, f"{contract.name} has code", shown)
        return
    found = [dispatch_of(code) for code in codes]
    listed = {one.selector for one in contract.interface.functions}
    hidden = sorted({one for dispatch in found for one in dispatch.selectors} - listed)
    tally = Tally()
    for selector in hidden:
        if selector not in contract.declared.hidden_selectors:
            with tally:
                raise _unlisted(contract, seen, expected, selector)
    tally.settle()
    open_end = next((one.open_end for one in found if one.open_end), "")
    if open_end:
        problem = UnsupportedError(
            f"{contract.name}: its selectors cannot be told from the code: {open_end}; declare "
            "`dispatcher_unchecked: reason`"
        )
        contract.asking.unknown(seen, problem)
        raise problem
    contract.asking.met(seen, expected, f"{len(listed)} in the ABI, {len(hidden)} declared beside")


def _unlisted(
    contract: ContractProbe, seen: Measurement, expected: str, selector: str
) -> AssertionError:
    return contract.asking.unmet(
        seen,
        expected,
        f"it answers {selector}, which no function of the ABI has",
        f"find out what it does; if it belongs there, add to contracts.{contract.name}:  "
        f'hidden_selectors: {{"{selector}": reason}}',
    )


def _codes(contract: ContractProbe) -> tuple[list[bytes], str]:
    code, word = read_pinned(
        contract.rpc,
        contract.snapshot,
        [_code_ask(contract, contract.address), storage_ask(contract, _IMPLEMENTATION_SLOT)],
    )
    own = payload(settled(code, "eth_getCode"), "code")
    behind = word_of(settled(word, "eth_getStorageAt"), "implementation slot")[12:]
    minimal = _MINIMAL.match(own)
    address = minimal[1] if minimal else behind
    if not any(address):
        return [own], f"{len(own)} bytes"
    where = "0x" + address.hex()
    answer = read_pinned(contract.rpc, contract.snapshot, [_code_ask(contract, where)])[0]
    implementation = payload(settled(answer, "eth_getCode"), "code")
    shown = f"{len(own)} bytes, {len(implementation)} at {where} behind it"
    return [own, implementation], shown


def _code_ask(contract: ContractProbe, address: str) -> Ask:
    return Ask("eth_getCode", (address, contract.snapshot.tag))
