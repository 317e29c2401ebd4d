"""``python -m pytest_metarelease.sandbox --settings FILE``: the supervisor of one sandbox.

Refuses to be used by people; they have ``metarelease sandbox``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_metarelease.sandbox.starting import Settings
from pytest_metarelease.sandbox.supervisor import supervise

if __name__ == "__main__":
    sys.exit(supervise(Settings.read(Path(sys.argv[sys.argv.index("--settings") + 1]))))
