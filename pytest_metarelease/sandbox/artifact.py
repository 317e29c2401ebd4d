"""The compiled contracts, read from the artifacts beside this file.

Refuses to compile; scripts/compile-contracts does, and a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path

ARTIFACTS = Path(__file__).with_name("artifacts")


def creation_code(contract: str, arguments: bytes) -> str:
    """What a deployment transaction carries: bytecode and constructor arguments, 0x hex."""
    artifact = json.loads((ARTIFACTS / f"{contract}.json").read_text(encoding="utf-8"))
    return str(artifact["bytecode"]) + arguments.hex()
