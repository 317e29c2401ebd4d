"""A way to a node that takes its time: every answer comes a set delay after its question.

Forwards bytes as they are; knows nothing of what they say. Connections do not wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def delaying(url: str, delay: float) -> Iterator[str]:
    """Serve what is behind ``url`` on a free port, ``delay`` seconds further away."""
    where = urlsplit(url)
    port: queue.Queue[int] = queue.Queue()
    over = threading.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far, back = await asyncio.open_connection(where.hostname, where.port)
        # The delay of both ways is put on the way there: what a client sees is the same.
        with contextlib.suppress(asyncio.CancelledError):  # the end of the benchmark
            await asyncio.gather(_pump(reader, back, delay), _pump(far, writer, 0))

    async def serve() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        async with server:
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port.get(timeout=10)}"
    finally:
        over.set()
        thread.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(1 << 20):
            if delay:
                loop.call_later(delay, writer.write, piece)
            else:
                writer.write(piece)
                await writer.drain()
    if delay:
        await asyncio.sleep(delay)
    writer.close()
