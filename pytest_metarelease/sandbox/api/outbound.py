"""The API's own questions to the node and to external services, each with a short deadline.

Refuses redirects, chunked answers and bodies over a megabyte; nothing it talks to sends them.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

_MAX_BODY = 1024 * 1024


class NoAnswer(Exception):  # noqa: N818 - what happened, seen from the asker
    """Nothing usable came back in time."""


class NodeError(Exception):
    """The node answered with a JSON-RPC error; the text is the node's."""


async def get_json(url: str, within: float) -> Any:
    """The JSON body of a 200 answer.

    Raises:
        NoAnswer: refused, late (``within`` seconds), another status, or not JSON.
    """
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return await _exchange(parts.netloc, f"GET {target or '/'} HTTP/1.0\r\n", b"", within)


async def ask_node(url: str, method: str, *params: Any, within: float = 1.0) -> Any:
    """The result of one JSON-RPC request.

    Raises:
        NoAnswer: no usable answer within ``within`` seconds.
        NodeError: the node refused, or the call reverted.
    """
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    body = json.dumps(request).encode()
    answer = await _exchange(urlsplit(url).netloc, "POST / HTTP/1.0\r\n", body, within)
    if "error" in answer:
        raise NodeError(answer["error"].get("message", "unknown error"))
    return answer["result"]


async def _exchange(netloc: str, first_line: str, body: bytes, within: float) -> Any:
    try:
        async with asyncio.timeout(within):
            raw = await _talk(netloc, first_line, body)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as bad:
        raise NoAnswer(f"{netloc}: {type(bad).__name__}") from bad
    head, _, content = raw.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise NoAnswer(f"{netloc}: status {status[0].decode() if status else 'none'}")
    try:
        return json.loads(content)
    except ValueError as bad:
        raise NoAnswer(f"{netloc}: not JSON") from bad


async def _talk(netloc: str, first_line: str, body: bytes) -> bytes:
    host, _, port = netloc.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            f"{first_line}Host: {netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        return await _all(reader)
    finally:
        writer.close()


async def _all(reader: asyncio.StreamReader) -> bytes:
    chunks, size = [], 0
    while chunk := await reader.read(65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > _MAX_BODY:
            raise asyncio.LimitOverrunError("answer too large", size)
    return b"".join(chunks)
