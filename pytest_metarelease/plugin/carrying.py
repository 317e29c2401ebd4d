"""The packets of other environments that a run was given (``--release-carry``), read at its start.

Read before the first test, so that no test can write what it is carried from. Judges nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_metarelease.gate.values import GivenCarry


def standing(config: pytest.Config) -> tuple[GivenCarry, ...]:
    """Return what the named folders hold; the command line wins over the ini file.

    Folders of the command line are relative to where pytest was started, those of the ini file to
    its root.
    """
    named: list[str] = config.option.release_carry
    folder, given = config.invocation_params.dir, named
    if not given:
        folder, given = config.rootpath, config.getini("release_carry")
    if not given:
        return ()
    # Imported only where there is something to read: most runs are given nothing.
    from pytest_metarelease.reports.stored import carry_from

    return tuple(carry_from(Path(one), folder) for one in given)
