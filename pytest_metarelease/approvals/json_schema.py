"""JSON Schema (2020-12) of ``release-approvals/*.yaml``, generated from the model, for editors.

It is what an editor can know while somebody types; never used to read an approval.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.folder import COMMIT, DIGEST, FINGERPRINT, LONGEST
from pytest_metarelease.approvals.model import Approval
from pytest_metarelease.approvals.moments import MOMENT
from pytest_metarelease.manifest.json_schema import Schema, schema_of

if TYPE_CHECKING:
    from pathlib import Path

FILE = "approval.schema.json"
"""The name of the committed schema, in this package."""

_PATTERNS = {
    "commit": COMMIT.pattern,
    "expires": MOMENT.pattern,
    "fingerprint": FINGERPRINT.pattern,
    "item_digest": DIGEST.pattern,
    "signature": "0x([0-9a-fA-F]{2})*",
    "signed_at": MOMENT.pattern,
}


def schema() -> Schema:
    """Return the schema as a JSON document."""
    found = schema_of(Approval, "pytest-metarelease: release-approvals/*.yaml")
    found["oneOf"] = [{"required": ["waiver"]}, {"required": ["sign_off"]}]
    for definition in found["$defs"].values():
        for name, one in definition["properties"].items():
            text = next(each for each in one.get("anyOf", [one]) if each.get("type") == "string")
            if name in _PATTERNS:
                text["pattern"] = f"^{_PATTERNS[name]}$"
            else:
                text["maxLength"] = LONGEST
    return found


def render_schema() -> str:
    """Return the schema as the text that is committed."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def write_schema(folder: Path) -> Path:
    """Write the schema into ``folder`` and return its path."""
    path = folder / FILE
    path.write_text(render_schema(), encoding="utf-8")
    return path
