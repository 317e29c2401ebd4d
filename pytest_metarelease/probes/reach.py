"""Whether a database can be reached: several attempts over time, and a witness.

It refuses to take one failed attempt, or silence from everywhere, for a fact about the database.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_metarelease.errors import DeadlineError, UnreachableError
from pytest_metarelease.evidence import ReachSample
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.exchange import mark_unknown
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.sql import DatabaseProbe


def reach(
    database: DatabaseProbe,
    *,
    attempts: int = 4,
    spacing: float = 0.5,
    witness: Callable[[], str | None] = lambda: None,
) -> Reading:
    """Return how many of several attempts to connect failed, as a reading with its sample.

    Attempts are ``spacing`` seconds apart. ``witness`` asks another declared target and names it
    where it answered; it is asked only after a failure, and before the attempts end. Failed
    attempts are superseded on record: the reading counts them.

    Raises:
        UnreachableError: Attempts failed and no witness answered: it may be our own network.
        ProbeError: The database answered that it does not want us (permission, too many
            connections): unknown, and no failure to reach it.
    """
    recorder = database.recorder
    mark, at, started = recorder.mark(), utc_now(), time.perf_counter()
    failures: list[str] = []
    seen: str | None = None
    for number in range(attempts):
        if number:
            time.sleep(spacing)
        try:
            database.connect()
        except (UnreachableError, DeadlineError) as error:
            failures.append(str(error).splitlines()[0])
            seen = seen or witness()
    recorder.supersede(mark)
    span = time.perf_counter() - started
    sample = ReachSample(
        measure=f"{database.name}.unreachable",
        failed=len(failures),
        attempts=attempts,
        span=span,
        witness=seen,
    )
    answer = f"{len(failures)} of {attempts} attempts failed in {span:.1f} s"
    if failures:
        answer += f"; {seen or 'nothing else'} answered meanwhile; last: {failures[-1]}"
    found = database.measured(f"{attempts} attempts to connect", at, span, answer, sample)
    if failures and seen is None:
        alone = UnreachableError(f"{database.where}: {answer}; it may be our own network")
        mark_unknown(recorder, found.measurement, alone, "a connection", "try from elsewhere")
        raise alone
    return Reading(len(failures), "failed attempts", found.measurement, recorder, database.where)
