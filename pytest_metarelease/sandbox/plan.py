"""What one sandbox consists of, decided before any part of it starts.

Refuses to wait: contract addresses follow from the deployer and its nonces, ports are bound at
once, so all parts may start at the same time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Chain id of the sandbox, Hardhat's and anvil's default.
CHAIN_ID = 31337
WRONG_CHAIN_ID = 1337
#: What callers of signRelease and releaseFund must show; printed with the addresses.
API_TOKEN = "sandbox-operator-5f21c9d07b"  # noqa: S105 - opens a throw-away API on loopback
OLD_VERSION = "1.9.0"
OLD_COMMIT = "0" * 39 + "9"
#: 0.1 ETH, what the depositor pays in.
AMOUNT = 10**17
#: Seconds by which the first block is dated back, so that deployment and traffic need not lie in
#: the future; and in a chain whose head is one hour old.
GENESIS_AGE, OLD_GENESIS_AGE = 120, 3_660
#: ETH, where a token is asked for.
ZERO_ADDRESS = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Contracts:
    """Where the contracts are, EIP-55 addresses."""

    owner: str
    token: str
    router: str
    escrow: str
    fixed_escrow: str
    settlement_log: str
    #: Where no contract of this deployment is; a frontend that was not rebuilt still says it.
    earlier_escrow: str
    fee_math: str
    treasury_logic: str
    treasury_admin: str
    treasury: str


@dataclass(frozen=True, slots=True)
class Builds:
    """Names of the artifacts that were built for this release and deployed.

    What was built is part of what the sandbox is: a defect in the source is in code and artifact.
    """

    escrow: str
    fixed_escrow: str
    settlement_log: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a part needs to know; written once, as JSON, to ``plan.json``."""

    release_name: str
    version: str
    commit: str
    faults: tuple[str, ...]
    api_url: str
    frontend_url: str
    rpc_url: str
    zerox_url: str
    coingecko_url: str
    database: str
    contracts: Contracts

    def has(self, fault: str) -> bool:
        """Whether this sandbox was asked to have that fault."""
        return fault in self.faults

    @property
    def builds(self) -> Builds:
        """Which artifacts the release's build brought along."""
        log = "SettlementLog"
        if self.has("unlisted-view"):
            log = "LongerSettlementLog"
        elif self.has("hidden-selector"):
            log = "HiddenSettlementLog"
        escrow = "Escrow"
        if self.has("refund-open"):
            escrow = "OpenRefundEscrow"
        elif self.has("replay-accepted"):
            escrow = "ReplayableEscrow"
        elif self.has("token-answers-ignored"):
            escrow = "CarelessEscrow"
        fixed = "LooseFixedEscrow" if self.has("fixed-deposit-loose") else "FixedEscrow"
        return Builds(escrow, fixed, log)

    @property
    def chain_id(self) -> int:
        """The id that the node really serves."""
        return WRONG_CHAIN_ID if self.has("wrong-chain") else CHAIN_ID

    @property
    def genesis_age(self) -> int:
        """How many seconds ago the first block was made when the node starts."""
        return OLD_GENESIS_AGE if self.has("head-old") else GENESIS_AGE

    def write(self, path: Path) -> None:
        """Write for ``read`` in another process."""
        path.write_text(json.dumps(asdict(self), sort_keys=True, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """What ``write`` wrote."""
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        contracts, faults = Contracts(**raw.pop("contracts")), tuple(raw.pop("faults"))
        return cls(contracts=contracts, faults=faults, **raw)


def plan_contracts() -> Contracts:
    """The addresses that the deployer's first ten transactions create contracts at."""
    from pytest_metarelease.sandbox.accounts import DEPLOYER
    from pytest_metarelease.sandbox.signing import contract_address

    nonces = (*range(5), 9, 90, *range(5, 9))
    return Contracts(*(contract_address(DEPLOYER.address, nonce) for nonce in nonces))


def sorted_faults(names: Iterable[str]) -> tuple[str, ...]:
    """Faults in one order, so that equal sandboxes have equal plans."""
    return tuple(sorted(names))
