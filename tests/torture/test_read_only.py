"""What leaves the process: real runs against servers that write down everything that arrives."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.probes.chain.methods import READS
from pytest_metarelease.sandbox.accounts import SPENDER
from tests.probes.chain.nodes import CHAIN_ID, Blocks, fake_node
from tests.probes.hostile import Hostile, hostile_server, says_json
from tests.torture.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.probes.chain.nodes import FakeNode

_HEAD = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here:
    access: ACCESS
    services:
      api:
        url: "${API_URL}"
        endpoints:
          list: {path: /orders}
          create: {path: /orders, method: POST, body: {}, safe_probe: true, answer: {status: 400}}
          restart: {path: /restart, writes: true}
          cancel: {path: /cancel, method: POST, writes: true}
    credentials: {user: {header: X-Api-Key, value: "${API_KEY}"}}
    external: {rates: {url: "${RATES_URL}", answer: {status: 200}}}
    databases: {orders: {url: "${ORDERS_URL}"}}
    chain:
      rpc: "${NODE_URL}"
      id: 31337
      spending_key: "${SPENDER_KEY}"
      spending_cap: 100000 wei
checklist:
"""

_EVERYTHING = f"""\
import pytest
from hexbytes import HexBytes
from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.chain.rpc import Ask
from pytest_metarelease.probes.chain.signing import sign_transaction

KEY = "{SPENDER.key}"
WHO = "{SPENDER.address}"
RAW = sign_transaction(
    {{"chainId": {CHAIN_ID}, "nonce": 0, "gas": 21000, "gasPrice": 1, "value": 1, "to": WHO,
      "data": "0x"}}, KEY)[0]
METHODS = [
    "eth_sendTransaction", "eth_sendRawTransaction", "eth_sign", "eth_signTransaction",
    "personal_sendTransaction", "anvil_setBalance", "hardhat_reset", "evm_mine", "debug_setHead",
    "wallet_sendCalls", "miner_start", "admin_addPeer", "eth_sendBundle",
]


@pytest.mark.verifies("post.one")
def test_it(api, service, external, release, chain, w3, database, evidence):
    attempts = [
        *(lambda one=one, kind=kind: kind.request(one, "/orders")
          for one in ("POST", "PUT", "PATCH", "DELETE", "post", "PROPFIND", "CONNECT", "TRACE")
          for kind in (api, service("api"), external("rates"))),
        lambda: api.request("POST", "/cancel", safe_probe=True),
        lambda: api.request("DELETE", "/orders", safe_probe=True),
        lambda: api.get("/restart"),
        lambda: api.get("//restart/"),
        lambda: api.ask(release.environment.services["api"].endpoints["restart"]),
        lambda: api.ask(release.environment.services["api"].endpoints["cancel"]),
        lambda: api.get("/orders", headers={{"X-HTTP-Method-Override": "DELETE"}}),
        lambda: api.get("/orders", query={{"_method": "DELETE"}}),
        lambda: api.get("/orders", headers={{"Host": "admin.internal"}}),
        lambda: api.get(release.environment.external["rates"].url, credential="user"),
        lambda: api.request("POST", release.environment.chain.rpc, json={{}}, safe_probe=True),
        lambda: api.get("http://169.254.169.254/latest/meta-data"),
        *(lambda one=one: w3.provider.make_request(one, [RAW]) for one in METHODS),
        *(lambda one=one: chain.rpc.call(one, RAW) for one in METHODS),
        *(lambda one=one: chain.rpc.batch([Ask("eth_chainId"), Ask(one, (RAW,))])
          for one in METHODS),
        lambda: w3.eth.send_raw_transaction(HexBytes(RAW)),
        lambda: w3.eth.send_transaction(
            {{"from": WHO, "to": WHO, "value": 1, "gas": 21000, "gasPrice": 1, "nonce": 0,
              "chainId": {CHAIN_ID}}}),
        *(lambda one=one: database.rows(one) for one in (
            "delete from orders", "insert into orders values (9)", "drop table orders",
            "select 1; delete from orders", "attach 'x.db' as x", "pragma user_version = 7",
            "pragma journal_mode(wal)", "vacuum", "pragma query_only(0)",
            "with x as (select 1) delete from orders",
            "with x as (select 1) update orders set id = 3",
        )),
    ]
    for attempt in attempts:
        with pytest.raises(ForbiddenError):
            attempt()
    evidence.measured(subject="own:thing", asked="was it refused", value=1).expect(1)
"""

