"""What is tried at endpoints, against a small service that is right and against one that is not.

A service here is one function of the request; what is wrong with it is one line.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.interface import First
from pytest_metarelease.manifest.model import (
    Answer,
    Credential,
    Endpoint,
    Environment,
    Expectation,
    Service,
    SignedRequest,
    TypedData,
)
from pytest_metarelease.manifest.scalars import Access, PerSecond, Url, ValuePath
from pytest_metarelease.probes.api import credentials, injecting, limiting, money, negative, showing
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.signed import Signer
from tests.probes.hostile import Asked, Hostile, Talk, answer, hostile_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Serving: TypeAlias = "Callable[[Asked], bytes]"
OK = Expectation(equals=True, states_equals=True)
NO = Expectation(equals=False, states_equals=True)


def saying(document: object, status: int = 200, **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(json.dumps(document), status, named)


@contextmanager
def examined(serving: Serving, **declared: Any) -> Iterator[tuple[Examined, Hostile]]:
    """The endpoint ``api.it`` of a service that answers by ``serving``."""

    def script(asked: Asked, talk: Talk) -> None:
        talk.send(serving(asked))

    more = declared.pop("more", {})
    beside = declared.pop("beside", ())
    endpoint = Endpoint(**{"path": "/it", **declared})
    paths = {"/it", "/it/", "/IT", "/%69t", *beside, *(one.path for one in more.values())}
    with hostile_server(dict.fromkeys(paths, script)) as server:
        service = Service(url=Url(server.url), endpoints={"it": endpoint, **more})
        environment = Environment(
            name="there",
            access=Access.TRANSACT,
            services={"api": service},
            credentials={"key": Credential(value="Bearer right-0123456789")},
        )
        recorder = Notebook()
        recorder.check = "it"
        probe = HttpProbe(
            "service:api",
            server.url,
            recorder=recorder,
            hosts=Hosts.these([server.url]),
            access=Access.TRANSACT,
            credentials={"key": ("Authorization", "Bearer right-0123456789")},
            timeout=5,
        )
        try:
            yield Examined.of("api.it", environment, lambda _: probe), server
        finally:
            probe.close()


def judgements(one: Examined) -> set[Judgement]:
    recorder = one.probe.recorder
    assert isinstance(recorder, Notebook)
    return {found.judgement for found in recorder.citations["it"]} - {Judgement.NONE}


# --------------------------------------------------------------------------- refusals of its own


def checker(asked: Asked) -> bytes:
    return saying({"valid": asked.body == b'{"order": "right"}'})


CHECKING = {"method": "POST", "body": {"order": "right"}}


def test_an_answer_that_is_no_declared_refusal_is_none() -> None:
    with examined(checker, **CHECKING) as (one, _), pytest.raises(UnmetError, match="accepted"):
        negative.missing_members(one)


def test_a_declared_refusal_refuses() -> None:
    refusal = Answer(values={ValuePath("valid"): NO})
    with examined(checker, **CHECKING, refusal=refusal) as (one, _):
        negative.missing_members(one)
        assert judgements(one) == {Judgement.MET}


@pytest.mark.parametrize("body", [b'{"valid": true}', b"no JSON", b'{"other": false}'])
def test_what_only_looks_like_it_does_not(body: bytes) -> None:
    refusal = Answer(values={ValuePath("valid"): NO})
    with (
        examined(lambda _: answer(body), **CHECKING, refusal=refusal) as (one, _),
        pytest.raises(UnmetError, match="accepted"),
    ):
        negative.missing_members(one)


# --------------------------------------------------------------------------- one after another

SIGN = Endpoint(path="/sign", method="POST", body={"to": "somebody", "amount": "1"})
PAY = {
    "method": "POST",
    "body": {"to": "me", "amount": "$number", "signature": "$signature"},
    "first": First(endpoint="sign", take={"$signature": ValuePath("data.signature")}),
    "more": {"sign": SIGN},
}


def cashier(asked: Asked) -> bytes:
    body = json.loads(asked.body)
    if asked.target == "/sign":
        return saying({"data": {"signature": f"for {body['to']}, {body['amount']}"}})
    right = body["signature"] == f"for {body['to']}, {body['amount']}"
    return saying({"paid": right}, 200 if right else 422)


def test_what_comes_first_gives_what_the_example_needs() -> None:
    with examined(cashier, **PAY) as (one, server):
        one.ask().expect_answer(Answer(values={ValuePath("paid"): OK}))
        one.ask().expect(200)
    paid = [json.loads(asked.body) for asked in server.asked if asked.target == "/it"]
    assert paid[0]["to"] == "me"
    assert 1 <= int(paid[0]["amount"]) <= 999_999
    assert [asked.target for asked in server.asked] == ["/sign", "/it", "/sign", "/it"]


def test_without_it_nothing_is_sent() -> None:
    with (
        examined(lambda _: saying({}, 403), **PAY) as (one, server),
        pytest.raises(ProbeError, match=r"api\.sign, which comes before api\.it"),
    ):
        one.ask()
    assert [asked.target for asked in server.asked] == ["/sign"]


ORDER = Endpoint(path="/orders", method="POST", body={"amount": "1"}, writes=True)
CANCEL: dict[str, Any] = {
    "path": "/orders/{id}/cancel",
    "method": "POST",
    "parameters": {"id": "$id"},
    "writes": True,
    "first": First(endpoint="order", take={"$id": ValuePath("id")}),
    "more": {"order": ORDER},
    "beside": ["/orders/no%201/cancel", "/orders/no%202/cancel"],
}


def book() -> Serving:
    """Orders, of which each can be cancelled once."""
    held: list[str] = []

    def serving(asked: Asked) -> bytes:
        if asked.target == "/orders":
            held.append(f"/orders/no%20{len(held) + 1}/cancel")
            return saying({"id": f"no {len(held)}"}, 201)
        if held and asked.target == held[-1]:
            held[-1] = ""
            return saying({"cancelled": True})
        return saying({"error": "no such order"}, 404)

    return serving


def test_what_comes_first_gives_what_the_path_needs() -> None:
    declared = {**CANCEL, "more": {"order": replace(ORDER, answer=Answer(status=(201,)))}}
    with examined(book(), **declared) as (one, server):
        one.ask().expect_answer(Answer(values={ValuePath("cancelled"): OK}))
        one.send(body=one.example()).expect(200)
    assert [asked.target for asked in server.asked] == [
        "/orders",
        "/orders/no%201/cancel",
        "/orders",
        "/orders/no%202/cancel",
    ]


def test_an_unknown_id_is_tried_beside_one_that_is_known() -> None:
    unknown: list[str] = []
    declared = {**CANCEL, "more": {"order": replace(ORDER, answer=Answer(status=(201,)))}}
    serving = book()

    def noting(asked: Asked) -> bytes:
        if asked.target != "/orders":
            unknown.append(asked.target)
        return serving(asked)

    with examined(noting, **declared) as (one, _):
        negative.unknown_ids(one)
        assert judgements(one) == {Judgement.MET}
    assert all("no%20" not in target for target in unknown if "OR" not in target)


def test_no_request_leaves_with_a_stand_in_in_its_path() -> None:
    declared = {**CANCEL, "more": {"order": replace(ORDER, answer=Answer(status=(201,)))}}
    with examined(book(), **declared) as (one, server):
        one.send(body={})
    assert [asked.target for asked in server.asked] == ["/orders", "/orders/no%201/cancel"]


@pytest.mark.parametrize("given", [None, "", "..", True, 1.5, {"a": 1}, ["a"]])
def test_what_no_path_can_have_is_not_sent(given: object) -> None:
    with (
        examined(lambda _: saying({"id": given}), **CANCEL) as (one, server),
        pytest.raises(ProbeError, match=r"api\.order gave .* for id in the path of api\.it"),
    ):
        one.ask()
    assert [asked.target for asked in server.asked] == ["/orders"]


# --------------------------------------------------------------------------- connections


def test_no_other_request_comes_behind_a_body() -> None:
    """A service that answers early would read the rest of the body as the next request."""
    with examined(lambda _: saying({}, 422), **CHECKING) as (one, server):
        for _ in range(2):
            one.send(body={"a": 1})
            one.works()
    bodied = [asked.connection for asked in server.asked if asked.body]
    plain = [asked.connection for asked in server.asked if not asked.body]
    assert len(set(bodied)) == 2
    assert set(bodied).isdisjoint(plain)


# --------------------------------------------------------------------------- strangers


def guarded(asked: Asked) -> bytes:
    right = asked.headers.get("authorization") == "Bearer right-0123456789"
    return saying({}, 200 if right else 401)


def behind(path: str, key: str, value: str) -> Serving:
    """Guarded, but for who comes by another path, or with a header."""

    def serving(asked: Asked) -> bytes:
        if asked.target == path or (key and value in asked.headers.get(key, "")):
            return saying({"secret": 1})
        return guarded(asked)

    return serving


KEYED: dict[str, Any] = {"credential": "key", "authentication": "bearer"}


def test_who_guards_well_is_not_complained_of() -> None:
    with examined(guarded, **KEYED) as (one, _):
        credentials.refuses_strangers(one)
        assert judgements(one) == {Judgement.MET}


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-Api-Key", "right-0123456789"), ("Cookie", "sid=right-0123456789")],
)
def test_credentials_without_a_scheme_are_tried_as_such(header: str, value: str) -> None:
    def serving(asked: Asked) -> bytes:
        return saying({}, 200 if asked.headers.get(header.lower()) == value else 401)

    with examined(serving, credential="key") as (one, _):
        declared = Credential(header=header, value=value)
        one.environment = replace(one.environment, credentials={"key": declared})
        credentials.refuses_strangers(one)
        assert judgements(one) == {Judgement.MET}


@pytest.mark.parametrize(
    ("serving", "told"),
    [
        (behind("", "x-forwarded-for", "127.0.0.1"), "the machine itself: accepted"),
        (behind("", "x-role", "admin"), "an administrator: accepted"),
        (behind("", "x-middleware-subrequest", "middleware"), "middleware has run: accepted"),
        (behind("", "authorization", "test"), "the credential 'test': accepted"),
        (behind("/IT", "", ""), "at /IT: accepted"),
        (behind("/it/", "", ""), "at /it/: accepted"),
    ],
    ids=["loopback", "role", "middleware", "guessed", "upper case", "slash"],
)
def test_a_way_around_is_found(serving: Serving, told: str) -> None:
    with examined(serving, **KEYED) as (one, _), pytest.raises(UnmetError, match=told):
        credentials.refuses_strangers(one)


# --------------------------------------------------------------------------- parts of a thing


def changing(asked: Asked) -> bytes:
    """Takes any part of a note, and nothing too; no other type and no null."""
    try:
        sent = json.loads(asked.body or b"{}")
    except (ValueError, RecursionError):
        sent = None
    right = isinstance(sent, dict) and all(isinstance(one, str) for one in sent.values())
    return saying({}, 200 if right else 422)


@pytest.mark.parametrize(
    "declared",
    [
        {"method": "PATCH", "body": {"note": "x", "title": "y"}},
        {"method": "POST", "body": {"note": "x"}, "optional": ("note",)},
    ],
    ids=["PATCH", "all optional"],
)
def test_a_part_is_enough_where_nothing_more_is_needed(declared: Any) -> None:
    with examined(changing, **declared) as (one, _):
        negative.missing_members(one)
        negative.no_body(one)
        assert judgements(one) == {Judgement.MET}


def test_what_must_be_there_is_missed_where_it_is_no_part() -> None:
    with (
        examined(changing, method="PUT", body={"note": "x"}) as (one, _),
        pytest.raises(UnmetError, match="without note: accepted"),
    ):
        negative.missing_members(one)


# --------------------------------------------------------------------------- declared headers


def with_token(asked: Asked) -> bytes:
    """An order needs the token against CSRF, and a fresh key of idempotency."""
    has_key = asked.headers.get("idempotency-key", "").isdigit()
    right = has_key and asked.headers.get("x-csrf-token") == "right-token"
    return saying({}, 200 if right else 403)


def test_declared_headers_are_sent_but_by_no_form_of_another_site() -> None:
    headers = {"X-CSRF-Token": "right-token", "Idempotency-Key": "$number"}
    with examined(with_token, method="POST", body={"a": "1"}, headers=headers) as (one, server):
        assert one.ask().status == one.send(body=one.example()).status == 200
        assert one.send(body={}, headers={"x-csrf-token": "wrong"}).status == 403
        keys = {asked.headers["idempotency-key"] for asked in server.asked}
        assert len(keys) == 3
        money.refuses_forms(one)
        assert all("x-csrf-token" not in asked.headers for asked in server.asked[3:])


# --------------------------------------------------------------------------- conditions in SQL

USERS = {"alice": [1, 2], "bob": [3]}


def sql(asked: Asked) -> bytes:
    """As ``where name = '<text>'`` answers, with a clock in it."""
    text = _parameter(asked)
    everybody = any(one in text for one in ("71=71", "'a8'='a8'", "9>8")) and "' OR" in text
    found = [id_ for ids in USERS.values() for id_ in ids] if everybody else USERS.get(text, [])
    return saying({"data": found, "at": len(text)})


def fuzzy(asked: Asked) -> bytes:
    """A search for words, which may well find something for the one and not for the other."""
    words = _parameter(asked).replace("'", " ").replace("=", " ").split()
    return saying({"data": [word for word in words if word in ("71", "a9")]})


def _parameter(asked: Asked) -> str:
    from urllib.parse import parse_qs, urlsplit

    return parse_qs(urlsplit(asked.target).query).get("name", [""])[0]


@pytest.mark.parametrize(
    "serving",
    [fuzzy, lambda _: saying({"data": []}), lambda _: saying({}, 400)],
    ids=["a search", "nothing", "a refusal"],
)
def test_a_value_that_is_taken_for_text_is_no_finding(serving: Serving) -> None:
    with examined(serving, query={"name": "alice"}) as (one, _):
        injecting.takes_payloads_for_text(one)


def test_a_condition_that_is_evaluated_is_found() -> None:
    with (
        examined(sql, query={"name": "alice"}) as (one, _),
        pytest.raises(UnmetError, match=r"conditions behind name: .* is evaluated"),
    ):
        injecting.takes_payloads_for_text(one)


# --------------------------------------------------------------------------- limits


def limiter(*, by_header: bool) -> Serving:
    """Five requests for each client, for ever."""
    counts: dict[str, int] = {}

    def serving(asked: Asked) -> bytes:
        client = asked.headers.get("x-forwarded-for", "") if by_header else ""
        counts[client] = counts.get(client, 0) + 1
        return saying({}) if counts[client] <= 5 else saying({}, 429, Retry_After="60")

    return serving


LIMITED: dict[str, Any] = {"rate_limit": PerSecond(1), "burst": 5}


def test_who_is_put_off_stays_so() -> None:
    with examined(limiter(by_header=False), **LIMITED) as (one, _):
        limiting.limits_a_client(one)
        assert judgements(one) == {Judgement.MET}


def test_a_limit_that_lets_some_through_is_one() -> None:
    """Every other request, whoever asks: as a bucket that fills half as fast as it is emptied."""
    count = iter(range(10_000))

    def every_other(_: Asked) -> bytes:
        number = next(count)
        return saying({}, 429, Retry_After="1") if number > 5 and number % 2 else saying({})

    with examined(every_other, **LIMITED) as (one, _):
        limiting.limits_a_client(one)


def test_a_limit_for_who_is_honest_is_none() -> None:
    with (
        examined(limiter(by_header=True), **LIMITED) as (one, _),
        pytest.raises(
            UnmetError,
            match="under another X-Forwarded-For each time: 12 of 12 served, as oneself 0",
        ),
    ):
        limiting.limits_a_client(one)


# --------------------------------------------------------------------------- right answers


def test_a_right_answer_is_let_be() -> None:
    told = {"status": "up", "signature": "0x" + "ab" * 65}
    with examined(lambda _: saying(told, Cache_Control="private"), **KEYED) as (one, _):
        showing.shows_no_secrets(one)
        assert judgements(one) == {Judgement.MET}


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        (saying({"dsn": "postgres://a:secret1@db/x"}), "an address with a password"),
        (saying({}, Cache_Control="public, max-age=60"), "Cache-Control: public"),
    ],
    ids=["password", "cache"],
)
def test_a_secret_in_it_is_found(answered: bytes, told: str) -> None:
    with (
        examined(lambda _: answered, **KEYED) as (one, _),
        pytest.raises(UnmetError, match=told),
    ):
        showing.shows_no_secrets(one)


def test_what_writes_is_not_done_for_a_look() -> None:
    with examined(lambda _: saying({}), method="POST", body={"a": 1}, writes=True) as (one, server):
        showing.shows_no_secrets(one)
    assert [asked.body for asked in server.asked] == [b"{}"]


# --------------------------------------------------------------------------- repeated requests

ORDERED = Signer(
    SignedRequest(
        endpoint="api.it", typed_data="order", message={}, signature_at=ValuePath("signature")
    ),
    TypedData(domain={"name": "Book"}, primary="Order", types={"Order": ()}),
    "0x" + "11" * 32,
)
AGAIN = replace(ORDERED, same=ValuePath("id"))


def numbered(*numbers: int) -> Serving:
    """A service that accepts everything, with these ids one after the other."""
    ids = iter(numbers)
    return lambda _: saying({"id": next(ids)}, 201)


@pytest.mark.parametrize(
    ("signer", "ids"),
    [(ORDERED, (1, 1)), (ORDERED, (1, 2)), (AGAIN, (1, 2))],
    ids=["accepted", "another", "another, though it may come again"],
)
def test_a_repeated_request_counts_once(signer: Signer, ids: tuple[int, int]) -> None:
    with examined(numbered(*ids)) as (one, _):
        first, second = one.send(), one.send()
        with pytest.raises(UnmetError, match="counted"):
            signer.expect_no_second(second, first, "counted twice")


def test_one_that_may_come_again_gives_the_same() -> None:
    with examined(numbered(1, 1)) as (one, _):
        first, second = one.send(), one.send()
        AGAIN.expect_no_second(second, first, "counted twice")
        assert judgements(one) == {Judgement.MET}


def test_without_a_first_one_nothing_may_come_again() -> None:
    with examined(numbered(1)) as (one, _), pytest.raises(UnmetError):
        AGAIN.expect_no_second(one.send(), None, "a forgery is accepted")


@pytest.mark.parametrize("forms", [None, "only a bearer token counts"])
def test_a_form_with_a_credential_may_be_explained(forms: str | None) -> None:
    """What takes forms of who may: a finding, unless the manifest says why that can do no harm."""
    paying = {**KEYED, "method": "POST", "body": {"a": "1"}, "signs": True, "forms": forms}
    with examined(guarded, **paying) as (one, _):
        if forms is None:
            with pytest.raises(UnmetError, match="from another site: accepted"):
                money.refuses_forms(one)
        else:
            money.refuses_forms(one)


def test_a_form_without_one_never_is() -> None:
    paying: dict[str, Any] = {"method": "POST", "body": {"a": "1"}, "signs": True, "forms": "why"}
    with (
        examined(lambda _: saying({}), **paying) as (one, _),
        pytest.raises(UnmetError, match="from another site: accepted"),
    ):
        money.refuses_forms(one)
