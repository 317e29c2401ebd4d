"""The people of a flow and its lines: roles become accounts, ``$NAME`` becomes a value.

Refuses names that nobody declared before anything is sent; asks no node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.expectations import Expectation
from pytest_metarelease.manifest.model import TypedData
from pytest_metarelease.manifest.trial_rules import CREATED
from pytest_metarelease.manifest.trials import Flow, Step
from pytest_metarelease.probes.chain.abi import Entry, Interface
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.companions import (
    Deployment,
    Part,
    contract_of,
    deployments,
    filled,
    with_calls,
)
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.forging import (
    STAND_INS,
    Forgery,
    Signed,
    forgeries,
    parts_of,
    replays,
)
from pytest_metarelease.probes.chain.signing import address_of, fresh_key

if TYPE_CHECKING:
    from pytest_metarelease.manifest.trials import Signing

DEPLOYER = "deployer"
"""A role that every flow has: it deploys the contract and may send steps, too."""


@dataclass(frozen=True, slots=True)
class View:
    """A view function to be read after a step, and what it must return; ``to`` is who has it."""

    key: str
    entry: Entry
    to: str
    data: str
    wanted: Expectation


@dataclass(frozen=True, slots=True)
class Pay:
    """What an account must get of an act: ``value`` wei; ``name`` is how the manifest has it."""

    name: str
    address: str
    value: int


@dataclass(frozen=True, slots=True)
class Act:
    """A step, ready to be sent: call data encoded, signatures made, ``value`` in wei.

    ``refusals`` are the reasons of which one must come, none where it must succeed; ``note`` says
    what is special about it; without ``sent`` it is only simulated, and changes nothing.
    ``changes`` is what its transaction may change, by address, and ``may_create`` whether it may
    create contracts beside. ``target`` is what it calls, in whose ``target.interface`` are the
    events and the errors that may come of it. ``after`` so many seconds it is done.
    """

    step: Step
    entry: Entry
    target: Deployment
    sender: str
    role: str
    data: str
    views: tuple[View, ...] = ()
    refusals: tuple[str, ...] = ()
    note: str = ""
    sent: bool = True
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    may_create: bool = False
    pays: tuple[Pay, ...] = ()
    after: float = 0

    @property
    def value(self) -> int:
        """Wei that the call carries."""
        return int(self.step.value)

    @property
    def to(self) -> str:
        """The address that is called."""
        return self.target.address

    @property
    def title(self) -> str:
        """The act in words."""
        paid = f" with {self.value} wei" if self.value else ""
        note = f", {self.note}" if self.note else ""
        on = "" if self.step.to is None else f"{self.step.to}."
        return f"{on}{self.entry.name}() as {self.role}{paid}{note}"


@dataclass(frozen=True, slots=True)
class Script:
    """A whole flow, ready to run.

    ``deployments`` are in their order, the last one is the contract that it is about. ``changes``
    is what they may change, by address; ``forged`` whether it is about signatures.
    """

    keys: Mapping[str, str]
    addresses: Mapping[str, str]
    deployments: tuple[Deployment, ...]
    acts: tuple[Act, ...]
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forged: bool = False

    @property
    def own(self) -> Deployment:
        """The contract that the flow is about."""
        return self.deployments[-1]

    @property
    def address(self) -> str:
        """Where that contract will stand."""
        return self.own.address

    @property
    def waits(self) -> bool:
        """Whether time passes in it, which only a simulation can do."""
        return any(act.after for act in self.acts)


def cast(
    flow: Flow,
    parts: Mapping[str, Part],
    typed_data: Mapping[str, TypedData],
    directory: Directory,
    *,
    forged: bool = False,
) -> Script:
    """Give each role a fresh account and encode every step; ``parts`` has what is deployed.

    With ``forged``, forgeries stand before each step that declares how they are refused, and the
    replay behind it.

    Raises:
        UsageError: A role, function, typed data or argument is not what was declared.
    """
    keys = {role: fresh_key() for role in (*flow.roles, DEPLOYER)}
    addresses = {role: address_of(key) for role, key in keys.items()}
    part = parts[flow.contract]
    # Known beforehand, since a contract may be told of its own address.
    address = contract_of(addresses[DEPLOYER], len(flow.beside))
    people = {**addresses, "self": address}
    own = flow.contract, part, flow.constructor
    live = [error for probe in directory.probes.values() for error in probe.interface.errors]
    found = _explaining(deployments(flow.beside, own, parts, people, addresses[DEPLOYER]), live)
    names = {**people, **{one.name: one.address for one in found[:-1]}}
    typed = _own(typed_data, part.declared.address, address)
    targets = {**{one.name: one for one in found[:-1]}, "": found[-1]}
    casting = _Casting(keys, names, targets, typed, flow.changes, directory)
    return Script(
        keys=keys,
        addresses=addresses,
        deployments=found,
        acts=tuple(act for step in flow.steps for act in casting.acts(step, forged=forged)),
        changes=casting.changes(()),
        forged=forged,
    )


def _explaining(found: tuple[Deployment, ...], more: Sequence[Entry]) -> tuple[Deployment, ...]:
    """Return the deployments, each knowing the errors of all and some more: calls hand them on."""
    errors = [*(error for one in found for error in one.interface.errors), *more]
    return tuple(replace(one, interface=one.interface.knowing(errors)) for one in found)


@dataclass(frozen=True, slots=True)
class _Casting:
    keys: Mapping[str, str]
    names: Mapping[str, str]
    targets: Mapping[str, Deployment]
    typed_data: Mapping[str, TypedData]
    changed: tuple[str, ...]
    directory: Directory
    made: dict[str, str] = field(default_factory=dict)

    def acts(self, step: Step, *, forged: bool) -> Iterator[Act]:
        """Yield the step, and what is tried before and after it; time passes once, before all."""
        first, *others = self._acts(step, forged=forged)
        yield replace(first, after=step.after or 0)
        yield from others

    def _acts(self, step: Step, *, forged: bool) -> Iterator[Act]:
        target = self._target(step.to or "")
        entry = target.interface.function(step.call)
        sender = self._sender(step.sender)
        names: dict[str, Any] = dict(self.names)
        signed = None if step.sign is None else self._signed(step.sign)
        if signed is not None:
            names |= parts_of(self._genuine(step, signed))
        args = filled(step.args, {**self.names, **STAND_INS})
        tried = Act(step, entry, target, sender, step.sender, "0x", sent=False)
        declared = None if step.sign is None else step.sign.forged
        if forged and signed is not None and declared is not None:
            yield from (_tried(tried, one) for one in forgeries(signed, entry, args, declared))
        refusals = () if step.reverts is None else (step.reverts,)
        yield replace(
            tried,
            data=call_data(entry, with_calls(entry, filled(step.args, names), self._surfaces())),
            views=tuple(self._view(key, one, names) for key, one in step.then.items()),
            refusals=refusals,
            sent=not refusals,
            changes=self.changes(step.changes),
            may_create=CREATED in (*self.changed, *step.changes),
            pays=self._pays(step),
        )
        if forged and signed is not None and declared is not None and not refusals:
            yield from (_tried(tried, one) for one in replays(signed, entry, args, declared))

    def changes(self, more: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Return what may change, by address in lower case."""
        found: dict[str, tuple[str, ...]] = {}
        for text in (*self.changed, *more):
            if text == CREATED:
                continue
            written, *parts = text.split()
            known = filled(written, self.names)
            address = self.directory.address(known, self.names["self"]).lower()
            found[address] = (*found.get(address, ()), *parts)
        return found

    def _pays(self, step: Step) -> tuple[Pay, ...]:
        return tuple(
            Pay(
                name,
                self.directory.address(filled(name, self.names), self.names["self"]),
                int(value),
            )
            for name, value in step.pays.items()
        )

    def _view(self, key: str, wanted: Expectation, names: Mapping[str, str]) -> View:
        name, dot, _ = key.partition("(")[0].rpartition(".")
        target = self._target(name if dot else "")
        written = key.removeprefix(f"{name}.") if dot else key
        entry = target.interface.function(written.partition("#")[0])
        made = replace(
            wanted,
            equals=filled(wanted.equals, names),
            one_of=filled(wanted.one_of, names),
            args=filled(wanted.args, names),
        )
        return View(key, entry, target.address, call_data(entry, made.args), made)

    def _target(self, name: str) -> Deployment:
        if name not in self.targets:
            known = ", ".join(sorted(filter(None, self.targets)))
            raise UsageError(f"nothing called {name} stands beside; declared: {known or 'nothing'}")
        return self.targets[name]

    def _surfaces(self) -> dict[str, Interface]:
        return {name: one.interface for name, one in self.targets.items()}

    def _genuine(self, step: Step, signed: Signed) -> str:
        # A table has the same step in dozens of cells, and a signature takes milliseconds.
        key = repr(step.sign)
        if key not in self.made:
            self.made[key] = signed.signature()
        return self.made[key]

    def _signed(self, sign: Signing) -> Signed:
        typed = self.typed_data.get(sign.typed_data)
        if typed is None:
            raise UsageError(
                f"typed_data has no {sign.typed_data}; "
                f"declared: {', '.join(sorted(self.typed_data)) or 'none'}"
            )
        self._sender(sign.signer)
        return Signed(typed, filled(sign.message, self.names), self.keys[sign.signer])

    def _sender(self, role: str) -> str:
        if role not in self.keys:
            raise UsageError(f"flow has no role {role}; declared: {', '.join(sorted(self.keys))}")
        return self.names[role]


def _tried(act: Act, forgery: Forgery) -> Act:
    return replace(act, data=forgery.data, refusals=forgery.refusals, note=forgery.title)


def _own(typed_data: Mapping[str, TypedData], declared: str, own: str) -> dict[str, TypedData]:
    """Return the typed data with the flow's own contract for the declared one.

    The manifest's domain names the deployed contract; a flow has one of its own.
    """
    names = {"self": own}

    def mine(domain: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = filled(dict(domain), names)
        verifying = made.get("verifyingContract")
        if isinstance(verifying, str) and verifying.lower() == declared.lower():
            made["verifyingContract"] = own
        return made

    return {name: replace(one, domain=mine(one.domain)) for name, one in typed_data.items()}
