"""The HTTP probe against a real server that misbehaves in every way we know."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    TooLargeError,
    UnmetError,
    UnreachableError,
    UsageError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Answer, Endpoint, Expectation
from pytest_metarelease.manifest.scalars import Access, ValuePath
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.redaction import Redactor
from tests.probes.hostile import (
    Asked,
    Hostile,
    Talk,
    answer,
    closed_port,
    hostile_server,
    says,
    says_json,
    then_hang_up,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile_server() as running:
        yield running


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook(redact=Redactor(["hush-hush-token"]))
    book.check = "check"
    return book


@pytest.fixture
def probe_of(notebook: Notebook) -> Iterator[Callable[..., HttpProbe]]:
    made = []

    def make(
        url: str,
        timeout: float = 5.0,
        access: Access = Access.READ_ONLY,
        others: Sequence[str] = (),
        **more: Any,
    ) -> HttpProbe:
        probe = HttpProbe(
            "service:api",
            url,
            recorder=notebook,
            hosts=Hosts.these([url, *others]),
            access=access,
            timeout=timeout,
            credentials={"user": ("X-Api-Key", "hush-hush-token")},
            **more,
        )
        made.append(probe)
        return probe

    yield make
    for probe in made:
        probe.close()


@pytest.fixture
def api(server: Hostile, probe_of: Callable[..., HttpProbe]) -> HttpProbe:
    return probe_of(server.url)


def judgements(notebook: Notebook) -> list[Judgement]:
    cited = notebook.citations.get("check", [])
    return [one.judgement for one in cited if one.judgement is not Judgement.NONE]


# -- nothing verifies by itself


def test_an_answer_that_nobody_judged_verifies_nothing(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/ok"] = says_json({"status": "healthy"})
    assert api.get("/ok").json() == {"status": "healthy"}
    assert judgements(notebook) == []
    assert [one.answer for one in notebook.measurements.values()] == [
        '200 application/json 21 bytes: {"status": "healthy"}'
    ]


def test_a_swallowed_error_verifies_nothing(
    probe_of: Callable[..., HttpProbe], notebook: Notebook
) -> None:
    probe = probe_of(closed_port())
    with pytest.raises(UnreachableError, match=r"no connection.*\nnext      see that the service"):
        probe.get("/")
    assert judgements(notebook) == [Judgement.UNKNOWN]
    (measurement,) = notebook.measurements.values()
    assert measurement.answer.startswith("no answer: no connection")
    assert measurement.subject == "service:api"


# -- answers that are none


DEEP = b"[" * 200_000 + b"]" * 200_000
NO_JSON = {
    "html": (b"<!doctype html><p>hello", "the answer|Expecting|what came is text/html"),
    "nan": (b'{"a": NaN}', "NaN is no JSON number"),
    "infinity": (b'{"a": -Infinity}', "-Infinity is no JSON number"),
    "overflow": (b'{"a": 1e999}', "out of range"),
    "twice": (b'{"a": 1, "a": 2}', "'a' is given twice"),
    "deep": (DEEP, "nested deeper than 100"),
    "digits": (b"[" + b"9" * 10_000 + b"]", "a number has 10000 digits"),
    "utf8": (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
    "bom": (b"\xef\xbb\xbf{}", "BOM"),
    "empty": (b"", "the answer is empty"),
    "surrogate": (b'["\\ud800"]', "half of a surrogate pair"),
    "trailing": (b"{} {}", "Extra data"),
}


@pytest.mark.parametrize("case", NO_JSON, ids=list(NO_JSON))
def test_what_is_no_strict_json_is_unknown(
    case: str, server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    body, text = NO_JSON[case]
    server.scripts["/"] = says(answer(body, content_type="text/html"))
    with pytest.raises(MalformedError, match=text):
        api.get("/").json()
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_204_is_no_json(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says(b"HTTP/1.1 204 No Content\r\n\r\n")
    with pytest.raises(MalformedError, match="empty"):
        api.get("/").expect(204).json()


BROKEN = {
    "truncated body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "truncated headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "brotli": answer(b"xx", headers={"Content-Encoding": "br"}),
    "broken gzip": answer(b"no gzip at all", headers={"Content-Encoding": "gzip"}),
    "half gzip": answer(zipped(1000)[:-9], headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("case", BROKEN, ids=list(BROKEN))
def test_a_broken_answer_is_unknown(
    case: str, server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/"] = then_hang_up(BROKEN[case])
    with pytest.raises(MalformedError):
        api.get("/")
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_a_closed_connection_without_a_word_is_unreachable(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = then_hang_up(b"")
    with pytest.raises(UnreachableError, match="closed before an answer"):
        api.get("/")
    assert len(server.asked) == 1


# -- bounds


def test_a_bomb_is_not_inflated(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says(answer(zipped(40_000_000), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(TooLargeError, match="inflates to more than 8388608"):
        api.get("/")
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_an_endless_body_is_not_read(server: Hostile, api: HttpProbe) -> None:
    def endless(_: Asked, talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _number in range(300):
            talk.send(bytes(2**20))

    server.scripts["/"] = endless
    with pytest.raises(TooLargeError, match="longer than 8388608"):
        api.get("/")


def test_gzip_that_was_not_asked_for_is_read(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says(answer(zipped(1000), headers={"Content-Encoding": "gzip"}))
    assert api.get("/").body == bytes(1000)


DRIPS = {
    "header": b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 10_000,
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000,
}


@pytest.mark.parametrize("case", DRIPS, ids=list(DRIPS))
def test_a_dripping_server_ends_at_the_deadline(
    probe_of: Callable[..., HttpProbe], case: str, server: Hostile, notebook: Notebook
) -> None:
    def drip(_: Asked, talk: Talk) -> None:
        head, tail = DRIPS[case][:60], DRIPS[case][60:]
        talk.send(head)
        talk.drip(tail, 0.02)

    server.scripts["/"] = drip
    probe = probe_of(server.url, timeout=0.3)
    with pytest.raises(DeadlineError, match=r"no whole answer within 0\.3 s"):
        probe.get("/")
    # Each byte came in time for a limit per read; only the total deadline can have ended this.
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_silence_ends_at_the_deadline(
    probe_of: Callable[..., HttpProbe], server: Hostile, notebook: Notebook
) -> None:
    server.scripts["/"] = lambda _, talk: talk.wait(30)
    with pytest.raises(DeadlineError):
        probe_of(server.url, timeout=0.2).get("/")


# -- connections


def test_connections_are_kept_and_fresh_ones_are_new(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says_json({})
    for fresh in (False, False, True, False, True):
        api.get("/", fresh=fresh)
    assert [one.connection for one in server.asked] == [1, 1, 2, 1, 3]


def test_a_kept_connection_that_the_server_closed_is_no_error(
    server: Hostile, api: HttpProbe
) -> None:
    def once(asked: Asked, talk: Talk) -> None:
        if any(one.connection == asked.connection for one in server.asked[:-1]):
            then_hang_up(b"")(asked, talk)
        talk.send(answer("{}"))

    server.scripts["/"] = once
    api.get("/").expect(200)
    api.get("/").expect(200)
    assert [one.connection for one in server.asked] == [1, 1, 2]


def test_a_write_is_never_sent_twice(
    probe_of: Callable[..., HttpProbe], server: Hostile, notebook: Notebook
) -> None:
    server.scripts["/"] = says_json({})
    server.scripts["/write"] = then_hang_up(b"")
    api = probe_of(server.url, access=Access.TRANSACT)
    api.get("/")
    with pytest.raises(UnreachableError):
        api.request("POST", "/write", json={"a": 1})
    assert [one.method for one in server.asked] == ["GET", "POST"]


# -- what may be asked


def test_no_write_leaves_the_process_on_read_only(server: Hostile, api: HttpProbe) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "post", "PROPFIND"):
        with pytest.raises(ForbiddenError, match="read-only"):
            api.request(method, "/")
    with pytest.raises(ForbiddenError, match="read-only"):
        api.ask(Endpoint(path="/", method="POST"))
    with pytest.raises(ForbiddenError, match="read-only"):
        api.ask(Endpoint(path="/restart", writes=True))
    assert server.asked == []


def test_what_only_the_test_calls_safe_is_not_sent(
    server: Hostile, probe_of: Callable[..., HttpProbe]
) -> None:
    api = probe_of(server.url, safe=[("POST", "/orders")])
    for method, path in (
        ("POST", "/pay"), ("DELETE", "/orders"), ("POST", "/orders/1"), ("POST", "/orders/../pay"),
        ("POST", f"{server.url}/orders"),
    ):  # fmt: skip
        with pytest.raises(ForbiddenError, match="read-only"):
            api.request(method, path, safe_probe=True)
        with pytest.raises(ForbiddenError, match="read-only"):
            api.ask(Endpoint(path=path, method=method, safe_probe=True))  # type: ignore[arg-type]
    with pytest.raises(ForbiddenError, match="read-only"):
        api.request("POST", "/orders")
    assert server.asked == []


@pytest.mark.parametrize(
    "path", ["/restart", "restart", "//restart", "/a/../restart", "/%72estart", "/restart/?x=1"]
)
def test_a_get_that_is_declared_to_write_is_not_sent(
    path: str, server: Hostile, probe_of: Callable[..., HttpProbe]
) -> None:
    api = probe_of(server.url, writing=["/restart"])
    for method in ("GET", "HEAD", "OPTIONS"):
        with pytest.raises(ForbiddenError, match="read-only"):
            api.request(method, path)
    with pytest.raises(ForbiddenError, match="read-only"):
        api.get(f"{server.url}/restart")
    assert server.asked == []


@pytest.mark.parametrize(
    "name",
    [
        "X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "Host", "Content-Length",
        "Transfer-Encoding", "Upgrade", "Connection", " Host",
    ],
)  # fmt: skip
def test_no_request_in_disguise_is_sent(name: str, server: Hostile, api: HttpProbe) -> None:
    with pytest.raises(ForbiddenError, match="not sent"):
        api.get("/orders/1", headers={name: "DELETE"})
    assert server.asked == []


def test_no_method_in_the_query_is_sent(server: Hostile, api: HttpProbe) -> None:
    for path, query in (("/orders/1?_method=DELETE", {}), ("/orders/1", {"_METHOD": "put"})):
        with pytest.raises(ForbiddenError, match="_method"):
            api.get(path, query=query)
    assert server.asked == []


@pytest.mark.parametrize("access", list(Access))
def test_another_declared_host_gets_no_write_and_no_key(
    access: Access, server: Hostile, probe_of: Callable[..., HttpProbe]
) -> None:
    with hostile_server({"/": says_json({})}) as other:
        own = server.url.replace("http://", "http://me:hush-hush-token@")
        api = probe_of(own, access=access, others=[other.url], headers={"X-Key": "k"})
        with pytest.raises(ForbiddenError):
            api.request("POST", f"{other.url}/", json={})
        with pytest.raises(ForbiddenError):
            api.get(f"{other.url}/", credential="user")
        api.get(f"{other.url}/")
        [seen] = other.asked
        assert not {"authorization", "x-key", "x-api-key"} & set(seen.headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_takes_nothing_along(
    status: int, server: Hostile, probe_of: Callable[..., HttpProbe]
) -> None:
    with hostile_server({"/": says_json({})}) as other:
        server.scripts["/moved"] = says(answer("", status, {"Location": f"{other.url}/"}))
        # Also where the other host is declared: nobody asked it.
        api = probe_of(server.url, access=Access.TRANSACT, others=[other.url])
        for method in ("GET", "POST"):
            found = api.request(method, "/moved", content=b"x", credential="user")
            assert found.status == status
        assert other.asked == []


def test_a_safe_probe_may_be_sent(server: Hostile, probe_of: Callable[..., HttpProbe]) -> None:
    api = probe_of(server.url, safe=[("POST", "/orders")])
    server.scripts["/orders"] = says_json({"error": "no signature"}, 400)
    endpoint = Endpoint(
        path="/orders",
        method="POST",
        body={"order": {}},
        safe_probe=True,
        writes=True,
        answer=Answer(status=(400,)),
    )
    api.ask(endpoint).expect_answer(endpoint.answer)
    assert server.asked[0].body == b'{"order": {}}'
    assert server.asked[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/",
        "http://localhost.example/",
    ],
)
def test_no_other_host_is_asked(url: str, server: Hostile, api: HttpProbe) -> None:
    with pytest.raises(ForbiddenError, match="not declared"):
        api.get(url)
    assert server.asked == []


@pytest.mark.parametrize("path", ["//evil.example/x", "@evil.example/", "file:///etc/passwd"])
def test_a_path_never_leads_elsewhere(path: str, server: Hostile, api: HttpProbe) -> None:
    assert api.get(path).status == 404
    assert len(server.asked) == 1


def test_a_path_with_line_ends_smuggles_nothing(server: Hostile, api: HttpProbe) -> None:
    with pytest.raises(ForbiddenError, match="cannot be sent"):
        api.get("/x HTTP/1.1\r\nX-Evil: 1")
    with pytest.raises(ForbiddenError, match="cannot be sent"):
        api.get("/", headers={"X-A": "1\r\nX-Evil: 1"})
    assert server.asked == []


def test_a_redirect_is_an_answer(server: Hostile, api: HttpProbe, notebook: Notebook) -> None:
    location = "https://evil.example/collect?token=hush-hush-token"
    server.scripts["/"] = says(answer(b"", 302, {"Location": location}))
    with pytest.raises(UnmetError, match=r"302 to evil\.example"):
        api.get("/", credential="user").expect(200)
    assert len(server.asked) == 1
    assert judgements(notebook) == [Judgement.UNMET]


def test_credentials_are_sent_and_never_written_down(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/"] = says(answer(b"echo hush-hush-token", content_type="text/plain"))
    with pytest.raises(UnmetError) as failed:
        api.get("/", query={"key": "hush-hush-token"}, credential="user").expect(401)
    assert server.asked[0].headers["x-api-key"] == "hush-hush-token"
    assert "key=hush-hush-token" in server.asked[0].target
    assert "hush-hush-token" not in f"{failed.value} {notebook.measurements} {notebook.citations}"


def test_an_undeclared_credential_is_a_usage_error(server: Hostile, api: HttpProbe) -> None:
    with pytest.raises(UsageError, match="declared are user"):
        api.get("/", credential="admin")
    assert server.asked == []


def test_user_and_password_of_the_url_become_basic_credentials(
    probe_of: Callable[..., HttpProbe], server: Hostile, notebook: Notebook
) -> None:
    server.scripts["/"] = says_json({})
    url = server.url.replace("http://", "http://me:p%40ss@")
    probe_of(url).get("/").expect(200)
    assert server.asked[0].headers["authorization"] == "Basic bWU6cEBzcw=="
    assert "p%40ss" not in str(notebook.measurements)


def test_cookies_are_not_kept(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says_json({}, Set_Cookie="session=1; Path=/")
    api.get("/")
    api.get("/")
    assert "cookie" not in server.asked[1].headers


def test_the_proxy_of_the_environment_is_not_used(
    server: Hostile, api: HttpProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", closed_port())
    server.scripts["/"] = says_json({})
    api.get("/").expect(200)


# -- caches


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Age", "3"),
        ("X-Cache", "Hit from cloudfront"),
        ("X-Cache", "MISS, HIT"),
        ("CF-Cache-Status", "HIT"),
        ("X-Vercel-Cache", "STALE"),
        ("Cache-Status", "Edge; hit"),
    ],
)
def test_a_cached_answer_is_not_the_service(
    name: str, value: str, server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/"] = says(answer("{}", headers={name: value}))
    with pytest.raises(WrongTargetError, match="a cache answered"):
        api.get("/")
    assert judgements(notebook) == [Judgement.UNKNOWN]
    api.get("/", may_be_cached=True).expect(200)


@pytest.mark.parametrize(
    ("name", "value"),
    [("Age", "0"), ("X-Cache", "Miss from cloudfront"), ("CF-Cache-Status", "DYNAMIC")],
)
def test_a_cache_that_asked_the_service_is_no_problem(
    name: str, value: str, server: Hostile, api: HttpProbe
) -> None:
    server.scripts["/"] = says(answer("{}", headers={name: value}))
    api.get("/").expect(200)
    assert server.asked[0].headers["cache-control"] == "no-cache"


# -- judging


def test_a_status_is_met_or_unmet(server: Hostile, api: HttpProbe, notebook: Notebook) -> None:
    server.scripts["/"] = says_json({"error": "boom"}, 500)
    with pytest.raises(UnmetError) as failed:
        api.get("/").expect(200)
    lines = str(failed.value).splitlines()
    assert lines[0] == "expected  status 200"
    assert lines[1] == 'actual    500 application/json 17 bytes: {"error": "boom"}'
    assert lines[2].startswith(f"read      GET {server.url}/ at 20")
    assert lines[3].startswith("next      see what service:api logged at 20")
    api.get("/").expect((200, 500))
    assert judgements(notebook) == [Judgement.UNMET, Judgement.MET]


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (429, {}, RefusedError),
        (429, {"Retry_After": "7"}, RefusedError),
        (503, {"Retry_After": "7"}, RefusedError),
        (503, {}, UnmetError),
        (502, {"Retry_After": "7"}, UnmetError),
    ],
)
def test_being_put_off_is_unknown_and_failing_is_unmet(
    status: int,
    headers: dict[str, str],
    error: type[Exception],
    server: Hostile,
    api: HttpProbe,
    notebook: Notebook,
) -> None:
    server.scripts["/"] = says_json({}, status, **headers)
    with pytest.raises(error) as raised:
        api.get("/").expect(200)
    assert getattr(raised.value, "retry_after", 7.0) in (None, 7.0)
    expected = Judgement.UNKNOWN if issubclass(error, ProbeError) else Judgement.UNMET
    assert judgements(notebook) == [expected]
    api.get("/").expect(status)


def test_retry_after_as_a_date_counts_from_the_answers_own_date(
    server: Hostile, api: HttpProbe
) -> None:
    dates = {
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Retry-After": "Sun, 06 Nov 1994 08:49:47 GMT",
    }
    server.scripts["/"] = says(answer("{}", 429, dates))
    assert api.get("/").retry_after == 10.0


def test_a_declared_endpoint_comes_back_when_it_is_asked_to(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    def second_time(asked: Asked, talk: Talk) -> None:
        put_off = len(server.asked) == 1
        talk.send(answer("{}", 429 if put_off else 200, {"Retry-After": "0"}))

    server.scripts["/"] = second_time
    endpoint = Endpoint(path="/")
    api.ask(endpoint).expect_answer(endpoint.answer)
    assert len(notebook.measurements) == 2
    assert judgements(notebook) == [Judgement.MET]


LIMITED = [429, 429, 200]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_patient_probe_waits_for_its_turn(
    server: Hostile, probe_of: Callable[..., HttpProbe], method: str
) -> None:
    def third_time(asked: Asked, talk: Talk) -> None:
        talk.send(answer("{}", LIMITED[len(server.asked) - 1], {"Retry-After": "0"}))

    server.scripts["/"] = third_time
    patient = probe_of(server.url, access=Access.TRANSACT, patience=30.0)
    assert patient.request(method, "/").status == 200
    assert len(server.asked) == 3


def test_what_a_patient_probe_does_not_wait_for(
    server: Hostile, probe_of: Callable[..., HttpProbe]
) -> None:
    server.scripts["/"] = says_json({}, 429, Retry_After="3600")
    server.scripts["/once"] = says_json({}, 503, Retry_After="0")
    patient = probe_of(server.url, access=Access.TRANSACT, patience=30.0)
    assert patient.get("/").status == 429, "a wish beyond its patience"
    server.scripts["/"] = says_json({}, 429, Retry_After="0")
    assert patient.request("GET", "/", impatient=True).status == 429, "where that is the question"
    assert patient.request("POST", "/once").status == 503, "what may have been done already"
    assert len(server.asked) == 3


def test_a_wish_beyond_the_budget_is_not_waited_for(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says_json({}, 429, Retry_After="3600")
    began = time.monotonic()
    assert api.ask(Endpoint(path="/")).status == 429
    assert time.monotonic() - began < 60
    assert len(server.asked) == 1


def test_a_value_is_read_by_its_path(server: Hostile, api: HttpProbe, notebook: Notebook) -> None:
    server.scripts["/"] = says_json({"orders": [{"id": 7}, {"id": 8}], "total": None})
    response = api.get("/")
    response.value("orders.1.id").expect(8)
    response.value("orders.*.id").expect([7, 8])
    response.value("total").expect(None)
    with pytest.raises(UnmetError, match="nothing at totals; the answer has the keys orders, tot"):
        response.value("totals").expect(None)
    assert judgements(notebook) == [Judgement.MET] * 3 + [Judgement.UNMET]


def test_headers_and_time_are_readings(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says_json({}, X_Frame_Options="DENY")
    response = api.get("/")
    response.header("X-Frame-Options").expect("DENY")
    response.elapsed.at_least(0)
    with pytest.raises(UnmetError, match="no header X-Other"):
        response.header("X-Other").expect("1")


ANSWER = Answer(
    content_type="application/json",
    schema={"type": "object", "required": ["orders"], "properties": {"total": {"minimum": 1}}},
    values={
        ValuePath("orders.*.id"): Expectation(type="number"),
        ValuePath("total"): Expectation(min=1),
    },
)


def test_a_declared_answer_is_met_as_a_whole(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/"] = says_json({"orders": [{"id": 1}], "total": 1})
    api.get("/").expect_answer(ANSWER)
    assert judgements(notebook) == [Judgement.MET]


def test_everything_that_differs_is_named(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    body = '{"orders": [{"id": 1}, {"id": "x"}], "total": 0}'
    server.scripts["/"] = says(answer(body, content_type="text/plain"))
    with pytest.raises(UnmetError) as failed:
        api.get("/").expect_answer(ANSWER)
    text = str(failed.value)
    assert "content type is text/plain" in text
    assert "$.total: 0 is less than the minimum of 1" in text
    assert "orders.1.id is x, not type number" in text
    assert judgements(notebook) == [Judgement.UNMET]


def test_an_empty_list_verifies_nothing_about_its_elements(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/"] = says_json({"orders": [], "total": 1})
    with pytest.raises(UnmetError, match=r"orders\.\*\.id is without any element"):
        api.get("/").expect_answer(ANSWER)


def test_a_wrong_schema_is_a_usage_error_and_fetches_nothing(
    server: Hostile, api: HttpProbe
) -> None:
    server.scripts["/"] = says_json({})
    with pytest.raises(UsageError, match="schema is wrong"):
        api.get("/").expect_answer(Answer(schema={"type": "objekt"}))
    with pytest.raises(UsageError, match="which it lacks"):
        api.get("/").expect_answer(Answer(schema={"$ref": f"{server.url}/schema.json"}))
    assert [one.target for one in server.asked] == ["/", "/"]


def test_text_is_read_in_its_charset(server: Hostile, api: HttpProbe) -> None:
    page = answer("é".encode("latin-1"), content_type="text/html; charset=latin-1")
    server.scripts["/"] = says(page)
    assert api.get("/").text == "é"
    server.scripts["/"] = says(answer(b"\xff", content_type="text/html; charset=nonsense"))
    assert api.get("/").text == "�"
