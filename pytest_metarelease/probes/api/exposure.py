"""Files and pages that nobody outside should see: environments, repositories, dumps, source maps.

Refuses to believe a status: what counts is content of the right form that differs from what the
service answers to a path that nobody has.
"""

from __future__ import annotations

import json
import re
import secrets
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pytest_metarelease.probes.api.showing import served_keys
from pytest_metarelease.probes.api.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.api.hardening import Front
    from pytest_metarelease.probes.exchange import Response

_NEXT = "serve only what was built to be served; keep the rest out of the served folder"
_ENV = re.compile(r"(?m)^\s*(?:export\s+)?[A-Z][A-Z0-9_]{2,}\s*=")
_GIT = re.compile(r"\[core\]|^ref: refs/|^[0-9a-f]{40}\s")
_SQL = re.compile(r"(?i)create table|insert into|pg_dump|^SQLite format 3|^PGDMP")
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PACKAGE = re.compile(r'"(?:dependencies|devDependencies|lockfileVersion)"\s*:')
_COMPOSE = re.compile(r"(?m)^services:\s*$|^FROM \S+")
_METRICS = re.compile(r"(?m)^# (?:HELP|TYPE) \w+")
_CODE = re.compile(r"module\.exports|require\(|import .+ from |_authToken")
_PRISMA = re.compile(r"(?m)^(?:datasource|generator|model)\s+\w+\s*\{")
_LOG = re.compile(r"(?m)^\d+ (?:info|verbose|silly|error) |^\s+at .+:\d+:\d+\)?$|^Traceback ")
#: What a page may have of its configuration is public; this is not.
_SECRETS = re.compile(
    r"(?i)\"\w*(?:secret|passw|private_?key|mnemonic|api_?key|token\"|(?:database|db|redis)_?ur[il])"
    r"\w*\"?\s*:|://[^\s:/\"]+:[^\s@\"]+@|^\s*[A-Z][A-Z0-9_]{2,}="
)
_ANY = re.compile(r"[^\s]")
_ARCHIVE = re.compile(r"\A(?:PK\x03\x04|\x1f.\x08|7z)")
_LISTING = re.compile(
    r"(?i)<title>\s*(?:index of|directory listing|listing directory)|>parent directory<"
)
_SYSTEM = re.compile(r"\broot:[x*]?:0:0:")
_FILES: tuple[tuple[str, re.Pattern[str]], ...] = (
    *(
        (path, _ENV)
        for path in ("/.env", "/.env.local", "/.env.production", "/.env.backup", "/api/.env")
    ),
    *((path, _GIT) for path in ("/.git/config", "/.git/HEAD")),
    *(
        (path, _SQL)
        for path in ("/backup.sql", "/dump.sql", "/database.sql", "/backup.dump", "/orders.db",
                     "/database.sqlite", "/prisma/dev.db", "/dev.db")
    ),
    *((path, _KEY) for path in ("/id_rsa", "/server.key", "/private.pem")),
    *((path, _PACKAGE) for path in ("/package.json", "/package-lock.json")),
    *((path, _COMPOSE) for path in ("/docker-compose.yml", "/Dockerfile")),
    *((path, _CODE) for path in ("/.npmrc", "/hardhat.config.js", "/hardhat.config.ts",
                                   "/server.js", "/next.config.js")),
    *((path, _PRISMA) for path in ("/prisma/schema.prisma", "/schema.prisma")),
    *((path, _LOG) for path in ("/npm-debug.log", "/yarn-error.log", "/error.log")),
    *((path, _SECRETS) for path in ("/api/config", "/config.json", "/secrets.json")),
    *((path, _METRICS) for path in ("/metrics", "/api/metrics")),
    *(
        (path, _ANY)
        for path in ("/debug", "/api/debug", "/api/env", "/debug/vars",
                     "/debug/pprof/", "/actuator/env", "/actuator/heapdump", "/debug/env",
                     "/api/debug/env", "/api/debug/state", "/api/debug/config", "/api/_debug",
                     "/api/logs", "/api/admin/users",
                     "/server-status", "/phpinfo.php", "/.DS_Store", "/api/admin", "/api/internal")
    ),
    *((path, _ARCHIVE) for path in ("/backup.zip", "/backup.tar.gz", "/dump.sql.gz", "/dist.zip")),
    *((path, _LISTING) for path in ("/static/", "/assets/", "/uploads/", "/files/", "/backup/",
                                    "/public/", "/_next/static/", "/js/")),
    *((path, _SYSTEM) for path in (
        "/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/../../../../../../../etc/passwd",
    )),
)  # fmt: skip
#: Forms that are pages, too.
_PAGES = (_LISTING,)
_SCRIPTS = 12


def shows_no_files(front: Front) -> None:
    """Judge that no file of the inside, debug page or metrics page is served."""
    trials = Trials(front.probe.recorder, lambda: True, _NEXT)
    known = {one.path for one in front.service.endpoints.values()} | {
        *front.service.hardening.public
    }
    nobody = [_ask(front, trials, f"/{secrets.token_hex(6)}{suffix}") for suffix in ("", ".json")]
    below = _ask(front, trials, f"/api/{secrets.token_hex(6)}")
    usual = [one for one in (*nobody, below) if one is not None]
    for path, form in _FILES:
        if path in known:
            continue
        answer = _ask(front, trials, path)
        if answer is not None:
            found = _found(answer, form, usual)
            problem = f"{path} is served: {answer.summary[:90]}" if found else ""
            trials.judge(answer.measurement, f"{path}: not there", problem, met=answer.summary[:60])
    trials.finish("nothing of the inside is served")


