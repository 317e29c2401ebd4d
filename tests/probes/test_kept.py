"""A kept connection of the sampler: where an answer ends, and what is no answer (RFC 9112)."""

from __future__ import annotations

import http.client
import socket
import time
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.probes.kept import KeptConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[KeptConnection, socket.socket]]:
    """A connection that stands, and its other end. Nothing listens where it would dial again."""
    ours, theirs = socket.socketpair()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        connection = KeptConnection("127.0.0.1", nobody.getsockname()[1], None)
        connection.sock = ours
        yield connection, theirs
        connection.close()
        theirs.close()


def asked(connection: KeptConnection) -> int:
    return connection.ask(b"GET / HTTP/1.1\r\n\r\n", time.perf_counter() + 20)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"<html>\r\n\r\n",
        OK + b"Content-Length: 3\r\n\r\nok",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        OK + b"Content-Length: -1\r\n\r\nok",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n",
        OK + b"X: " + b"x" * 140_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9,
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_what_is_no_whole_answer_is_an_error(
    pair: tuple[KeptConnection, socket.socket], answer: bytes
) -> None:
    connection, other = pair
    other.sendall(answer)
    other.shutdown(socket.SHUT_WR)
    with pytest.raises((OSError, http.client.HTTPException)):
        asked(connection)


@pytest.mark.parametrize(
    ("answer", "status", "kept"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", 200, True),
        (OK + b"content-length:2 \r\ncontent-length: 2\r\n\r\nok", 200, True),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, True),
        (b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", 200, True),
        (OK + CHUNKED + b"2;x=y\r\nok\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
         200, True),
        (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 200, True),
        (OK + b"Connection: Close\r\nContent-Length: 2\r\n\r\nok", 200, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, True),
        (OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 500 Not asked for\r\n\r\n", 200, False),
    ],
    ids=lambda value: repr(value[:70]) if isinstance(value, bytes) else "",
)  # fmt: skip
def test_an_answer_is_read_to_its_end(
    pair: tuple[KeptConnection, socket.socket], answer: bytes, status: int, *, kept: bool
) -> None:
    connection, other = pair
    other.sendall(answer)
    assert asked(connection) == status
    assert (connection.sock is not None) == kept


def test_an_answer_without_a_length_ends_with_the_connection(
    pair: tuple[KeptConnection, socket.socket],
) -> None:
    connection, other = pair
    other.sendall(OK + b"\r\nsome of it")
    other.shutdown(socket.SHUT_WR)
    assert asked(connection) == 200
    assert connection.sock is None


def test_answers_that_arrive_in_pieces_are_told_apart(
    pair: tuple[KeptConnection, socket.socket],
) -> None:
    connection, other = pair
    for answer, status in ((OK, 200), (b"HTTP/1.1 404 Not Found\r\n", 404)):
        other.sendall(answer + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000)
        assert asked(connection) == status


def test_a_request_is_not_repeated_when_its_answer_had_begun(
    pair: tuple[KeptConnection, socket.socket],
) -> None:
    connection, other = pair
    other.sendall(OK + b"Content-Length: 5\r\n\r\nok")
    other.shutdown(socket.SHUT_WR)
    # To ask again it would have to dial, which would be refused.
    with pytest.raises(http.client.IncompleteRead):
        asked(connection)
    assert other.recv(1000) == b"GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", OK, OK + b"Content-Length: 5\r\n\r\nok"])
def test_silence_ends_with_the_time_that_was_given(
    pair: tuple[KeptConnection, socket.socket], begun: bytes
) -> None:
    connection, other = pair
    other.sendall(begun)
    with pytest.raises(TimeoutError, match="timed out"):
        connection.ask(b"GET / HTTP/1.1\r\n\r\n", time.perf_counter() + 0.05)


def test_a_request_that_nobody_reads_ends_with_the_time_that_was_given(
    pair: tuple[KeptConnection, socket.socket],
) -> None:
    connection, _ = pair
    with pytest.raises(TimeoutError, match="timed out"):
        connection.ask(b"x" * 2**24, time.perf_counter() + 0.05)
