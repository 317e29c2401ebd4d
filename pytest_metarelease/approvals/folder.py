"""Reading ``release-approvals/``: every file is an approval, or a problem with its place.

Refuses to pass over a file: what cannot be read may have been meant, and silence would hide it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_metarelease.approvals import FOLDER
from pytest_metarelease.approvals.model import (
    Approval,
    Approvals,
    GivenSignOff,
    GivenWaiver,
    SignOff,
    Unreadable,
    Waiver,
)
from pytest_metarelease.approvals.moments import read_moment
from pytest_metarelease.errors import ManifestError
from pytest_metarelease.manifest.decoder import Decoder, Gap
from pytest_metarelease.manifest.nodes import Mapping, Node, locate, parse
from pytest_metarelease.manifest.problems import Mark, Problems
from pytest_metarelease.manifest.reading import sure
from pytest_metarelease.manifest.shape import hint_of
from pytest_metarelease.manifest.source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_FILES = 1_000
MOST_BYTES = 64 * 1024
_MOST_NODES = 200
LONGEST = 2_000
_LONGEST_SIGNATURE = 2 + 2 * 16 * 1024
_SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_MOMENTS = ("signed_at", "expires")
DIGEST = re.compile(r"[0-9a-f]{64}")
FINGERPRINT = re.compile(r"[0-9a-f]{16}")
COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FORMS = {
    "item_digest": (DIGEST, "is no SHA-256 in lower-case hexadecimal"),
    "fingerprint": (FINGERPRINT, "is no fingerprint: 16 lower-case hexadecimal digits"),
    "commit": (COMMIT, "is no commit: write its full hash in lower-case hexadecimal"),
}


def read_approvals(root: Path) -> Approvals:
    """Return the approvals beside the manifest in ``root``; signatures are not looked at yet.

    Sorted by file, so that equal folders give equal values. A missing folder holds none.
    """
    waivers: list[GivenWaiver] = []
    sign_offs: list[GivenSignOff] = []
    unreadable: list[Unreadable] = []
    try:
        paths = list(_files(root / FOLDER))
    except OSError as error:
        text = f"cannot be listed: {error.strerror or error}"
        return Approvals(unreadable=(Unreadable(file=FOLDER, text=text),))
    for path in paths[:MOST_FILES]:
        file = f"{FOLDER}/{path.name}"
        try:
            found = read_approval(path, file)
        except ManifestError as error:
            unreadable.append(Unreadable(file=file, text=str(error)))
            continue
        if found.waiver is not None:
            waivers.append(GivenWaiver(file=file, waiver=found.waiver))
        if found.sign_off is not None:
            sign_offs.append(GivenSignOff(file=file, sign_off=found.sign_off))
    if len(paths) > MOST_FILES:
        text = f"holds more than {MOST_FILES} files; remove those of earlier releases"
        unreadable.append(Unreadable(file=FOLDER, text=text))
    return Approvals(
        waivers=tuple(waivers), sign_offs=tuple(sign_offs), unreadable=tuple(unreadable)
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield what may hold an approval; hidden files and a README are for people."""
    try:
        paths = sorted(folder.iterdir(), key=lambda one: one.name)
    except FileNotFoundError:
        if folder.is_symlink():
            raise
        return
    yield from (one for one in paths if one.name[0] != "." and one.name != "README.md")


def read_approval(path: Path, file: str) -> Approval:
    """Return the approval in one file; ``file`` is how messages name it.

    Raises:
        ManifestError: It is none; one line per problem, with its place.
    """
    if path.suffix != ".yaml":
        raise ManifestError(f"{file}: an approval is a file called *.yaml; move others elsewhere")
    problems = Problems(file)
    try:
        text = read_source(path, problems, MOST_BYTES).text
    except FileNotFoundError:
        raise ManifestError(f"{file}: there is no such file") from None
    return parse_approval(text, problems)


def parse_approval(text: str, problems: Problems) -> Approval:
    """Return the approval that a text holds.

    Raises:
        ManifestError: It holds none; one line per problem, with its place.
    """
    root = parse(text, problems, most_nodes=_MOST_NODES)
    problems.raise_if_any()
    found: Approval | Gap = Gap.WRONG
    if isinstance(root, Mapping):
        found = Decoder(root, problems).read(root, hint_of(Approval), ())
        if isinstance(found, Approval):
            _check(found, root, problems)
    else:
        mark = root.mark if root is not None else Mark()
        problems.add(mark, "", "expected waiver: or sign_off: with its keys below")
    problems.raise_if_any()
    return sure(found)


def _check(approval: Approval, root: Node, problems: Problems) -> None:
    if (approval.waiver is None) == (approval.sign_off is None):
        problems.add(root.mark, "", "expected one of waiver and sign_off, and not both")
    for key, one in (("waiver", approval.waiver), ("sign_off", approval.sign_off)):
        if one is None:
            continue
        for name, why in broken_by(one):
            problems.add(locate(root, (key, name)), f"{key}.{name}", why)


def broken_by(one: Waiver | SignOff) -> Iterator[tuple[str, str]]:
    """Yield the fields of an approval that are not what they must be, and what to write."""
    for name in one.__dataclass_fields__:
        value = getattr(one, name)
        if value is None:
            continue
        if name == "signature":
            if len(value) > _LONGEST_SIGNATURE or _SIGNATURE.fullmatch(value) is None:
                yield name, "is no signature: 0x and pairs of hexadecimal digits"
        elif not value.strip():
            yield name, "is empty"
        elif not _is_whole(value):
            yield (
                name,
                "holds half of a character (a lone surrogate), which nobody can read or sign",
            )
        elif len(value) > LONGEST:
            yield name, f"is longer than {LONGEST} characters"
        elif name in _MOMENTS:
            try:
                read_moment(value)
            except ValueError as error:
                yield name, str(error)
        elif name in _FORMS and _FORMS[name][0].fullmatch(value) is None:
            yield name, _FORMS[name][1]


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