_SPENDING = f"""\
import pytest
from hexbytes import HexBytes
from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.chain.signing import sign_transaction

KEY = "{SPENDER.key}"


@pytest.mark.verifies("post.one")
@pytest.mark.parametrize("number", range(6))
def test_it(w3, evidence, number):
    fields = {{"chainId": {CHAIN_ID}, "nonce": number, "gas": 21000, "gasPrice": 1, "value": 9000}}
    raw = sign_transaction({{**fields, "to": "{SPENDER.address}", "data": "0x"}}, KEY)[0]
    try:
        w3.eth.send_raw_transaction(HexBytes(raw))
        sent = True
    except ForbiddenError as error:
        assert "chain.spending_cap is 100000 wei for one run" in str(error)
        sent = False
    evidence.measured(subject="own:thing", asked="sent or refused", value=sent).expect(sent)
"""


@contextlib.contextmanager
def servers() -> Iterator[tuple[Hostile, Hostile, FakeNode]]:
    methods = Blocks(7).methods() | {
        # What web3 asks by itself before it would send.
        "eth_getBlockByNumber": lambda number, _full: Blocks(7).block(
            int(number, 16) if number.startswith("0x") else 7
        ),
        "eth_sendRawTransaction": lambda _: "0x" + "11" * 32,
    }
    with (
        hostile_server({"/orders": says_json({"orders": []})}) as api,
        hostile_server({"/": says_json({})}) as rates,
        fake_node(methods) as node,
    ):
        yield api, rates, node


def orders_file(path: Path) -> Path:
    file = path.with_name(f"{path.name}-orders.db")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("create table orders (id int)")
        connection.commit()
    return file


def place_of(path: Path, access: str, source: str, *checks: str) -> Place:
    place = Place(path, wired=True)
    place.items("post.one P0", head=_HEAD.replace("ACCESS", access))
    place.lock(f"post.one: {' '.join(checks)}").write("test_it.py", source)
    return place


def variables(api: Hostile, rates: Hostile, node: FakeNode, orders: Path) -> dict[str, str]:
    return {
        "API_URL": api.url,
        "API_KEY": "hush-hush-api-key",
        "RATES_URL": rates.url,
        "NODE_URL": node.url,
        "ORDERS_URL": f"sqlite:///{orders}",
        "SPENDER_KEY": SPENDER.key,
    }


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_nothing_that_writes_arrives_where_access_is_read_only(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    place = place_of(tmp_path / "p", "read-only", _EVERYTHING, "test_it.py::test_it")
    orders = orders_file(tmp_path / "p")
    before = hashlib.sha256(orders.read_bytes()).hexdigest()
    with servers() as (api, rates, node):
        ran = place.pytest("-m", "post_deploy", *workers, **variables(api, rates, node, orders))
        assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
        assert api.asked == []
        assert rates.asked == []
        assert set(node.called) <= READS
        assert "eth_chainId" in node.called
    assert hashlib.sha256(orders.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_one_cap_for_all_workers_of_a_run(tmp_path: Path, workers: tuple[str, ...]) -> None:
    checks = [f"test_it.py::test_it[{number}]" for number in range(6)]
    place = place_of(tmp_path / "p", "transact", _SPENDING, *checks)
    with servers() as (api, rates, node):
        given = variables(api, rates, node, orders_file(tmp_path / "p"))
        ran = place.pytest("-m", "post_deploy", *workers, **given)
        assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
        # 30,000 wei each, 100,000 for the run: three of six, whichever workers sent them.
        assert node.called.count("eth_sendRawTransaction") == 3
        # A new run has a new purse.
        place.pytest("-m", "post_deploy", *workers, **given)
        assert node.called.count("eth_sendRawTransaction") == 6
