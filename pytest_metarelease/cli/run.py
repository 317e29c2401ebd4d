"""``metarelease run``: run pytest, then believe only a finished packet of that very run.

This is what catches a plugin that was switched off, a process that ended early with exit code 0,
and yesterday's GO on disk: none of them leaves a finished packet with the issued run id.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import PacketError
from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.reports.packet import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HELP = """usage: metarelease run [PYTEST ARGUMENT ...]

Run pytest with these arguments and exit by the verdict of the packet that it leaves:
0 GO, 1 NO-GO, 20 ROLLBACK, 21 HOLD. Only a finished packet that carries the run id issued here
(or given as RELEASE_RUN_ID) is believed. Example: metarelease run -m post_deploy
"""


def run(arguments: Sequence[str]) -> int:
    """Run pytest and return the exit code of the verdict, or pytest's own where it is 2 to 6."""
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
    finished = subprocess.run(  # noqa: S603 - our own interpreter with an argument list
        [sys.executable, "-m", "pytest", *arguments], env=environment, check=False
    )
    code, line = conclude(folder, run_id, finished.returncode)
    print(line)  # noqa: T201
    return code


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
    if decision.get("state") != "finished":
        return hold, f"HOLD: the run did not finish; pytest ended with {pytest_exit}"
    title = str(decision.get("title", ""))
    try:
        verdict = Verdict(decision.get("verdict", ""))
    except ValueError:
        return hold, f"HOLD: {folder}/decision.json has no verdict"
    if verdict is Verdict.GO and pytest_exit != 0:
        return hold, f"HOLD: the packet says GO but pytest ended with {pytest_exit}"
    code = pytest_exit if 2 <= pytest_exit <= 6 else verdict.exit_code
    return code, f"{title or verdict.value}   packet {folder}"


def _packet_folder(arguments: Sequence[str], variables: Mapping[str, str]) -> Path:
    given = variables.get("RELEASE_EVIDENCE") or "release-evidence"
    for position, argument in enumerate(arguments):
        if argument == "--release-evidence" and position + 1 < len(arguments):
            given = arguments[position + 1]
        elif argument.startswith("--release-evidence="):
            given = argument.partition("=")[2]
    return Path(given).absolute()
