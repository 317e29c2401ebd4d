from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import PacketError
from pytest_metarelease.reports.files import UnwrittenError, write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_nothing_is_written_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UnwrittenError, match="create the folder first") as caught:
        write_atomically(tmp_path / "absent" / "decision.json", b"x")
    assert caught.value.errno == errno.ENOENT
    assert isinstance(caught.value, PacketError)
    assert isinstance(caught.value, OSError)
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 3_000_000])
def test_a_file_is_written_whole_and_replaced_whole(tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "decision.json"
    write_atomically(target, b"earlier")
    write_atomically(target, content)
    assert target.read_bytes() == content
    assert names(tmp_path) == ["decision.json"]


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_full_disk_leaves_the_earlier_file_and_no_other(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "decision.json"
    write_atomically(target, b"tombstone")

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(UnwrittenError, match="free space") as caught:
        write_atomically(target, b"finished")
    assert caught.value.filename == str(target)
    assert target.read_bytes() == b"tombstone"
    assert names(tmp_path) == ["decision.json"]


def test_what_the_system_takes_in_parts_is_written_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda where, what: whole(where, bytes(what[:7])))
    write_atomically(tmp_path / "a", b"abcdefghijklmnopqrstuvwxyz")
    assert (tmp_path / "a").read_bytes() == b"abcdefghijklmnopqrstuvwxyz"


def test_a_folder_in_the_place_of_the_file_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "decision.json" / "inside").mkdir(parents=True)
    with pytest.raises(UnwrittenError):
        write_atomically(tmp_path / "decision.json", b"x")
    assert names(tmp_path) == ["decision.json"]
