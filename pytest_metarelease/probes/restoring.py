"""The restore drill: dump a database, restore it elsewhere, compare all rows, drop it again.

It refuses to write to the database that is dumped, to any server of a read-only environment that it
lives on, and to call a restore good that compared nothing. PostgreSQL's own programs do the work:
argument lists, no shell, a time limit each, no password on a command line.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import DeadlineError, ForbiddenError, MalformedError, ProbeError
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.sql_snapshot import differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.manifest.model import Database
    from pytest_metarelease.manifest.storage import RestoreDrill
    from pytest_metarelease.probes.reading import Reading
    from pytest_metarelease.probes.sql import DatabaseProbe
    from pytest_metarelease.probes.sql_door import Door

_PREFIX = "metarelease_drill_"
_KEPT_OF_ENVIRONMENT = ("PATH", "HOME", "SYSTEMROOT", "TMPDIR")
_TOLD = 1500


def rehearse_restore(
    database: DatabaseProbe, declared: Database, drill: RestoreDrill, access: Access
) -> Reading:
    """Return in what the restored database differs, as a reading; ``same`` where in nothing.

    Raises:
        ForbiddenError: The scratch server is that of the database, which may only be read.
        DeadlineError: A step took too long; what it made was dropped.
        MalformedError: There is no table, so there was nothing to compare.
        ProbeError: A program failed; its last words say why.
    """
    from pytest_metarelease.probes.sql_door import Door  # SQLAlchemy, which collecting needs not

    at, started = utc_now(), time.perf_counter()
    with (
        closing(Door(declared.url, drill.timeout)) as source,
        closing(Door(drill.server, drill.timeout)) as server,
        tempfile.TemporaryDirectory(prefix="metarelease-drill-") as folder,
    ):
        if access is Access.READ_ONLY and source.server_identity() == server.server_identity():
            raise ForbiddenError(
                "no restore was tried: the scratch server is the one of the database, and the "
                "environment is read-only; declare another server"
            )
        steps = _Steps(Path(folder), drill.timeout)
        dump = Path(folder) / "dump"
        with source.snapshot() as (snapshot, before):
            steps.run("pg_dump", source, "--format=custom", f"--snapshot={snapshot}",
                      f"--file={dump}", f"--dbname={source.address()}", read_only=True)  # fmt: skip
        if not before:
            raise MalformedError("there is no table, so nothing can be compared")
        with _scratch(steps, server) as name:
            steps.run("pg_restore", server, "--exit-on-error", "--no-owner", "--no-privileges",
                      f"--dbname={server.address(name)}", str(dump))  # fmt: skip
            with closing(server.beside(name)) as restored, restored.snapshot() as (_, after):
                found = differences(before, after)
    rows = sum(count for count, _ in before.values())
    said = "; ".join(found[:10]) or "same"
    text = f"{len(before)} tables, {rows} rows: {said}"
    reading = database.measured("restore drill", at, time.perf_counter() - started, text)
    return type(reading)(
        said, "what was restored, beside what was dumped", reading.measurement, reading.recorder
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    folder: Path
    timeout: float

    def run(self, program: str, door: Door, *arguments: str, read_only: bool = False) -> None:
        """Run one program of PostgreSQL's to its end."""
        told = self.folder / f"{program}.log"
        try:
            with told.open("wb") as log:
                code = subprocess.run(  # noqa: S603 - fixed programs, an argument list, no shell
                    [program, "--no-password", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_environment(door, read_only=read_only),
                    timeout=self.timeout,
                    check=False,
                ).returncode
        except FileNotFoundError:
            raise ProbeError(f"{program} is not on PATH; install PostgreSQL's client") from None
        except subprocess.TimeoutExpired:
            raise DeadlineError(f"{program} took longer than {self.timeout:g} s") from None
        if code != 0:
            with told.open("rb") as log:
                words = log.read(_TOLD).decode("utf-8", "replace").strip()
            raise ProbeError(f"{program} ended with {code}: {words}")


def _environment(door: Door, *, read_only: bool) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_OF_ENVIRONMENT if name in os.environ}
    given = {"LC_ALL": "C", "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "pytest-metarelease"}
    if door.password:
        given["PGPASSWORD"] = door.password
    if read_only:
        given["PGOPTIONS"] = "-c default_transaction_read_only=on"
    return kept | given


@contextmanager
def _scratch(steps: _Steps, server: Door) -> Iterator[str]:
    """Make a database that nobody has, and drop it whatever happens."""
    name = _PREFIX + secrets.token_hex(8)
    where = f"--maintenance-db={server.address()}"
    try:
        steps.run("createdb", server, where, "--template=template0", name)
        yield name
    finally:
        steps.run("dropdb", server, where, "--if-exists", "--force", name)
