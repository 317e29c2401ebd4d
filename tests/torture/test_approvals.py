"""Waivers and sign-offs that do not count: none of them may let a release out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.approvals.model import SignOff, Waiver
from pytest_metarelease.approvals.moments import write_moment
from pytest_metarelease.approvals.statement import digest
from pytest_metarelease.approvals.writing import render
from pytest_metarelease.checklist import item_digest
from pytest_metarelease.manifest import load
from pytest_metarelease.probes.chain.signing import sign_digest
from pytest_metarelease.sandbox.accounts import SIGNERS, SPENDER
from tests.torture.place import Place, check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Workers = tuple[str, ...]
KEYS = dict(zip(("ann", "bob", "eve"), SIGNERS, strict=True))
_SIGNED = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here: {access: read-only}
checklist:
  - id: post.audit
    title: Audit completed
    stage: post_deploy
    severity: P0
    verified_by: sign_off
    signers: [ann, bob, eve]
    threshold: 2
    max_age: 90d
  - {id: post.one, title: It is there, stage: post_deploy, severity: P0}
signers:
"""
FAILS = 'evidence.measured(subject="own:thing", asked="is it there", value=2).expect(1)'


def when(days: float) -> str:
    return write_moment(datetime.now(UTC) + timedelta(days=days))


def waiver(**changes: Any) -> Waiver:
    whole = {
        "item": "post.one",
        "version": "1.0.0",
        "reason": "OPS-7",
        "approver": "Ann",
        "author": "Bob",
        "expires": when(7),
    }
    return Waiver(**(whole | changes))


def put(place: Place, text: str, name: str = "one.yaml") -> Place:
    """Write an approval; it is never committed, as one that comes after the release commit."""
    place.write(f"release-approvals/{name}", text)
    return place


