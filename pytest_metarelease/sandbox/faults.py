"""The defects that the sandbox can be started with, and which item of the checklist catches each.

Refuses names it does not know. A fault changes what the sandbox *is*, never what its variables say
it should be.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError
from pytest_metarelease.sandbox.api_faults import API_FAULTS, Fault
from pytest_metarelease.sandbox.browser_faults import BROWSER_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable


FAULTS: tuple[Fault, ...] = (
    Fault(
        "api-errors",
        "every twelfth request to /api/* except health answers 500",
        "post.error-rate",
    ),
    Fault(
        "api-slow",
        "every answer of /api/* except health takes 700 ms more",
        "post.performance",
    ),
    Fault(
        "health-lies",
        "the database is gone, but health says healthy in all its parts",
        "post.health",
    ),
    Fault(
        "database-down",
        "the database is gone after a healthy start; health says so",
        "post.database",
    ),
    Fault(
        "migration-missing",
        "the last migration of the release was never applied; the API works all the same",
        "post.database",
    ),
    Fault(
        "frontend-wrong-address",
        "the frontend's bundle carries the escrow address of an earlier deployment",
        "post.ux",
    ),
    Fault(
        "contract-missing",
        "there is no code at the escrow's address",
        "post.contracts",
    ),
    Fault(
        "contract-other-code",
        "the escrow was deployed from other code: the same getters, and a way out for its deployer",
        "post.contracts",
    ),
    Fault(
        "wrong-arbiter",
        "the escrow was deployed with another arbiter than the one whose key the API holds",
        "post.contracts",
    ),
    Fault(
        "wrong-immutable",
        "the treasury's implementation was deployed with another router in its code",
        "post.contracts",
    ),
    Fault(
        "other-metadata",
        "the escrow's code does the same, and says that it was made from other sources",
        "post.contracts",
    ),
    Fault(
        "other-library",
        "the treasury's implementation is linked with a library at an undeclared address",
        "post.contracts",
    ),
    Fault(
        "uninitialised-proxy",
        "the treasury's proxy was never initialised: whoever comes first becomes its owner",
        "post.contracts",
    ),
    Fault(
        "proxy-admin-account",
        "the admin of the treasury's proxy is the deployer's account and not the declared contract",
        "post.contracts",
    ),
    Fault(
        "arbiter-unfunded",
        "the arbiter has no ETH and cannot pay for a transaction",
        "post.contracts",
    ),
    Fault(
        "contract-paused",
        "the escrow's owner has paused it",
        "post.contracts",
    ),
    Fault(
        "refund-open",
        "the escrow was built and deployed with a refund that forgot to ask who calls",
        "post.access",
    ),
    Fault(
        "domain-mismatch",
        "the API signs releases for version 2 of the domain, the escrow accepts version 1",
        "post.signatures",
    ),
    Fault(
        "replay-accepted",
        "the escrow was built and deployed with a release that may be paid again and again",
        "post.signatures",
    ),
    Fault(
        "token-answers-ignored",
        "the escrow was built and deployed with payments that do not look at what a token says",
        "post.flows",
    ),
    Fault(
        "fixed-deposit-loose",
        "the escrow of a fixed amount was built and deployed with a deposit that one wei makes",
        "post.flows",
    ),
    Fault(
        "extra-role-holder",
        "the deployer gave the recorder's role to somebody of whom nobody knows",
        "post.access",
    ),
    Fault(
        "hidden-selector",
        "the settlement log answers a selector that its ABI does not list",
        "post.access",
    ),
    Fault(
        "unlisted-view",
        "the settlement log was built with a view function of which the manifest says nothing",
        "post.contracts",
    ),
    Fault(
        "threshold-lowered",
        "one signer of the multisig is enough, two of them agreed",
        "post.multisig",
    ),
    Fault(
        "module-added",
        "the multisig has a module, which may call anything without the signers",
        "post.multisig",
    ),
    Fault(
        "transactions-failing",
        "every seventh of more than 300 transactions to the escrow was mined and reverted",
        "post.transaction-failures",
    ),
    Fault(
        "balance-deviating",
        "2 % more than its events say was forced on the escrow by a contract that ended itself",
        "post.balance",
    ),
    Fault(
        "head-old",
        "the node has stalled: its newest block is one hour old",
        "post.node",
    ),
    Fault(
        "wrong-chain",
        "the node serves chain 1337 instead of 31337",
        "post.node",
    ),
    Fault(
        "tampered-orders-accepted",
        "the API accepts orders whose signature does not fit them",
        "post.order-signatures",
    ),
    Fault(
        "external-down",
        "0x, which is critical, answers 503; health says degraded",
        "post.health",
    ),
    Fault(
        "orders-diverge",
        "the API lists an order that the database does not hold",
        "post.endpoints",
    ),
    Fault(
        "old-release",
        "the API that answers is the previous version 1.9.0",
        "post.identity",
    ),
    Fault(
        "old-replica",
        "of two API replicas behind one port, taken in turn, one is the previous version 1.9.0",
        "post.identity",
    ),
    *API_FAULTS,
    *BROWSER_FAULTS,
)


def check_faults(names: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises:
        UsageError: a name that is not a fault, with the nearest ones.
    """
    known = [fault.name for fault in FAULTS]
    problems = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
            problems.append(f"unknown sandbox fault {name!r}: {hint}")
    if problems:
        raise UsageError("\n".join([*problems, "`metarelease sandbox --faults` lists them all."]))
    return frozenset(names)
