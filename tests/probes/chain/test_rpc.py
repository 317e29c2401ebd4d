"""The JSON-RPC door against a server that lies: what must be unknown, and what must not leave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    TooLargeError,
    UnreachableError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain import wire
from pytest_metarelease.probes.chain.purse import Purse
from pytest_metarelease.probes.chain.revert import Revert, RevertedError
from pytest_metarelease.probes.chain.rpc import Allowance, Ask, Rpc
from pytest_metarelease.probes.chain.signing import sign_transaction
from pytest_metarelease.sandbox.accounts import SPENDER
from tests.probes.chain.nodes import CHAIN_ID, FakeNode, RpcFault
from tests.probes.hostile import (
    Asked,
    Script,
    Talk,
    answer,
    closed_port,
    hostile_server,
    says,
    then_hang_up,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_OPEN: list[Rpc] = []


@pytest.fixture(autouse=True)
def _closed_again() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def to(url: str, access: Access = Access.READ_ONLY, timeout: float = 5.0, **more: Any) -> Rpc:
    _OPEN.append(Rpc(url, declared=(url,), access=access, timeout=timeout, **more))
    return _OPEN[-1]


def signed() -> str:
    fields = {"chainId": CHAIN_ID, "gas": 21_000, "gasPrice": 1, "nonce": 0, "value": 0}
    return sign_transaction({**fields, "to": SPENDER.address, "data": "0x"}, SPENDER.key)[0]


def sender(url: str, **more: Any) -> Rpc:
    return to(url, Access.TRANSACT, allowance=Allowance(CHAIN_ID, Purse(10**18)), **more)


def number(value: int) -> Callable[..., str]:
    return lambda *_: hex(value)


# ---------------------------------------------------------------------- what must not leave


@pytest.mark.parametrize(
    "method",
    [
        "eth_sendRawTransaction",
        "eth_sendTransaction",
        "eth_sign",
        "evm_mine",
        "anvil_setBalance",
        "hardhat_reset",
        "personal_unlockAccount",
        "debug_setHead",
        "admin_addPeer",
        "nobody_knows",
    ],
)
def test_read_only_sends_nothing_but_reads(fake: FakeNode, method: str) -> None:
    with pytest.raises(ForbiddenError, match=method):
        to(fake.url).batch([Ask("eth_chainId"), Ask(method)])
    assert fake.asked == []


@pytest.mark.parametrize("method", ["eth_sendTransaction", "evm_mine", "anvil_setCode"])
def test_transact_still_refuses_the_controls_of_the_node(fake: FakeNode, method: str) -> None:
    with pytest.raises(ForbiddenError):
        to(fake.url, Access.TRANSACT).call(method)
    assert fake.asked == []


def test_a_host_that_nobody_declared_is_not_asked(fake: FakeNode) -> None:
    with pytest.raises(ForbiddenError, match="declares no such rpc"):
        Rpc(fake.url, declared=("http://127.0.0.1:1", None))
    assert fake.asked == []


def test_a_websocket_address_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="http or https"):
        to("ws://127.0.0.1:1/secret")


# ---------------------------------------------------------------------- what is understood


def test_a_call_returns_its_result(fake: FakeNode) -> None:
    fake.methods["eth_blockNumber"] = number(7)
    assert to(fake.url).call("eth_blockNumber") == "0x7"


def test_a_reordered_batch_is_put_in_order(fake: FakeNode) -> None:
    fake.methods["eth_getBalance"] = lambda address, _tag: address
    fake.twist = lambda _asked, honest: list(reversed(honest))
    asks = [Ask("eth_getBalance", (f"0x{one}", "latest")) for one in range(5)]
    assert to(fake.url).batch(asks) == ["0x0", "0x1", "0x2", "0x3", "0x4"]


def test_more_than_a_hundred_go_in_several_batches(fake: FakeNode) -> None:
    fake.methods["eth_getBalance"] = lambda address, _tag: address
    asks = [Ask("eth_getBalance", (hex(one), "latest")) for one in range(230)]
    assert to(fake.url).batch(asks) == [hex(one) for one in range(230)]
    # The first goes alone, the others at once: which of them arrives first is open.
    assert sorted(len(one) for one in fake.asked) == [30, 100, 100]
    assert len(fake.asked[0]) == 100


def test_one_connection_serves_many_calls() -> None:
    node = FakeNode(methods={"eth_blockNumber": number(1)})
    with hostile_server({"/": node.reply}) as server:
        rpc = to(server.url)
        for _ in range(5):
            rpc.call("eth_blockNumber")
        assert server.connections == 1


def test_a_kept_connection_that_was_closed_is_opened_anew() -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x1"})

    def once(asked: Asked, talk: Talk) -> None:
        document = json.loads(asked.body)
        then_hang_up(answer(body.replace('"id": 0', f'"id": {document["id"]}')))(asked, talk)

    with hostile_server({"/": once}) as server:
        rpc = to(server.url)
        assert [rpc.call("eth_blockNumber") for _ in range(3)] == ["0x1"] * 3
        assert server.connections == 3


def test_a_node_without_batches_is_asked_singly(fake: FakeNode) -> None:
    fake.methods["eth_blockNumber"] = number(7)
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}
    fake.twist = lambda asked, honest: refusal if isinstance(asked, list) else honest
    rpc = to(fake.url)
    assert rpc.batch([Ask("eth_blockNumber")] * 3) == ["0x7"] * 3
    assert rpc.batch([Ask("eth_blockNumber")] * 3) == ["0x7"] * 3
    assert sum(isinstance(one, list) for one in fake.asked) == 1


def test_what_one_question_meets_does_not_hurt_the_others(fake: FakeNode) -> None:
    fake.methods["eth_blockNumber"] = number(7)
    fake.methods["eth_call"] = _raises(code=3, message="execution reverted: no", data="0x")
    found = to(fake.url).batch([Ask("eth_blockNumber"), Ask("eth_call"), Ask("eth_getLogs")])
    assert found[0] == "0x7"
    assert found[1] == Revert("no", "", "0x")
    assert isinstance(found[2], UnsupportedError)


# ---------------------------------------------------------------------- what is unknown

_TWISTS: dict[str, Callable[[Any, Any], Any]] = {
    "wrong id": lambda _, honest: {**honest, "id": 999_999},
    "id as text": lambda _, honest: {**honest, "id": str(honest["id"])},
    "id as boolean": lambda _, honest: {**honest, "id": True},
    "no id": lambda _, honest: {key: value for key, value in honest.items() if key != "id"},
    "no jsonrpc": lambda _, honest: {key: honest[key] for key in ("id", "result")},
    "version 1": lambda _, honest: {**honest, "jsonrpc": "1.0"},
    "result and error": lambda _, honest: {**honest, "error": {"code": 1, "message": "x"}},
    "neither": lambda _, honest: {"jsonrpc": "2.0", "id": honest["id"]},
    "error is a text": lambda _, honest: {"jsonrpc": "2.0", "id": honest["id"], "error": "no"},
    "a list for one": lambda _, honest: [honest],
    "a bare value": lambda _, __: 7,
    "html": lambda _, __: answer("<html>Bad Gateway</html>", content_type="text/html"),
    "cut short": lambda _, __: answer('{"jsonrpc": "2.0", "id": 1, "resu'),
    "empty": lambda _, __: answer(""),
    "not utf-8": lambda _, __: answer(b'"\xff\xfe"'),
    "NaN": lambda _, __: answer('{"jsonrpc": "2.0", "id": 1, "result": NaN}'),
    "deep": lambda _, __: answer("[" * 200_000),
    "two results": lambda ask, _: answer(
        f'{{"jsonrpc": "2.0", "id": {ask["id"]}, "result": "0x8", "result": "0x7"}}'
    ),
    "two ids": lambda ask, _: answer(
        f'{{"jsonrpc": "2.0", "id": 1000, "id": {ask["id"]}, "result": "0x7"}}'
    ),
    "endless integer": lambda _, __: answer('{"jsonrpc":"2.0","id":' + "1" * 10_000 + "}"),
    "zipped": lambda _, __: answer(zipped(1000), headers={"Content-Encoding": "gzip"}),
    "not http": lambda _, __: b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
}


def test_a_result_may_name_what_envelopes_name(fake: FakeNode) -> None:
    trace = {"id": 1, "result": {"error": "x", "result": [{"jsonrpc": "2.0"}, {"jsonrpc": "2.0"}]}}
    fake.methods["debug_traceTransaction"] = lambda *_: trace
    assert to(fake.url).call("debug_traceTransaction", "0x00") == trace


@pytest.mark.parametrize("name", _TWISTS)
def test_an_answer_that_is_none_is_malformed(fake: FakeNode, name: str) -> None:
    fake.methods["eth_blockNumber"] = number(7)
    fake.twist = _TWISTS[name]
    with pytest.raises(MalformedError):
        to(fake.url).call("eth_blockNumber")


@pytest.mark.parametrize(
    "twist",
    [
        pytest.param(lambda _, honest: honest[:-1], id="short"),
        pytest.param(lambda *_: [], id="empty"),
        pytest.param(lambda _, honest: [*honest, honest[0]], id="one-twice"),
        pytest.param(lambda _, honest: [*honest[:-1], honest[0]], id="one-for-another"),
        pytest.param(lambda _, honest: [*honest, {**honest[0], "id": 10**6}], id="extra"),
        pytest.param(lambda _, honest: honest[0], id="one-for-all"),
        pytest.param(lambda *_: None, id="null"),
        pytest.param(lambda _, honest: [honest[0], None, honest[2]], id="null-inside"),
    ],
)
def test_a_batch_that_does_not_fit_is_malformed(fake: FakeNode, twist: Any) -> None:
    fake.methods["eth_blockNumber"] = number(7)
    fake.twist = twist
    with pytest.raises(MalformedError):
        to(fake.url).batch([Ask("eth_blockNumber")] * 3)


def _raises(**error: Any) -> Callable[..., Any]:
    def method(*_: Any) -> Any:
        raise RpcFault(**error)

    return method


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": -32601, "message": "the method x does not exist"}, UnsupportedError),
        ({"code": -32000, "message": "Unsupported method: eth_getBlockReceipts"}, UnsupportedError),
        ({"code": -32004, "message": "Method not supported"}, UnsupportedError),
        ({"code": -32000, "message": "missing trie node 0xab"}, RefusedError),
        ({"code": -32000, "message": "header not found"}, RefusedError),
        ({"code": -32000, "message": "out of gas"}, RefusedError),
        ({"code": -32603, "message": "EVM error InvalidFEOpcode"}, RefusedError),
        ({"code": -32003, "message": "insufficient funds for gas"}, RefusedError),
        ({"code": -32602, "message": "invalid params"}, RefusedError),
        ({"message": "no code at all"}, RefusedError),
    ],
)
def test_an_error_of_the_node_is_never_a_revert(
    fake: FakeNode, error: dict[str, Any], expected: type[ProbeError]
) -> None:
    fake.methods["eth_call"] = _raises(**error)
    with pytest.raises(expected):
        to(fake.url).call("eth_call")


def test_missing_state_says_what_to_do(fake: FakeNode) -> None:
    fake.methods["eth_call"] = _raises(code=-32000, message="missing trie node 0xab")
    with pytest.raises(RefusedError, match="archive node, or fewer confirmations"):
        to(fake.url).call("eth_call")


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": "0x"},
        {"code": -32000, "message": "execution reverted"},
        {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x"},
        {"code": -32603, "message": "x: reverted", "data": {"data": "0x"}},
    ],
)
def test_a_revert_is_an_answer_and_no_probe_error(fake: FakeNode, error: dict[str, Any]) -> None:
    fake.methods["eth_call"] = _raises(**error)
    with pytest.raises(RevertedError) as caught:
        to(fake.url).call("eth_call")
    assert not isinstance(caught.value, ProbeError)
    assert caught.value.revert.data == "0x"


# ---------------------------------------------------------------------- transport


def test_nobody_listening_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="check the address"):
        to(closed_port()).call("eth_blockNumber")


def test_keys_in_the_address_are_never_shown(fake: FakeNode) -> None:
    url = fake.url.replace("http://", "http://user:hunter2secret@") + "/v3/0123456789abcdef"
    with pytest.raises(ProbeError) as caught:
        to(url).call("eth_blockNumber")
    assert "hunter2secret" not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def _dripping_head(_: Asked, talk: Talk) -> None:
    talk.drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000, 0.01)


def _dripping_body(_: Asked, talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    talk.drip(b" " * 100_000, 0.01)


def _continuing(_: Asked, talk: Talk) -> None:
    talk.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.005)


def _silent(_: Asked, talk: Talk) -> None:
    talk.wait(30)


@pytest.mark.parametrize("script", [_dripping_head, _dripping_body, _continuing, _silent])
def test_the_deadline_is_for_the_whole_answer(script: Script) -> None:
    with hostile_server({"/": script}) as server, pytest.raises(DeadlineError):
        to(server.url, timeout=0.3).call("eth_blockNumber")


def test_a_body_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_BOUND", 100_000)
    with (
        hostile_server({"/": says(answer(" " * 2_000_000))}) as server,
        pytest.raises(TooLargeError),
    ):
        to(server.url).call("eth_blockNumber")


def test_redirects_are_not_followed(fake: FakeNode) -> None:
    away = answer("", 307, {"Location": fake.url})
    with (
        hostile_server({"/": says(away)}) as server,
        pytest.raises(RefusedError, match="redirects elsewhere"),
    ):
        to(server.url).call("eth_blockNumber")
    assert fake.asked == []


def test_a_body_shorter_than_promised_is_malformed() -> None:
    body = b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"jsonrpc": "2.0"'
    with hostile_server({"/": then_hang_up(body)}) as server, pytest.raises(MalformedError):
        to(server.url).call("eth_blockNumber")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502])
def test_another_status_is_refused_even_with_a_result(fake: FakeNode, status: int) -> None:
    fake.methods["eth_blockNumber"] = number(7)
    fake.twist = lambda _, honest: answer(json.dumps(honest), status)
    with pytest.raises(RefusedError, match=str(status)):
        to(fake.url).call("eth_blockNumber")


def test_a_refusal_in_another_status_keeps_its_meaning(fake: FakeNode) -> None:
    fake.twist = lambda _, honest: answer(json.dumps(honest), 400)
    with pytest.raises(UnsupportedError):
        to(fake.url).call("eth_getBlockReceipts")


# ---------------------------------------------------------------------- rate limits


class Clock:
    """A clock that only our own pauses move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def _limiting(times: int, limit: Any) -> Callable[[Any, Any], Any]:
    left = [times]

    def twist(_: Any, honest: Any) -> Any:
        left[0] -= 1
        return limit(honest) if left[0] >= 0 else honest

    return twist


