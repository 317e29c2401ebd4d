"""Brings one sandbox up, keeps it, and ends everything it started, whatever happens.

Refuses to live longer than its owner: when that process is gone, so is the sandbox, and its folder.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox.book import Book
from pytest_metarelease.sandbox.outages import Outages
from pytest_metarelease.sandbox.processes import Parts
from pytest_metarelease.sandbox.raising import raise_sandbox
from pytest_metarelease.sandbox.running import STATE, Running, started_at
from pytest_metarelease.sandbox.scratch import ScratchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType

    from pytest_metarelease.sandbox.starting import Settings

_LOOK_EVERY = 0.2


class _Stopped(BaseException):
    """A signal asked us to end; not an ``Exception``, so that nothing swallows it."""


def supervise(settings: Settings) -> int:
    """Run a sandbox until a signal comes or its owner goes; returns the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    orphaned = threading.Event()
    threading.Thread(target=_follow, args=(settings.owner_pid, orphaned), daemon=True).start()
    parts = Parts(settings.folder)
    book: Book | None = None
    try:
        book = Book.choose(settings.folder, os.environ)
        _announce(settings.folder, raise_sandbox(settings, parts, book))
        parts.watch(Outages(settings.folder, parts, book).obey)
    except _Stopped:
        return 0
    except SandboxError as problem:
        sys.stderr.write(f"{problem}\n")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _clear(settings.folder, parts, book, orphaned=orphaned.is_set())
    return 1


def _clear(folder: Path, parts: Parts, book: Book | None, *, orphaned: bool) -> None:
    (folder / STATE).unlink(missing_ok=True)
    parts.end()
    if book is not None:
        try:
            book.drop()
        except ScratchError as problem:
            sys.stderr.write(f"the scratch database may be left behind: {problem}\n")
    if orphaned:
        # Whoever would have removed it is dead.
        shutil.rmtree(folder, ignore_errors=True)


def _announce(folder: Path, variables: Mapping[str, str]) -> None:
    """Write the state in one step: whoever sees it sees all of it."""
    running = Running(os.getpid(), dict(variables), folder, started_at(os.getpid()))
    raw = {"pid": running.pid, "variables": running.variables, "started": running.started}
    fresh = folder / f"{STATE}.new"
    fresh.write_text(json.dumps(raw, sort_keys=True, indent=1), encoding="utf-8")
    fresh.replace(folder / STATE)


def _stop(_: int, __: FrameType | None) -> None:
    raise _Stopped


def _follow(owner: int, orphaned: threading.Event) -> None:
    """Wait for the end of ``owner``, then end ourselves."""
    try:
        descriptor = os.pidfd_open(owner)
    except ProcessLookupError:
        pass
    except (AttributeError, OSError):
        _poll(owner)
    else:
        select.select([descriptor], [], [])
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _poll(owner: int) -> None:
    """For systems without pidfd_open(2)."""
    while True:
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            pass  # it is there, and somebody else's
        time.sleep(_LOOK_EVERY)
