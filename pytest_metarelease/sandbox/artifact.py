"""The compiled contracts, read from the artifacts beside this file.

Refuses to compile; scripts/compile-contracts does, and a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ARTIFACTS = Path(__file__).with_name("artifacts")


#: A byte of the metadata's hash, counted from the end; the length and the compiler stand behind.
_IN_HASH = -20


def creation_code(
    contract: str,
    arguments: bytes,
    libraries: Mapping[str, str] | None = None,
    *,
    other_metadata: bool = False,
) -> str:
    """What a deployment transaction carries: bytecode and constructor arguments, 0x hex.

    ``libraries`` maps the names of those that it is linked with to their addresses. With
    ``other_metadata`` the code says that it was made from other sources, and does the same.
    """
    artifact = json.loads((ARTIFACTS / f"{contract}.json").read_text(encoding="utf-8"))
    digits = str(artifact["bytecode"]).removeprefix("0x")
    for names in artifact["linkReferences"].values():
        for name, places in names.items():
            for place in places:
                start, end = 2 * place["start"], 2 * (place["start"] + place["length"])
                address = (libraries or {})[name].removeprefix("0x").lower()
                digits = digits[:start] + address + digits[end:]
    code = bytearray.fromhex(digits)
    if other_metadata:
        code[_IN_HASH] ^= 0xFF
    return "0x" + (bytes(code) + arguments).hex()
