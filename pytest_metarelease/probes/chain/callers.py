"""Who calls, in a simulation: strangers that nobody knows, and the callers that a policy names.

Refuses a caller that is nobody: a role whose view says the zero address is held by no one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.directory import NOBODY

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.contracts import ContractProbe


@dataclass(frozen=True, slots=True)
class Caller:
    """An account that a call is simulated from, and how a report names it."""

    title: str
    address: str


def strangers(contract: ContractProbe) -> tuple[Caller, ...]:
    """Return a fresh account, the zero address, and the accounts that must have no rights."""
    return (
        Caller("a stranger", checksum("0x" + secrets.token_hex(20))),
        Caller("the zero address", NOBODY),
        *(Caller("an account without rights", str(one)) for one in contract.declared.no_rights),
    )


def callers(contract: ContractProbe, text: str) -> tuple[Caller, ...]:
    """Return the accounts that ``text`` names, as ``access:`` writes callers.

    Raises:
        UsageError: It names nothing, or a role that nobody holds.
        UnmetError, ProbeError: The view that should say who it is did not.
    """
    if text.startswith("role:"):
        name = text.removeprefix("role:")
        holders = contract.declared.roles.holders if contract.declared.roles else {}
        if name not in holders:
            known = ", ".join(sorted(holders)) or "none"
            raise UsageError(f"{contract.name}: roles declares no {name}; declared: {known}")
        if not holders[name]:
            raise UsageError(
                f"{contract.name}: nobody holds {name}, so that {text} names no caller; declare "
                "`nobody` where nobody may, or name its holders under roles"
            )
        return tuple(one for holder in holders[name] for one in _plain(contract, holder, text))
    return _plain(contract, text, text)


def _plain(contract: ContractProbe, text: str, title: str) -> tuple[Caller, ...]:
    view = next(
        (
            one
            for one in contract.interface.views
            if one.name == text and not one.inputs and one.output_types == ("address",)
        ),
        None,
    )
    if view is not None:
        return (Caller(title, str(contract.read(view.signature).value)),)
    return (Caller(title, contract.directory.address(text, contract.address)),)
