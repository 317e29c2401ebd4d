"""A load balancer: every new connection goes to the next of its backends, in turn.

Refuses to look inside; it copies bytes both ways until either side is done.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_CHUNK = 65536


def serve(listener: socket.socket, backends: Sequence[int]) -> None:
    """Share the connections of ``listener`` out among these loopback ports, until the end."""
    asyncio.run(_serve(listener, backends))


async def _serve(listener: socket.socket, backends: Sequence[int]) -> None:
    turns = itertools.cycle(backends)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", next(turns))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(connected, sock=listener)
    await server.serve_forever()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    except OSError:
        pass  # the other side went away: so do we
    finally:
        target.close()
