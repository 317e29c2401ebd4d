"""A chain that is reorganised while it is read: whatever the checks saw of it is unknown."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin.project import MEASURED, ONE, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here:
    access: read-only
    chain: {rpc: "${NODE}", id: 5}
checklist:
"""


class Node(ThreadingHTTPServer):
    """A chain of one block, whose hash changes after it was asked for ``stable`` times."""

    def __init__(self, stable: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.stable = stable
        self.asked = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def result(self, method: str) -> Any:
        """The answer to one method."""
        if method == "eth_getBlockByNumber":
            self.asked += 1
            digit = "a" if self.asked <= self.stable else "b"
            return {"number": "0x0", "hash": "0x" + digit * 64, "timestamp": "0x1"}
        return {"eth_chainId": "0x5", "eth_blockNumber": "0x0"}.get(method)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Node

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        batch = asked if isinstance(asked, list) else [asked]
        answers = [self._answer(one) for one in batch]
        body = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, one: dict[str, Any]) -> dict[str, Any]:
        result = self.server.result(one["method"])
        if result is None:
            error = {"code": -32601, "message": "method not found"}
            return {"jsonrpc": "2.0", "id": one["id"], "error": error}
        return {"jsonrpc": "2.0", "id": one["id"], "result": result}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A running node."""
    server = Node(request.param)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    ("node", "verdict"), [(1000, "GO"), (1, "HOLD")], indirect=["node"], ids=["stays", "moves"]
)
def test_the_pinned_block_is_asked_for_again(project: Project, node: Node, verdict: str) -> None:
    project.items("post.one P0", head=_HEAD).write("test_one.py", MEASURED).lock(ONE)
    ran = project.pytest("-m", "post_deploy", NODE=node.url)
    assert ran.verdict == verdict, ran.text
    assert ("chain-moved" in str(ran.decision["findings"])) is (verdict == "HOLD")
    assert ran.decision["target"]["chain_id"] == 5
