"""Runs one command when its standard input ends: what mends a part again, whoever broke it is gone.

A process of its own, which outlives the one that started it, also where that was killed. Imports
nothing of ours. Arguments: the seconds that the command may take, and the command.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How often it is tried to mend the part, and the seconds between.
TRIES, PAUSE = 3, 1.0
_TOLD = 500


def carry_out(command: Sequence[str], within: float, folder: str | None = None) -> str:
    """Run a command; return why it failed, with the end of what it said, or nothing.

    It is ended with all it started after ``within`` seconds.
    """
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as problem:
            return f"it cannot be started: {problem.strerror or problem}"
        try:
            code = process.wait(within)
        except subprocess.TimeoutExpired:
            return f"it was not done after {within:g} s{_end_of(said.fileno())}"
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return f"it ended with {code}{_end_of(said.fileno())}" if code else ""


def _end_of(file: int) -> str:
    size = os.fstat(file).st_size
    text = os.pread(file, _TOLD, max(0, size - _TOLD)).decode(errors="replace").strip()
    return f": {text}" if text else ""


def main(arguments: Sequence[str]) -> int:
    """Wait for the end of the input, and mend; 0 where it was."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # No SIG_IGN: the command would inherit that.
        signal.signal(one, lambda *_: None)
    sys.stdin.buffer.read()
    why = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE)
        why = carry_out(arguments[1:], float(arguments[0]))
        if not why:
            return 0
    with contextlib.suppress(OSError):
        sys.stdout.write(why)
        sys.stdout.flush()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
