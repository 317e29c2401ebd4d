"""What was created, against a small product that keeps it and against some that do not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.interface import Created
from pytest_metarelease.manifest.model import Answer, Endpoint, Environment, Service
from pytest_metarelease.manifest.scalars import Access, Url, ValuePath
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.api.records import can_be_read_back
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from tests.probes.hostile import Asked, Talk, answer, hostile_server

MINE = {"status": "open", "createdAt": "2026-11-27T12:00:00Z", "filledAmount": "0"}
BODY: Any = {"amount": "1000000000000000", "note": "hello"}


@dataclass
class Product:
    """Notes with amounts. ``rounds``, ``believes`` and ``strict`` are what it does of them."""

    rounds: bool = False
    believes: tuple[str, ...] = ()
    strict: bool = False
    most: int | None = None
    fails_on_large: bool = False
    kept: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def create(self, asked: Asked, talk: Talk) -> None:
        sent = json.loads(asked.body)
        amount = int(sent["amount"])
        if self.fails_on_large and amount > 2**53:
            return talk.send(answer("{}", 500))
        if (self.strict and set(sent) - set(BODY)) or (self.most and amount > self.most):
            return talk.send(answer("{}", 422))
        identity = str(next(self.numbers))
        believed = {name: sent[name] for name in self.believes if name in sent}
        shown = str(int(float(amount))) if self.rounds else str(amount)
        self.kept[identity] = {"note": sent["note"], "amount": shown, **MINE, **believed}
        return talk.send(answer(json.dumps({"id": identity}), 201))

    def read(self, asked: Asked, talk: Talk) -> None:
        talk.send(answer(json.dumps(self.kept[asked.target.rpartition("/")[2]])))

    @contextmanager
    def examined(self) -> Iterator[tuple[Examined, HttpProbe]]:
        same = {ValuePath(one): ValuePath(one) for one in BODY}
        created = Created(id=ValuePath("id"), read="one", same=same)
        endpoints = {
            "create": Endpoint(
                path="/notes", method="POST", body=BODY, writes=True, created=created,
                answer=Answer(status=(201,)),
            ),
            "one": Endpoint(path="/notes/{id}", parameters={"id": "0"}),
        }  # fmt: skip
        scripts = {"/notes": self.create, **{f"/notes/{one}": self.read for one in range(12)}}
        with hostile_server(scripts) as server:
            service = Service(url=Url(server.url), endpoints=endpoints)
            environment = Environment(
                name="here", access=Access.TRANSACT, services={"api": service}
            )
            recorder = Notebook()
            recorder.check = "check"
            probe = HttpProbe(
                "service:api", server.url, recorder=recorder, hosts=Hosts.of(environment),
                access=Access.TRANSACT,
            )  # fmt: skip
            with closing(probe):
                yield Examined.of("api.create", environment, lambda _: probe), probe

    def judge(self) -> None:
        with self.examined() as (one, probe):
            can_be_read_back(one, lambda _: probe)


@pytest.mark.parametrize(
    "product",
    [Product(), Product(strict=True), Product(most=10**15)],
    ids=["keeps all", "refuses more members", "refuses large amounts"],
)
def test_a_careful_product(product: Product) -> None:
    product.judge()


def test_digits_that_are_lost() -> None:
    with pytest.raises(UnmetError, match="amount is '9007199254740992', '9007199254740993' was"):
        Product(rounds=True).judge()


def test_a_large_amount_that_makes_it_fail() -> None:
    with pytest.raises(UnmetError, match="an amount of sixteen digits: failed: 500"):
        Product(fails_on_large=True).judge()


@pytest.mark.parametrize("name", MINE)
def test_what_callers_decide(name: str) -> None:
    with pytest.raises(UnmetError, match=f"{name} given by whoever creates it: {name} is '"):
        Product(believes=(name,)).judge()
