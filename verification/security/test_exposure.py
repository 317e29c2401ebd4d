"""What strangers and browsers get to see: errors, files, sources, headers, other origins, TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.manifest.model import Expectation
from pytest_metarelease.probes.api import exposure, hardening, leaks, limiting, origins, showing
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.api.hardening import Front
from pytest_metarelease.probes.tls import TlsProbe

#: Half a year or more: eight digits, or seven that begin with 15 or more (RFC 6797).
STRICT = r"(?i).*max-age=\"?(?:\d{9,}|[2-9]\d{7}|1[6-9]\d{6}).*"

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.fixture
def seen(front: str, release: Target, service: Callable[..., Any]) -> Front:
    """A declared service as everybody sees it."""
    return Front(front, service(front), release.environment.services[front], release.environment)


@pytest.mark.verifies("post.exposure")
@pytest.mark.for_each("endpoint")
def test_errors_say_nothing_of_the_inside(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """No stack trace, path, SQL, library, private address or call data in any refusal."""
    leaks.tells_nothing(Examined.of(endpoint, release.environment, service))


@pytest.mark.verifies("post.exposure")
@pytest.mark.for_each("endpoint")
def test_right_answers_hold_no_secrets(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """No key, password, address with one, or stack trace in what is answered to what is right."""
    showing.shows_no_secrets(Examined.of(endpoint, release.environment, service))


@pytest.mark.verifies("post.exposure")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_no_file_of_the_inside_is_served(seen: Front) -> None:
    """Environments, repositories, dumps, debug and metrics pages."""
    exposure.shows_no_files(seen)


@pytest.mark.verifies("post.exposure")
@pytest.mark.for_each("page", optional=True)
def test_no_source_map_is_served(page: str, release: Target, service: Callable[..., Any]) -> None:
    """The page's scripts come without the sources they were made from."""
    environment = release.environment
    exposure.shows_no_sources(Front(page, service(page), environment.services[page], environment))


@pytest.mark.verifies("post.browser-protection")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_security_headers_are_sent(seen: Front) -> None:
    """Nosniff everywhere; a content security policy, and who may frame it, on pages."""
    hardening.sends_security_headers(seen)


@pytest.mark.verifies("post.browser-protection")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_cookies_are_careful(seen: Front) -> None:
    """Sessions with HttpOnly and SameSite; Secure where it is https."""
    hardening.sets_careful_cookies(seen)


@pytest.mark.verifies("post.browser-protection")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_nothing_redirects_elsewhere(seen: Front) -> None:
    """No parameter and no path leads a visitor to another host."""
    exposure.redirects_nowhere_else(seen)


@pytest.mark.verifies("post.cross-origin")
@pytest.mark.for_each("endpoint")
def test_other_origins_may_not_read(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """No reflected origin, no null, no look-alike."""
    origins.closed_to_other_origins(Examined.of(endpoint, release.environment, service))


@pytest.mark.verifies("post.banners")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_answers_do_not_say_what_serves_them(seen: Front) -> None:
    """No X-Powered-By, no version in Server."""
    hardening.has_no_banner(seen)


@pytest.mark.verifies("post.banners")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_trace_is_off(seen: Front) -> None:
    """TRACE is neither offered nor answered."""
    hardening.refuses_trace(seen)


@pytest.mark.verifies("post.rate-limiting", "security.rate-limiting")
@pytest.mark.for_each("limited", optional=True)
def test_who_asks_too_often_is_put_off(
    limited: str, release: Target, service: Callable[..., Any]
) -> None:
    """429 with Retry-After, beyond the declared rate."""
    limiting.limits_a_client(Examined.of(limited, release.environment, service))


@pytest.mark.verifies("post.tls")
@pytest.mark.for_each("front")
@pytest.mark.usefixtures("front")
def test_tls_is_trusted_and_young(seen: Front) -> None:
    """Chain, host name, days to expiry, protocol; browsers are told to come by TLS only."""
    from pytest_metarelease.probes.wire import tls_context

    tls = TlsProbe(f"service:{seen.name}", seen.probe.url, seen.probe.recorder, tls_context())
    tls.judge(seen.service.hardening.days)
    answer = seen.probe.get(seen.probe.url, may_be_cached=True)
    answer.header("strict-transport-security").expect(
        Expectation(matches=STRICT), next_step="send it with at least half a year"
    )
