"""Outside of a repository nothing is known; key material is found, and not shown."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.interface import KnownKey, Tree
from pytest_metarelease.probes.tracked import judge_tracked_files

if TYPE_CHECKING:
    from pathlib import Path

# Nobody's, and the same in every worker: it stands in ids.
KEY = hashlib.sha256(b"a key of nobody").hexdigest()
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY\n"
PUBLIC = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def repository(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text)
    subprocess.run(["git", "-C", str(folder), "init", "-q"], check=True)
    subprocess.run(["git", "-C", str(folder), "add", "-A"], check=True)
    return folder


def test_outside_of_a_repository_nothing_is_known(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="no git repository"):
        judge_tracked_files(tmp_path, Tree(), Notebook())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f'const ARBITER_PRIVATE_KEY = "0x{KEY}";', "a raw private key"),
        (f"deployerKey: {KEY}", "a raw private key"),
        (f"MNEMONIC='{WORDS}'", "a mnemonic"),
        (PEM, "a private key"),
        ("aws = AKIAABCDEFGHIJKLMNOP", "a vendor's token"),
        (f'sepolia: {{url, accounts: ["0x{KEY}"]}},', "a raw private key"),
        (f'const signer = new ethers.Wallet("{KEY}", provider)', "a raw private key"),
        (f"cast send --private-key 0x{KEY} $ESCROW", "a raw private key"),
        ("const s = process.env.JWT_SECRET || 'hunter2-hunter2'", "a secret that stands in"),
        ('key = os.getenv("SESSION_SECRET", "hunter2-hunter2")', "a secret that stands in"),
        ('jwtSecret: "k7Qz9f2-4417"', "a written secret"),
        ("url: postgres://orders:s3cretPw@db.prod.internal:5432/orders", "a password in an add"),
    ],
)
def test_key_material_is_found_and_not_shown(tmp_path: Path, text: str, kind: str) -> None:
    recorder = Notebook()
    with pytest.raises(UnmetError, match=f"a_dot_js:1|a.js:1 {kind}") as raised:
        judge_tracked_files(repository(tmp_path, a_dot_js=text), Tree(), recorder)
    told = str(raised.value) + str(recorder.measurements)
    assert KEY not in told
    assert WORDS not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "text",
    [
        f'PRIVATE_KEY="0x{PUBLIC}"',
        'mnemonic: "test test test test test test test test test test test junk"',
        f"PRIVATE_KEY=0x{'0' * 64}",
        f'hash = "0x{KEY}"',
        "PRIVATE_KEY=process.env.PRIVATE_KEY",
        "-----BEGIN PUBLIC KEY-----",
        "accounts: [process.env.PRIVATE_KEY]",
        f'const transaction = await provider.getTransaction("0x{KEY}")',
        "const s = process.env.JWT_SECRET ?? fail('JWT_SECRET is not set')",
        "JWT_SECRET: 'your-secret-here'",
        'jwtSecret: "${JWT_SECRET}"',
        "DATABASE_URL=postgres://postgres:postgres@db:5432/orders",
        "DATABASE_URL=postgresql://orders:orders@localhost:5432/orders",
        "postgres://orders:password@db.example.org/orders",
    ],
)
def test_what_is_no_secret_is_none(tmp_path: Path, text: str) -> None:
    judge_tracked_files(repository(tmp_path, a_dot_js=text), Tree(), Notebook())


def test_what_is_there_on_purpose_is_declared(tmp_path: Path) -> None:
    folder = repository(tmp_path, a_dot_js=f"PRIVATE_KEY={KEY}")
    known = KnownKey(path="*.js", reason="a throw-away key")
    judge_tracked_files(folder, Tree(known_keys=(known,)), Notebook())


def test_throw_away_keys_of_tests_are_none(tmp_path: Path) -> None:
    folder = repository(tmp_path, **{"escrow.test.js": f"PRIVATE_KEY={KEY}"})
    judge_tracked_files(folder, Tree(), Notebook())


def test_a_tracked_environment_file_is_found(tmp_path: Path) -> None:
    folder = repository(tmp_path, _dot_env="DATABASE_PASSWORD=hunter2hunter2\n")
    with pytest.raises(UnmetError, match="a file of secrets"):
        judge_tracked_files(folder, Tree(), Notebook())
