"""Health and status: what the API finds when it asks the parts it depends on.

Refuses to guess: a part that does not answer within a second is unhealthy. Findings are at most
a quarter of a second old, and ``timestamp`` says from when they are.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from pytest_metarelease.sandbox.api.outbound import NoAnswer, NodeError, ask_node, get_json
from pytest_metarelease.sandbox.api.state import State
from pytest_metarelease.sandbox.database import Database, Unavailable
from pytest_metarelease.sandbox.orders import written

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

#: Seconds that a part may take to answer.
PATIENCE = 1.0
#: The same with a fault that makes health wait for whatever hangs.
LONG_PATIENCE = 4.0
#: Seconds that findings are used again, so that a burst of questions is one question to each part.
FRESH = 0.25
_HEALTHY, _UNHEALTHY = "healthy", "unhealthy"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found when."""

    at: datetime
    database: str
    external_apis: str
    smart_contracts: str
    essential: bool

    @property
    def status(self) -> str:
        """Unhealthy when nothing works, degraded when something does not."""
        parts = (self.database, self.external_apis, self.smart_contracts)
        if all(part == _HEALTHY for part in parts):
            return _HEALTHY
        return "degraded" if self.essential else _UNHEALTHY


@dataclass(slots=True)
class Examiner:
    """Asks the parts, once for everybody who wants to know at the same time."""

    state: State
    _last: Findings | None = None
    _last_at: float = float("-inf")
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def findings(self) -> Findings:
        """Findings that were complete at most a quarter of a second ago."""
        async with self._turn:
            if self._last is not None and self._keeps_its_word(self._last):
                return self._last
            if self._last is None or time.monotonic() - self._last_at > FRESH:
                self._last = await self._examine()
                # From its end: whoever waited for a slow examination need not start another.
                self._last_at = time.monotonic()
            return self._last

    def _keeps_its_word(self, last: Findings) -> bool:
        """Whether a fault makes it say for ever what it found once: all well, or not."""
        has = self.state.plan.has
        well = last.status == _HEALTHY
        return has("health-stale") if well else has("health-never-recovers")

    async def _examine(self) -> Findings:
        at = datetime.now(UTC)
        if self.state.plan.has("health-lies"):
            return Findings(at, _HEALTHY, _HEALTHY, _HEALTHY, essential=True)
        database, external, node, code = await asyncio.gather(
            *(
                _works(ask, self._patience)
                for ask in (self._database, self._external, self._node, self._code)
            )
        )
        return Findings(
            at,
            _word(database),
            _word(external),
            _word(node and code),
            essential=database and node,
        )

    @property
    def _patience(self) -> float:
        return LONG_PATIENCE if self.state.plan.has("health-hangs") else PATIENCE

    async def _database(self) -> bool:
        return await self.state.query(_count_orders) >= 0

    async def _external(self) -> bool:
        answer = await get_json(f"{self.state.plan.zerox_url}/swap/v1/sources", self._patience)
        return bool(answer.get("sources"))

    async def _node(self) -> bool:
        await ask_node(self.state.plan.rpc_url, "eth_blockNumber", within=self._patience)
        return True

    async def _code(self) -> bool:
        plan = self.state.plan
        code = await ask_node(
            plan.rpc_url, "eth_getCode", plan.contracts.escrow, "latest", within=self._patience
        )
        return bool(code != "0x")


async def health(request: Request) -> JSONResponse:
    """``GET /api/health`` and ``GET /health``: 200, or 503 when the product cannot work at all."""
    state, examiner = _of(request)
    found = await examiner.findings()
    body = {
        "status": found.status,
        "timestamp": written(found.at),
        "version": state.version,
        "commit": state.commit,
        "dependencies": {
            "database": found.database,
            "external_apis": found.external_apis,
            "smart_contracts": found.smart_contracts,
        },
    }
    return JSONResponse(body, 503 if found.status == _UNHEALTHY else 200)


async def status(request: Request) -> JSONResponse:
    """``GET /api/status``: numbers for people, with their units, of the last thousand requests."""
    state, examiner = _of(request)
    found = await examiner.findings()
    escrow = state.plan.contracts.escrow
    try:
        balance = int(await ask_node(state.plan.rpc_url, "eth_getBalance", escrow, "latest"), 16)
        held = f"{balance / 10**18:.10g} ETH"
    except (NoAnswer, NodeError):
        held = "unknown"
    return JSONResponse(
        {
            "api": {
                "status": found.status,
                "version": state.version,
                "response_time_avg": state.requests.average,
                "error_rate": state.requests.error_rate,
            },
            "database": {
                "status": found.database,
                "connections": state.database.connections(),
                "query_time_avg": state.queries.average,
            },
            "contracts": {
                "escrow_contract": {
                    "address": escrow,
                    "status": found.smart_contracts,
                    "balance": held,
                }
            },
        }
    )


def _count_orders(database: Database) -> int:
    # Something that has to be read: SQLite answers "SELECT 1" without opening its file.
    return int(database.rows("SELECT count(*) FROM orders")[0][0])


async def _works(ask: Callable[[], Awaitable[bool]], patience: float) -> bool:
    try:
        async with asyncio.timeout(patience):
            return await ask()
    except (NoAnswer, NodeError, Unavailable, TimeoutError):
        return False


def _word(works: bool) -> str:  # noqa: FBT001 - one truth, one word
    return _HEALTHY if works else _UNHEALTHY


def _of(request: Request) -> tuple[State, Examiner]:
    return request.app.state.shared, request.app.state.examiner
