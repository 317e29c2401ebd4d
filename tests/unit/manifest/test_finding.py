"""Which manifest a run is about."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ManifestError, UsageError
from pytest_metarelease.manifest import find_manifest, load

if TYPE_CHECKING:
    from pathlib import Path


def test_there_is_none(tmp_path: Path) -> None:
    assert find_manifest(tmp_path, None) is None


@pytest.mark.parametrize("place", ["release.yaml", "verification/release.yaml"])
def test_it_is_found(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.touch()
    assert find_manifest(tmp_path, None) == file


def test_two_are_not_chosen_between(tmp_path: Path) -> None:
    (tmp_path / "verification").mkdir()
    (tmp_path / "verification/release.yaml").touch()
    (tmp_path / "release.yaml").touch()
    with pytest.raises(UsageError, match=r"release\.yaml and verification/release\.yaml; name one"):
        find_manifest(tmp_path, None)
    assert find_manifest(tmp_path, "release.yaml") == tmp_path / "release.yaml"


def test_the_named_one_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "release.yaml").touch()
    with pytest.raises(UsageError, match=r"there is no manifest .*other\.yaml"):
        find_manifest(tmp_path, "other.yaml")


def test_the_named_one_may_be_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "other.yaml").touch()
    monkeypatch.chdir(inner)
    found = find_manifest(tmp_path, "other.yaml")
    assert found is not None
    assert found.resolve() == inner / "other.yaml"
    assert find_manifest(inner, "other.yaml") == inner / "other.yaml"
    (tmp_path / "other.yaml").touch()
    with pytest.raises(UsageError, match="two manifests are meant"):
        find_manifest(tmp_path, "other.yaml")


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ManifestError, match="no ordinary file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ManifestError, match="no ordinary file"):
        load(tmp_path / "pipe.yaml")


def test_importing_the_package_imports_neither_yaml_nor_the_model() -> None:
    script = (
        "import sys, pytest_metarelease.manifest as manifest\n"
        "assert 'yaml' not in sys.modules and 'dataclasses' not in sys.modules\n"
        "manifest.load\n"
        "heavy = {'pydantic', 'jsonschema', 'web3', 'eth_utils', 'Crypto', 'cryptography'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "[]\n"
