"""Approvals as files: YAML that reads as what was given, each under a name of its own.

Refuses to replace a file: an approval that was given stays as it was given.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from pytest_metarelease.approvals import FOLDER
from pytest_metarelease.approvals.folder import parse_approval
from pytest_metarelease.approvals.model import Approval, Waiver
from pytest_metarelease.errors import ManifestError, UsageError
from pytest_metarelease.manifest.problems import Problems

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.approvals.model import SignOff

_HEADERS = {
    "waiver": "# An exception for one item of one release: review it like code.\n",
    "sign_off": "# A signed statement: every line but the signature is signed; do not edit it.\n",
}


def render(approval: Waiver | SignOff) -> str:
    """Return the text of the file that holds an approval."""
    kind = "waiver" if isinstance(approval, Waiver) else "sign_off"
    lines = [
        f"  {name}: {_quoted(value)}"
        for name in approval.__dataclass_fields__
        if (value := getattr(approval, name)) is not None
    ]
    return "\n".join([_HEADERS[kind] + f"{kind}:", *lines]) + "\n"


def write(approval: Waiver | SignOff, root: Path) -> Path:
    """Write an approval into ``release-approvals/`` beside the manifest; return its path.

    Raises:
        UsageError: There is such a file already, or none can be written.
    """
    text = checked(approval)
    folder = root / FOLDER
    path = folder / _name(approval, text)
    try:
        folder.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path}: is there already; there is nothing to do") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def checked(approval: Waiver | SignOff) -> str:
    """Return the text of an approval that a reader takes.

    Raises:
        UsageError: A reader would refuse it, or read something else.
    """
    text = render(approval)
    try:
        found = parse_approval(text, Problems("what was given"))
    except ManifestError as error:
        lines = (
            re.sub(r"^what was given:\d+:\d+: \w+\.", "", one) for one in str(error).split("\n")
        )
        raise UsageError("; ".join(lines)) from None
    given = Approval(waiver=approval) if isinstance(approval, Waiver) else None
    if (given or Approval(sign_off=approval)) != found:  # type: ignore[arg-type]
        raise UsageError("it cannot be written so that it reads the same")
    return text


def _name(approval: Waiver | SignOff, text: str) -> str:
    kind = "waiver" if isinstance(approval, Waiver) else f"sign-off-{approval.signer}"
    said = f"{kind}-{approval.item}-{approval.version}"
    # The digest keeps two approvals of one item and release apart.
    return f"{re.sub('[^A-Za-z0-9._-]+', '_', said)[:120]}-{_digest(text)}.yaml"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _quoted(text: str) -> str:
    # JSON's quoting is YAML's, except for what YAML does not let stand unescaped.
    return re.sub(
        r"[\x7f-\x9f\u2028\u2029\ufeff]",
        lambda found: f"\\u{ord(found[0]):04x}",
        json.dumps(text, ensure_ascii=False),
    )
