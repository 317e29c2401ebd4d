"""Writing a file whole or not at all, so that a reader never meets half of one.

It refuses to leave a torn file or a forgotten temporary one behind; what was there before stays
until the new content is on the disk.
"""

from __future__ import annotations

import errno
import os
import secrets
from typing import TYPE_CHECKING

from pytest_metarelease.errors import PacketError

if TYPE_CHECKING:
    from pathlib import Path


class UnwrittenError(PacketError, OSError):
    """A file of the packet could not be written; what was there before is unchanged."""


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write ``content`` to ``path``: temporary file in the same folder, fsync, rename, fsync.

    Afterwards ``path`` survives a crash of the machine (POSIX ``rename`` and ``fsync`` of the
    folder). Without ``durable`` the two ``fsync`` are left out: the file is whole for every reader
    while the machine runs, which is enough where hundreds are written beside one that is durable.

    Raises:
        UnwrittenError: Also an ``OSError``, with the errno of the cause, the path, and what to do.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        _write_through(temporary, content, durable=durable)
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        _remove(temporary)
        raise UnwrittenError(
            error.errno, f"{error.strerror or error}; {_advice(error)}", str(path)
        ) from error


def _write_through(path: Path, content: bytes, *, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        # A full disk may accept a part of it: what was not written is written again or raises.
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # The first error says what is wrong; a second one would only hide it.
        return


def _advice(error: OSError) -> str:
    known = {
        errno.ENOSPC: "free space on the disk and run it again",
        errno.EDQUOT: "free space in the quota and run it again",
        errno.EACCES: "make the folder writable for this user",
        errno.EPERM: "make the folder writable for this user",
        errno.EROFS: "name a folder on a writable disk",
        errno.ENOENT: "create the folder first",
        errno.ENOTDIR: "a part of the path is a file; name another folder",
    }
    return known.get(error.errno or 0, "nothing was written; the earlier file is unchanged")
