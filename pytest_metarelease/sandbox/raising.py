"""Raises a sandbox: starts the parts side by side, deploys, waits until all of it is healthy.

Refuses to call anything ready that has not answered; faults that take something away are switched
on after a healthy start, because that is how things are lost.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox import accounts
from pytest_metarelease.sandbox.anvil import find_anvil, start_anvil
from pytest_metarelease.sandbox.deploy import RELEASE_BLOCK, TRADE_HASH, deploy
from pytest_metarelease.sandbox.plan import (
    API_TOKEN,
    CHAIN_ID,
    GENESIS_AGE,
    OLD_GENESIS_AGE,
    WRONG_CHAIN_ID,
    ZERO_ADDRESS,
    Plan,
    plan_contracts,
)
from pytest_metarelease.sandbox.processes import Parts, listen, url_of
from pytest_metarelease.sandbox.rpc import Rpc

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from pytest_metarelease.sandbox.book import Book
    from pytest_metarelease.sandbox.starting import Settings

#: Seconds that all of it has to become healthy, on a machine that is busy with other things.
_WITHIN = 60.0
_ANSWER_WITHIN = 5.0


def raise_sandbox(settings: Settings, parts: Parts, book: Book) -> Mapping[str, str]:
    """Bring everything up; returns the variables that the manifest may refer to.

    Raises:
        SandboxError: a part did not start, or the product did not become healthy.
    """
    plan = _start_parts(settings, parts, book)
    filling = _Filling(book, plan)
    filling.start()
    rpc = Rpc(plan.rpc_url)
    deploy(rpc, plan)
    rpc.close()
    filling.finish()
    order = book.known_order()
    _wait_until_healthy(plan, parts)
    if plan.has("database-down") or plan.has("health-lies"):
        book.take_away()
        if not plan.has("health-lies"):
            # What health found before is used again for a moment; nobody shall see that moment.
            _wait_until("unhealthy", plan, parts)
    return _variables(plan, order)


def _start_parts(settings: Settings, parts: Parts, book: Book) -> Plan:
    api, frontend, zerox, coingecko = (listen() for _ in range(4))
    faults = tuple(sorted(settings.faults))
    chain = None
    program = find_anvil(os.environ)
    if program is None:
        chain = listen()
        rpc_url = url_of(chain)
    else:
        chain_id = WRONG_CHAIN_ID if "wrong-chain" in faults else CHAIN_ID
        age = OLD_GENESIS_AGE if "head-old" in faults else GENESIS_AGE
        rpc_url = start_anvil(parts, program, chain_id, age)
    plan = Plan(
        release_name=settings.release_name,
        version=settings.version,
        commit=settings.commit,
        faults=faults,
        api_url=url_of(api),
        frontend_url=url_of(frontend),
        rpc_url=rpc_url,
        zerox_url=url_of(zerox),
        coingecko_url=url_of(coingecko),
        database=book.url,
        contracts=plan_contracts(),
    )
    plan.write(settings.folder / "plan.json")
    if chain is not None:
        parts.start("chain", chain)  # first: it takes longest
    if book.server is not None:
        parts.start("janitor")
    if plan.has("old-replica"):
        _start_replicas(parts, api)
    else:
        parts.start("api-old" if plan.has("old-release") else "api", api)
    parts.start("frontend", frontend)
    parts.start("external", zerox, coingecko)
    return plan


def _start_replicas(parts: Parts, balanced: socket.socket) -> None:
    first, second = listen(), listen()
    ports = [replica.getsockname()[1] for replica in (first, second)]
    parts.start("api", first)
    parts.start("api-old", second)
    parts.start("balancer", balanced, ports=ports)


class _Filling(threading.Thread):
    """Fills the database while the contracts are deployed."""

    def __init__(self, book: Book, plan: Plan) -> None:
        super().__init__(daemon=True)
        self._book, self._plan = book, plan
        self._problem: Exception | None = None

    def run(self) -> None:
        try:
            self._book.fill(self._plan)
        except Exception as problem:  # noqa: BLE001 - raised again where it is waited for
            self._problem = problem

    def finish(self) -> None:
        self.join()
        if self._problem is not None:
            raise self._problem


def _wait_until_healthy(plan: Plan, parts: Parts) -> None:
    for url in (plan.frontend_url, plan.coingecko_url):
        _get(f"{url}/", parts)
    degraded = plan.has("contract-missing") or plan.has("external-down")
    wanted = "degraded" if degraded and not plan.has("health-lies") else "healthy"
    # Twice, so that both of two replicas are asked.
    for _ in range(2 if plan.has("old-replica") else 1):
        _wait_until(wanted, plan, parts)


def _wait_until(wanted: str, plan: Plan, parts: Parts) -> None:
    """Until the API's health says ``wanted``."""
    until = time.monotonic() + _WITHIN
    while True:
        found = json.loads(_get(f"{plan.api_url}/api/health", parts)).get("status")
        if found == wanted:
            return
        if time.monotonic() > until:
            raise SandboxError(f"the API says {found!r} instead of {wanted!r}")
        time.sleep(0.05)


