"""Our reading of views: prefetched in batches at the pinned block, decoded, compared, recorded.

Arguments: URL, file with the expected values.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers.timing import tell
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Chain, Contract, ViewExpectation
from pytest_metarelease.manifest.scalars import Access, Address, RelativePath, Seconds, Url
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.contracts import ContractProbe
from pytest_metarelease.probes.chain.rpc import connect
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.probes.chain.state import prefetch
from pytest_metarelease.sandbox.artifact import ARTIFACTS

url, expected = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
chain = Chain(rpc=Url(url), id=31337, timeout=Seconds(30))
rpc = connect(chain, Access.READ_ONLY)
snapshot = pin(rpc, chain)
artifact = load(ARTIFACTS / "Escrow.json")
calls = sum(len(lines) for lines in expected.values())


def read() -> dict[str, Any]:
    """Read and judge every view once."""
    notebook = Notebook()
    notebook.check = "benchmark"
    before = rpc.exchanges
    contracts = []
    for address, lines in expected.items():
        state = {
            f"{line['view']}#{number}": ViewExpectation(
                equals=line["equals"], args=tuple(line["args"]), states_equals=True
            )
            for number, line in enumerate(lines)
        }
        declared = Contract(
            artifact=RelativePath("Escrow.json"), address=Address(address), state=state
        )
        contracts.append(ContractProbe(address, declared, artifact, rpc, snapshot, notebook))
    prefetch(contracts)
    for contract in contracts:
        contract.state()
    met = [one.judgement for one in notebook.citations["benchmark"]].count(Judgement.MET)
    requests = rpc.exchanges - before
    assert requests <= 1.1 * calls / 100, f"{requests} requests for {calls} calls"
    return {"met": met}


tell(calls, read)
rpc.close()
