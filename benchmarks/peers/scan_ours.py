"""Our verified scan of blocks: arguments URL, contract, first and last block."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.peers.timing import tell
from pytest_metarelease.manifest.model import Chain
from pytest_metarelease.manifest.scalars import Access, Seconds, Url
from pytest_metarelease.probes.chain.failures import watch
from pytest_metarelease.probes.chain.rpc import connect
from pytest_metarelease.probes.chain.scanning import Scan
from pytest_metarelease.probes.chain.snapshot import pin

url, contract, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chain = Chain(rpc=Url(url), id=31337, timeout=Seconds(30))
rpc = connect(chain, Access.READ_ONLY)
snapshot = pin(rpc, chain)


def scan() -> dict[str, Any]:
    """Scan the window once, verified."""
    window = watch(Scan(rpc, snapshot), contract, first, last)
    return {"failed": len(window.failed), "total": len(window.sent)}


tell(last - first + 1, scan)
rpc.close()
