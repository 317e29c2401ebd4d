"""Puts the API together: routes, CORS for the frontend's origin alone, errors as JSON.

Refuses to answer anything but JSON, and to show a stack trace to anybody.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from pytest_metarelease.sandbox.api import description, settlement, trading
from pytest_metarelease.sandbox.api.defects import with_defects
from pytest_metarelease.sandbox.api.health import Examiner, health, status
from pytest_metarelease.sandbox.api.parse import BadRequest
from pytest_metarelease.sandbox.api.shield import Shield
from pytest_metarelease.sandbox.api.state import Recent, State
from pytest_metarelease.sandbox.asgi import serve_app
from pytest_metarelease.sandbox.database import Unavailable, connect
from pytest_metarelease.sandbox.orders import signed_row
from pytest_metarelease.sandbox.plan import OLD_COMMIT, OLD_VERSION, Plan

if TYPE_CHECKING:
    import socket

    from starlette.requests import Request
    from starlette.types import ASGIApp

_PHANTOM_NUMBER = 7
_ROUTES = (
    Route("/openapi.json", description.show),
    Route("/health", health),
    Route("/api/health", health),
    Route("/api/status", status),
    Route("/api/orders", trading.list_orders, methods=["GET"]),
    Route("/api/orders", trading.create_order, methods=["POST"]),
    Route("/api/orders/{id}", trading.one_order),
    Route("/api/quote", trading.quote),
    Route("/api/signRelease", settlement.sign_release, methods=["POST"]),
    Route("/api/releaseFund", settlement.release_fund, methods=["POST"]),
)


def serve(listener: socket.socket, plan: Plan, *, old: bool) -> None:
    """Answer on ``listener`` until the process ends; ``old`` is the previous release."""
    serve_app(listener, build(plan, old=old))


def build(plan: Plan, *, old: bool) -> ASGIApp:
    """The application."""
    shared = State(
        plan=plan,
        version=OLD_VERSION if old else plan.version,
        commit=OLD_COMMIT if old else plan.commit,
        database=connect(plan.database),
        phantom=signed_row(plan, _PHANTOM_NUMBER) if plan.has("orders-diverge") else None,
        workers=ThreadPoolExecutor(max_workers=4, thread_name_prefix="database"),
        requests=Recent(),
        queries=Recent(),
        releasing=asyncio.Lock(),
    )
    app = Starlette(
        routes=_ROUTES,
        exception_handlers={
            BadRequest: _bad_request,
            HTTPException: _http_error,
            Unavailable: _unavailable,
            Exception: _unexpected,
        },
    )
    app.state.shared, app.state.examiner = shared, Examiner(shared)
    open_to_frontend = CORSMiddleware(
        app,
        allow_origins=[plan.frontend_url],
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type", "Authorization"],
    )
    return with_defects(Shield(open_to_frontend, shared), plan)


async def _bad_request(_: Request, problem: Any) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
    return JSONResponse({"error": str(problem)}, problem.status, headers)


async def _http_error(_: Request, problem: Any) -> JSONResponse:
    return JSONResponse({"error": problem.detail}, problem.status_code, problem.headers)


async def _unavailable(_: Request, __: Any) -> JSONResponse:
    return JSONResponse({"error": "the database is unavailable"}, 503)


async def _unexpected(_: Request, __: Any) -> JSONResponse:
    return JSONResponse({"error": "internal server error"}, 500)
