"""A watch over a connection whose library would wait for ever: it cuts the socket when time is up.

It refuses to guess whether the other side still works: it only ends the waiting.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Self

_GRACE = 0.5


class Watch:
    """Ends a connection to a frozen server, whose own time limit cannot fire.

    ``fired`` says whether it did. The server's own limit, which should win where the server is
    alive, is ``seconds``; half a second later the connection is cut.
    """

    def __init__(self, seconds: float) -> None:
        self.fired = False
        self._timer = threading.Timer(seconds + _GRACE, self._fire)
        self._timer.daemon = True
        self._socket: socket.socket | None = None

    def over(self, descriptor: int) -> None:
        """Watch over the socket with this file descriptor from now on."""
        # A duplicate, so that the number cannot come to mean another file in the meantime.
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._timer.ident is not None:
            # Else it might cut what the next question has come to use.
            self._timer.join()
        if self._socket is not None:
            self._socket.close()

    def _fire(self) -> None:
        self.fired = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
