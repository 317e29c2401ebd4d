"""A finished decision written into its packet: record, Allure, Markdown and, last, decision.json.

Nothing here decides; what cannot be written is an error, and the tombstone stands.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.gate.record_json import dump, record_to_json
from pytest_metarelease.reports import decision_json, markdown

if TYPE_CHECKING:
    from pytest_metarelease.gate.values import Decision
    from pytest_metarelease.reports.packet import Packet


def write(decision: Decision, packet: Packet, *, allure: Path | None = None) -> str:
    """Write the packet and return the SHA-256 of ``decision.json``, hex.

    ``decision.json`` comes last, since it replaces the tombstone. ``allure`` is the folder of
    Allure's results.

    Raises:
        OSError: Something could not be written; the tombstone stands.
    """
    record = dump(record_to_json(decision.record))
    packet.write("record.json", record)
    page = markdown.render(decision).encode()
    document = decision_json.render(decision, hashlib.sha256(record).hexdigest())
    if allure is not None:
        from pytest_metarelease.reports.allure import write_results

        write_results(decision, allure, page=page, document=document)
    packet.write("decision.md", page)
    packet.write("decision.json", document)
    return hashlib.sha256(document).hexdigest()


def append_summary(text: str, step_summary: str) -> str:
    """Append Markdown to the file that CI shows; return why that was not possible, or nothing.

    It is a copy for readers: a path that is wrong, as in a container, changes no verdict.
    """
    if not step_summary:
        return ""
    try:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        return (
            f"GITHUB_STEP_SUMMARY: the summary is not in {step_summary}: {error.strerror or error}"
        )
    return ""
