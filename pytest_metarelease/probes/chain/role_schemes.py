"""How contracts keep roles: OpenZeppelin's AccessControl and AccessManager, solady's OwnableRoles.

Told by the interface. Reads events and names only; refuses what is neither. Sources: OpenZeppelin
Contracts 4.9 and 5, ``access/IAccessControl.sol`` and ``access/manager/IAccessManager.sol``;
solady 0.1, ``src/auth/OwnableRoles.sol``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.quantities import payload

if TYPE_CHECKING:
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


Held = Mapping[str, Mapping[str, Change]]
"""By role and account, the last event about both."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way of keeping roles, here AccessControl's: a role is a hash, each event about one role.

    ``kind`` is the Solidity type of a role; ``granted`` and ``revoked`` are topics, ``indexed`` how
    many topics each event has, ``words`` of how many 32-byte words the answer of the view is that
    says whether an account has a role.
    """

    kind: str
    granted: str
    revoked: str
    indexed: int
    words: int
    admin_name: str

    @property
    def topics(self) -> tuple[str, ...]:
        """The first topics of all events about roles."""
        return tuple(dict.fromkeys((self.granted, self.revoked)))

    @property
    def admin_view(self) -> str:
        """The signature of the view that says which role gives another one."""
        return f"getRoleAdmin({self.kind})"

    def has_role(self, role: str, account: str) -> str:
        """Return the call data that asks whether an account has a role (32 bytes, 0x hex)."""
        return f"{_selector(f'hasRole({self.kind},address)')}{role[2:]}{_word(account)}"

    def truth(self, answer: Any) -> bool:
        """Return what the view says.

        Raises:
            MalformedError: It is no answer of this function.
        """
        content = payload(answer, "hasRole")
        first = int.from_bytes(content[:32], "big")
        if len(content) != 32 * self.words or first > 1:
            raise MalformedError(f"hasRole() answered {len(content)} bytes, which are no bool")
        return first == 1

    def changes(self, log: Mapping[str, Any], held: Held) -> list[Change]:  # noqa: ARG002 - _Bits
        """Return what an event says, after events that left ``held``.

        Raises:
            MalformedError: It is no event of these.
        """
        topics = self._checked(log)
        granted = topics[0] == self.granted
        account = checksum("0x" + topics[2][-40:])
        return [Change(topics[1], account, granted, self._since(log) if granted else 0)]

    def _checked(self, log: Mapping[str, Any]) -> list[str]:
        topics = [str(one).lower() for one in log["topics"]]
        if len(topics) != self.indexed or topics[0] not in self.topics:
            raise MalformedError(
                f"a role event has {self.indexed - 1} indexed parameters: {log!r:.200}"
            )
        return topics

    def _since(self, _log: Mapping[str, Any]) -> int:
        return 0

    def named(self, text: str, contract: ContractProbe) -> str:
        """Return a role's 32 bytes, 0x hex, of a view's name, of itself, or of a text for it.

        Raises:
            UsageError: It names no role.
        """
        if text.startswith("0x"):
            if len(text) != 66:
                raise UsageError(f"role {text}: 32 bytes are needed, or a name")
            word = text.lower()
        elif any(one.name == text and not one.inputs for one in contract.interface.views):
            word = self.word(contract.read(text).value)
        else:
            word = self._of_text(text)
        if why := self._wrong(word):
            raise UsageError(f"role {text} of {contract.name}: {why}")
        return word

    def _of_text(self, text: str) -> str:
        return ADMIN if text == self.admin_name else "0x" + keccak(text.encode()).hex()

    def _wrong(self, _word: str) -> str:
        """Return why this is no role, or nothing."""
        return ""

    def word(self, value: Any) -> str:
        """Return what a view says of a role as 32 bytes, 0x hex."""
        return f"0x{value:064x}" if isinstance(value, int) else str(value).lower()

    def argument(self, role: str) -> Any:
        """Return a role as an argument of a call."""
        return role

    def title(self, role: str) -> str:
        """Return how the manifest writes a role that has no name there."""
        return role


class _Manager(Scheme):
    """AccessManager's: a role is a number, and a grant may begin later."""

    __slots__ = ()

    def _since(self, log: Mapping[str, Any]) -> int:
        content = payload(log["data"], "RoleGranted")
        if len(content) != 96:
            raise MalformedError(f"RoleGranted carries {len(content)} bytes, not delay, since, new")
        return int.from_bytes(content[32:64], "big")

    def _of_text(self, text: str) -> str:
        return self.word(int(text)) if text.isdecimal() and len(text) <= 20 else ""

    def _wrong(self, word: str) -> str:
        if 0 <= _number(word) < 2**64:
            return ""
        return (
            "an AccessManager's roles are numbers; write the number, or the view function that "
            "says it"
        )

    def argument(self, role: str) -> Any:
        return int(role, 16)

    def title(self, role: str) -> str:
        return str(int(role, 16))


