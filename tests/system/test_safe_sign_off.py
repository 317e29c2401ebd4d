"""A Safe signs off a release: asked by the run on a real chain, believed by `check` without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.statement import digest, from_payload
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.sandbox.accounts import SIGNERS
from tests.probes.chain.nodes import chain_at, door, node
from tests.probes.chain.safe import deploy_safe, safe_signature
from tests.torture.place import Place, check

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here:
    access: read-only
    chain: {rpc: "${RPC_URL}", id: 31337}
checklist:
  - id: post.audit
    title: Audit completed
    stage: post_deploy
    severity: P0
    verified_by: sign_off
    signers: [board]
    max_age: 90d
  - {id: post.one, title: It is there, stage: post_deploy, severity: P0}
"""
SIGN = ("sign-off", "post.audit", "--environment", "here", "--signer", "board")
RUN = ("-m", "post_deploy")


def test_a_safe_signs(tmp_path: Path) -> None:
    place = Place(tmp_path / "project")
    with node("anvil") as url:
        with door(chain_at(url), Access.TRANSACT) as rpc:
            safe = deploy_safe(rpc, SIGNERS, 2)
        place.write("release.yaml", f'{MANIFEST}signers: {{board: "{safe}"}}\n')
        place.write("test_it.py", check().replace("post.ITEM", "post.one"))
        place.lock("post.one: test_it.py::test_it")
        known = {"GIT_COMMIT": place.commit().head(), "RPC_URL": url}

        payload = _printed(place, known)
        hashed = digest(from_payload(json.loads(payload), "0x"))
        one, two = (
            "0x" + safe_signature(safe, hashed, SIGNERS[:owners]).hex() for owners in (1, 2)
        )
        (tmp_path / "payload.json").write_text(payload)
        taken = ("sign-off", "--payload", str(tmp_path / "payload.json"), "--signature")
        # One of three owners does not make it sign, and the command asks before it writes.
        assert place.checked(*taken, one, **known) == 4, place.output()
        assert place.checked(*taken, two, **known) == 0, place.output()
        assert place.run_uncommitted(*RUN, **known) == 0, place.output()

    decision = place.decision()
    assert decision["verdict"] == "GO"
    (signed,) = decision["sign_offs"]
    assert signed["account"] == safe
    assert "says that it signed" in signed["shown_by"]
    recorded = json.loads((place.path / "release-evidence/record.json").read_text())
    assert recorded["attestations"][0]["block"] == decision["target"]["block_number"]

    # The chain is gone: what the run saw is believed, and a run that sees nothing is HOLD.
    asked = ("--stage", "post_deploy", "--environment", "here", "--commit", known["GIT_COMMIT"])
    assert place.checked("check", "release-evidence", *asked) == 0, place.output()
    assert place.run_uncommitted(*RUN, **known) == 21, place.output()
    assert place.decision()["items"][0]["state"] == "not verified"
    assert place.checked("check", "release-evidence", *asked) == 21, place.output()


def _printed(place: Place, known: dict[str, str]) -> str:
    assert place.checked(*SIGN, "--print-payload", **known) == 0, place.output()
    return place.output()
