"""Waivers and sign-offs for tests of the gate: good until a test says what is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.approvals.model import (
    Approvals,
    GivenSignOff,
    GivenWaiver,
    SignOff,
    Waiver,
)
from pytest_metarelease.approvals.statement import digest
from pytest_metarelease.checklist import item_digest
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Address
from tests.unit.gate.given import ENVIRONMENT, Given, item, with_checks

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Item

SIGNERS = {name: Address("0x" + digit * 40) for name, digit in zip("abc", "123", strict=True)}


def waiver(file: str = "w.yaml", **changes: Any) -> GivenWaiver:
    """A waiver of ``post.health`` of 2.0.0 that is good for a week."""
    whole = {
        "item": "post.health",
        "version": "2.0.0",
        "reason": "DBA-12",
        "approver": "Ann",
        "author": "Bob",
        "expires": "2026-11-30T12:00:00Z",
    }
    return GivenWaiver(file=file, waiver=Waiver(**(whole | changes)))


def audit(**changes: Any) -> Item:
    """An item that two of three must sign."""
    whole: dict[str, Any] = {
        "verified_by": "sign_off",
        "signers": ("a", "b", "c"),
        "threshold": 2,
        "binds": "commit",
    }
    return item("post.audit", **(whole | changes))


def signed(signer: str, of: Item, file: str = "", **changes: Any) -> GivenSignOff:
    """A good sign-off by one signer; fields of the statement and what is known may be changed."""
    known = {name: changes.pop(name) for name in ("account", "digest", "signed") if name in changes}
    whole: dict[str, Any] = {
        "item": of.id,
        "item_digest": item_digest(of),
        "release": "Meta",
        "version": "2.0.0",
        "commit": "c" * 40 if of.binds == "commit" else None,
        "environment": ENVIRONMENT,
        "signer": signer,
        "signed_at": "2026-11-22T12:00:00Z",
        "expires": "2026-12-23T12:00:00Z",
        "signature": "0x00",
    }
    made = SignOff(**(whole | changes))
    given: dict[str, Any] = {
        "account": SIGNERS.get(signer),
        "digest": digest(made).hex(),
        "signed": Judgement.MET,
    }
    return GivenSignOff(file=file or f"{signer}.yaml", sign_off=made, **(given | known))


def release(of: Item, *sign_offs: GivenSignOff, **changes: Any) -> Given:
    """A release with one item to be signed, and these sign-offs."""
    run = Given((of,), signers=dict(SIGNERS), approvals=Approvals(sign_offs=sign_offs), **changes)
    run.results = {}
    run.lock = with_checks(run, of.id)  # nothing but signatures verifies it
    return run
