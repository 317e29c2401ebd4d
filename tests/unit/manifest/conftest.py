"""A small manifest that is right, and what a changed one is refused for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest

from pytest_metarelease.errors import ManifestError
from pytest_metarelease.manifest import load

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.manifest import Loaded

Refusal: TypeAlias = Callable[[str | bytes], list[str]]
Loading: TypeAlias = Callable[[str | bytes], "Loaded"]

SHOP = """\
release: {name: Shop, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: staging
environments:
  staging:
    access: transact
    services:
      api:
        url: "${API_URL}"
        health: {path: /health, healthy: {status: ok}}
        identity: {path: /health, version: version}
        endpoints:
          orders: {path: /orders, credential: admin}
          buy: {path: /orders, method: POST}
        sampling: {endpoints: [orders], rate: 20/s, samples: 100}
    credentials:
      admin: {value: "Bearer ${API_TOKEN}"}
    chain:
      rpc: "${RPC_URL}"
      id: 1
      accounts: {arbiter: {address: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}}
    contracts:
      escrow:
        artifact: artifacts/Escrow.json
        address: "${ESCROW}"
        state: {currentState: {in: [0, 1]}, paused: false}
    typed_data:
      order:
        domain: {name: Shop, chainId: 1}
        primary: Order
        types: {Order: [{name: maker, type: address}]}
    signed_requests:
      buy:
        endpoint: api.buy
        typed_data: order
        message: {maker: $signer}
        message_at: order
        signature_at: signature
    flows:
      life:
        contract: escrow
        roles: [buyer]
        steps: [{call: deposit, as: buyer, value: 0.1 ether}]
    databases: {orders: {url: "${DATABASE_URL}"}}
    external: {quotes: {url: "https://quotes.example.org", answer: {status: 200}}}
    agreements: {book: {endpoint: api.orders, each: orders.*.id, database: orders, query: select 1}}
checklist:
  - id: pre.audit
    title: Audited
    stage: pre_deploy
    severity: P0
    verified_by: sign_off
    signers: [security, cto]
    threshold: 2
  - id: post.health
    title: Healthy
    stage: post_deploy
    severity: P0
    facets: [smoke]
    evidence: [{subject: "service:api"}]
triggers:
  - {id: errors, item: post.health, measure: api.error_rate, limit: 5%, undo: [api]}
rollback:
  api: {run: [kubectl, rollout, undo, deployment/api], verify: [post.health]}
signers:
  security: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
  cto: "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
"""

VARIABLES = {
    "GIT_COMMIT": "0123456789abcdef0123456789abcdef01234567",
    "API_URL": "https://api.example.org",
    "API_TOKEN": "token-of-the-admin",
    "RPC_URL": "https://rpc.example.org/v3/0123456789abcdef",
    "ESCROW": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    "DATABASE_URL": "postgresql://shop:p%40ssword-1@db.example.org/orders",
}


@pytest.fixture
def shop() -> str:
    return SHOP


@pytest.fixture
def variables() -> dict[str, str]:
    return dict(VARIABLES)


@pytest.fixture
def read(tmp_path: Path) -> Loading:
    def read(text: str | bytes) -> Loaded:
        file = tmp_path / "release.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file)

    return read


@pytest.fixture
def refusal(read: Loading, tmp_path: Path) -> Refusal:
    """The lines of the error, without the folder; an empty list where nothing is refused."""

    def refusal(text: str | bytes) -> list[str]:
        try:
            read(text)
        except ManifestError as error:
            return [line.removeprefix(f"{tmp_path}/") for line in str(error).split("\n")]
        return []

    return refusal
