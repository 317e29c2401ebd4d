"""The obvious reading of views with web3.py, one call after the other: URL, expected values."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3

from benchmarks.peers.timing import tell
from pytest_metarelease.sandbox.artifact import ARTIFACTS

url, expected = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
abi = json.loads((ARTIFACTS / "Escrow.json").read_text())["abi"]
w3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 60}))


def shown(value: Any) -> Any:
    """Return a value as the file of expectations has it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [shown(one) for one in value] if isinstance(value, list | tuple) else value


def read() -> dict[str, Any]:
    """Read and compare every view once."""
    met = 0
    for address, lines in expected.items():
        contract = w3.eth.contract(address=address, abi=abi)
        for line in lines:
            found = shown(contract.functions[line["view"]](*line["args"]).call())
            met += found == line["equals"]
    return {"met": met}


w3.eth.block_number  # noqa: B018 - connects
tell(sum(len(lines) for lines in expected.values()), read)
