"""``metarelease sandbox``: keeps a sandbox running for people to look at.

Refuses to run in the background; it ends with Ctrl-C and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import SandboxError, UsageError
from pytest_metarelease.sandbox import FAULTS, Running, Settings, check_faults, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEADLINE = 90.0
_STOP_WITHIN = 5.0
_LOOK_EVERY = 0.5
_USAGE_EXIT, _FAILURE_EXIT = 4, 1


def run(argv: Sequence[str]) -> int:
    """Run ``metarelease sandbox`` with these arguments; returns the exit code.

    0 when it was ended by Ctrl-C or SIGTERM, 1 when it could not start or died, 4 for a fault that
    does not exist.
    """
    wanted = _parser().parse_args(argv)
    if wanted.faults:
        _print("\n".join(_catalogue()))
        return 0
    try:
        faults = check_faults(wanted.fault)
        with tempfile.TemporaryDirectory(prefix="metarelease-sandbox-") as folder:
            settings = Settings(
                wanted.version, wanted.commit, sorted(faults), os.getpid(), Path(folder)
            )
            return _keep(start(settings, deadline=_DEADLINE), sorted(faults))
    except UsageError as problem:
        sys.stderr.write(f"{problem}\n")
        return _USAGE_EXIT
    except SandboxError as problem:
        sys.stderr.write(f"{problem}\n")
        return _FAILURE_EXIT


def _keep(running: Running, faults: Sequence[str]) -> int:
    """Show it until a signal comes or it dies."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        _print("\n".join(_welcome(running, faults)))
        while running.alive():
            if asked.wait(_LOOK_EVERY):
                return 0
        sys.stderr.write("the sandbox died\n")
        return _FAILURE_EXIT
    finally:
        running.stop(_STOP_WITHIN)


def _welcome(running: Running, faults: Sequence[str]) -> Iterator[str]:
    yield f"A Meta Aggregator runs on this machine ({', '.join(faults) or 'healthy'})."
    yield ""
    width = max(len(name) for name in running.variables)
    for name, value in running.variables.items():
        yield f"  {name:<{width}}  {value}"
    yield ""
    yield f"Health:   {running.variables['SANDBOX_API_URL']}/api/health"
    yield f"Frontend: {running.variables['SANDBOX_FRONTEND_URL']}/"
    yield f"Logs:     {running.folder / 'logs'}"
    yield "Ctrl-C ends it."


def _catalogue() -> Iterator[str]:
    yield "Faults of the sandbox (--release-fault NAME, metarelease sandbox --fault NAME):"
    for fault in FAULTS:
        yield ""
        yield f"  {fault.name}"
        yield textwrap.fill(fault.does, 88, initial_indent="    ", subsequent_indent="    ")
        yield f"    caught by {fault.caught_by}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="metarelease sandbox",
        description="Start a small Meta Aggregator on 127.0.0.1 and keep it until Ctrl-C.",
        epilog="RELEASE_ANVIL names anvil (empty: use the embedded node); "
        "RELEASE_SANDBOX_DATABASE_URL names a PostgreSQL server (unset: SQLite).",
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="start with this fault; repeat"
    )
    parser.add_argument("--faults", action="store_true", help="list the faults and end")
    parser.add_argument("--version", default="2.0.0", help="the release it claims to be")
    parser.add_argument("--commit", default="0" * 40, help="the commit it claims to be")
    return parser


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
