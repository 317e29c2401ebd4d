"""Key material in tracked files: private and raw keys, mnemonics, passwords of programs.

Refuses to show what it finds, and to run anything but ``git ls-files``. What a scanner of secrets
knows of every vendor's tokens it does not know.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.evidence import Recorder
    from pytest_metarelease.manifest.interface import Tree

_MOST_BYTES = 2 * 2**20
_MOST_FILES = 50_000
_PEM = re.compile(
    r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}"
)
_RAW = re.compile(
    r"(?i)(?:private|secret|signer|deployer|arbiter|owner|wallet|mnemonic)\w*(?:key|pk|secret)\w*"
    r"[\"']?\s*[:=]\s*[\"'`]?(0x)?([0-9a-f]{64})\b"
)
#: Where programs and tools of Ethereum take a key: no name says that it is one.
_TAKEN = re.compile(
    r"(?i)(?:accounts[\"']?\s*:\s*\[|\bwallet\(|privateKeyToAccount\(|\bfrom_key\("
    r"|--private-key[ =]|\bpk[\"']?\s*[:=])\s*[\"'`]?(0x)?([0-9a-f]{64})\b"
)
#: What stands in for a variable that is not set, on a machine where nobody noticed.
_FALLBACK = re.compile(
    r"(?:process\.env\.|getenv\([\"'])(?!NEXT_PUBLIC|VITE_|REACT_APP)\w*"
    r"(?:SECRET|PRIVATE_KEY|PASSWORD|MNEMONIC)\w*[\"']?\s*(?:\|\||\?\?|,)\s*[\"'`]([^\"'`\s]{4,})[\"'`]"
)
_WRITTEN = re.compile(
    r"(?i)\b(?:jwt|session|cookie|auth|webhook)_?secret\w*[\"']?\s*[:=]\s*[\"'`]([^\"'`\s]{8,})[\"'`]"
)
_OF_A_SERVER = re.compile(
    r"\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?)://"
    r"(?!postgres:|root:|user(?:name)?:)[^\s:/@\"'`$<{]{1,60}:([^\s/@\"'`$<{*]{4,80})@"
    r"(?!localhost|127\.|[\w-]+[:/]|[\w.-]*\bexample\.)"
)
_PLACEHOLDER = re.compile(
    r"(?i)your|change|example|placeholder|xxx|\*\*\*|dummy|^<|^\$|todo|replace"
)
_WORDS = re.compile(
    r"(?i)(?:mnemonic|seed|phrase)\w*[\"']?\s*[:=]\s*[\"'`]?"
    r"((?:[a-z]{3,8} ){11}(?:(?:[a-z]{3,8} ){12})?[a-z]{3,8})\b"
)
_TOKENS = re.compile(
    r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|sk_live_[A-Za-z0-9]{24,}|xox[bap]-[0-9A-Za-z-]{20,})\b"
)
# What each of these forms needs is looked for first: most files have none of it, and searching a
# form that starts with words takes ten times as long.
_RAW_VALUE = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}\b")
_PREFIXES = ("akia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "sk_live_", "xox")
#: The published development accounts of anvil and Hardhat: no secret, and in every tutorial.
_PUBLIC_KEYS = frozenset(
    {
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
        "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
        "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
        "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
        "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    }
)
_SECRET_FILES = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?!example|sample|template|dist)[\w.]+)?|id_rsa|id_ed25519|.*\.(?:pem|p12|pfx|keystore))$"
)


#: Throw-away keys are what tests are made of; a vendor's token opens something everywhere.
_OF_TESTS = re.compile(
    r"(?i)(?:^|/)(?:tests?|__tests__|spec|e2e|cypress|fixtures|mocks?)/|\.(?:test|spec)\."
)
_OF_VENDORS = "a vendor's token"


@dataclass(frozen=True, slots=True)
class Found:
    """Where key material is, and of which kind; never the material itself."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.kind}"


