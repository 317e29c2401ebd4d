"""A diamond (EIP-2535): which facet answers each selector, as its own loupe says.

Refuses facets that the manifest does not declare, and a diamond that is declared as none: what it
delegates to stands in no slot of EIP-1967, and its code alone says nothing of what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.codec import decode
from pytest_metarelease.probes.chain.directory import NOBODY
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.state import lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.measuring import Tally
    from pytest_metarelease.probes.chain.rpc import Answer

FACETS = "0x7a0ed627"  # facets()
_TYPES = ("(address,bytes4[])[]",)
_HINT = "find the diamondCut() that did it, and whether the release means it"

_Cuts: TypeAlias = "dict[str, tuple[str, ...]]"
"""By facet, as it is written in the answer: its selectors."""


def judge_facets(contract: ContractProbe, facets: Sequence[str], tally: Tally) -> None:
    """Judge that the loupe names exactly the declared facets, each with functions of its ABI."""
    where = {contract.directory.contracts[name].lower(): name for name in facets}
    cuts, seen = contract.asking.ask(
        f"{contract.name}.facets()",
        lambda: _read(contract),
        show=_shown,
        block=contract.snapshot.number,
    )
    expected = f"{contract.name} delegates to exactly {', '.join(sorted(facets))}"
    wrong = [
        f"{one} ({', '.join(selectors)}), which is declared nowhere"
        for one, selectors in cuts.items()
        if one.lower() not in where and one.lower() != contract.address.lower()
    ]
    present = {one.lower() for one in cuts}
    wrong += [f"not to {name} at {at}" for at, name in where.items() if at not in present]
    _settle(contract, seen, expected, wrong, tally)
    for one, selectors in cuts.items():
        if one.lower() in where:
            _judge_cut(contract, where[one.lower()], selectors, seen, tally)


def _judge_cut(
    contract: ContractProbe,
    name: str,
    selectors: tuple[str, ...],
    seen: Measurement,
    tally: Tally,
) -> None:
    """Judge that each selector of a facet is a function of it: else its fallback would answer."""
    known = {one.selector for one in contract.facets[name].functions}
    wrong = [f"{one}, which its ABI lacks" for one in selectors if one not in known]
    expected = f"{contract.name} asks {name} only for its own functions"
    _settle(contract, seen, expected, wrong, tally)


def _settle(
    contract: ContractProbe, seen: Measurement, expected: str, wrong: Sequence[str], tally: Tally
) -> None:
    if wrong:
        tally.failed(contract.asking.unmet(seen, expected, "; ".join(wrong), _HINT))
    else:
        contract.asking.met(seen, expected, "so it does")


def judge_no_diamond(contract: ContractProbe, tally: Tally) -> None:
    """Judge that a contract whose facets nobody declares has no loupe that names some.

    Nothing is asked where the manifest compares ``facets()`` itself.

    Raises:
        ProbeError: The node gave no usable answer: whether it has one is unknown.
    """
    compared = any(
        one.entry.selector == FACETS and one.wanted.unchecked is None for one in lines(contract)
    )
    if compared:
        return
    answer = _ask(contract)
    if isinstance(answer, Revert):
        return  # it has no loupe
    raw = payload(settled(answer, "facets()"), "facets()")
    try:
        cuts = _decoded(raw)
    except MalformedError:
        return  # its fallback answered something else
    if not cuts or NOBODY in cuts:
        return
    seen = contract.asking.known(
        f"{contract.name}.facets()", _shown(cuts), block=contract.snapshot.number
    )
    tally.failed(
        contract.asking.unmet(
            seen,
            f"{contract.name} is no diamond (EIP-2535)",
            f"it delegates to {len(cuts)} facets: {', '.join(cuts)}",
            f"declare them under contracts, and contracts.{contract.name}.facets: [NAME, ...]",
        )
    )


def _ask(contract: ContractProbe) -> Answer:
    ask = Ask("eth_call", ({"to": contract.address, "data": FACETS}, contract.snapshot.tag))
    return read_pinned(contract.rpc, contract.snapshot, [ask])[0]


def _read(contract: ContractProbe) -> _Cuts:
    answer = _ask(contract)
    if isinstance(answer, Revert):
        raise MalformedError(f"{contract.name}.facets() reverts: {answer.reason or answer.data}")
    return _decoded(payload(settled(answer, "facets()"), "facets()"))


def _decoded(raw: bytes) -> _Cuts:
    (pairs,) = decode(_TYPES, raw, "facets()")
    return {str(at): tuple(map(str, selectors)) for at, selectors in pairs}


def _shown(cuts: _Cuts) -> str:
    return "; ".join(f"{at}: {len(selectors)} selectors" for at, selectors in cuts.items())
