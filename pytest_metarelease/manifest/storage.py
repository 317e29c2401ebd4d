"""What a database promises beyond answering: room for connections, fast queries, young replicas.

Nothing here reads a file or a variable; the classes are part of ``model``, which says how.
"""

from typing import Annotated

from pytest_metarelease.manifest.notes import Between, Secret
from pytest_metarelease.manifest.scalars import Seconds, Share
from pytest_metarelease.record import record


@record
class Connections:
    """How much of the server's connections may be in use, and what the product may open."""

    most: Annotated[Share, "Of what the server lets ordinary accounts open."] = Share(0.8)
    pool: Annotated[
        int | None, "What all processes of the product together may open; it must fit.", Between(1)
    ] = None


@record
class TimedQuery:
    """A query of the product that must stay fast; sampled until its percentiles are certain."""

    query: Annotated[str, "One statement that only reads."]
    p50: Seconds | None = None
    p95: Seconds | None = None
    p99: Seconds | None = None
    samples: Annotated[int, "The most that are taken; p95 needs 59.", Between(1, 1000)] = 100
    within: Annotated[Seconds, "No more samples are begun after this time."] = Seconds(10)


@record
class Replication:
    """Replicas of the server, and how far they may lie behind."""

    lag: Annotated[Seconds, "The most that a replica may lie behind."]
    replicas: Annotated[int, "How many must follow a primary.", Between(1)] = 1


@record
class Backups:
    """Where backups are seen, and how old the newest may be. One of ``folder`` and ``query``."""

    max_age: Annotated[Seconds, "The newest may be this old."]
    folder: Annotated[str | None, "A folder that this machine sees; its files by time."] = None
    pattern: Annotated[str, "Which of its files are backups."] = "*"
    min_size: Annotated[int, "Bytes; a smaller file is no backup.", Between(1)] = 1
    query: Annotated[str | None, "One value: the time of the newest, with its zone."] = None


@record
class RestoreDrill:
    """Dump the database, restore it into a scratch database, compare every row, drop it again."""

    server: Annotated[
        str, "A SQLAlchemy URL of a server where databases may be made.", Secret("database")
    ]
    timeout: Annotated[Seconds, "Limit of each step."] = Seconds(600)
