"""What one visit of a page showed, as finished values.

Judges nothing and drives nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a page and the status of its answer."""

    method: str
    url: str
    status: int


@dataclass(slots=True)
class Seen:
    """What one load of a page showed. Times are in seconds; None was not measured.

    ``errors`` are lines of the console and exceptions; ``failed`` requests that got no answer or
    one of 400 and more; ``elsewhere`` requests to hosts that are not allowed, which were not sent;
    ``withheld`` requests that would have written; ``mixed`` plain requests of a page over TLS,
    also those that the browser blocked or sent over TLS instead; ``exchanges`` the answers.
    """

    status: int | None = None
    browser: str = ""
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    lcp: float | None = None
    cls: float | None = None
    inp: float | None = None
    ttfb: float | None = None
    screenshot: bytes = b""