class _Bits(Scheme):
    """OwnableRoles': a role is one bit, and an event says all roles that an account has then."""

    __slots__ = ()

    def has_role(self, role: str, account: str) -> str:
        return f"{_selector('hasAnyRole(address,uint256)')}{_word(account)}{role[2:]}"

    def changes(self, log: Mapping[str, Any], held: Held) -> list[Change]:
        topics = self._checked(log)
        account, roles = checksum("0x" + topics[1][-40:]), int(topics[2], 16)
        now = {self.word(1 << bit) for bit in range(256) if roles >> bit & 1}
        before = {role for role, by_account in held.items() if account in by_account}
        return [Change(role, account, role in now) for role in sorted(now | before)]

    def _of_text(self, text: str) -> str:
        number = text.removeprefix("_ROLE_")
        if number == text or not number.isdecimal() or len(number) > 3 or int(number) > 255:
            return ""
        return self.word(1 << int(number))

    def _wrong(self, word: str) -> str:
        if _number(word).bit_count() == 1:
            return ""
        return (
            "a role of OwnableRoles is one bit; write _ROLE_0 to _ROLE_255, 32 bytes with one bit, "
            "or the view function that says it"
        )

    def title(self, role: str) -> str:
        return f"_ROLE_{int(role, 16).bit_length() - 1}"


def _number(word: str) -> int:
    """Return the number of a role; -3, which no role has and has two bits, where it is none."""
    try:
        return int(word, 16)
    except ValueError:
        return -3


def _selector(signature: str) -> str:
    return "0x" + keccak(signature.encode())[:4].hex()


def _word(account: str) -> str:
    return account[2:].lower().rjust(64, "0")


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
ACCESS_MANAGER = _Manager(
    kind="uint64",
    granted=_topic("RoleGranted(uint64,address,uint32,uint48,bool)"),
    revoked=_topic("RoleRevoked(uint64,address)"),
    indexed=3,
    words=2,
    admin_name="ADMIN_ROLE",
)
OWNABLE_ROLES = _Bits(
    kind="uint256",
    granted=_topic("RolesUpdated(address,uint256)"),
    revoked=_topic("RolesUpdated(address,uint256)"),
    indexed=3,
    words=1,
    admin_name="owner",
)


def scheme_of(contract: ContractProbe) -> Scheme:
    """Return how a contract keeps roles; AccessControl, where its interface does not say."""
    signatures = {one.signature for one in contract.interface.views}
    if "hasRole(uint64,address)" in signatures:
        return ACCESS_MANAGER
    return OWNABLE_ROLES if "hasAnyRole(address,uint256)" in signatures else ACCESS_CONTROL


def keeps_roles(contract: ContractProbe) -> bool:
    """Whether the interface gives roles and says who has them, in one of the ways known here."""
    signatures = {one.signature for one in contract.interface.functions}
    return any(
        f"{view}({kind})" in signatures and f"{grant})" in signatures
        for view, kind, grant in _KEEPING
    )


_KEEPING = (
    ("hasRole", "bytes32,address", "grantRole(bytes32,address"),
    ("hasRole", "uint64,address", "grantRole(uint64,address,uint32"),
    ("hasAnyRole", "address,uint256", "grantRoles(address,uint256"),
)