def without(name: str) -> str:
    return re.sub(rf"(?m)^  {name}: .*\n", "", render(waiver()))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty project whose runs need not import what reads signatures."""
    return Place(tmp_path / "project", wired=True)


@pytest.fixture
def failing(place: Place) -> Place:
    return place.one(check(FAILS))


def test_a_good_waiver_covers_a_failure(failing: Place, workers: Workers) -> None:
    ran = put(failing, render(waiver())).pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert ran.item("post.one")["state"] == "waived"
    (used,) = ran.decision["waivers"]
    assert (used["approver"], used["author"], used["reason"]) == ("Ann", "Bob", "OPS-7")
    assert "Ann, asked for by Bob: OPS-7" in " ".join(ran.text.split())
    assert failing.allure_first()[0] == "passed"
    assert "failed" in failing.allure("test_it.py::test_it")
    assert failing.metarelease("check", "release-evidence", *wanted(failing)).exit_code == 0


BAD: dict[str, tuple[str, Callable[[], str]]] = {
    "expired": ("waiver-expired", lambda: render(waiver(expires=when(-1)))),
    "unknown item": ("waiver-unknown-item", lambda: render(waiver(item="post.won"))),
    "author is approver": ("waiver-self-approved", lambda: render(waiver(author=" ANN"))),
    "without reason": ("approval-unreadable", lambda: without("reason")),
    "without approver": ("approval-unreadable", lambda: without("approver")),
    "without author": ("approval-unreadable", lambda: without("author")),
    "without expiry": ("approval-unreadable", lambda: without("expires")),
    "expiry without zone": ("approval-unreadable", lambda: render(waiver())[:-3] + '"\n'),
    "two items at once": (
        "approval-unreadable",
        lambda: render(waiver()) + '  item: "post.two"\n',
    ),
    "empty file": ("approval-unreadable", lambda: ""),
}


def test_bad_waivers_cover_nothing(failing: Place) -> None:
    for name, (_code, text) in BAD.items():
        put(failing, text(), f"{name}.yaml")
    ran = failing.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    assert ran.item("post.one")["state"] == "failed"
    findings = [(one["code"], one["text"]) for one in ran.decision["findings"]]
    for name, (code, _text) in BAD.items():
        assert [one for one, said in findings if f"/{name}.yaml:" in said] == [code]


@pytest.mark.parametrize("name", ["expired", "unknown item", "without reason"])
def test_a_bad_waiver_holds_a_release_that_needs_none(place: Place, name: str) -> None:
    code, text = BAD[name]
    ran = put(place.one(), text()).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == [code]


def test_a_waiver_for_a_check_that_passes_is_a_note(place: Place) -> None:
    ran = put(place.one(), render(waiver())).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.item("post.one")["state"]) == ("GO", "verified"), ran.text
    assert [one["code"] for one in ran.decision["notes"]] == ["waiver-unused"]
    assert ran.decision["waivers"] == []


def test_a_waiver_of_another_failure(failing: Place) -> None:
    found = failing.pytest("-m", "post_deploy").item("post.one")["fingerprint"]
    ran = put(failing, render(waiver(fingerprint="0" * 16))).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    ran = put(failing, render(waiver(fingerprint=found))).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


def test_a_waiver_that_expires_between_run_and_deployment(failing: Place) -> None:
    put(failing, render(waiver()))
    assert failing.pytest("-m", "post_deploy").verdict == "GO"
    put(failing, render(waiver(expires=when(-0.001))))
    checked = failing.metarelease("check", "release-evidence", *wanted(failing))
    assert checked.exit_code == 1, checked.text


def test_a_waiver_that_comes_after_the_run(failing: Place) -> None:
    assert failing.pytest("-m", "post_deploy").verdict == "NO-GO"
    put(failing, render(waiver()))
    checked = failing.metarelease("check", "release-evidence", *wanted(failing))
    assert checked.exit_code == 0, checked.text


def test_an_approval_does_not_dirty_the_tree(place: Place) -> None:
    place.one(check(FAILS))
    commit = place.commit().head()
    put(place, render(waiver(expires=when(-1)))).commit()
    put(place, render(waiver()))  # a tracked file that differs from HEAD
    process = place.run_uncommitted("-m", "post_deploy", GIT_COMMIT=commit)
    assert process == 0, place.output()
    assert place.finding_codes() == []


def wanted(place: Place) -> tuple[str, ...]:
    release = place.decision()["release"]
    return ("--stage", "post_deploy", "--environment", "here", "--commit", release["commit"])


# ------------------------------------------------------------------------- sign-offs


@dataclass(frozen=True, slots=True)
class Signing:
    """A release whose one item two of three must sign, and its commit."""

    place: Place
    commit: str

    def statement(self, signer: str, **changes: Any) -> SignOff:
        item = load(self.place.path / "release.yaml").manifest.checklist[0]
        whole: dict[str, Any] = {
            "item": item.id,
            "item_digest": item_digest(item),
            "release": "Sample",
            "version": "1.0.0",
            "commit": self.commit,
            "environment": "here",
            "signer": signer,
            "signed_at": when(-1),
            "expires": when(30),
            "signature": "0x",
        }
        return SignOff(**(whole | changes))

    def sign(self, signer: str, name: str = "", key: str = "", **changes: Any) -> Signing:
        """Write a sign-off whose signature is good for what it states."""
        made = self.statement(signer, **changes)
        signature = sign_digest(digest(made), key or KEYS[signer].key)
        put(self.place, render(replace(made, signature=signature)), f"{name or signer}.yaml")
        return self

    def run(self, *workers: str) -> Any:
        code = self.place.run_uncommitted("-m", "post_deploy", *workers, GIT_COMMIT=self.commit)
        return code, self.place.decision()


@pytest.fixture
def signing(place: Place) -> Signing:
    accounts = "".join(f'  {name}: "{one.address}"\n' for name, one in KEYS.items())
    place.write("release.yaml", _SIGNED + accounts)
    place.write("test_it.py", check().replace("post.ITEM", "post.one"))
    place.lock("post.one: test_it.py::test_it")
    return Signing(place, place.commit().head())


def test_two_of_three_sign(signing: Signing, workers: Workers) -> None:
    code, decision = signing.sign("ann").sign("eve").run(*workers)
    assert (code, decision["verdict"]) == (0, "GO"), signing.place.output()
    assert [one["signer"] for one in decision["sign_offs"]] == ["ann", "eve"]
    assert decision["items"][0]["state"] == "signed"


def test_a_stage_in_which_nothing_has_to_run(place: Place) -> None:
    accounts = "".join(f'  {name}: "{one.address}"\n' for name, one in KEYS.items())
    text = "".join(one for one in _SIGNED.splitlines(keepends=True) if "post.one" not in one)
    place.write("release.yaml", text + accounts).lock()
    signing = Signing(place, place.commit().head())
    code, decision = signing.sign("ann").run()
    assert (code, decision["verdict"]) == (5, "HOLD"), place.output()
    code, decision = signing.sign("bob").run()
    assert (code, decision["verdict"]) == (0, "GO"), place.output()


def test_nobody_signs(signing: Signing) -> None:
    code, decision = signing.run()
    assert (code, decision["verdict"]) == (21, "HOLD"), signing.place.output()
    assert decision["items"][0]["reasons"][0]["code"] == "sign-off-missing"


REPLAYED: dict[str, dict[str, Any]] = {
    "another commit": {"commit": "d" * 40},
    "no commit": {"commit": None},
    "another version": {"version": "0.9.0"},
    "another release": {"release": "Other"},
    "another environment": {"environment": "production"},
    "another checklist": {"item_digest": "0" * 64},
    "expired": {"expires": when(-0.01)},
    "too old": {"signed_at": when(-91)},
    "from the future": {"signed_at": when(1)},
    "another key": {"key": SPENDER.key},
    "the key of another signer": {"key": KEYS["ann"].key},
}


def test_a_sign_off_of_something_else(signing: Signing) -> None:
    signing.sign("ann")
    for name, changes in REPLAYED.items():
        signing.sign("bob", name, **changes)
    code, decision = signing.run()
    assert (code, decision["verdict"]) == (21, "HOLD"), signing.place.output()
    assert decision["items"][0]["state"] == "not verified"
    missing, *refused = decision["items"][0]["reasons"]
    assert missing["code"] == "sign-off-missing"
    assert {one["code"] for one in refused} == {"sign-off-refused"}
    for name in REPLAYED:
        assert sum(f"/{name}.yaml: " in one["text"] for one in refused) == 1, name


def test_one_of_two_signs(signing: Signing) -> None:
    code, decision = signing.sign("ann").run()
    assert (code, decision["verdict"]) == (21, "HOLD"), signing.place.output()


def test_one_signs_twice(signing: Signing) -> None:
    code, decision = signing.sign("ann").sign("ann", "again", reason="once more").run()
    assert (code, decision["verdict"]) == (21, "HOLD"), signing.place.output()


def test_a_signature_is_changed(signing: Signing) -> None:
    signing.sign("ann").sign("bob")
    path = signing.place.path / "release-approvals/bob.yaml"
    for old, new in (('signature: "0x', 'signature: "0xff'), ('"bob"', '"eve"'), ("Sam", "Som")):
        text = path.read_text()
        path.write_text(text.replace(old, new, 1))
        assert signing.run()[0] == 21, signing.place.output()
        path.write_text(text)


def test_a_signer_is_revoked_or_removed(signing: Signing) -> None:
    text = (signing.place.path / "release.yaml").read_text()
    for changed in (
        f"{text}revoked_signers: [bob]\n",
        text.replace(KEYS["bob"].address, SPENDER.address),
    ):
        signing.place.write("release.yaml", changed)
        again = Signing(signing.place, signing.place.commit().head())
        code, decision = again.sign("ann").sign("bob").run()
        assert (code, decision["verdict"]) == (21, "HOLD"), signing.place.output()


def test_a_sign_off_that_comes_after_the_run(signing: Signing) -> None:
    assert signing.sign("ann").run()[0] == 21
    asked = ("check", "release-evidence", *wanted(signing.place))
    assert signing.place.checked(*asked) == 21
    signing.sign("bob")
    assert signing.place.checked(*asked) == 0, signing.place.output()
    record = json.loads((signing.place.path / "release-evidence/record.json").read_text())
    assert record["attestations"] == []
