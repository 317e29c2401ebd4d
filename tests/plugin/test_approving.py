"""``metarelease waive`` and ``sign-off``, as processes: what they write, ask and refuse."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.approvals.folder import read_approvals
from pytest_metarelease.approvals.statement import digest, from_payload
from pytest_metarelease.probes.chain.signing import sign_digest
from pytest_metarelease.sandbox.accounts import SIGNERS, SPENDER
from tests.forks.process import METARELEASE
from tests.forks.running import completed

if TYPE_CHECKING:
    from pathlib import Path

ANN, BOB, _EVE = SIGNERS
COMMIT = "c" * 40
MANIFEST = f"""\
release: {{name: Sample, version: 1.0.0, commit: "${{GIT_COMMIT}}"}}
default_environment: here
environments:
  here: {{access: read-only}}
checklist:
  - {{id: post.one, title: One, stage: post_deploy, severity: P0}}
  - {{id: post.never, title: Never, stage: post_deploy, severity: P0, waivable: false}}
  - id: pre.audit
    title: Audit
    stage: pre_deploy
    severity: P0
    verified_by: sign_off
    signers: [ann, bob]
    max_age: 90d
signers: {{ann: "{ANN.address}", bob: "{BOB.address}"}}
"""
WAIVE = ("waive", "post.one", "--reason=OPS-7", "--approver=Ann", "--author=Bob", "--expires=7d")
SIGN = ("sign-off", "pre.audit", "--environment=here")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "release.yaml").write_text(MANIFEST)
    return tmp_path


def metarelease(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return completed([METARELEASE, *arguments], root, **{"GIT_COMMIT": COMMIT, **variables})


def asked(root: Path, arguments: tuple[str, ...], answers: str) -> tuple[int, str]:
    """Run the command on a terminal of its own; return its exit code and what was shown."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [METARELEASE, *arguments],
            cwd=root,
            env={**os.environ, "GIT_COMMIT": COMMIT},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.write(ours, answers.encode())
        said, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    return process.returncode, said


def nothing_written(root: Path) -> bool:
    return not (root / "release-approvals").exists()


def test_without_a_terminal_every_missing_option_is_named(root: Path) -> None:
    ran = metarelease(root, "waive")
    assert ran.returncode == 4
    for name in ("ITEM", "--reason", "--approver", "--author", "--expires"):
        assert name in ran.stderr
    ran = metarelease(root, "sign-off", "--print-payload")
    assert (ran.returncode, "ITEM" in ran.stderr) == (4, True)
    ran = metarelease(root, "sign-off", "pre.audit", "--print-payload")
    assert ran.returncode == 4
    assert "--environment, --signer" in ran.stderr
    ran = metarelease(root, *SIGN)
    assert (ran.returncode, "--keystore" in ran.stderr) == (4, True)
    assert nothing_written(root)


def test_a_waiver_is_written(root: Path) -> None:
    ran = metarelease(root, *WAIVE, "--fingerprint=0123456789abcdef")
    assert ran.returncode == 0, ran.stderr
    (one,) = read_approvals(root).waivers
    assert (one.waiver.item, one.waiver.version) == ("post.one", "1.0.0")
    assert (one.waiver.approver, one.waiver.author) == ("Ann", "Bob")
    assert one.waiver.fingerprint == "0123456789abcdef"
    assert one.file in ran.stdout


def test_a_waiver_is_asked_for(root: Path) -> None:
    code, said = asked(root, ("waive",), "post.one\nOPS-7\nAnn\nBob\n7d\n")
    assert code == 0, said
    assert "Who allows it: " in said
    (one,) = read_approvals(root).waivers
    assert (one.waiver.reason, one.waiver.author) == ("OPS-7", "Bob")


