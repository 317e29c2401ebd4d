"""Files of ``release-approvals/``: what is no approval is a problem with its place."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import pytest_metarelease.approvals
from pytest_metarelease.approvals import FOLDER
from pytest_metarelease.approvals.folder import parse_approval, read_approvals
from pytest_metarelease.approvals.json_schema import FILE, render_schema, schema
from pytest_metarelease.approvals.model import Approvals, SignOff, Waiver
from pytest_metarelease.approvals.statement import digest, from_payload, payload
from pytest_metarelease.approvals.writing import render, write
from pytest_metarelease.errors import ManifestError, UsageError
from pytest_metarelease.manifest.problems import Problems

WAIVER = Waiver(
    item="post.health",
    version="2.0.0",
    reason='DBA-12: "no" \u2028 # {}',
    approver="Ann",
    author="Bob",
    expires="2026-12-01T00:00:00Z",
)
SIGN_OFF = SignOff(
    item="pre.audit",
    item_digest="0" * 64,
    release="Meta",
    version="2.0.0",
    environment="production",
    signer="security",
    signed_at="2026-11-23T12:00:00+01:00",
    expires="2026-12-01T00:00:00Z",
    signature="0x" + "ab" * 65,
)


def put(root: Path, text: str | bytes, name: str = "one.yaml") -> Path:
    (root / FOLDER).mkdir(exist_ok=True)
    data = text.encode() if isinstance(text, str) else text
    (root / FOLDER / name).write_bytes(data)
    return root


def test_no_folder_holds_no_approvals(tmp_path: Path) -> None:
    assert read_approvals(tmp_path) == Approvals()


@pytest.mark.parametrize("approval", [WAIVER, SIGN_OFF], ids=["waiver", "sign-off"])
def test_what_is_written_is_read(tmp_path: Path, approval: Waiver | SignOff) -> None:
    path = write(approval, tmp_path)
    found = read_approvals(tmp_path)
    assert [one.waiver for one in found.waivers] + [one.sign_off for one in found.sign_offs] == [
        approval
    ]
    assert found.unreadable == ()
    assert Draft202012Validator(schema()).is_valid(yaml.safe_load(path.read_text()))
    with pytest.raises(UsageError, match="is there already"):
        write(approval, tmp_path)


GOOD = render(WAIVER)
SIGNED = render(SIGN_OFF)
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "1:1: expected waiver"),
    "a list": ("- waiver\n", "1:1: expected waiver"),
    "neither": ("{}\n", "1:1: expected one of"),
    "both": (GOOD + SIGNED, "expected one of"),
    "an unknown key": (GOOD + '  approved: "yes"\n', "9:3: waiver.approved: unknown key"),
    "a key twice": (GOOD + '  item: "other"\n', "9:3: waiver.item: duplicate key"),
    "a kind twice": (GOOD + "waiver: {}\n", "duplicate key"),
    "no reason": (GOOD.replace("  reason", "  # reason"), "waiver.reason: is missing"),
    "no approver": (GOOD.replace('"Ann"', '""'), "waiver.approver: expected a text"),
    "a version that is a number": (GOOD.replace('"2.0.0"', "2.0"), "4:12: waiver.version"),
    "a date": (GOOD.replace("T00:00:00Z", ""), "8:12: waiver.expires: is no time"),
    "no zone": (GOOD.replace("00Z", "00"), "is no time with its zone"),
    "no such day": (GOOD.replace("12-01", "02-30"), "is no time with its zone"),
    "a bad fingerprint": (GOOD + "  fingerprint: xyz\n", "is no fingerprint"),
    "a variable": (GOOD.replace("Ann", "${APPROVER}"), "variables are read in environments"),
    "a long reason": (GOOD.replace("DBA-12", "x" * 2001), "is longer than 2000"),
    "half a character": (GOOD.replace("DBA-12", "\\ud800"), "one.yaml:5:"),
    "no signature": (SIGNED.replace("0xab", "0xzz"), "is no signature"),
    "a bad digest": (SIGNED.replace("0" * 64, "0" * 63), "is no SHA-256"),
    "an alias": ("waiver: &a {}\nsign_off: *a\n", "aliases are not read"),
    "a tag": ("waiver: !!python/object:os.system {}\n", "tags are not read"),
    "two documents": (GOOD + "---\n" + GOOD, "a second document"),
    "no YAML": ("waiver: [", "not readable as YAML"),
    "no UTF-8": (b"waiver: \xff", "is no UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "byte order mark"),
    "huge": ("# " + "x" * 70_000, "is larger than"),
    "many values": ("waiver: [" + "1," * 300 + "]", "more than 200 values"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_approval_is_a_problem(tmp_path: Path, name: str) -> None:
    text, why = REFUSED[name]
    found = read_approvals(put(tmp_path, text))
    assert (found.waivers, found.sign_offs) == ((), ())
    (one,) = found.unreadable
    assert one.file == "release-approvals/one.yaml"
    assert why in one.text


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    found = read_approvals(put(tmp_path, "", "two.yaml"))
    assert (len(found.waivers), len(found.unreadable)) == (1, 1)


@pytest.mark.parametrize("name", ["waiver.yml", "waiver.json", "waiver", "one.yaml.orig"])
def test_a_file_of_another_name_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (one,) = read_approvals(put(tmp_path, GOOD, name)).unreadable
    assert "*.yaml" in one.text


@pytest.mark.parametrize("name", ["README.md", ".gitkeep", ".one.yaml.swp"])
def test_what_is_for_people_is_left_alone(tmp_path: Path, name: str) -> None:
    assert read_approvals(put(tmp_path, "", name)) == Approvals()


def test_a_folder_within_and_a_link_to_nothing_are_problems(tmp_path: Path) -> None:
    (tmp_path / FOLDER / "old.yaml").mkdir(parents=True)
    (tmp_path / FOLDER / "gone.yaml").symlink_to("nowhere")
    assert len(read_approvals(tmp_path).unreadable) == 2


def test_a_file_in_place_of_the_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("waivers: none")
    (one,) = read_approvals(tmp_path).unreadable
    assert one.file == FOLDER


def test_too_many_files_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_metarelease.approvals.folder.MOST_FILES", 3)
    for number in range(4):
        put(tmp_path, GOOD, f"{number}.yaml")
    found = read_approvals(tmp_path)
    assert len(found.waivers) == 3
    assert "more than 3 files" in found.unreadable[0].text


@given(st.text(max_size=300))
def test_any_text_is_an_approval_or_a_problem(text: str) -> None:
    with contextlib.suppress(ManifestError):
        found = parse_approval(text, Problems("any"))
        assert (found.waiver is None) != (found.sign_off is None)


@given(st.builds(Waiver, **dict.fromkeys(WAIVER.__dataclass_fields__, st.text(max_size=30))))
def test_any_waiver_reads_as_it_was_written_or_is_refused(waiver: Waiver) -> None:
    try:
        found = parse_approval(render(waiver), Problems("any"))
    except ManifestError:
        return
    assert found.waiver == waiver


def test_the_committed_schema_is_current() -> None:
    committed = Path(pytest_metarelease.approvals.__file__).with_name(FILE)
    assert committed.read_text(encoding="utf-8") == render_schema(), "run scripts/write-schema"


@pytest.mark.parametrize("name", ["neither", "both", "an unknown key", "no reason", "a date"])
def test_the_schema_refuses_what_an_editor_can_know(name: str) -> None:
    text, _why = REFUSED[name]
    assert not Draft202012Validator(schema()).is_valid(yaml.safe_load(text))


def test_a_payload_comes_back_as_the_sign_off(tmp_path: Path) -> None:
    printed = json.loads(json.dumps(payload(SIGN_OFF)))
    assert from_payload(printed, SIGN_OFF.signature) == SIGN_OFF
    others: list[object] = [
        {},
        [],
        {**printed, "domain": {"name": "other", "version": "1"}},
        {**printed, "message": {**printed["message"], "more": "x"}},
        {**printed, "message": {**printed["message"], "item": 1}},
        {**printed, "primaryType": "Other"},
    ]
    for changed in others:
        with pytest.raises(ValueError, match=r"payload|texts"):
            from_payload(changed, SIGN_OFF.signature)


def test_the_digest_is_that_of_eip_712() -> None:
    from eth_account.messages import _hash_eip191_message, encode_typed_data

    theirs = _hash_eip191_message(encode_typed_data(full_message=payload(SIGN_OFF)))
    assert digest(SIGN_OFF) == bytes(theirs)
