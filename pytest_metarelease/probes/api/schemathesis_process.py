"""Talks with schemathesis in a process of its own, a line of JSON each way, within a time.

Knows nothing of requests and descriptions. The process has no secret of ours, works in a folder
that is removed, and is ended with everything it started when its time is over.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pytest_metarelease.errors import MalformedError, ProbeError, UnsupportedError
from pytest_metarelease.probes.clock import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DOOR = Path(__file__).with_name("schemathesis_door.py")
_KEPT = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR")
#: Seconds that it may take to start, and to think between requests, beyond the declared time.
_MORE = 30.0
_LONGEST = 16 * 2**20
_CHUNK = 65_536
_TOLD = 300


def _variables() -> dict[str, str]:
    """Return what the process may know of ours, and where Hypothesis keeps tables of Unicode.

    They are the same for everybody and take two seconds to make.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {**kept, "HYPOTHESIS_STORAGE_DIRECTORY": str(cache / "pytest-metarelease")}


class Talk:
    """One process. ``trouble`` says, when it is over, why not all was tried; empty where it was."""

    def __init__(self, python: str, order: Mapping[str, Any], within: float) -> None:
        self._command = [python, "-I", str(_DOOR)]
        self._order = order
        self._within = within
        self._buffer = b""
        self.trouble = ""

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            ProbeError: There is no such Python.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="metarelease-openapi-")
        self._errors = (Path(self._folder.name) / "stderr").open("w+b")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=self._folder.name,
                env=_variables(),
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            self._folder.cleanup()
            raise ProbeError(f"{self._command[0]} cannot be started: {error.strerror}") from None
        self._deadline = Deadline.after(self._within + _MORE)
        self.reply(self._order)
        return self

    def __exit__(self, *_: object) -> None:
        """End it, with everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._folder.cleanup()

    def reply(self, told: Mapping[str, Any]) -> None:
        """Say one line. Who is gone is noticed when the next line is read."""
        pipe = self._process.stdin
        with suppress(BrokenPipeError):
            if pipe is not None:
                pipe.write(json.dumps(told).encode() + b"\n")
                pipe.flush()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what it says, until it is done or its time is over.

        Raises:
            UnsupportedError: It has no schemathesis.
            MalformedError: It cannot use the description.
            ProbeError: It ended before it was done.
        """
        while (line := self._line()) is not None:
            told = json.loads(line)
            if "unsupported" in told:
                raise UnsupportedError(
                    f"no schemathesis ({told['unsupported']}): pip install "
                    "'pytest-metarelease[openapi]', or name a Python that has it with "
                    "--release-openapi-python"
                )
            if "malformed" in told:
                raise MalformedError(
                    f"schemathesis cannot use the description: {told['malformed']}"
                )
            if "done" in told:
                return
            yield told

    def _line(self) -> bytes | None:
        """Return the next line, None when the time is over."""
        pipe = self._process.stdout
        if pipe is None:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, self._deadline.remaining)):
                    self.trouble = f"it was not done after {self._deadline.seconds:g} s"
                    return None
                found = os.read(pipe.fileno(), _CHUNK)
                if not found or len(self._buffer) > _LONGEST:
                    raise ProbeError(f"schemathesis ended before it was done: {self._last_words()}")
                self._buffer += found
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _last_words(self) -> str:
        self._process.poll()
        self._errors.seek(0)
        said = self._errors.read()[-4_000:].decode("utf-8", errors="replace")
        lines = [one for one in said.splitlines() if one.strip()]
        return (lines[-1] if lines else "it said nothing")[:_TOLD]
