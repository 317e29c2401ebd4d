"""What one run may spend on the chain: every process takes from the same purse before it sends.

Refuses to let anything be sent that the cap does not cover, also where it cannot tell what is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import threading
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ONE_AT_A_TIME = threading.Lock()


class Purse:
    """At most ``cap`` wei for everybody who shares ``file``; without one, for this object alone.

    What is taken stays taken, also where the process that took it dies: it may have been spent.
    """

    def __init__(self, cap: int, file: Path | None = None) -> None:
        self.cap = cap
        self._file = file
        self._alone = 0

    def take(self, amount: int, purpose: str) -> None:
        """Set ``amount`` wei aside: the value of what is sent, and its gas at its highest price.

        Raises:
            ForbiddenError: The cap does not cover it; nothing may be sent.
        """
        with self._locked():
            taken = self._read()
            if amount < 0 or taken + amount > self.cap:
                raise ForbiddenError(
                    f"{purpose} may cost up to {amount} wei; chain.spending_cap is {self.cap} wei "
                    f"for one run, {taken} of it are taken: nothing was sent; "
                    "raise the cap or declare less"
                )
            self._write(taken + amount)

    def give_back(self, amount: int) -> None:
        """Return ``amount`` wei of what was taken: it is in the spending account again."""
        with self._locked():
            self._write(max(self._read() - max(amount, 0), 0))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The threads of one process share its file locks, so they need one of their own.
        with _ONE_AT_A_TIME:
            if self._file is None:
                yield
                return
            with self._file.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield

    def _read(self) -> int:
        if self._file is None:
            return self._alone
        try:
            text = self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as problem:
            raise self._illegible(type(problem).__name__) from None
        if not text.isdigit() or len(text) > 80:
            raise self._illegible(f"it says {text[:40]!r}")
        return int(text)

    def _write(self, taken: int) -> None:
        if self._file is None:
            self._alone = taken
            return
        partial = self._file.with_suffix(".partial")
        partial.write_text(str(taken), encoding="ascii")
        partial.replace(self._file)

    def _illegible(self, why: str) -> ForbiddenError:
        return ForbiddenError(
            f"{self._file}: nobody can tell what this run has spent ({why}): nothing was sent; "
            "start a new run"
        )