_LIMITS = {
    "429": lambda _: answer("slow down", 429, {"Retry-After": "2"}),
    "503": lambda _: answer("busy", 503),
    "-32005": lambda one: _limit_of(one, -32005, "limit exceeded"),
    "-32097": lambda one: _limit_of(one, -32097, "x"),
    "words": lambda one: _limit_of(one, -32000, "Too Many Requests"),
}


def _limit_of(honest: Any, code: int, message: str) -> Any:
    error = {"code": code, "message": message}
    return {"jsonrpc": "2.0", "id": honest["id"], "error": error}


@pytest.mark.parametrize("name", _LIMITS)
def test_a_limit_is_waited_for_within_the_budget(fake: FakeNode, name: str) -> None:
    clock = Clock()
    fake.methods["eth_blockNumber"] = number(7)
    fake.twist = _limiting(2, _LIMITS[name])
    rpc = to(fake.url, timeout=10, clock=clock, pause=clock.pause)
    assert rpc.call("eth_blockNumber") == "0x7"
    assert len(clock.pauses) == 2
    assert min(clock.pauses) >= (2 if name == "429" else 0.1)


@pytest.mark.parametrize("name", _LIMITS)
def test_a_limit_without_end_is_refused(fake: FakeNode, name: str) -> None:
    clock = Clock()
    fake.methods["eth_blockNumber"] = number(7)
    fake.twist = _limiting(10**6, _LIMITS[name])
    with pytest.raises(RefusedError, match="rate limited"):
        to(fake.url, timeout=3, clock=clock, pause=clock.pause).call("eth_blockNumber")
    assert sum(clock.pauses) < 3