def _get(url: str, parts: Parts) -> bytes:
    parts.check()
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=_ANSWER_WITHIN)
    try:
        connection.request("GET", where.path)
        return connection.getresponse().read()
    except OSError as problem:
        parts.check()
        raise SandboxError(f"{url} gave no answer: {problem}") from problem
    finally:
        connection.close()


def _variables(plan: Plan, order: str) -> dict[str, str]:
    contracts = plan.contracts
    quote = {"sellToken": ZERO_ADDRESS, "buyToken": contracts.token, "sellAmount": 10**18}
    return {
        "SANDBOX_API_URL": plan.api_url,
        "SANDBOX_FRONTEND_URL": plan.frontend_url,
        "SANDBOX_RPC_URL": plan.rpc_url,
        "SANDBOX_DATABASE_URL": plan.database,
        "SANDBOX_ZEROX_URL": f"{plan.zerox_url}/swap/v1/sources",
        "SANDBOX_ZEROX_QUOTE_URL": f"{plan.zerox_url}/swap/v1/quote?{urlencode(quote)}",
        "SANDBOX_COINGECKO_URL": f"{plan.coingecko_url}/api/v3/ping",
        "SANDBOX_ESCROW": contracts.escrow,
        "SANDBOX_FIXED_ESCROW": contracts.fixed_escrow,
        "SANDBOX_SETTLEMENT_LOG": contracts.settlement_log,
        "SANDBOX_ESCROW_BUILD": plan.builds.escrow,
        "SANDBOX_FIXED_ESCROW_BUILD": plan.builds.fixed_escrow,
        "SANDBOX_SETTLEMENT_LOG_BUILD": plan.builds.settlement_log,
        "SANDBOX_OWNER": contracts.owner,
        "SANDBOX_DEPLOYER": accounts.DEPLOYER.address,
        **{f"SANDBOX_SIGNER_{n}": one.address for n, one in enumerate(accounts.SIGNERS, 1)},
        "SANDBOX_DEPOSITOR": accounts.DEPOSITOR.address,
        "SANDBOX_COUNTERPARTY": accounts.COUNTERPARTY.address,
        "SANDBOX_ARBITER": accounts.ARBITER.address,
        "SANDBOX_TOKEN": contracts.token,
        "SANDBOX_ROUTER": contracts.router,
        "SANDBOX_FEE_MATH": contracts.fee_math,
        "SANDBOX_TREASURY": contracts.treasury,
        "SANDBOX_TREASURY_LOGIC": contracts.treasury_logic,
        "SANDBOX_TREASURY_ADMIN": contracts.treasury_admin,
        "SANDBOX_TRADE_HASH": TRADE_HASH,
        "SANDBOX_RELEASE_BLOCK": str(RELEASE_BLOCK),
        "SANDBOX_SPENDER_KEY": accounts.SPENDER.key,
        "SANDBOX_TRADER_KEY": accounts.TRADER.key,
        "SANDBOX_API_TOKEN": API_TOKEN,
        "SANDBOX_ORDER": order,
    }
