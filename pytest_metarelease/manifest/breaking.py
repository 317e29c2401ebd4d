"""How a part of an environment is broken for a while, and mended again.

Nothing here reads a file or a variable; the classes are part of ``model``, which says how.
"""

from typing import Annotated

from pytest_metarelease.manifest.notes import NotEmpty
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.record import record


@record
class Breaking:
    """Two commands, each an argument list and never a shell string, run in the manifest's folder.

    ``undo`` is run whatever happens meanwhile, also where our own process is killed.
    """

    run: Annotated[
        tuple[str, ...], "Breaks the part, e.g. `[docker, compose, stop, db]`.", NotEmpty()
    ]
    undo: Annotated[tuple[str, ...], "Mends it, e.g. `[docker, compose, start, db]`.", NotEmpty()]
    within: Annotated[Seconds, "The longest that each of the two may take."] = Seconds(60)


@record
class PartOutages:
    """In which ways a part can be broken here; at least one."""

    down: Annotated[Breaking | None, "It is gone: connections are refused."] = None
    stalled: Annotated[Breaking | None, "It hangs: connections stand, and nothing answers."] = None
