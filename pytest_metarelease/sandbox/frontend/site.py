"""Serves the frontend: its page, and assets named after the digest of their content.

Refuses every other path, and inline scripts by its content security policy.
"""

from __future__ import annotations

import hashlib
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from pytest_metarelease.sandbox.asgi import serve_app
from pytest_metarelease.sandbox.browser_faults import ELSEWHERE, SCRIPTS, STYLES
from pytest_metarelease.sandbox.frontend.defects import routes_of_defects
from pytest_metarelease.sandbox.plan import CHAIN_ID, ZERO_ADDRESS, Plan

if TYPE_CHECKING:
    import socket

    from starlette.requests import Request

_FOLDER = Path(__file__).parent


def serve(listener: socket.socket, plan: Plan) -> None:
    """Answer on ``listener`` until the process ends."""
    serve_app(listener, build(plan))


def build(plan: Plan) -> Starlette:
    """The application: three files, filled in as a build would."""
    script = _text("app.js").replace("{{config}}", json.dumps(_config(plan), indent=2))
    script += "\n".join(text for name, text in SCRIPTS.items() if plan.has(name))
    styles = _text("style.css") + "\n".join(text for name, text in STYLES.items() if plan.has(name))
    tracker = f" {ELSEWHERE}" if plan.has("wrong-origin") else ""
    script_path, styles_path = _hashed("app", script, "js"), _hashed("style", styles, "css")
    policy_of_none = plan.has("headers-missing")
    page = _text("index.html")
    for name, value in (
        ("script", script_path),
        ("styles", styles_path),
        ("release", f"{plan.release_name} {plan.version}"),
    ):
        page = page.replace("{{" + name + "}}", html.escape(value))
    policy = (
        None
        if policy_of_none
        else (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {plan.api_url}{tracker}; base-uri 'none'; form-action 'self'; "
            f"frame-ancestors 'none'"
        )
    )
    return Starlette(
        routes=[
            _file("/", page, "text/html", "no-cache", policy),
            _file(script_path, script, "text/javascript", "max-age=31536000, immutable", policy),
            _file(styles_path, styles, "text/css", "max-age=31536000, immutable", policy),
            *routes_of_defects(plan, script_path),
        ]
    )


def _config(plan: Plan) -> dict[str, str | int]:
    wrong = plan.has("frontend-wrong-address")
    return {
        "apiOrigin": plan.api_url,
        "escrowAddress": plan.contracts.earlier_escrow if wrong else plan.contracts.escrow,
        "chainId": CHAIN_ID,
        "token": plan.contracts.token,
        "ether": ZERO_ADDRESS,
        "version": plan.version,
    }


def _file(path: str, content: str, kind: str, caching: str, policy: str | None) -> Route:
    headers = {"Cache-Control": caching}
    if policy is not None:
        headers |= {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
        }

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind, headers=headers)

    return Route(path, answer)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hashed(name: str, content: str, suffix: str) -> str:
    return f"/assets/{name}.{hashlib.sha256(content.encode()).hexdigest()[:12]}.{suffix}"