def test_only_the_limited_part_of_a_batch_is_repeated(fake: FakeNode) -> None:
    clock = Clock()
    seen: list[str] = []

    def balance(address: str, _tag: str) -> str:
        seen.append(address)
        if address == "0x2" and seen.count("0x2") == 1:
            raise RpcFault(code=-32005, message="limit")
        return address

    fake.methods["eth_getBalance"] = balance
    asks = [Ask("eth_getBalance", (hex(one), "latest")) for one in range(4)]
    rpc = to(fake.url, clock=clock, pause=clock.pause)
    assert rpc.batch(asks) == ["0x0", "0x1", "0x2", "0x3"]
    assert seen == ["0x0", "0x1", "0x2", "0x3", "0x2"]


def test_a_transaction_is_never_sent_twice(fake: FakeNode) -> None:
    clock = Clock()
    fake.methods["eth_sendRawTransaction"] = _raises(code=-32005, message="limit")
    fake.methods["eth_chainId"] = number(CHAIN_ID)
    rpc = sender(fake.url, clock=clock, pause=clock.pause)
    with pytest.raises(RefusedError):
        rpc.call("eth_sendRawTransaction", signed())
    assert fake.called == ["eth_chainId", "eth_sendRawTransaction"]


def test_a_transaction_on_a_broken_connection_is_not_repeated() -> None:
    count = [0]

    def script(asked: Asked, talk: Talk) -> None:
        document = json.loads(asked.body)
        if document["method"] == "eth_sendRawTransaction":
            count[0] += 1
            then_hang_up(b"")(asked, talk)
        talk.send(
            answer(json.dumps({"jsonrpc": "2.0", "id": document["id"], "result": hex(CHAIN_ID)}))
        )

    with hostile_server({"/": script}) as server:
        rpc = sender(server.url)
        rpc.call("eth_blockNumber")
        with pytest.raises(UnreachableError):
            rpc.call("eth_sendRawTransaction", signed())
        assert count == [1]
