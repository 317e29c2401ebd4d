"""What was created, against a small product that keeps it and against some that do not."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UnmetError, UnsupportedError, UsageError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.interface import Created, Paged
from pytest_metarelease.manifest.model import Answer, Database, Endpoint, Environment, Service
from pytest_metarelease.manifest.scalars import Access, Url, ValuePath
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.api.records import can_be_read_back, is_stored
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.sql import DatabaseProbe
from tests.probes.hostile import Asked, Talk, answer, hostile_server

if TYPE_CHECKING:
    from pathlib import Path

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
    name: str = "id"
    lists: Callable[[list[str], int], list[str]] | None = None
    identity: int | str | None = None
    kept: dict[int | str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def make_or_list(self, asked: Asked, talk: Talk) -> None:
        (self.create if asked.method == "POST" else self.page)(asked, talk)

    def page(self, asked: Asked, talk: Talk) -> None:
        found = [str(one) for one in self.kept]
        if self.lists is not None:
            found = self.lists(found, int(asked.target.rpartition("=")[2]))
        talk.send(answer(json.dumps([{self.name: one} for one in found])))

    def create(self, asked: Asked, talk: Talk) -> None:
        sent = json.loads(asked.body)
        amount = int(sent["amount"])
        if self.fails_on_large and amount > 2**53:
            return talk.send(answer("{}", 500))
        if (self.strict and set(sent) - set(BODY)) or (self.most and amount > self.most):
            return talk.send(answer("{}", 422))
        identity = str(next(self.numbers)) if self.identity is None else self.identity
        believed = {name: sent[name] for name in self.believes if name in sent}
        shown = str(int(float(amount))) if self.rounds else str(amount)
        self.kept[identity] = {"note": sent["note"], "amount": shown, **MINE, **believed}
        return talk.send(answer(json.dumps({"id": identity}), 201))

    def read(self, asked: Asked, talk: Talk) -> None:
        talk.send(answer(json.dumps(self.kept[asked.target.rpartition("/")[2]])))

    @contextmanager
    def examined(self, database: str | None = None) -> Iterator[tuple[Examined, HttpProbe]]:
        same = {ValuePath(one): ValuePath(one) for one in BODY}
        created = Created(
            id=ValuePath("id"), read="one", same=same, list="all" if self.lists else None
        )
        databases = {}
        if database is not None:
            databases = {"notes": Database(url=Url(database))}
            query = "select count(*) from notes where id = :id"
            created = replace(created, database="notes", query=query)
        endpoints = {
            "create": Endpoint(
                path="/notes", method="POST", body=BODY, writes=True, created=created,
                answer=Answer(status=(201,)),
            ),
            "all": Endpoint(
                path="/notes", query={"limit": "5"}, paged=Paged(parameter="limit", most=20)
            ),
            "one": Endpoint(path="/notes/{id}", parameters={"id": "0"}),
        }  # fmt: skip
        scripts = {"/notes": self.make_or_list, **{f"/notes/{one}": self.read for one in range(12)}}
        with hostile_server(scripts) as server:
            service = Service(url=Url(server.url), endpoints=endpoints)
            environment = Environment(
                name="here",
                access=Access.TRANSACT,
                services={"api": service},
                databases=databases,
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


FULL = [f"n-{number}" for number in range(20)]


@pytest.mark.parametrize(
    "lists",
    [
        lambda kept, limit: list(reversed(kept))[:limit],
        # Others make things at the same time: all there is room for in the declared page.
        lambda kept, limit: [*FULL[:5], *kept][:limit],
    ],
    ids=["newest first", "not in the declared page"],
)
def test_what_is_listed(lists: Callable[[list[str], int], list[str]]) -> None:
    Product(lists=lists).judge()


def test_what_may_stand_on_a_later_page_is_unknown() -> None:
    with pytest.raises(UnsupportedError, match="largest page, which is full; let its `query` sort"):
        Product(lists=lambda kept, limit: [*FULL, *kept][:limit]).judge()


def test_what_is_not_listed() -> None:
    with pytest.raises(UnmetError, match="the list: 1 is not among 5 at"):
        Product(lists=lambda _, limit: FULL[:5][:limit]).judge()


def test_ids_that_stand_elsewhere_are_a_slip_of_the_manifest() -> None:
    with pytest.raises(UsageError, match=r"0 is in the answer, but not at \*\.id; say where"):
        Product(lists=lambda kept, _: kept, name="noteId").judge()


def test_digits_that_are_lost() -> None:
    with pytest.raises(UnmetError, match="amount is '9007199254740992', '9007199254740993' was"):
        Product(rounds=True).judge()


def test_what_really_pays_is_asked_for_no_large_amounts() -> None:
    product = Product(rounds=True)
    with product.examined() as (one, probe):
        one.declared = replace(one.declared, moves_funds=True)
        can_be_read_back(one, lambda _: probe)
    assert {kept["amount"] for kept in product.kept.values()} == {BODY["amount"]}


def test_a_large_amount_that_makes_it_fail() -> None:
    with pytest.raises(UnmetError, match="an amount of sixteen digits: failed: 500"):
        Product(fails_on_large=True).judge()


@pytest.mark.parametrize("name", MINE)
def test_what_callers_decide(name: str) -> None:
    with pytest.raises(UnmetError, match=f"{name} given by whoever creates it: {name} is '"):
        Product(believes=(name,)).judge()


@pytest.mark.parametrize("identity", [43, "43"], ids=["a number", "a text"])
def test_an_id_is_looked_for_in_the_database_as_it_came(
    identity: int | str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'notes.db'}"
    with closing(sqlite3.connect(tmp_path / "notes.db")) as connection:
        connection.execute("create table notes (id)")
        connection.execute("insert into notes values (?)", (identity,))
        connection.commit()
    with Product(identity=identity).examined(url) as (one, probe):
        recorder = probe.recorder
        database = DatabaseProbe("notes", one.environment.databases["notes"], recorder=recorder)
        with closing(database):
            is_stored(one, lambda _: database)
