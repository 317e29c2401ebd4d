"""``metarelease waive``: write a waiver, and refuse one that the gate would refuse.

It asks for what is missing; who allows the exception is never guessed from who runs the command.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.model import Waiver
from pytest_metarelease.approvals.writing import write
from pytest_metarelease.cli.asking import complete
from pytest_metarelease.cli.occasion import Checkout, moment, present
from pytest_metarelease.errors import UsageError
from pytest_metarelease.gate.waivers import problem_of
from pytest_metarelease.reports.packet import read_json

if TYPE_CHECKING:
    import argparse

_QUESTIONS = {
    "item": "Item of the checklist",
    "reason": "Why the release may go out all the same",
    "approver": "Who allows it",
    "author": "Who asks for it (somebody else)",
    "expires": "Until when (14d, or 2026-12-31T18:00:00Z)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("item", nargs="?", metavar="ITEM", help="the item of the checklist")
    parser.add_argument("--reason", help="why the release may go out all the same")
    parser.add_argument("--approver", help="who allows it")
    parser.add_argument("--author", help="who asks for it; somebody else than the approver")
    parser.add_argument("--expires", help="until when: 14d, or 2026-12-31T18:00:00Z")
    parser.add_argument("--release-version", help="the release; refused if it is another one")
    parser.add_argument("--fingerprint", help="the failure to cover, as the report shows it")
    parser.add_argument(
        "--packet", metavar="DIR", help="cover only the failure that this packet shows of the item"
    )
    parser.add_argument("--release-manifest", metavar="FILE", help="the manifest")


def waive(options: argparse.Namespace) -> int:
    """Write a waiver into ``release-approvals/`` and return 0."""
    checkout = Checkout.here(options.release_manifest)
    given = complete({name: getattr(options, name) for name in _QUESTIONS}, _QUESTIONS)
    item, now = checkout.item(given["item"]), present()
    waiver = Waiver(
        item=item.id,
        version=options.release_version or checkout.release.version,
        reason=given["reason"],
        approver=given["approver"],
        author=given["author"],
        expires=moment(given["expires"], now),
        fingerprint=_fingerprint(options, item.id),
    )
    problem = problem_of(waiver, checkout.occasion("", checkout.release.commit, now))
    if problem is not None:
        raise UsageError(f"the gate would refuse it: {problem.text}; {problem.next_step}")
    path = write(waiver, checkout.root)
    print(f"{path}: {item.id} of {waiver.version} until {waiver.expires}")  # noqa: T201
    print("commit it and have it reviewed")  # noqa: T201
    return 0


def _fingerprint(options: argparse.Namespace, item: str) -> str | None:
    if options.packet is None:
        found: str | None = options.fingerprint
        return found
    if options.fingerprint is not None:
        raise UsageError("--packet and --fingerprint say the same; keep one of the two")
    document = read_json(Path(options.packet) / "decision.json")
    items = document.get("items")
    for one in items if isinstance(items, list) else []:
        if isinstance(one, dict) and one.get("id") == item and one.get("fingerprint"):
            return str(one["fingerprint"])
    raise UsageError(f"{options.packet}: shows no failure of {item}")
