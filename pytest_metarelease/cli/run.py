"""``metarelease run``: run pytest, then believe only a finished packet of that very run.

This is what catches a plugin that was switched off, a process that ended early with exit code 0,
and yesterday's GO on disk: none of them leaves a finished packet with the issued run id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import PacketError
from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.reports.packet import ANNOUNCED, Packet, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HELP = """usage: metarelease run [PYTEST ARGUMENT ...]

Run pytest with these arguments and exit by the verdict of the packet that it leaves:
0 GO, 1 NO-GO, 20 ROLLBACK, 21 HOLD. Only a finished packet that carries the run id issued here
(or given as RELEASE_RUN_ID) is believed. Example: metarelease run -m post_deploy
"""


def run(arguments: Sequence[str]) -> int:
    """Run pytest and return the exit code of the verdict that its packet holds."""
    if list(arguments) in (["-h"], ["--help"]):
        print(_HELP)  # noqa: T201 - a command speaks
        return 0
    run_id = os.environ.get("RELEASE_RUN_ID") or str(uuid.uuid4())
    folder = _packet_folder(arguments, os.environ)
    environment = {
        **os.environ,
        "RELEASE_RUN_ID": run_id,
        "RELEASE_EVIDENCE": str(folder),
    }
    _announce(folder, run_id)
    # First, so that it wins over ini files and PYTEST_ADDOPTS: both must mean the same folder.
    told = f"--release-evidence={folder}"
    pytest_exit = _run([sys.executable, "-m", "pytest", told, *arguments], environment)
    code, line = conclude(folder, run_id, pytest_exit)
    print(line)  # noqa: T201
    return code


def _announce(folder: Path, run_id: str) -> None:
    """Let the packet say HOLD before pytest starts: it may never come to do so itself.

    Neither a GO of yesterday nor one of an earlier run with the same id is left to be believed.
    """
    Packet.claim(
        folder,
        run_id=run_id,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        why="the run was started and has not said anything yet",
        state=ANNOUNCED,
    ).release()


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit code; signals to us are passed on to it.

    A cancelled CI job signals the first process only. Without this, pytest would go on alone, or
    be killed before it has written what it saw.
    """
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - an argument list

        def pass_on(number: int, _frame: object) -> None:
            # Ctrl-C in a terminal reaches the whole group by itself; twice would end it rudely.
            if number != signal.SIGINT or not sys.stdin or not sys.stdin.isatty():
                process.send_signal(number)

        before = {one: signal.signal(one, pass_on) for one in _PASSED_ON}
        try:
            return process.wait()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def conclude(folder: Path, run_id: str, pytest_exit: int) -> tuple[int, str]:
    """Return exit code and one line for a run that ended with ``pytest_exit``.

    A packet that is missing, unfinished or of another run is HOLD, whatever pytest said.
    """
    hold = Verdict.HOLD.exit_code
    try:
        decision = read_json(folder / "decision.json")
    except PacketError as error:
        return hold, f"HOLD: no packet of this run: {error}"
    if decision.get("run_id") != run_id:
        return hold, f"HOLD: {folder} is of another run ({decision.get('run_id')}), not of {run_id}"
    try:
        verdict = Verdict(decision.get("verdict", ""))
    except ValueError:
        return hold, f"HOLD: {folder}/decision.json has no verdict"
    title = str(decision.get("title") or verdict.value)
    if verdict.rank > Verdict.HOLD.rank:
        # Also of a run that did not finish: what it saw stands.
        return verdict.exit_code, f"{title}   packet {folder}"
    if decision.get("state") != "finished":
        return hold, f"HOLD: the run did not finish; pytest ended with {pytest_exit}"
    if verdict is Verdict.GO and pytest_exit != 0:
        return hold, f"HOLD: the packet says GO but pytest ended with {pytest_exit}"
    return verdict.exit_code, f"{title}   packet {folder}"


def _packet_folder(arguments: Sequence[str], variables: Mapping[str, str]) -> Path:
    given = variables.get("RELEASE_EVIDENCE") or "release-evidence"
    for position, argument in enumerate(arguments):
        if argument == "--release-evidence" and position + 1 < len(arguments):
            given = arguments[position + 1]
        elif argument.startswith("--release-evidence="):
            given = argument.partition("=")[2]
    return Path(given).absolute()
