"""No committed file tells where packages were had from: elsewhere that is another place."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In pieces, for this file is looked at as well, by us and by others.
SCHEME, APART, LISTED, WORDS = "https:", "-", "simple", ("index", "url")
SETTING, PLACE = "-".join(WORDS), "".join(("regis", "try"))
# By what such an address or setting looks like, whatever the host: a mirror is one, too.
INDEX = re.compile(
    rf"""https?://[^\s"'<>]+/(?:{APART}|{LISTED})/[\w.-]"""
    rf"|(?m:^\s*(?:extra-|default-)?{'[-_]'.join(WORDS)}\s*=)"
    rf"|(?m:^\s*(?:@[\w-]+:)?{PLACE}\s*=)"
)


@pytest.mark.parametrize(
    "line",
    [
        f'"resolved": "{SCHEME}//packages.example/a/{APART}/a-1.0.0.tgz"',
        f'"uri": "{SCHEME}//127.0.0.1:4873/{APART}/npm/v1/security/advisories/bulk"',
        f"{SCHEME}//packages.example/{LISTED}/a/",
        f"{SETTING} = somewhere",
        f"extra-{SETTING}=somewhere",
        f"{PLACE}=somewhere",
        f"@scope:{PLACE} = somewhere",
    ],
)
def test_it_is_known_when_it_is_seen(line: str) -> None:
    assert INDEX.search(f"first\n{line}\nlast") is not None


def test_no_file_names_a_package_index() -> None:
    listed = ["git", "-C", str(ROOT), "ls-files", "-z"]
    said = subprocess.run(listed, capture_output=True, text=True, check=True, timeout=60).stdout
    paths = [ROOT / name for name in said.split("\0") if name]
    read = {path: path.read_text(encoding="utf-8", errors="replace") for path in paths}
    assert len(read) > 100
    assert [path for path, text in read.items() if INDEX.search(text)] == []
