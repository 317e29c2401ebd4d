"""What may be read on read-only, although something may be written at the same path."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.model import Endpoint, Environment, Service
from pytest_metarelease.manifest.scalars import Access, Url
from pytest_metarelease.plugin.doors import service_probe
from tests.probes.hostile import Hostile, hostile_server, says_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.http import HttpProbe

READ = Endpoint(path="/orders")
ADD = Endpoint(path="/orders", method="POST", body={}, writes=True)
RESTART = Endpoint(path="/orders", writes=True)


@contextmanager
def probe(**endpoints: Endpoint) -> Iterator[tuple[HttpProbe, Hostile]]:
    with hostile_server({"/orders": says_json([])}) as server:
        service = Service(url=Url(server.url), endpoints=endpoints)
        environment = Environment(name="x", access=Access.READ_ONLY, services={"api": service})
        with closing(service_probe("api", environment, Notebook())) as made:
            yield made, server


@pytest.mark.parametrize(
    "endpoints", [{"add": ADD}, {"restart": RESTART}, {"a": READ, "b": RESTART}]
)
def test_what_nobody_declares_to_be_read_is_not(endpoints: dict[str, Endpoint]) -> None:
    with probe(**endpoints) as (one, server):
        for path in ("/orders", "//Orders/", "/x/../orders"):
            with pytest.raises(ForbiddenError):
                one.get(path)
        assert server.asked == []


def test_a_list_is_read_where_another_request_adds_to_it() -> None:
    with probe(orders=READ, add=ADD) as (one, server):
        assert one.get("/orders").status == 200
        with pytest.raises(ForbiddenError):
            one.request("POST", "/orders", json={})
        assert [asked.method for asked in server.asked] == ["GET"]
