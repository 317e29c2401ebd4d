"""Who is meant by a name: contracts, Safes and accounts of the manifest, views that say an address.

Refuses names that nothing declares; a view that has to be asked is read at the pinned block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.checksum import ADDRESS
from pytest_metarelease.manifest.problems import suggestion
from pytest_metarelease.probes.chain.codec import checksum

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.probes.chain.contracts import ContractProbe

NOBODY = "0x" + "00" * 20
"""The zero address, which nobody holds the key of."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Names of one environment with their addresses; ``probes`` has its ``ContractProbe``s."""

    contracts: Mapping[str, str] = field(default_factory=dict)
    safes: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    deployed_block: int = 0

    @classmethod
    def of(cls, environment: Environment, probes: Mapping[str, ContractProbe]) -> Directory:
        """Return the names that an environment declares."""
        accounts = environment.chain.accounts if environment.chain is not None else {}
        return cls(
            {name: str(one.address) for name, one in environment.contracts.items()},
            {name: str(one.address) for name, one in environment.safes.items()},
            {name: str(one.address) for name, one in accounts.items()},
            probes,
            (environment.chain.deployed_block or 0) if environment.chain is not None else 0,
        )

    def behind(self) -> frozenset[str]:
        """Return the names of contracts whose code others run for themselves: proxies, diamonds."""
        declared = [one.declared for one in self.probes.values()]
        proxied = (one.proxy.implementation for one in declared if one.proxy is not None)
        return frozenset((*proxied, *(name for one in declared for name in one.facets)))

    def address(self, text: str, own: str) -> str:
        """Return the address of ``self``, a declared contract, Safe or account, or as written.

        Written with its kind (``safe:owner``) or, where only one kind has the name, without.

        Raises:
            UsageError: Nothing has this name, or several have it.
        """
        if text == "self":
            return own
        if ADDRESS.fullmatch(text):
            return checksum(text)
        kinds = {"contract": self.contracts, "safe": self.safes, "account": self.accounts}
        kind, colon, name = text.partition(":")
        if colon and kind in kinds:
            kinds, text = {kind: kinds[kind]}, name
        found = [names[text] for names in kinds.values() if text in names]
        if len(found) == 1:
            return checksum(found[0])
        known = [name for names in kinds.values() for name in names]
        if found:
            raise UsageError(f"{text} is the name of several; write contract:{text} or its like")
        raise UsageError(f"nothing declared is called {text}{suggestion(text, known)}")
