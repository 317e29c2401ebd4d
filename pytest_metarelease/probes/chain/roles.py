"""The holders of every role, rebuilt from all events and confirmed by calls: exactly the declared.

Refuses a set that may not be whole: events are read from the block of the deployment, and a
contract that was there before that block makes them unknown. ``role_schemes`` knows the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.chain.callers import callers
from pytest_metarelease.probes.chain.logs import CHUNK, logs_of
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.origin import check_beginning
from pytest_metarelease.probes.chain.role_schemes import ADMIN, Change, keeps_roles, scheme_of
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_Held = dict[str, dict[str, Change]]
"""By role and account, the last event."""


def judge_roles(contract: ContractProbe) -> None:
    """Judge every role that is declared or was ever granted.

    Raises:
        UsageError: A role or holder names nothing.
        UnmetError: A role has other holders than declared, or events and calls contradict.
        ProbeError: The events could not be read whole.
    """
    roles = contract.declared.roles
    if roles is None:
        raise UsageError(f"{contract.name} declares no roles")
    scheme = scheme_of(contract)
    names = _names(contract, roles.holders)
    declared = {
        digest: [one.address for text in roles.holders[name] for one in callers(contract, text)]
        for digest, name in names.items()
    }
    events, seen = _granted(contract)
    tally = Tally()
    unchecked = {scheme.named(name, contract) for name in roles.unchecked}
    for digest in sorted({*declared, *events} - unchecked):
        name = names.get(digest, scheme.title(digest))
        held = events.get(digest, {})
        with tally:
            _judge_role(contract, seen, (name, digest), declared.get(digest), held)
    with tally:
        _judge_admins(contract, names, sorted({*declared, *events}), tally)
    tally.settle()


def undeclared(contract: ContractProbe) -> bool:
    """Whether a contract keeps roles of which the manifest says nothing.

    Code behind proxies and facets of a diamond keep theirs elsewhere: there they are declared.
    """
    return (
        contract.declared.roles is None
        and keeps_roles(contract)
        and contract.name not in contract.directory.behind()
    )


def held_today(contract: ContractProbe) -> dict[str, list[str]]:
    """Return who was given each role and kept it, by the name of a view, else by the role itself.

    Raises:
        ProbeError: The events could not be read whole, or a view does not answer.
    """
    events, _ = _granted(contract)
    scheme = scheme_of(contract)
    plain = (one for one in contract.interface.views if not one.inputs)
    views = [one for one in plain if one.output_types == (scheme.kind,)]
    said = {one.name: contract.view(one.signature).returned for one in views}
    names = {scheme.word(value): name for name, value in said.items() if value is not None}
    return {
        names.get(role, scheme.title(role)): sorted(
            account for account, last in events[role].items() if last.granted
        )
        for role in sorted(events)
    }


def judge_declared(contract: ContractProbe) -> None:
    """Judge that the manifest says who holds the roles of a contract that keeps any.

    Raises:
        UnmetError: It says nothing, so that whoever was given one would not be noticed.
    """
    if not undeclared(contract):
        return
    seen = contract.asking.known(f"{contract.name}: holders of roles", "not compared")
    raise contract.asking.unmet(
        seen,
        f"the manifest says who holds the roles that {contract.name} keeps",
        "the manifest says nothing of them",
        f"add to contracts.{contract.name}:  roles: {{holders: {{{scheme_of(contract).admin_name}: "
        "[...]}, since: BLOCK}, with every role and everybody who holds it",
    )


def _judge_admins(
    contract: ContractProbe, names: Mapping[str, str], digests: Sequence[str], tally: Tally
) -> None:
    """Judge which role gives and takes each role: holders are as safe as who may make more."""
    scheme = scheme_of(contract)
    admins = contract.declared.roles.admins if contract.declared.roles else {}
    wanted = {
        scheme.named(role, contract): (scheme.named(admin, contract), admin)
        for role, admin in admins.items()
    }
    if not any(one.signature == scheme.admin_view for one in contract.interface.views):
        if wanted:
            raise UsageError(f"{contract.name}: roles.admins: the ABI has no {scheme.admin_view}")
        return
    for digest in sorted({*digests, *wanted}):
        name = names.get(digest, scheme.title(digest))
        word, title = wanted.get(digest, (ADMIN, scheme.admin_name))
        with tally:
            reading = contract.read(scheme.admin_view, scheme.argument(digest))
            expected = f"role {name} of {contract.name} is given and taken by {title}"
            found = scheme.word(reading.value)
            other = names.get(found, scheme.title(found))
            actual = f"by role {other}"
            if found != word:
                raise contract.asking.unmet(
                    reading.measurement,
                    expected,
                    actual,
                    f"find out who changed it; if it is meant, add to contracts.{contract.name}."
                    f'roles.admins:  "{name}": "{other}"',
                )
            contract.asking.met(reading.measurement, expected, actual)


def _names(contract: ContractProbe, holders: Iterable[str]) -> dict[str, str]:
    """Return the declared roles by their hash, each of which has one name."""
    names: dict[str, str] = {}
    scheme = scheme_of(contract)
    for name in holders:
        digest = scheme.named(name, contract)
        if digest in names:
            raise UsageError(
                f"{contract.name}: roles.holders names one role twice: {names[digest]} and {name} "
                f"are both {digest}; keep one of the two, with all of its holders"
            )
        names[digest] = name
    return names


def _judge_role(
    contract: ContractProbe,
    seen: Measurement,
    role: tuple[str, str],
    declared: Sequence[str] | None,
    held: Mapping[str, Change],
) -> None:
    name, digest = role
    asked = sorted({*held, *(declared or ()), *map(str, contract.declared.no_rights)})
    confirmed = _confirmed(contract, name, digest, asked)
    given = {one for one, last in held.items() if last.granted}
    # A role that begins later is held: nobody has to agree any more.
    later = {one for one in given if held[one].since > contract.snapshot.timestamp}
    lying = [one for one in asked if confirmed[one] != (one in given) and one not in later]
    holders = sorted(one for one in asked if confirmed[one] or one in given)
    wanted = sorted(declared or ())
    expected = f"role {name} of {contract.name} is held by exactly {_shown(wanted)}"
    if lying:
        raise contract.asking.unmet(
            seen,
            expected,
            f"events and hasRole() contradict each other about {_shown(lying)}",
            "find out how this role was given without its event, or read events from the block of "
            "the deployment",
        )
    if declared is None and holders:
        listed = ", ".join(f'"{one}"' for one in holders)
        raise contract.asking.unmet(
            seen,
            f"every role of {contract.name} that anybody holds is declared",
            f"role {name} is held by {_shown(holders)}",
            f'add to contracts.{contract.name}.roles.holders:  "{name}": [{listed}]  or revoke it',
        )
    if holders != wanted:
        raise contract.asking.unmet(
            seen, expected, _shown(holders), f"revoke or grant role {name}, or correct the manifest"
        )
    contract.asking.met(seen, expected, _shown(holders))


def _granted(contract: ContractProbe) -> tuple[_Held, Measurement]:
    """Return, by role and account, what the last event granted (or revoked)."""
    since = _since(contract)
    scheme = scheme_of(contract)
    chunk = contract.declared.roles.chunk if contract.declared.roles else CHUNK

    def question() -> _Held:
        check_beginning(contract, since, "roles")
        found: _Held = {}
        snapshot, topics = contract.snapshot, scheme.topics
        for log in logs_of(contract.rpc, snapshot, contract.address, topics, since, chunk):
            for change in scheme.changes(log, found):
                found.setdefault(change.role, {})[change.account] = change
        return found

    return contract.asking.ask(
        f"roles of {contract.name} from events since block {since}",
        question,
        show=lambda found: f"{len(found)} roles, {sum(map(len, found.values()))} accounts",
        block=contract.snapshot.number,
    )


def _since(contract: ContractProbe) -> int:
    roles = contract.declared.roles
    if roles is not None and roles.since is not None:
        return roles.since
    return contract.directory.deployed_block


def _confirmed(
    contract: ContractProbe, name: str, digest: str, accounts: Sequence[str]
) -> dict[str, bool]:
    """Return what ``hasRole`` says of each account at the pinned block."""
    scheme = scheme_of(contract)

    def question() -> dict[str, bool]:
        asks = [
            Ask(
                "eth_call",
                (
                    {"to": contract.address, "data": scheme.has_role(digest, account)},
                    contract.snapshot.tag,
                ),
            )
            for account in accounts
        ]
        answers = read_pinned(contract.rpc, contract.snapshot, asks) if asks else []
        return {
            account: scheme.truth(settled(answer, "hasRole"))
            for account, answer in zip(accounts, answers, strict=True)
        }

    found, _ = contract.asking.ask(
        f"{contract.name}.hasRole({name}, ...) of {len(accounts)} accounts",
        question,
        show=lambda found: f"held by {sum(found.values())}",
        block=contract.snapshot.number,
    )
    return found


def _shown(accounts: Sequence[str]) -> str:
    return ", ".join(accounts) or "nobody"
