"""Whatever stands in the file: it is a manifest, or there is an error of ours, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pytest_metarelease.errors import ManifestError
from pytest_metarelease.lockfile import read_lock
from pytest_metarelease.manifest import load
from tests.unit.manifest.conftest import SHOP, VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

LINES = SHOP.split("\n")
STRUCTURE = ["{", "}", "[", "]", "[[", ":", "- ", "? ", "| ", "\t", "\n", "#", "%", "@", '"', "'"]
MEANING = [
    "${X}",
    "$",
    "&a ",
    "*a",
    "!!str ",
    "0x1f",
    "no",
    "~",
    "null",
    "1e999",
    "-1",
    "é",
    "\u2028",
]
PIECES = st.sampled_from([*STRUCTURE, *MEANING, "\x00"])
LOCK_PIECES = st.sampled_from(["items:\n", "  a:\n", "    digest: ", "x"])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("anything") / "release.yaml"


def refusal(file: Path) -> str:
    """What is said against the file: nothing where it is right, and only by errors of ours."""
    try:
        load(file).resolve("staging", VARIABLES)
    except ManifestError as error:
        return str(error)
    return str(file)


def only_ours(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert refusal(file).startswith(str(file))


@settings(max_examples=50)
@given(st.binary(max_size=200))
@example(b"? ")
@example(b"a: [\n")
@example(b"- id: 1\n  id: [*x]\n")
def test_any_bytes(file: Path, data: bytes) -> None:
    only_ours(file, data)


@settings(max_examples=50)
@given(st.lists(PIECES | st.text(max_size=4), max_size=30))
def test_any_text(file: Path, pieces: list[str]) -> None:
    only_ours(file, "".join(pieces).encode("utf-8", "surrogatepass"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(SHOP)), st.integers(0, 12), PIECES)
def test_a_manifest_with_a_hole_or_a_splinter(file: Path, at: int, cut: int, new: str) -> None:
    only_ours(file, (SHOP[:at] + new + SHOP[at + cut :]).encode())


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(0, len(LINES) - 1), min_size=1, max_size=8))
def test_a_manifest_without_some_lines(file: Path, gone: set[int]) -> None:
    only_ours(file, "\n".join(one for at, one in enumerate(LINES) if at not in gone).encode())


def lock_refusal(file: Path) -> str:
    try:
        read_lock(file)
    except ManifestError as error:
        return str(error)
    return str(file)


@settings(max_examples=50)
@given(st.lists(PIECES | LOCK_PIECES, max_size=20))
def test_any_lock(file: Path, pieces: list[str]) -> None:
    file.write_text("".join(pieces), encoding="utf-8")
    assert lock_refusal(file).startswith(str(file))
