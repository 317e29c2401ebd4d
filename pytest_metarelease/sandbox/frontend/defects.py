"""The defects of the page's server: files of the inside, source maps, redirects, bare answers.

Refuses to serve anything where no fault was asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from pytest_metarelease.sandbox.plan import Plan

_ENV = "ARBITER_PRIVATE_KEY=not-a-real-key\nDATABASE_URL=postgresql://orders@db/orders\n"
_GIT = '[core]\n\trepositoryformatversion = 0\n[remote "origin"]\n\turl = git@example.org:x.git\n'


def routes_of_defects(plan: Plan, script_path: str) -> list[Route]:
    """Routes that no release should have."""
    found = []
    if plan.has("dotenv-served"):
        found.append(_text("/.env", _ENV, "text/plain"))
    if plan.has("git-served"):
        found.append(_text("/.git/config", _GIT, "application/octet-stream"))
    if plan.has("sourcemap-served"):
        source = {"version": 3, "sources": ["app.ts"], "mappings": "AAAA", "sourcesContent": [""]}
        found.append(_text(f"{script_path}.map", json.dumps(source), "application/json"))
    if plan.has("open-redirect"):
        found.append(Route("/login", _login))
    return found


async def _login(request: Request) -> Response:
    return RedirectResponse(request.query_params.get("next", "/"), 302)


def _text(path: str, content: str, kind: str) -> Route:
    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(path, answer)
