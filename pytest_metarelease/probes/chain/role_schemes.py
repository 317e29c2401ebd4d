"""How contracts keep roles: OpenZeppelin's AccessControl and AccessManager, told by the interface.

Reads events and names only; refuses what is neither. Sources: OpenZeppelin Contracts 4.9 and 5,
``access/IAccessControl.sol`` and ``access/manager/IAccessManager.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.quantities import payload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.probes.chain.contracts import ContractProbe

#: The role that gives and takes every other one, in both: all zeros.
ADMIN = "0x" + "00" * 32


@dataclass(frozen=True, slots=True)
class Change:
    """One event: ``account`` got (from ``since`` on, Unix seconds) or lost ``role``, 0x hex."""

    role: str
    account: str
    granted: bool
    since: int = 0


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way of keeping roles. ``kind`` is the Solidity type of a role's name.

    ``granted`` and ``revoked`` are topics, ``indexed`` how many topics each event has, ``words`` of
    how many 32-byte words the answer of ``hasRole`` is.
    """

    kind: str
    granted: str
    revoked: str
    indexed: int
    words: int
    admin_name: str

    @property
    def admin_view(self) -> str:
        """The signature of the view that says which role gives another one."""
        return f"getRoleAdmin({self.kind})"

    def has_role(self, role: str, account: str) -> str:
        """Return the call data of ``hasRole`` for a role (32 bytes, 0x hex) and an account."""
        selector = keccak(f"hasRole({self.kind},address)".encode())[:4].hex()
        return f"0x{selector}{role[2:]}{account[2:].lower().rjust(64, '0')}"

    def truth(self, answer: Any) -> bool:
        """Return what ``hasRole`` says.

        Raises:
            MalformedError: It is no answer of this function.
        """
        content = payload(answer, "hasRole")
        first = int.from_bytes(content[:32], "big")
        if len(content) != 32 * self.words or first > 1:
            raise MalformedError(f"hasRole() answered {len(content)} bytes, which are no bool")
        return first == 1

    def change(self, log: Mapping[str, Any]) -> Change:
        """Return what an event says.

        Raises:
            MalformedError: It is no event of these.
        """
        topics = [str(one).lower() for one in log["topics"]]
        if len(topics) != self.indexed or topics[0] not in (self.granted, self.revoked):
            raise MalformedError(
                f"a role event has {self.indexed - 1} indexed parameters: {log!r:.200}"
            )
        granted = topics[0] == self.granted
        account = checksum("0x" + topics[2][-40:])
        return Change(topics[1], account, granted, self._since(log) if granted else 0)

    def _since(self, log: Mapping[str, Any]) -> int:
        if self.kind == "bytes32":
            return 0
        content = payload(log["data"], "RoleGranted")
        if len(content) != 96:
            raise MalformedError(f"RoleGranted carries {len(content)} bytes, not delay, since, new")
        return int.from_bytes(content[32:64], "big")

    def named(self, text: str, contract: ContractProbe) -> str:
        """Return a role's 32 bytes, 0x hex, of a view's name, of itself, or of what is hashed.

        Raises:
            UsageError: It names no role.
        """
        if text.startswith("0x"):
            if len(text) != 66:
                raise UsageError(f"role {text}: 32 bytes are needed, or a name")
            return text.lower()
        if any(one.name == text and not one.inputs for one in contract.interface.views):
            return self.word(contract.read(text).value)
        if self.kind == "bytes32":
            return ADMIN if text == self.admin_name else "0x" + keccak(text.encode()).hex()
        if text.isdecimal() and int(text) < 2**64:
            return self.word(int(text))
        raise UsageError(
            f"role {text} of {contract.name}: an AccessManager's roles are numbers; write the "
            "number, or the view function that says it"
        )

    def word(self, value: Any) -> str:
        """Return what a view says of a role as 32 bytes, 0x hex."""
        return f"0x{value:064x}" if isinstance(value, int) else str(value).lower()

    def argument(self, role: str) -> Any:
        """Return a role as an argument of a call."""
        return role if self.kind == "bytes32" else int(role, 16)

    def title(self, role: str) -> str:
        """Return how the manifest writes a role that has no name there."""
        return role if self.kind == "bytes32" else str(int(role, 16))


def _topic(signature: str) -> str:
    return "0x" + keccak(signature.encode()).hex()


ACCESS_CONTROL = Scheme(
    kind="bytes32",
    granted=_topic("RoleGranted(bytes32,address,address)"),
    revoked=_topic("RoleRevoked(bytes32,address,address)"),
    indexed=4,
    words=1,
    admin_name="DEFAULT_ADMIN_ROLE",
)
ACCESS_MANAGER = Scheme(
    kind="uint64",
    granted=_topic("RoleGranted(uint64,address,uint32,uint48,bool)"),
    revoked=_topic("RoleRevoked(uint64,address)"),
    indexed=3,
    words=2,
    admin_name="ADMIN_ROLE",
)


def scheme_of(contract: ContractProbe) -> Scheme:
    """Return how a contract keeps roles; AccessControl, where its interface does not say."""
    signatures = {one.signature for one in contract.interface.views}
    return ACCESS_MANAGER if "hasRole(uint64,address)" in signatures else ACCESS_CONTROL
