"""What other tools looked for in the release: secrets, faulty code, dependencies with advisories.

Part of the model, and read like it. Nothing here reads what they found.
"""

# Annotations are objects here, not texts: see model.py.

from typing import Annotated, Literal

from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.record import record


@record
class AllowedFinding:
    """One finding that is known, and does not count until a day."""

    id: Annotated[str, "As the check names it. It stands for one finding, never for a pattern."]
    reason: str
    expires: Annotated[str, "The last day, e.g. `2026-12-31`; afterwards it counts again."]


@record
class Scan:
    """What a scanner left in a file, and which findings of it are failures."""

    about: Annotated[
        Literal["secrets", "code", "dependencies"], "What it looked for: which item it verifies."
    ]
    file: Annotated[str, "Where it is, also relative to the manifest's folder."]
    format: Annotated[
        Literal["sarif", "npm-audit", "pip-audit"],
        "SARIF 2.1.0, or the JSON of `npm audit` (npm 7 and later) or `pip-audit`.",
    ]
    tool: Annotated[str | None, "The tool that SARIF must be of, e.g. `gitleaks`."] = None
    fails_at: Annotated[
        Literal["info", "low", "medium", "high", "critical"],
        "The least severity that is a failure. One that is not told counts as critical.",
    ] = "low"
    allow: tuple[AllowedFinding, ...] = ()
    max_age: Annotated[Seconds, "How old it may be."] = Seconds(86_400)
    stamp: Annotated[
        str | None,
        "A JSON file beside it that says of which commit it is and when it was made, by its "
        "digest; for tools that do not say so themselves.",
    ] = None
