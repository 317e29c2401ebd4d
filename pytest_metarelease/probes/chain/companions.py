"""What is deployed for a flow: its contract, and before it what stands beside it.

Each gets the address that the deployer's next transaction gives it. Refuses arguments that do not
fit, before anything is sent; asks no node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.model import Contract
from pytest_metarelease.manifest.trials import OwnToken
from pytest_metarelease.probes.chain.abi import Entry, Interface, keccak
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.codec import call_data, checksum, encode
from pytest_metarelease.probes.chain.minimal import minimal_code

if TYPE_CHECKING:
    from pytest_metarelease.manifest.trials import Beside

EACH = 10**30
"""What the deployer and every role have of each token, in its smallest unit."""

_TOKEN = Path(__file__).with_name("trial_token") / "TrialToken.json"
_SHARES = 10**9
# Returns the 45 bytes that stand behind it.
_CLONING = bytes.fromhex("3d602d80600a3d3981f3")


@dataclass(frozen=True, slots=True)
class Part:
    """A declared contract with its artifact, and the ABI of what stands behind it as a proxy."""

    declared: Contract
    artifact: Artifact
    behind: Interface | None = None

    @property
    def interface(self) -> Interface:
        """The functions that can be called at its address."""
        own = self.artifact.interface
        return own if self.behind is None else own.joined(self.behind)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the deployer's next transaction creates; ``creation`` is 0x hex with its arguments."""

    name: str
    address: str
    creation: str
    interface: Interface
    token: OwnToken | None = None


def deployments(
    beside: Mapping[str, Beside],
    own: tuple[str, Part, Sequence[Any]],
    parts: Mapping[str, Part],
    people: Mapping[str, str],
    deployer: str,
) -> tuple[Deployment, ...]:
    """Return everything that is deployed, in its order; the last one is the flow's own contract.

    ``own`` is its title, what it is and its arguments; ``parts`` are the declared contracts by
    name; ``people`` maps roles to addresses, all of which hold the tokens, and "self" to the
    address of the flow's own contract.

    Raises:
        UsageError: An argument does not fit, or a clone has nothing to be a clone of.
    """
    laying = _Laying(people, parts, deployer)
    for name, one in beside.items():
        if one.token is not None:
            laying.token(name, one.token)
        else:
            laying.part(name, parts[str(one.contract)], one.constructor, beside)
    title, part, arguments = own
    laying.part(title, part, arguments, beside)
    return tuple(laying.found)


def contract_of(creator: str, nonce: int) -> str:
    """Return where a transaction of an account with this nonce, below 128, puts a contract.

    Source: Yellow Paper, section 7: keccak(rlp([sender, nonce]))[12:].
    """
    packed = b"\xd6\x94" + bytes.fromhex(creator[2:]) + bytes([nonce or 0x80])
    return checksum("0x" + keccak(packed)[12:].hex())


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """Return ``value`` with every text ``$NAME`` replaced, in lists and mappings, too."""
    if isinstance(value, str) and value.startswith("$"):
        if value[1:] not in names:
            known = ", ".join(f"${one}" for one in sorted(names))
            raise UsageError(f"{value} stands for nothing here; known: {known}")
        return names[value[1:]]
    if isinstance(value, list | tuple):
        return tuple(filled(one, names) for one in value)
    if isinstance(value, Mapping):
        return {key: filled(one, names) for key, one in value.items()}
    return value


def with_calls(
    entry: Entry, values: Sequence[Any], surfaces: Mapping[str, Interface]
) -> Sequence[Any]:
    """Return arguments in which a call that is written out is its call data.

    Written ``{call: initialize, args: [...], to: NAME}`` where ``bytes`` are wanted; ``surfaces``
    has what can be called, "" the flow's own contract.

    Raises:
        UsageError: Nothing has this name, or no such function.
    """
    if len(entry.inputs) != len(values):
        return values  # which the codec says better
    return [
        _called(value, surfaces) if one.type.partition("[")[0] == "bytes" else value
        for one, value in zip(entry.inputs, values, strict=True)
    ]


def _called(value: Any, surfaces: Mapping[str, Interface]) -> Any:
    if isinstance(value, list | tuple):
        return [_called(one, surfaces) for one in value]
    if not isinstance(value, Mapping):
        return value
    name = str(value.get("to", ""))
    if "call" not in value or set(value) - {"call", "args", "to"} or name not in surfaces:
        raise UsageError(
            f"{dict(value)!r:.100} is no call; write {{call: FUNCTION, args: [...]}}, and `to: "
            f"NAME` for one of: {', '.join(filter(None, surfaces)) or 'nothing stands beside'}"
        )
    entry = surfaces[name].function(str(value["call"]))
    return call_data(entry, with_calls(entry, value.get("args", ()), surfaces))


@dataclass(slots=True)
class _Laying:
    people: Mapping[str, str]
    parts: Mapping[str, Part]
    deployer: str
    found: list[Deployment] = field(default_factory=list)

    def token(self, name: str, token: OwnToken) -> None:
        built = _trial_token()
        holders = [address for role, address in self.people.items() if role != "self"]
        silent = token.returns == "nothing"
        fee = round(token.fee * _SHARES)
        values = [holders, EACH, token.decimals, silent, fee]
        data = built.creation + encode(built.interface.constructor, values)
        self._add(name, data, built.interface, token)

    def part(
        self, name: str, part: Part, arguments: Sequence[Any], beside: Mapping[str, Beside]
    ) -> None:
        proxy, interface = part.declared.proxy, part.interface
        if proxy is not None and proxy.kind == "minimal":
            code = minimal_code(self._logic(name, part, beside))
            self._add(name, _CLONING + code, interface)
            return
        names = {**self.people, **{one.name: one.address for one in self.found}}
        entry = part.artifact.interface.constructor
        surfaces = {"": interface, **{one.name: one.interface for one in self.found}}
        values = with_calls(entry, filled(arguments, names), surfaces)
        self._add(name, part.artifact.creation + encode(entry, values), interface)

    def _logic(self, name: str, part: Part, beside: Mapping[str, Beside]) -> str:
        proxy = part.declared.proxy
        wanted = "" if proxy is None else proxy.implementation
        for one in self.found:
            if one.name in beside and beside[one.name].contract == wanted:
                return one.address
        raise UsageError(
            f"{name} is a minimal proxy, and what it is one of is deployed nowhere here: declare "
            f"`beside: {{logic: {{contract: {wanted}}}}}`"
        )

    def _add(
        self, name: str, data: bytes, interface: Interface, token: OwnToken | None = None
    ) -> None:
        address = contract_of(self.deployer, len(self.found))
        self.found.append(Deployment(name, address, "0x" + data.hex(), interface, token))


@cache
def _trial_token() -> Artifact:
    return load(_TOKEN)
