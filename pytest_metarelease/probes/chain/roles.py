"""The holders of every role, rebuilt from all events and confirmed by calls: exactly the declared.

Follows OpenZeppelin's AccessControl. Refuses a set that may not be whole: events are read from the
block of the deployment, and a contract that was there before that block makes them unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.callers import callers
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.directory import role_hash
from pytest_metarelease.probes.chain.logs import logs_of
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.origin import check_beginning
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.contracts import ContractProbe

GRANTED = "0x" + keccak(b"RoleGranted(bytes32,address,address)").hex()
REVOKED = "0x" + keccak(b"RoleRevoked(bytes32,address,address)").hex()
_HAS_ROLE = "0x91d14854"  # hasRole(bytes32,address)
_ROLE_ADMIN = "getRoleAdmin(bytes32)"
_DEFAULT_ADMIN = "0x" + "00" * 32


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
    names = _names(contract, roles.holders)
    declared = {
        digest: [one.address for text in roles.holders[name] for one in callers(contract, text)]
        for digest, name in names.items()
    }
    events, seen = _granted(contract)
    tally = Tally()
    for digest in sorted({*declared, *events}):
        name = names.get(digest, digest)
        held = events.get(digest, {})
        with tally:
            _judge_role(contract, seen, (name, digest), declared.get(digest), held)
    with tally:
        _judge_admins(contract, names, sorted({*declared, *events}), tally)
    tally.settle()


def _judge_admins(
    contract: ContractProbe, names: Mapping[str, str], digests: Sequence[str], tally: Tally
) -> None:
    """Judge which role gives and takes each role: holders are as safe as who may make more."""
    admins = contract.declared.roles.admins if contract.declared.roles else {}
    wanted = {
        role_hash(role, contract): (role_hash(admin, contract), admin)
        for role, admin in admins.items()
    }
    if not any(one.signature == _ROLE_ADMIN for one in contract.interface.views):
        if wanted:
            raise UsageError(f"{contract.name}: roles.admins: the ABI has no {_ROLE_ADMIN}")
        return
    for digest in sorted({*digests, *wanted}):
        name = names.get(digest, digest)
        word, title = wanted.get(digest, (_DEFAULT_ADMIN, "DEFAULT_ADMIN_ROLE"))
        with tally:
            reading = contract.read(_ROLE_ADMIN, digest)
            expected = f"role {name} of {contract.name} is given and taken by {title}"
            found = str(reading.value).lower()
            actual = f"by role {names.get(found, found)}"
            if found != word:
                raise contract.asking.unmet(
                    reading.measurement,
                    expected,
                    actual,
                    f"find out who changed it; if it is meant, add to contracts.{contract.name}."
                    f'roles.admins:  "{name}": "{names.get(found, found)}"',
                )
            contract.asking.met(reading.measurement, expected, actual)


def _names(contract: ContractProbe, holders: Iterable[str]) -> dict[str, str]:
    """Return the declared roles by their hash, each of which has one name."""
    names: dict[str, str] = {}
    for name in holders:
        digest = role_hash(name, contract)
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
    held: Mapping[str, bool],
) -> None:
    name, digest = role
    asked = sorted({*held, *(declared or ()), *map(str, contract.declared.no_rights)})
    confirmed = _confirmed(contract, name, digest, asked)
    lying = [one for one in asked if confirmed[one] is not held.get(one, False)]
    holders = sorted(one for one in asked if confirmed[one] or held.get(one, False))
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


def _granted(contract: ContractProbe) -> tuple[dict[str, dict[str, bool]], Measurement]:
    """Return, by role and account, whether the last event granted (or revoked) it."""
    since = _since(contract)
    chunk = contract.declared.roles.chunk if contract.declared.roles else 1

    def question() -> dict[str, dict[str, bool]]:
        check_beginning(contract, since, "roles")
        found: dict[str, dict[str, bool]] = {}
        logs = logs_of(
            contract.rpc, contract.snapshot, contract.address, (GRANTED, REVOKED), since, chunk
        )
        for log in logs:
            topic, role, account = _topics(log)
            found.setdefault(role, {})[account] = topic == GRANTED
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


def _topics(log: Mapping[str, Any]) -> tuple[str, str, str]:
    topics = [str(one).lower() for one in log["topics"]]
    if len(topics) != 4:
        raise MalformedError(f"a role event has three indexed parameters: {log!r:.200}")
    return topics[0], topics[1], checksum("0x" + topics[2][-40:])


def _confirmed(
    contract: ContractProbe, name: str, digest: str, accounts: Sequence[str]
) -> dict[str, bool]:
    """Return what ``hasRole`` says of each account at the pinned block."""

    def question() -> dict[str, bool]:
        asks = [
            Ask(
                "eth_call",
                (
                    {
                        "to": contract.address,
                        "data": _HAS_ROLE + digest[2:] + account[2:].lower().rjust(64, "0"),
                    },
                    contract.snapshot.tag,
                ),
            )
            for account in accounts
        ]
        answers = read_pinned(contract.rpc, contract.snapshot, asks) if asks else []
        return {
            account: _truth(settled(answer, "hasRole"))
            for account, answer in zip(accounts, answers, strict=True)
        }

    found, _ = contract.asking.ask(
        f"{contract.name}.hasRole({name}, ...) of {len(accounts)} accounts",
        question,
        show=lambda found: f"held by {sum(found.values())}",
        block=contract.snapshot.number,
    )
    return found


def _truth(answer: Any) -> bool:
    word = payload(answer, "hasRole")
    if len(word) != 32 or int.from_bytes(word, "big") > 1:
        raise MalformedError(f"hasRole() answered {len(word)} bytes, which are no bool")
    return word[-1] == 1


def _shown(accounts: Sequence[str]) -> str:
    return ", ".join(accounts) or "nobody"
