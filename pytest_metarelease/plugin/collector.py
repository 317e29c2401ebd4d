"""Keeps Python's garbage collector away while much is made that stays.

Nothing escapes it: what was made is only old from the start, and collected with all that is old.
"""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Do not collect until the end of the block, and not because of what was made in it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():  # somebody else may have frozen what is theirs
                # Moves everything to the oldest generation without a walk. Else the next allocation
                # starts one over all tests that were collected, to find that everything stays.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
