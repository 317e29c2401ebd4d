"""Cross-origin reading (CORS): which pages a service lets read its answers.

Refuses to call a service open because anybody may read what is public anyway: a star is a finding
only where the manifest says whose pages they are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.probes.headers import header_of
from pytest_metarelease.probes.hosts import origin_of

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.exchange import Response

_NEXT = "answer Access-Control-Allow-Origin for the origins of your own pages only"


def foreign_origins(one: Examined) -> list[str]:
    """Return origins that no declared page has: another site, look-alikes, and ``null``."""
    scheme, host, port = origin_of(one.probe.url)
    own = f"{scheme}://{host}" + ("" if port in (80, 443) else f":{port}")
    found = ["https://elsewhere.example", "null", f"{own}.elsewhere.example"]
    allowed = (one.service.hardening.origins or ())[:1]
    return found + [_written(one.environment, name) + ".elsewhere.example" for name in allowed]


def closed_to_other_origins(one: Examined) -> None:
    """Judge that no foreign origin may read answers, by a request and by its preflight."""
    trials = one.trials(_NEXT)
    declared = one.service.hardening.origins
    for origin in foreign_origins(one):
        sent = {"Origin": origin}
        preflight = {
            **sent,
            "Access-Control-Request-Method": one.declared.method,
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        asked = [("preflight", "OPTIONS", preflight)]
        if one.declared.method == "GET":
            asked.append(("request", "GET", sent))
        for what, method, headers in asked:
            name = f"a {what} from {origin}"
            answer = trials.answered(
                name,
                partial(one.send, method=method, headers=headers, anonymous=True),
            )
            if answer is not None:
                problem = opened(answer, origin, is_declared=declared is not None)
                trials.judge(answer.measurement, f"{name}: not allowed", problem, met="not allowed")
    trials.finish("answers that no other site's page may read")


def opened(answer: Response, origin: str, *, is_declared: bool) -> str:
    """Return what lets ``origin`` read this answer, empty where nothing does."""
    allowed = (header_of(answer.headers, "access-control-allow-origin") or "").strip()
    with_credentials = header_of(answer.headers, "access-control-allow-credentials") == "true"
    credentials = ", with the visitor's credentials" if with_credentials else ""
    if allowed.lower() == origin.lower():
        return f"Access-Control-Allow-Origin: {allowed}{credentials}"
    if allowed == "*" and (is_declared or with_credentials):
        return f"Access-Control-Allow-Origin: *{credentials}"
    return ""


def _written(environment: Environment, name: str) -> str:
    scheme, host, port = origin_of(environment.services[name].url)
    usual = {"http": 80, "https": 443}[scheme] == port
    return f"{scheme}://{host}" + ("" if usual else f":{port}")
