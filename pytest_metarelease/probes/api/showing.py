"""What answers must not hold, even right ones: keys, passwords, addresses with them, traces.

Refuses to judge what an answer is about: only forms that nobody ever needs to be told, and their
names in JSON; never shows what it finds.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.probes.api.leak_forms import TRACES
from pytest_metarelease.probes.headers import header_of
from pytest_metarelease.probes.tracked import keys_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.exchange import Response

_MOST = 512 * 1024
_WITH_PASSWORD = re.compile(
    r"\b[a-z][a-z0-9+]{2,15}://[^\s/:@\"'<>\\]{1,80}:[^\s/@\"'<>\\*]{3,80}@[\w.-]"
)
_MEMBERS = re.compile(
    r"(?i)\"((?:[a-z_-]*(?:private|signing|secret|encryption)_?-?key|jwt_?-?secret|client_?-?secret"
    r"|(?:(?:db|database|user|admin|root|smtp|redis|pg)_?-?)?password(?:_?hash)?|passwd|mnemonic"
    r"|seed_?-?phrase|database_?-?url))\"\s*:\s*\"(?![^\"]*\*\*|string\"|/)[^\"]{6,}\""
)
_SHARED = re.compile(r"(?i)\bpublic\b|\bs-maxage=[1-9]")


def shows_no_secrets(one: Examined) -> None:
    """Judge that a right answer holds no key and no password, and is kept by nobody else's cache.

    RFC 9111 section 5.2.2: what is answered to somebody's credential is for nobody else.
    """
    trials = one.trials("answer what callers need, field by field; never a whole object or error")
    declared = one.declared
    # What would change something is not done once more for a look at its answer.
    does = declared.writes or declared.moves_funds or declared.created is not None
    body = {} if does else one.example()
    answer = trials.answered("the declared request", partial(one.send, body=body))
    if answer is not None:
        trials.judge(
            answer.measurement,
            "the answer: no secret in it",
            "; ".join(secrets_in(answer.text)),
            met="none",
        )
        if declared.is_protected and answer.status < 300:
            kept = header_of(answer.headers, "cache-control") or ""
            shared = _SHARED.search(kept) is not None and "no-store" not in kept.lower()
            trials.judge(
                answer.measurement,
                "a protected answer: for no shared cache",
                f"Cache-Control: {kept}" if shared else "",
                met=kept or "no Cache-Control",
            )
    trials.finish("right answers without secrets")


def secrets_in(text: str) -> Iterator[str]:
    """Yield in words what a text holds that nobody should be told; never the thing itself."""
    text = text[:_MOST]
    yield from (kind for kind, _ in keys_in(text))
    if _WITH_PASSWORD.search(text):
        yield "an address with a password"
    yield from dict.fromkeys(f"a value for {hit[1]}" for hit in _MEMBERS.finditer(text))
    if any(form.search(text) for form in TRACES):
        yield "a stack trace"


def served_keys(answer: Response) -> str:
    """Return the kinds of key material in a script that everybody can read."""
    return "; ".join(kind for kind, _ in keys_in(answer.text))
