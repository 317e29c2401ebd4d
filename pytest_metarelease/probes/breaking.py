"""Breaks a part by its declared command, and has it mended by the other one, whatever happens.

Refuses to break before somebody waits to mend: a process that outlives ours. Knows nothing of what
the commands do.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.mender import PAUSE, TRIES, carry_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.breaking import Breaking

_MENDER = Path(__file__).with_name("mender.py")
_GRACE = 5.0


@contextmanager
def broken(way: Breaking, folder: Path) -> Iterator[None]:
    """Break a part on entry and mend it on exit; both commands run in ``folder``.

    Raises:
        ProbeError: A command failed. Where it is the one that mends, it says so: the part may be
            broken still.
    """
    with subprocess.Popen(  # noqa: S603 - our own interpreter with an argument list
        [sys.executable, "-I", str(_MENDER), str(float(way.within)), *way.undo],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        start_new_session=True,
    ) as mender:
        try:
            why = carry_out(way.run, way.within, str(folder))
            if why:
                raise ProbeError(f"`{shlex.join(way.run)}` broke nothing: {why}")
            yield
        finally:
            _mend(mender, way)


def _mend(mender: subprocess.Popen[bytes], way: Breaking) -> None:
    command = shlex.join(way.undo)
    step = f"the part may be broken still; run it by hand: {command}"
    try:
        said, _ = mender.communicate(timeout=TRIES * (way.within + PAUSE) + _GRACE)
    except subprocess.TimeoutExpired:
        mender.kill()
        raise ProbeError(f"`{command}` was not done in time; {step}") from None
    if mender.returncode:
        text = said.decode(errors="replace").strip() or f"it ended with {mender.returncode}"
        raise ProbeError(f"`{command}` mended nothing in {TRIES} tries: {text}; {step}")
