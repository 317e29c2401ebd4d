"""Selectors that the code answers and the ABI does not list.

Refuses to say that there are none where the code's dispatcher could not be followed to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import MalformedError, UnsupportedError
from pytest_metarelease.probes.chain.directory import NOBODY
from pytest_metarelease.probes.chain.dispatcher import dispatch_of
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.minimal import read_minimal
from pytest_metarelease.probes.chain.proxies import BEACON, IMPLEMENTATION, OLDER, PROXIABLE
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.storage import storage_ask, word_of

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_IMPLEMENTATION_CALL = "0x5c60da1b"  # implementation(), which a beacon answers (EIP-1967)


def judge_hidden(contract: ContractProbe) -> None:
    """Judge that code (and the implementation behind a proxy) answers no unlisted selector.

    Raises:
        UnmetError: No code, or a selector that neither ABI nor manifest lists.
        UnsupportedError: The dispatcher cannot be followed to its end.
        ProbeError: No usable answer.
    """
    (codes, shown), seen = contract.asking.ask(
        f"eth_getCode {contract.address} and what it delegates to",
        lambda: codes_of(contract),
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


def codes_of(contract: ContractProbe) -> tuple[list[bytes], str]:
    """Return the code at the address and of everything that it delegates to, and that in words.

    Raises:
        ProbeError: No usable answer.
    """
    code, *slots = read_pinned(
        contract.rpc,
        contract.snapshot,
        [
            _code_ask(contract, contract.address),
            *(storage_ask(contract, one) for one in (IMPLEMENTATION, PROXIABLE, OLDER, BEACON)),
        ],
    )
    own = payload(settled(code, "eth_getCode"), "code")
    implementation, logic, older, beacon = (
        "0x" + word_of(settled(one, "eth_getStorageAt"), "a proxy's slot")[12:].hex()
        for one in slots
    )
    minimal = read_minimal(own)
    behind = [implementation, logic, older, "" if minimal is None else minimal.implementation]
    if beacon != NOBODY:
        behind.append(_of_beacon(contract, beacon))
    places = [one for one in dict.fromkeys(behind) if one not in ("", NOBODY)]
    asks = [_code_ask(contract, one) for one in places]
    answers = read_pinned(contract.rpc, contract.snapshot, asks) if asks else []
    codes = [payload(settled(one, "eth_getCode"), "code") for one in answers]
    parts = [f"{len(one)} at {at} behind it" for at, one in zip(places, codes, strict=True)]
    return [own, *codes], ", ".join([f"{len(own)} bytes", *parts])


def _of_beacon(contract: ContractProbe, beacon: str) -> str:
    request = {"to": beacon, "data": _IMPLEMENTATION_CALL}
    ask = Ask("eth_call", (request, contract.snapshot.tag))
    answer = read_pinned(contract.rpc, contract.snapshot, [ask])[0]
    word = payload(settled(answer, f"implementation() of the beacon {beacon}"), "implementation()")
    if len(word) != 32:
        raise MalformedError(f"implementation() of {beacon} answered {len(word)} bytes, no address")
    return "0x" + word[12:].hex()


def _code_ask(contract: ContractProbe, address: str) -> Ask:
    return Ask("eth_getCode", (address, contract.snapshot.tag))
