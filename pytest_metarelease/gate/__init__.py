"""The gate: what a run recorded becomes GO, HOLD, NO-GO or ROLLBACK.

Values in, values out; nothing here asks, reads, writes or knows what time it is.
"""

from pytest_metarelease.gate.decide import decide

__all__ = ["decide"]
