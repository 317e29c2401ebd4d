"""What a declared pause says of every function: it stops it, or leaves it open for a reason.

Tries nothing, and takes no silence for an answer: a function that is named nowhere is a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import UnmetError, UsageError
from pytest_metarelease.probes.chain.access import changing

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Pausing
    from pytest_metarelease.probes.chain.abi import Entry
    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.measuring import Tally


def judge_cover(contract: ContractProbe, pausing: Pausing, tally: Tally) -> None:
    """Note each state-changing function of the ABI that ``pausing`` says nothing of.

    Where it has no ``stays_open``, it claims nothing of the others. What pauses and what ends the
    pause need no word; overloads are told apart.

    Raises:
        UsageError: ``stays_open`` names what is not there, or what changes nothing.
    """
    if pausing.stays_open is None:
        return
    own = (pausing.pause, *((pausing.unpause,) if pausing.unpause is not None else ()))
    said = {_of(contract, key) for key in (*own, *pausing.blocks)}
    entries = changing(contract)
    there = {_mark(entry) for entry in entries}
    for key in pausing.stays_open:
        mark = _of(contract, key)
        if mark not in there:
            raise UsageError(
                f"{contract.name}: {key} changes nothing; remove pausing.stays_open.{key}"
            )
        said.add(mark)
    for entry in entries:
        if _mark(entry) not in said:
            tally.failed(_unsaid(contract, entry))


def _mark(entry: Entry) -> tuple[str, str]:
    # By kind as well: receive and fallback both have the signature "()".
    return entry.kind, entry.signature


def _of(contract: ContractProbe, key: str) -> tuple[str, str]:
    special = {entry.kind: entry for entry in contract.interface.special}
    return _mark(special[key] if key in special else contract.interface.function(key))


def _unsaid(contract: ContractProbe, entry: Entry) -> UnmetError:
    plain = entry.kind == "function"
    key = contract.interface.key_of(entry) if plain else entry.kind
    name = f"{entry.signature} ({entry.selector})" if plain else entry.kind
    seen = contract.asking.known(f"{contract.name}.{name} while paused", "not tried")
    blocked = f"pausing.blocks:  {key}: REASON  or  " if plain else ""
    return contract.asking.unmet(
        seen,
        f"{contract.name}.{name} is stopped by the pause, or declared to stay open",
        "the manifest says nothing of it",
        f"add to contracts.{contract.name}  {blocked}pausing.stays_open:  {key}: why",
    )
