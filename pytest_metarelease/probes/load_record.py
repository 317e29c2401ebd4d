"""The samples of one load as a file of a packet: every latency, for the release that comes next.

It refuses a file that is too large, torn, or not what its own digest says. Nothing here compares.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import PacketError

if TYPE_CHECKING:
    from pytest_metarelease.probes.load_sample import LoadSample

SCHEMA = "metarelease/load/v1"
MOST_BYTES = 32 * 2**20
_MOST_SAMPLES = 1_000_000
_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_MOST_PATHS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecord:
    """All latencies of one load, and what the load was.

    ``histogram`` maps microseconds to how many of the ``counted`` trials took them: exact, since
    no clock of ours is finer. ``bad`` and ``excluded`` are those of ``LoadSample``. Texts are
    redacted.
    """

    service: str
    environment: str
    url: str
    paths: tuple[str, ...]
    rate: float
    timeout: float
    bad: int
    excluded: int
    histogram: Mapping[int, int]

    @classmethod
    def of(
        cls,
        sample: LoadSample,
        *,
        service: str,
        environment: str,
        rate: float,
        url: str,
        paths: tuple[str, ...],
    ) -> LoadRecord:
        """Return the record of a sample; ``url`` and ``paths`` are what was asked, redacted."""
        taken = Counter(round(value * _SECOND) for value in sample.latencies)
        return cls(
            service=service,
            environment=environment,
            url=url,
            paths=paths,
            rate=float(rate),
            timeout=float(sample.timeout),
            bad=sample.bad,
            excluded=sample.excluded,
            histogram=dict(sorted(taken.items())),
        )

    @property
    def counted(self) -> int:
        """How many latencies there are."""
        return sum(self.histogram.values())

    @property
    def latencies(self) -> list[float]:
        """Every latency, in seconds, in ascending order."""
        each = (repeat(value / _SECOND, count) for value, count in sorted(self.histogram.items()))
        return list(chain.from_iterable(each))

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hex: what the measurement of the load carries."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def differences(self, other: LoadRecord) -> str:
        """Return how ``other`` was another load than this one, empty where it was the same."""
        names = ("service", "environment", "url", "paths", "rate", "timeout")
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return "; ".join(
            f"{name} {_text(mine)} instead of {_text(its)}"
            for name, mine, its in pairs
            if mine != its
        )

    def to_bytes(self) -> bytes:
        """Return the file: canonical JSON, sorted."""
        document = {
            "schema": SCHEMA,
            "service": self.service,
            "environment": self.environment,
            "url": self.url,
            "paths": list(self.paths),
            "rate": self.rate,
            "timeout": self.timeout,
            "bad": self.bad,
            "excluded": self.excluded,
            "latencies_us": [[value, self.histogram[value]] for value in sorted(self.histogram)],
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> LoadRecord:
        """Return what a file holds.

        Raises:
            PacketError: It is too large, no such file, or holds what no load can be.
        """
        if len(content) > MOST_BYTES:
            raise PacketError(f"samples of a load: more than {MOST_BYTES} bytes")
        try:
            found = json.loads(content)
            record = cls._from(found)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise PacketError(
                f"samples of a load: not as they are written ({type(error).__name__})"
            ) from None
        if record.to_bytes() != content:
            raise PacketError("samples of a load: not as they are written")
        return record

    @classmethod
    def _from(cls, found: dict[str, Any]) -> LoadRecord:
        histogram = dict(found["latencies_us"])
        numbers = [*histogram, *histogram.values(), found["bad"], found["excluded"]]
        if (
            found["schema"] != SCHEMA
            or not all(type(one) is int and one >= 0 for one in numbers)
            or max(histogram, default=0) > _HOUR
            or sum(histogram.values()) > _MOST_SAMPLES
            or len(found["paths"]) > _MOST_PATHS
            or not all(0 < float(found[name]) < math.inf for name in ("rate", "timeout"))
        ):
            raise ValueError
        return cls(
            service=found["service"],
            environment=found["environment"],
            url=found["url"],
            paths=tuple(found["paths"]),
            rate=float(found["rate"]),
            timeout=float(found["timeout"]),
            bad=found["bad"],
            excluded=found["excluded"],
            histogram=histogram,
        )


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
