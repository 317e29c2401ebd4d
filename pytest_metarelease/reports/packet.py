"""The packet: one folder with the decision of one run and everything it was based on.

At any moment, whatever dies, the folder says HOLD or the finished decision of its run: an earlier
packet moves to ``history/`` before the tombstone of a new run is written. Nothing here decides.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pytest_metarelease import __version__
from pytest_metarelease.errors import PacketError, UsageError
from pytest_metarelease.nesting import check_depth
from pytest_metarelease.reports.files import write_atomically

SCHEMA = "metarelease/decision/v1"
ANNOUNCED = "announced"
_LARGEST = 256 * 1024 * 1024
_MOVED = ("decision.json", "decision.md", "record.json", "ledger", "allure-results", "attachments")


@dataclass(slots=True)
class Packet:
    """A packet folder that this run owns until ``release``."""

    folder: Path
    _lock: IO[str] | None = None

    @classmethod
    def claim(cls, folder: Path, *, run_id: str, started_at: str, why: str, state: str) -> Packet:
        """Own the folder, move an earlier packet to history, and write this run's tombstone.

        Raises:
            UsageError: Another run owns the folder, or it cannot be written.
        """
        packet = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            packet._own()
            packet._archive(run_id)
            packet.write_tombstone(run_id=run_id, started_at=started_at, why=why, state=state)
        except OSError as error:
            packet.release()
            raise UsageError(
                f"the packet folder {folder} cannot be written ({error.strerror}); no verdict can "
                "be recorded there: name another one with --release-evidence DIR"
            ) from error
        return packet

    def _own(self) -> None:
        lock = (self.folder / "run.lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            owner = lock.read(40).strip()
            lock.close()
            raise UsageError(
                f"another run (process {owner or 'unknown'}) is writing {self.folder}; wait for "
                "it, or name another folder with --release-evidence DIR"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _archive(self, run_id: str) -> None:
        earlier = self.folder / "decision.json"
        if _announces(earlier, run_id):
            return  # written by `metarelease run` a moment ago, for this very run
        if not earlier.exists():
            # Without a decision it is no packet, only what a dead run left behind.
            leftovers = [name for name in _MOVED if (self.folder / name).exists()]
            if not leftovers:
                return
        target = self._history_folder(_run_id_in(earlier))
        target.mkdir(parents=True)
        for name in _MOVED:
            if (self.folder / name).exists():
                (self.folder / name).rename(target / name)

    def _history_folder(self, run_id: str) -> Path:
        base = self.folder / "history" / run_id
        number, target = 1, base
        while target.exists():
            number += 1
            target = base.with_name(f"{base.name}-{number}")
        return target

    def write_tombstone(self, *, run_id: str, started_at: str, why: str, state: str) -> None:
        """Write a decision that says HOLD: what is left if nothing else is written any more."""
        tombstone = {
            "schema": SCHEMA,
            "verdict": "HOLD",
            "exit_code": 21,
            "state": state,
            "run_id": run_id,
            "started_at": started_at,
            "title": f"HOLD: {why}",
            "findings": [{"code": f"run-{state.replace(' ', '-')}", "text": why}],
            "tool": {"name": "pytest-metarelease", "version": __version__},
        }
        text = json.dumps(tombstone, indent=2, sort_keys=True) + "\n"
        write_atomically(self.folder / "decision.json", text.encode())
        write_atomically(self.folder / "decision.md", f"# HOLD: {why}\n".encode())

    def write(self, name: str, content: bytes) -> None:
        """Write one file of the packet, whole or not at all."""
        write_atomically(self.folder / name, content)

    def release(self) -> None:
        """Give the folder up. What is in it stays."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _announces(path: Path, run_id: str) -> bool:
    try:
        found = read_json(path)
    except PacketError:
        return False
    return (found.get("state"), found.get("run_id")) == (ANNOUNCED, run_id)


def _run_id_in(path: Path) -> str:
    """Return a folder name for an earlier packet: its run id, if that is a harmless name."""
    try:
        run_id = str(read_json(path).get("run_id", ""))
    except PacketError:
        run_id = ""
    safe = "".join(one for one in run_id if one.isalnum() or one in "-_")[:64]
    return safe or "unknown"


def read_bounded(path: Path) -> bytes:
    """Return what is in a plain file of a packet.

    Raises:
        OSError: It cannot be read.
        PacketError: It is no plain file (a pipe would be waited for for ever), or too large.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise PacketError(f"{path} is no plain file")
    content = b""
    if found.st_size <= _LARGEST:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)  # also where it grows meanwhile
    if max(found.st_size, len(content)) > _LARGEST:
        raise PacketError(f"{path} is larger than {_LARGEST} bytes")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of a packet.

    Raises:
        PacketError: The file is missing, too large, torn, or holds no object.
    """
    try:
        content = read_bounded(path)
        check_depth(content)
        found = json.loads(content, parse_constant=_refuse_constant)
    except FileNotFoundError as error:
        raise PacketError(f"{path} does not exist") from error
    except (OSError, ValueError, RecursionError) as error:
        raise PacketError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise PacketError(f"{path} holds no JSON object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
