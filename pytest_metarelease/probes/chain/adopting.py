"""What a deployed contract says today, written as lines for the manifest, each to be confirmed.

Refuses to declare anything: every line is ``unconfirmed``, and such a line verifies nothing. What
stands on the chain is what somebody deployed, not what somebody wanted.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError, RefusedError, UnmetError, UsageError
from pytest_metarelease.probes.chain.access import NO_FUNCTION, arguments, function_of
from pytest_metarelease.probes.chain.callers import Caller, strangers
from pytest_metarelease.probes.chain.directory import NOBODY
from pytest_metarelease.probes.chain.roles import held_today, undeclared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.probes.chain.abi import Entry
    from pytest_metarelease.probes.chain.contracts import ContractProbe, Outcome
    from pytest_metarelease.probes.chain.revert import Revert

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def adopted(contract: ContractProbe) -> list[str]:
    """Return the lines of ``state:`` and ``access:`` that the manifest lacks, without indentation.

    Who holds roles of which it says nothing follows as a comment.

    Raises:
        UsageError: The manifest names a function that the ABI lacks.
        ProbeError: No usable answer.
    """
    when = f"adopted at block {contract.snapshot.number}"
    state = [_line(contract, one, _view(contract, one), when) for one in _unlisted_views(contract)]
    access = [
        _line(contract, one, _policy(contract, one), when) for one in _unlisted_changes(contract)
    ]
    found = []
    for section, lines in (("state", state), ("access", access)):
        if lines:
            found += [f"{section}:", *(f"  {line}" for line in lines)]
    return found + _roles(contract)


def _roles(contract: ContractProbe) -> list[str]:
    """Return who holds the roles that the manifest lacks, as a comment: it must not verify yet."""
    if not undeclared(contract):
        return []
    try:
        held = held_today(contract)
    except ProbeError as problem:
        return [f"# roles: who holds them is not known: {problem}"]
    holders = ", ".join(f"{_key(role)}: {_yaml(held[role])}" for role in held)
    return [f"# roles: {{holders: {{{holders}}}}}  # confirm, and remove the first #"]


def _unlisted_views(contract: ContractProbe) -> Iterator[Entry]:
    keys = [one.partition("#")[0] for one in contract.declared.state]
    listed = {contract.interface.function(key).selector for key in keys}
    return (one for one in contract.interface.views if one.selector not in listed)


def _unlisted_changes(contract: ContractProbe) -> tuple[Entry, ...]:
    declared = {function_of(one) for one in contract.declared.access}
    special = {"receive", "fallback"}
    listed = {contract.interface.function(one).selector for one in declared - special}
    plain = (
        one for one in contract.interface.functions if not one.reads and one.selector not in listed
    )
    return (*plain, *(one for one in contract.interface.special if one.kind not in declared))


def _view(contract: ContractProbe, entry: Entry) -> Mapping[str, Any]:
    if entry.inputs:
        return {"unchecked": "takes arguments: say which calls are compared"}
    try:
        outcome = contract.view(entry.signature)
    except RefusedError as problem:
        return {"unchecked": f"the node does not run it: {problem}"}
    if outcome.revert is not None:
        return {"reverts": _reason(outcome.revert)}
    if outcome.returned is None and entry.outputs:
        raise UnmetError(
            f"{contract.name}.{entry.signature} answered nothing: no code at {contract.address}, "
            "or no such function in it; there is nothing to adopt"
        )
    return {"equals": outcome.returned}


def _policy(contract: ContractProbe, entry: Entry) -> Mapping[str, Any]:
    """Say who may, as far as calls with zeros for arguments show it."""
    try:
        return _tried(contract, entry)
    except UsageError as problem:
        return {"unchecked": f"not tried: {problem}"}
    except RefusedError as problem:
        return {"unchecked": f"zeros for arguments end in no revert; declare args: {problem}"}


def _tried(contract: ContractProbe, entry: Entry) -> Mapping[str, Any]:
    stranger, zero, *_ = strangers(contract)
    outcome = _called(contract, entry, stranger)
    if outcome.revert is None:
        return {"anyone": "a call from a stranger, with zeros for arguments, succeeded"}
    reason = _refusal(outcome.revert, stranger)
    if role := _role(contract, outcome.revert):
        return {"only": [f"role:{role}"], "reverts": reason}
    admitted = []
    for caller in _named(contract):
        answer = _called(contract, entry, caller).revert
        if answer is None or _refusal(answer, caller) != reason:
            admitted.append(caller.title)
    if admitted:
        return {"only": admitted, "reverts": reason}
    if entry.inputs and _differs_for(contract, entry, zero, reason):
        return {
            "anyone": "with zeros for arguments, which are refused; say args",
            "reverts": reason,
        }
    return {"nobody": "no address that a view names is treated otherwise", "reverts": reason}


def _named(contract: ContractProbe) -> Iterator[Caller]:
    """Yield whom views name, and the contract itself, as a timelock or a multisig calls itself."""
    for view in contract.interface.views:
        if view.inputs or view.output_types != ("address",):
            continue
        who = contract.view(view.signature).returned
        if isinstance(who, str) and int(who, 16) != 0:
            yield Caller(view.name, who)
    yield Caller("self", contract.address)


def _role(contract: ContractProbe, revert: Revert) -> str:
    """Return the view whose role the refusal names, as AccessControl does, or nothing."""
    said = revert.reason.lower()
    if "role" not in said and "accesscontrol" not in said:
        return ""
    named = re.findall(r"0x[0-9a-f]{64}(?![0-9a-f])", said)
    views = [one for one in contract.interface.views if one.output_types == ("bytes32",)]
    plain = [one for one in views if not one.inputs] if named else []
    return next((one.name for one in plain if contract.view(one.signature).returned in named), "")


def _differs_for(contract: ContractProbe, entry: Entry, zero: Caller, reason: str) -> bool:
    """Whether the zero address is treated otherwise, though no view names it as an owner.

    Its zeros for arguments are itself, as in ``renounceRole``, or it is asked for before them, as
    in ``approve``: then the refusal is about what is asked and not about who asks.
    """
    views = [one for one in contract.interface.views if one.output_types == ("address",)]
    empty = (contract.view(one.signature).returned == NOBODY for one in views if not one.inputs)
    if any(empty):
        return False
    answer = _called(contract, entry, zero).revert
    return answer is None or _refusal(answer, zero) != reason


def _called(contract: ContractProbe, entry: Entry, caller: Caller) -> Outcome:
    if entry.kind == "function":
        return contract.call(entry.signature, arguments(entry, None), sender=caller.address)
    data = "0x" if entry.kind == "receive" else NO_FUNCTION
    asked = f"{contract.name}.{entry.kind} from {caller.address}"
    return contract.call_entry(entry, data, asked, sender=caller.address)


def _refusal(revert: Revert, caller: Caller) -> str:
    """Return the reason with the caller's own address, where it names it, as ``{caller}``."""
    # Not the beginning of something longer: the zero address begins a role of zeros.
    return re.sub(f"{caller.address.lower()}(?![0-9a-f])", "{caller}", _reason(revert))


def _reason(revert: Revert) -> str:
    """Return a revert as a policy declares it: a custom error by its name only."""
    if revert.selector and "(" in revert.reason and not revert.reason.startswith("Panic("):
        name = revert.reason.split("(", 1)[0]
        if revert.is_declared_as(name):
            return name
    declared = revert.reason if revert.selector else ""
    return declared or revert.selector or "0x"


def _line(contract: ContractProbe, entry: Entry, said: Mapping[str, Any], when: str) -> str:
    key = contract.interface.key_of(entry) if entry.kind == "function" else entry.kind
    parts = ", ".join(f"{name}: {_yaml(value)}" for name, value in said.items())
    return f"{_key(key)}: {{{parts}, unconfirmed: {when}}}  # confirm"


def _key(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) else json.dumps(name)


def _yaml(value: Any) -> str:
    """Return a value as YAML of one line; texts of the chain can be neither markup nor variable."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return json.dumps(value)
    return json.dumps(str(value).replace("${", "$${"))