def _ask(front: Front, trials: Trials, path: str) -> Response | None:
    return trials.answered(
        path, partial(front.probe.get, _at_root(front, path), may_be_cached=True)
    )


def _at_root(front: Front, path: str) -> str:
    parts = urlsplit(front.probe.url)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _found(answer: Response, form: re.Pattern[str], usual: list[Response]) -> bool:
    if answer.status != 200 or not answer.body:
        return False
    if any(_alike(answer, one) for one in usual):
        return False
    is_page = "text/html" in answer.content_type
    if form is _ANY:
        # A page may be anything of the product; data under a name for debugging is for nobody.
        return not is_page or "phpinfo()" in answer.text or "Apache Server Status" in answer.text
    return (form in _PAGES or not is_page) and form.search(answer.text[:200_000]) is not None


def _alike(one: Response, other: Response) -> bool:
    """Whether two answers are the same page, but for a nonce or the path in it."""
    if one.status != other.status or one.content_type != other.content_type:
        return False
    sizes = sorted((len(one.body), len(other.body)))
    return one.body == other.body or (sizes[1] - sizes[0] <= 64 and sizes[0] > 256)


def shows_no_sources(front: Front) -> None:
    """Judge that the page's scripts come without their sources, and that no key is in them."""
    trials = Trials(
        front.probe.recorder,
        lambda: True,
        "build without source maps, and keep keys out of what is built for browsers",
    )
    page = front.service.page
    if page is None:
        return
    served = trials.answered(page.path, partial(front.probe.get, page.path))
    if served is not None:
        keys = served_keys(served)
        trials.judge(served.measurement, "the page: no key in it", keys, met=served.summary[:60])
        for url in _scripts(served.text, served.url, front):
            script = trials.answered(url, partial(front.probe.get, url))
            if script is None or script.status != 200:
                continue
            inline = "sourceMappingURL=data:" in script.text
            named = re.findall(r"sourceMappingURL=([^\s*'\"]+)", script.text[-2000:])
            targets = {urljoin(url, one) for one in named if not one.startswith("data:")}
            problem = "a map is in the script itself" if inline else ""
            trials.judge(script.measurement, f"{url}: no map in it", problem, met="none")
            keys = served_keys(script)
            trials.judge(script.measurement, f"{url}: no key in it", keys, met="none")
            for target in sorted({*targets, f"{url}.map"}):
                _judge_map(front, trials, target)
    trials.finish("no source maps and no keys are served")


def _judge_map(front: Front, trials: Trials, target: str) -> None:
    if urlsplit(target)[:2] != urlsplit(front.probe.url)[:2]:
        return
    answer = trials.answered(target, partial(front.probe.get, target))
    if answer is None:
        return
    is_map = answer.status == 200 and _is_map(answer.text)
    problem = f"a source map: {answer.summary[:80]}" if is_map else ""
    trials.judge(answer.measurement, f"{target}: not there", problem, met=answer.summary[:60])


def _is_map(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "mappings" in found


def _scripts(html: str, base: str, front: Front) -> Iterator[str]:
    from pytest_metarelease.probes.page import assets_of

    own = urlsplit(front.probe.url)[:2]
    urls = [url for url in assets_of(html, base) if urlsplit(url)[:2] == own]
    yield from [url for url in urls if urlsplit(url).path.endswith((".js", ".mjs"))][:_SCRIPTS]


def redirects_nowhere_else(front: Front) -> None:
    """Judge that no parameter and no path makes the service send a visitor to another host."""
    trials = Trials(front.probe.recorder, lambda: True, "redirect to your own paths only")
    elsewhere = "https://elsewhere.example/"
    names = ("next", "url", "redirect", "redirect_uri", "redirectTo", "return", "returnTo",
             "return_to", "continue", "callbackUrl", "dest", "to", "goto")  # fmt: skip
    query = "&".join(f"{name}={elsewhere}" for name in names)
    paths = [f"{path}?{query}" for path in ("/", "/login", "/logout", "/redirect", "/api/redirect",
             "/auth/callback", "/api/auth/signin", "/go", "/auth/login", "/auth/logout", "/signin",
             "/api/login", "/api/logout", "/out", "/r")]  # fmt: skip
    paths += ["//elsewhere.example/%2f..", "/%5celsewhere.example", "/\\elsewhere.example/"]
    for path in paths:
        answer = _ask(front, trials, path)
        if answer is None:
            continue
        location = next((value for name, value in answer.headers if name == "location"), "")
        problem = f"redirects to {location[:80]}" if _leads_away(location, elsewhere) else ""
        trials.judge(
            answer.measurement, f"{path[:40]}: stays here", problem, met=answer.summary[:60]
        )
    trials.finish("no redirect to another host")


def _leads_away(location: str, elsewhere: str) -> bool:
    # Browsers read a backslash as a slash (WHATWG URL), and two slashes as another host.
    host = urlsplit(location.strip().replace("\\", "/")).hostname or ""
    return host == urlsplit(elsewhere).hostname
