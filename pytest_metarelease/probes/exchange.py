"""One answer over HTTP, and the promises that it can be held against.

It never returns a bool that somebody could forget to assert: every promise is judged on record and
raises where it does not hold. It knows no wire; who asks is ``http``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    RefusedError,
    UnmetError,
)
from pytest_metarelease.evidence import Judgement, Measurement, Recorder
from pytest_metarelease.probes.document import Missing, differences, look_up, read_json
from pytest_metarelease.probes.headers import header_of, summarise
from pytest_metarelease.probes.reading import Reading, describe, failure
from pytest_metarelease.probes.schema import schema_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.manifest.model import Answer


class RateLimitedError(RefusedError):
    """The service asks to come back later; ``retry_after`` is its wish in seconds, or None."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, read to its end. ``headers`` are in order, names in lower case."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    measurement: Measurement
    recorder: Recorder

    @property
    def text(self) -> str:
        """The body as text, in the charset it declares or UTF-8; broken bytes are replaced."""
        found = re.search(r"charset=\"?([\w.:-]+)", self.content_type)
        try:
            return self.body.decode(found[1] if found else "utf-8", errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")

    @property
    def content_type(self) -> str:
        """The Content-Type as it came, empty where there was none."""
        return header_of(self.headers, "content-type") or ""

    @property
    def elapsed(self) -> Reading:
        """Seconds from asking to the end of the body, connecting included."""
        seconds = self.measurement.duration
        return Reading(seconds, "seconds", self.measurement, self.recorder, self.url)

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait (RFC 9110 section 10.2.3), None where it does not.

        A date counts from the answer's own ``Date``, so that our clock does not matter.
        """
        wish = header_of(self.headers, "retry-after")
        if wish is None:
            return None
        if wish.isdecimal():
            return float(wish[:9])
        try:
            now = parsedate_to_datetime(header_of(self.headers, "date") or "")
            return max(0.0, (parsedate_to_datetime(wish) - now).total_seconds())
        except (ValueError, TypeError):
            return None

    @property
    def pause(self) -> float:
        """Seconds after which to come back: as long as the service asks for, else one."""
        return self.retry_after or 1.0

    def header(self, name: str) -> Reading:
        """Return a header, several of one name joined by a comma; missing ones equal nothing."""
        value = header_of(self.headers, name)
        shown: Any = Missing(f"no header {name}") if value is None else value
        return Reading(shown, f"header {name}", self.measurement, self.recorder, self.url)

    def json(self) -> Any:
        """Return the body as a JSON document.

        Raises:
            MalformedError: It is none, strictly; on record as unknown.
        """
        try:
            return read_json(self.body, self.content_type)
        except MalformedError as error:
            self.unknown(error, f"a JSON answer, not {self.status}")

    def value(self, path: str) -> Reading:
        """Return what stands at ``path`` (keys and indices joined by dots, ``*`` for each).

        With ``*`` the reading is a list. Where nothing stands the reading meets no expectation.
        """
        found = [value for _, value in look_up(self.json(), path)]
        value = found if "*" in path.split(".") else found[0]
        return Reading(value, path, self.measurement, self.recorder, self.url)

    def expect(self, status: int | Sequence[int], *, next_step: str = "") -> Response:
        """Judge that the status is (one of) ``status``; return this answer.

        Raises:
            RateLimitedError: 429, or 503 with Retry-After, where something else was expected.
            UnmetError: Any other status.
        """
        wanted = (status,) if isinstance(status, int) else tuple(status)
        self._refuse_if_put_off(wanted)
        problems = () if self.status in wanted else (self.summary,)
        return self._judge(
            f"status {_either(wanted)}", f"status {self.status}", problems, next_step
        )

    def expect_answer(self, answer: Answer, *, next_step: str = "") -> Response:
        """Judge that this is the answer that the manifest declares: all of it, in one judgement.

        Raises:
            RateLimitedError: 429, or 503 with Retry-After, where something else is declared.
            MalformedError: Values or a schema are declared, and the body is no JSON.
            UnmetError: Status, content type, schema or a value differs; the text names each.
        """
        self._refuse_if_put_off(answer.status)
        problems = tuple(self._problems(answer))
        return self._judge(_described(answer), self.summary, problems, next_step)

    def is_as(self, answer: Answer) -> bool:
        """Return whether this has status and values of a declared answer; nothing is judged."""
        if self.status not in answer.status:
            return False
        try:
            document = read_json(self.body, self.content_type) if answer.values else None
        except MalformedError:
            return False
        return not differences(answer.values, document)

    def _problems(self, answer: Answer) -> Iterator[str]:
        if self.status not in answer.status:
            # The rest of the declaration is about the declared status, not about this one.
            yield self.summary
            return
        if answer.content_type is not None and not _is_type(answer.content_type, self.content_type):
            yield f"the content type is {self.content_type or 'not stated'}"
        if answer.schema is not None:
            yield from schema_problems(answer.schema, self.json())
        if answer.values:
            yield from map(str, differences(answer.values, self.json()))

    def _refuse_if_put_off(self, wanted: Sequence[int]) -> None:
        if self.status in wanted or not self.put_off:
            return
        wish = self.retry_after
        error = RateLimitedError(
            f"{self.measurement.asked}: {self.status}, come back "
            + ("later" if wish is None else f"in {wish:g} s")
        )
        error.retry_after = wish
        self.unknown(
            error,
            f"status {_either(wanted)}",
            "ask later, or declare the `patience` of the service",
        )

    @property
    def put_off(self) -> bool:
        """Whether the service declined to answer this time: 429, or 503 with Retry-After."""
        return self.status == 429 or (self.status == 503 and self.retry_after is not None)

    @property
    def summary(self) -> str:
        """Status, type, size and the beginning of the body; of a redirect, the host it names."""
        return summarise(self.status, self.headers, self.body)

    def _judge(
        self, expected: str, actual: str, problems: Sequence[str], next_step: str
    ) -> Response:
        met = not problems
        said = actual if met else "; ".join(problems)
        step = next_step or f"see what {self.measurement.subject} logged at {self.measurement.at}"
        self.recorder.judge(
            self.measurement,
            Judgement.MET if met else Judgement.UNMET,
            expected=expected,
            actual=said,
            where=self.measurement.asked,
            next_step="" if met else step,
        )
        if met:
            return self
        read = f"{self.measurement.asked} at {self.measurement.at}"
        redact = self.recorder.redact
        raise UnmetError(
            failure(expected=expected, actual=said, read=read, next_step=step, redact=redact)
        )

    def unknown(self, error: ProbeError, expected: str, next_step: str = "") -> NoReturn:
        """Put on record that this answer says nothing usable, and raise ``error``."""
        mark_unknown(self.recorder, self.measurement, error, expected, next_step)
        raise error


def mark_unknown(
    recorder: Recorder,
    measurement: Measurement,
    error: ProbeError,
    expected: str,
    next_step: str = "",
) -> None:
    """Judge ``measurement`` unknown because of ``error``: swallowing it will verify nothing."""
    recorder.judge(
        measurement,
        Judgement.UNKNOWN,
        expected=expected,
        actual=str(error),
        where=measurement.asked,
        next_step=next_step,
    )


def _is_type(wanted: str, actual: str) -> bool:
    """Compare media types (RFC 9110 section 8.3.1); parameters only where they are wanted."""
    if ";" in wanted:
        return wanted.replace(" ", "").lower() == actual.replace(" ", "").lower()
    return wanted.strip().lower() == actual.split(";")[0].strip().lower()


def _either(statuses: Sequence[int]) -> str:
    return " or ".join(map(str, statuses))


def _described(answer: Answer) -> str:
    parts = [f"status {_either(answer.status)}"]
    if answer.content_type is not None:
        parts.append(answer.content_type)
    if answer.schema is not None:
        parts.append("by the declared schema")
    parts += [f"{path}: {describe(wanted)}" for path, wanted in answer.values.items()]
    return ", ".join(parts)
