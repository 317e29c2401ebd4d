"""Real nodes for the tests, and one that answers JSON-RPC as wrongly as a test asks for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_metarelease.manifest.model import Chain
from pytest_metarelease.manifest.scalars import Access, Seconds, Url, Wei
from pytest_metarelease.probes.chain.rpc import Rpc, connect
from pytest_metarelease.sandbox.accounts import SPENDER
from tests.probes.hostile import Asked, Talk, answer, hostile_server
from tests.tools import ROOT

ARTIFACTS = Path(__file__).parents[3] / "pytest_metarelease" / "sandbox" / "artifacts"
CHAIN_ID = 31337

# It ends with us, also where we are killed: then its standard input ends.
_EMBEDDED = """
import os, socket, sys, threading
from pytest_metarelease.sandbox.chain.server import serve
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    serve(listener, 31337)
"""


def anvil_program() -> str:
    """Return the path of anvil: RELEASE_ANVIL, PATH, or what npm installed beside this checkout."""
    root = Path(__file__).parents[3]
    beside = sorted(root.glob("node_modules/.bin/anvil")) + sorted(
        root.glob("*/node_modules/.bin/anvil")
    )
    found = os.environ.get("RELEASE_ANVIL") or shutil.which("anvil") or next(iter(beside), None)
    if not found:
        raise RuntimeError("anvil is needed: scripts/test installs it, or set RELEASE_ANVIL")
    return str(found)


@contextlib.contextmanager
def node(kind: str, *options: str) -> Iterator[str]:
    """Run a node until the end of the block; yield its URL."""
    with contextlib.ExitStack() as stack:
        folder: str | None = None
        if kind == "anvil":
            command = [anvil_program(), "--port", "0", *options]
        elif kind == "hardhat":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hardhat-"))
            command = _hardhat(Path(folder))
        else:
            command = [sys.executable, "-c", _EMBEDDED]
        yield from _running(command, folder)


def _hardhat(folder: Path) -> list[str]:
    """Make a project of Hardhat 3 without contracts; return the command of its node."""
    modules = ROOT / ".tools" / "hardhat-3" / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "hardhat.config.js").write_text("export default {};")
    program = folder / "node_modules" / "hardhat/dist/src/cli.js"
    own = modules / ".bin" / "node"
    return [str(own), str(program), "node", "--port", "0", "--hostname", "127.0.0.1"]


def _running(command: Sequence[str], folder: str | None) -> Iterator[str]:
    settings = {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "CI": "true"}
    home = {"HOME": folder} if folder else {}
    # A group of its own, since npm's anvil is a script that starts the real one.
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **settings, **home},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield _address(process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _address(process: subprocess.Popen[str]) -> str:
    # A node that never says where it listens is ended, so that reading its output ends, too.
    timer = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"(?:Listening on |server at http://)(127\.0\.0\.1:\d+)", line)
        if found:
            timer.cancel()
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return f"http://{found[1]}"
    timer.cancel()
    raise RuntimeError(f"the node ended with {process.wait()}")


def chain_at(url: str, **changes: Any) -> Chain:
    """Return a declared chain at ``url``."""
    values: dict[str, Any] = {
        "rpc": Url(url),
        "id": CHAIN_ID,
        "timeout": Seconds(20),
        "spending_key": SPENDER.key,
        "spending_cap": Wei(10**18),
        **changes,
    }
    return Chain(**values)


@contextlib.contextmanager
def door(chain: Chain, access: Access = Access.READ_ONLY) -> Iterator[Rpc]:
    rpc = connect(chain, access)
    try:
        yield rpc
    finally:
        rpc.close()


# ---------------------------------------------------------------------- a node that lies

Method = Callable[..., Any]
Twist = Callable[[Any, Any], Any]
"""From (request document, honest answer document) to the document, or bytes, to answer."""


class RpcFault(Exception):  # noqa: N818 - an answer
    """The method answers with this JSON-RPC error object."""

    def __init__(self, **error: Any) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class FakeNode:
    """A scripted node: methods by name, a twist for whole answers, all requests on record."""

    url: str = ""
    methods: dict[str, Method] = field(default_factory=dict)
    twist: Twist | None = None
    asked: list[Any] = field(default_factory=list)

    @property
    def called(self) -> list[str]:
        """The methods that arrived, in order."""
        return [
            one["method"]
            for document in self.asked
            for one in (document if isinstance(document, list) else [document])
        ]

    def reply(self, asked: Asked, talk: Talk) -> None:
        document = json.loads(asked.body)
        self.asked.append(document)
        if isinstance(document, list):
            honest: Any = [self._one(one) for one in document]
        else:
            honest = self._one(document)
        said = self.twist(document, honest) if self.twist else honest
        talk.send(said if isinstance(said, bytes) else answer(json.dumps(said)))

    def _one(self, request: Mapping[str, Any]) -> dict[str, Any]:
        envelope = {"jsonrpc": "2.0", "id": request["id"]}
        method = self.methods.get(request["method"])
        if method is None:
            return {**envelope, "error": {"code": -32601, "message": "Method not found"}}
        try:
            return {**envelope, "result": method(*request["params"])}
        except RpcFault as fault:
            return {**envelope, "error": fault.error}


@contextlib.contextmanager
def fake_node(methods: Mapping[str, Method] | None = None) -> Iterator[FakeNode]:
    """Serve a scripted node on a free loopback port."""
    fake = FakeNode(methods=dict(methods or {}))
    with hostile_server({"/": fake.reply}) as server:
        fake.url = server.url
        yield fake


def digest(number: int, salt: int = 0) -> str:
    """Return a made-up 32-byte hash."""
    return "0x" + f"{salt:02x}{number:06x}".ljust(64, "e")


@dataclass(slots=True)
class Blocks:
    """A made-up chain; every block holds ``per_block`` transactions to ``to``."""

    head: int
    per_block: int = 2
    to: str = "0x" + "ab" * 20
    failed: Sequence[tuple[int, int]] = ()
    salt: int = 0

    def methods(self) -> dict[str, Method]:
        """Return what a node of this chain answers."""
        return {
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_blockNumber": lambda: hex(self.head),
            "eth_getBlockByNumber": lambda number, _full: self.block(int(number, 16)),
            "eth_getBlockReceipts": lambda number: self.receipts(int(number, 16)),
            "eth_getTransactionReceipt": self.receipt,
            "eth_getBalance": self.balance,
        }

    def balance(self, _address: str, tag: Any) -> str:
        if isinstance(tag, dict) and tag["blockHash"] != digest(self.head, self.salt):
            raise RpcFault(code=-32001, message="Resource not found")
        return "0x64"

    def block(self, number: int) -> dict[str, Any] | None:
        if number > self.head:
            return None
        return {
            "number": hex(number),
            "hash": digest(number, self.salt),
            "parentHash": digest(number - 1, self.salt) if number else "0x" + "00" * 32,
            "timestamp": hex(1_700_000_000 + number),
            "transactions": [self.transaction(number, one) for one in range(self.per_block)],
        }

    def transaction(self, number: int, index: int) -> str:
        return "0x" + f"{number:06x}{index:04x}".ljust(64, "7")

    def receipts(self, number: int) -> list[dict[str, Any]]:
        return [
            {
                "transactionHash": self.transaction(number, index),
                "blockHash": digest(number, self.salt),
                "to": self.to,
                "status": "0x0" if (number, index) in self.failed else "0x1",
                "gasUsed": "0x5208",
                "logs": [],
            }
            for index in range(self.per_block)
        ]

    def receipt(self, transaction: str) -> dict[str, Any]:
        number, index = int(transaction[2:8], 16), int(transaction[8:12], 16)
        return self.receipts(number)[index]