def test_no_answer_is_no_answer(root: Path) -> None:
    code, said = asked(root, WAIVE[:-2], "\n")
    assert code == 4
    assert "--author" in said
    assert nothing_written(root)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("waive", "post.won", *WAIVE[2:]), "did you mean post.one"),
        (("waive", "post.never", *WAIVE[2:]), "waivable: false"),
        ((*WAIVE, "--author=ANN "), "two people"),
        ((*WAIVE, "--expires=2020-01-01T00:00:00Z"), "it expired"),
        ((*WAIVE, "--expires=tomorrow"), "neither a duration"),
        ((*WAIVE, "--release-version=2.0.0"), "this is 1.0.0"),
        ((*WAIVE, "--fingerprint=x"), "is no fingerprint"),
        ((*WAIVE, "--packet=nowhere"), "nowhere"),
    ],
)
def test_what_the_gate_would_refuse_is_refused(
    root: Path, arguments: tuple[str, ...], why: str
) -> None:
    ran = metarelease(root, *arguments)
    assert ran.returncode in (4, 21), ran.stdout
    assert why in ran.stderr
    assert nothing_written(root)


def test_a_key_in_a_variable_signs(root: Path) -> None:
    ran = metarelease(root, *SIGN, "--key-env=KEY", "--reason=read it", KEY=ANN.key)
    assert ran.returncode == 0, ran.stderr
    (one,) = read_approvals(root).sign_offs
    assert (one.sign_off.signer, one.sign_off.commit) == ("ann", COMMIT)
    assert ANN.key not in ran.stdout + ran.stderr


def test_a_keystore_signs(root: Path) -> None:
    from eth_account import Account

    store = Account.encrypt(bytes.fromhex(BOB.key[2:]), "secret", kdf="pbkdf2", iterations=2)
    (root / "bob.json").write_text(json.dumps(store))
    (root / "password").write_text("secret\n")
    with_store = (*SIGN, "--keystore=bob.json")
    assert metarelease(root, *with_store, "--password-env=PASS", PASS="wrong").returncode == 4
    assert "--password-file" in metarelease(root, *with_store).stderr
    assert nothing_written(root)
    ran = metarelease(root, *with_store, "--password-file=password")
    assert ran.returncode == 0, ran.stderr
    (one,) = read_approvals(root).sign_offs
    assert one.sign_off.signer == "bob"


def test_any_wallet_signs_the_printed_payload(root: Path) -> None:
    ran = metarelease(root, *SIGN, "--signer=ann", "--print-payload")
    assert ran.returncode == 0, ran.stderr
    document: Any = json.loads(ran.stdout)
    assert document["message"]["item"] == "pre.audit"
    assert nothing_written(root)
    (root / "payload.json").write_text(ran.stdout)
    hashed = digest(from_payload(document, "0x"))
    taken = ("sign-off", "--payload=payload.json")
    forged = metarelease(root, *taken, f"--signature={sign_digest(hashed, BOB.key)}")
    assert (forged.returncode, "not shown to be signed" in forged.stderr) == (4, True)
    assert nothing_written(root)
    ran = metarelease(root, *taken, f"--signature={sign_digest(hashed, ANN.key)}")
    assert ran.returncode == 0, ran.stderr
    assert len(read_approvals(root).sign_offs) == 1


@pytest.mark.parametrize(
    ("arguments", "key", "why"),
    [
        ((*SIGN,), SPENDER.key, "no account under signers"),
        ((*SIGN, "--signer=bob"), ANN.key, "the key is ann's"),
        ((*SIGN,), "0x12", "is no private key"),
        ((*SIGN,), "", "is not set"),
        (
            ("sign-off", "post.one", "--environment=here", "--expires=9d"),
            ANN.key,
            "not verified by",
        ),
        (("sign-off", "pre.audit", "--environment=there"), ANN.key, "no environment there"),
        ((*SIGN, "--expires=2020-01-01T00:00:00Z"), ANN.key, "expired"),
        ((*SIGN, "--signed-at=2020-01-01T00:00:00Z", "--expires=9d"), ANN.key, "none older than"),
    ],
)
def test_a_sign_off_that_would_not_count_is_refused(
    root: Path, arguments: tuple[str, ...], key: str, why: str
) -> None:
    ran = metarelease(root, *arguments, "--key-env=KEY", KEY=key)
    assert ran.returncode == 4, ran.stdout
    assert why in ran.stderr
    assert nothing_written(root)
