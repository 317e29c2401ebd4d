"""The people of a flow and its lines: roles become accounts, ``$NAME`` becomes a value.

Refuses names that nobody declared before anything is sent; asks no node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.model import Contract, Expectation, Flow, Step, TypedData
from pytest_metarelease.probes.chain.abi import Entry, Interface, keccak
from pytest_metarelease.probes.chain.codec import call_data, checksum, encode
from pytest_metarelease.probes.chain.signing import address_of, fresh_key, sign

DEPLOYER = "deployer"
"""A role that every flow has: it deploys the contract and may send steps, too."""


@dataclass(frozen=True, slots=True)
class View:
    """A view function to be read after a step, and what it must return."""

    key: str
    entry: Entry
    data: str
    wanted: Expectation


@dataclass(frozen=True, slots=True)
class Act:
    """A step, ready to be sent: call data encoded, signatures made, ``value`` in wei."""

    step: Step
    entry: Entry
    sender: str
    role: str
    data: str
    views: tuple[View, ...]

    @property
    def value(self) -> int:
        """Wei that the call carries."""
        return int(self.step.value)

    @property
    def title(self) -> str:
        """The act in words."""
        paid = f" with {self.value} wei" if self.value else ""
        return f"{self.entry.name}() as {self.role}{paid}"


@dataclass(frozen=True, slots=True)
class Script:
    """A whole flow, ready to run on a contract that will stand at ``address``."""

    keys: Mapping[str, str]
    addresses: Mapping[str, str]
    address: str
    creation: str
    acts: tuple[Act, ...]


def cast(
    flow: Flow,
    declared: Contract,
    interface: Interface,
    creation: bytes,
    typed_data: Mapping[str, TypedData],
) -> Script:
    """Give each role a fresh account and encode every step.

    Raises:
        UsageError: A role, function, typed data or argument is not what was declared.
    """
    keys = {role: fresh_key() for role in (*flow.roles, DEPLOYER)}
    addresses = {role: address_of(key) for role, key in keys.items()}
    address = first_contract_of(addresses[DEPLOYER])
    names = {**addresses, "self": address}
    arguments = encode(interface.constructor, _filled(flow.constructor, names))
    casting = _Casting(keys, names, interface, _own(typed_data, declared.address, address))
    return Script(
        keys=keys,
        addresses=addresses,
        address=address,
        creation="0x" + (creation + arguments).hex(),
        acts=tuple(casting.act(step) for step in flow.steps),
    )


def first_contract_of(creator: str) -> str:
    """Return where the first transaction of a fresh account puts a contract.

    Source: Yellow Paper, section 7: keccak(rlp([sender, nonce]))[12:], here with nonce 0.
    """
    packed = b"\xd6\x94" + bytes.fromhex(creator[2:]) + b"\x80"
    return checksum("0x" + keccak(packed)[12:].hex())


@dataclass(frozen=True, slots=True)
class _Casting:
    keys: Mapping[str, str]
    names: Mapping[str, str]
    interface: Interface
    typed_data: Mapping[str, TypedData]

    def act(self, step: Step) -> Act:
        names = dict(self.names)
        if step.sign is not None:
            names["signature"] = self._signature(step)
        entry = self.interface.function(step.call)
        return Act(
            step=step,
            entry=entry,
            sender=self._sender(step.sender),
            role=step.sender,
            data=call_data(entry, _filled(step.args, names)),
            views=tuple(self._view(key, one, names) for key, one in step.then.items()),
        )

    def _view(self, key: str, wanted: Expectation, names: Mapping[str, str]) -> View:
        entry = self.interface.function(key)
        filled = replace(
            wanted,
            equals=_filled(wanted.equals, names),
            one_of=_filled(wanted.one_of, names),
            args=_filled(wanted.args, names),
        )
        return View(key, entry, call_data(entry, filled.args), filled)

    def _signature(self, step: Step) -> str:
        assert step.sign is not None  # noqa: S101 - for the type checker; the caller has looked
        typed = self.typed_data.get(step.sign.typed_data)
        if typed is None:
            raise UsageError(
                f"{step.call}: typed_data has no {step.sign.typed_data}; "
                f"declared: {', '.join(sorted(self.typed_data)) or 'none'}"
            )
        self._sender(step.sign.signer)
        return sign(typed, _filled(step.sign.message, self.names), self.keys[step.sign.signer])

    def _sender(self, role: str) -> str:
        if role not in self.keys:
            raise UsageError(f"flow has no role {role}; declared: {', '.join(sorted(self.keys))}")
        return self.names[role]


def _own(typed_data: Mapping[str, TypedData], declared: str, own: str) -> dict[str, TypedData]:
    """Return the typed data with the flow's own contract for the declared one.

    The manifest's domain names the deployed contract; a flow has one of its own.
    """
    names = {"self": own}

    def mine(domain: Mapping[str, Any]) -> dict[str, Any]:
        filled: dict[str, Any] = _filled(dict(domain), names)
        verifying = filled.get("verifyingContract")
        if isinstance(verifying, str) and verifying.lower() == declared.lower():
            filled["verifyingContract"] = own
        return filled

    return {name: replace(one, domain=mine(one.domain)) for name, one in typed_data.items()}


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """Return ``value`` with every text ``$NAME`` replaced, in lists and mappings, too."""
    if isinstance(value, str) and value.startswith("$"):
        if value[1:] not in names:
            known = ", ".join(f"${one}" for one in sorted(names))
            raise UsageError(f"{value} stands for nothing here; known: {known}")
        return names[value[1:]]
    if isinstance(value, list | tuple):
        return tuple(_filled(one, names) for one in value)
    if isinstance(value, Mapping):
        return {key: _filled(one, names) for key, one in value.items()}
    return value
