"""A page over HTTP: what it and its scripts must carry, and what they must not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.model import Page
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.page import FetchedPage, fetch_page
from tests.probes.hostile import answer, hostile_server, says

if TYPE_CHECKING:
    from collections.abc import Iterator

HTML = '<html><script src="/a.js"></script><h1>Swap</h1></html>'


@contextmanager
def page(script: str, **declared: Any) -> Iterator[FetchedPage]:
    served = {"/": says(answer(HTML, 200, {}, "text/html")), "/a.js": says(answer(script))}
    with hostile_server(served) as server:
        recorder = Notebook()
        recorder.check = "it"
        hosts = Hosts.these([server.url])
        probe = HttpProbe("service:web", server.url, recorder=recorder, hosts=hosts)
        try:
            yield fetch_page(probe, Page(**declared))
        finally:
            probe.close()


def test_nothing_declared_judges_nothing() -> None:
    with page("x()") as found:
        assert isinstance(found.recorder, Notebook)
        before = list(found.recorder.citations["it"])
        found.expect_texts()
        assert found.recorder.citations["it"] == before


def test_texts_are_looked_for_in_page_and_scripts() -> None:
    with page("chainId:1", carries=("chainId:1", "Swap"), without=("localhost",)) as found:
        found.expect_texts()


@pytest.mark.parametrize(
    ("script", "told"),
    [("chainId:5", "carry 'chainId:1'"), ("chainId:1;'http://localhost'", "do not carry")],
    ids=["missing", "there"],
)
def test_a_text_that_is_missing_or_there_is_told(script: str, told: str) -> None:
    with (
        page(script, carries=("chainId:1",), without=("localhost",)) as found,
        pytest.raises(UnmetError, match=told),
    ):
        found.expect_texts()


def test_an_origin_on_tls_is_not_carried_without_it_as_well() -> None:
    api = "https://api.example.org"
    with page(f"fetch('{api}/x')") as found:
        found.expect_origin("api", api)
    with (
        page(f"fetch('{api}/x');fetch('http://api.example.org/y')") as found,
        pytest.raises(UnmetError, match=r"they carry http://api\.example\.org, too"),
    ):
        found.expect_origin("api", api)