def judge_tracked_files(folder: Path, tree: Tree, recorder: Recorder) -> None:
    """Judge that no tracked file of the repository around ``folder`` holds key material.

    Raises:
        UnmetError: One does; the text names the places.
        ProbeError: ``folder`` is in no repository.
    """
    at, started = utc_now(), time.perf_counter()
    top, paths = tracked(folder)
    known = [one.path for one in tree.known_keys]
    found = [
        one
        for path in paths
        if not any(fnmatchcase(path, pattern) for pattern in known)
        for one in key_material(path, top / path)
    ]
    measurement = recorder.measured(
        subject="tree",
        probe="files",
        asked=f"key material in {len(paths)} tracked files",
        at=at,
        duration=time.perf_counter() - started,
        answer=f"{len(found)} places",
    )
    Reading([str(one) for one in found[:10]], "key material", measurement, recorder).expect(
        [],
        next_step="revoke the key, take it out of the history, and read it from the environment; "
        "what is there on purpose goes under `tree: known_keys:` with the reason",
    )


def tracked(folder: Path) -> tuple[Path, list[str]]:
    """Return the top of the repository and its tracked files.

    Raises:
        ProbeError: There is no repository, or no git.
    """
    top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    paths = [one for one in _git(top, "ls-files", "-z").split("\0") if one]
    if not paths or len(paths) > _MOST_FILES:
        raise ProbeError(f"{top} tracks {len(paths)} files; between 1 and {_MOST_FILES} are read")
    return top, paths


def key_material(path: str, file: Path) -> Iterator[Found]:
    """Yield the places of one file that hold key material."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MOST_BYTES:
        return
    data = file.read_bytes()
    if b"\0" in data[:4096]:
        return
    text = data.decode("utf-8", errors="replace")
    if _SECRET_FILES.search(path) and re.search(
        r"(?m)^\w*(?:KEY|SECRET|PASSWORD|TOKEN)\w*=\S{8,}", text
    ):
        yield Found(path, 1, "a file of secrets")
    for kind, start in (*keys_in(text), *_passwords_in(text)):
        if kind == _OF_VENDORS or not _OF_TESTS.search(path):
            yield Found(path, text.count("\n", 0, start) + 1, kind)


def _passwords_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield what programs and their configurations hold, but no example of them."""
    plain = text.lower()
    for kind, form, hints in (
        ("a secret that stands in for a variable", _FALLBACK, ("env",)),
        ("a written secret", _WRITTEN, ("secret",)),
        ("a password in an address", _OF_A_SERVER, ("://",)),
    ):
        for hit in form.finditer(text) if _may_hold(plain, hints) else ():
            if _PLACEHOLDER.search(hit[1]) is None:
                yield kind, hit.start()
                break


def keys_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield the kinds of key material in a text, each once, and where the first of it begins."""
    seen: set[str] = set()
    plain = text.lower()
    raw = () if _RAW_VALUE.search(plain) is None else ("",)
    for kind, form, group, hints in (
        ("a private key", _PEM, 0, ("private key-----",)),
        ("a raw private key", _RAW, 2, raw),
        ("a raw private key", _TAKEN, 2, raw),
        ("a mnemonic", _WORDS, 1, ("mnemonic", "seed", "phrase")),
        (_OF_VENDORS, _TOKENS, 0, _PREFIXES),
    ):
        may_hold = kind not in seen and _may_hold(plain, hints)
        for hit in form.finditer(text) if may_hold else ():
            value = hit[group].lower().strip()
            if value not in _PUBLIC_KEYS and not _is_public(value):
                seen.add(kind)
                yield kind, hit.start()
                break


def _may_hold(plain: str, hints: Sequence[str]) -> bool:
    """Return whether a text in lower case has one of the words without which a form cannot be."""
    return any(hint in plain for hint in hints)


def _is_public(value: str) -> bool:
    if value.endswith("test test junk"):
        return True
    return len(set(value)) <= 4 and len(value) == 64


def _git(folder: Path, *arguments: str) -> str:
    try:
        return subprocess.run(  # noqa: S603 - a fixed argument list, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as problem:
        raise ProbeError(f"{folder} is in no git repository: {problem}") from None
