"""Several requests that must all be refused, judged each by itself, told all together.

A refusal is a 4xx. Refuses to take one failure of a service that fails anyway for the answer to
this request: what is not a refusal is asked again, and beside it something that is right.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    UnmetError,
    UnreachableError,
)
from pytest_metarelease.evidence import Judgement, Recorder
from pytest_metarelease.probes.clock import Deadline, sleep_within
from pytest_metarelease.probes.exchange import Response

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_metarelease.evidence import Measurement

#: Seconds that one check may spend on waiting because the service asked for it.
_PATIENCE = 12.0
#: Requests without an answer cost their whole time; a check asks for no more of them.
_MOST_SILENCES = 2
_SHOWN = 8
#: How often, and after how many seconds each, it is looked whether a service is there again.
_LOOKS, _BETWEEN_LOOKS = 12, 0.5
#: Records of processes in which a service went away for good.
_GONE: weakref.WeakSet[Recorder] = weakref.WeakSet()
_SILENT = (UnreachableError, DeadlineError, MalformedError)


def _never(_: Response) -> bool:
    return False


@dataclass(slots=True)
class Trials:
    """Requests of one check. ``works`` says whether the service answers what is right."""

    recorder: Recorder
    works: Callable[[], bool]
    next_step: str = ""
    says_no: Callable[[Response], bool] = _never
    """Whether an answer that is no 4xx refuses, as the endpoint declares."""
    problems: list[str] = field(default_factory=list)
    unknown: list[ProbeError] = field(default_factory=list)
    _silences: int = 0
    _patience: Deadline = field(default_factory=lambda: Deadline.after(_PATIENCE))
    _last_silence: ProbeError | None = None

    def refused(
        self,
        what: str,
        send: Callable[[], Response],
        *,
        also: Collection[int] = (),
        redirect: bool = False,
        closing: bool = False,
    ) -> Response | None:
        """Judge that a request is refused; return the answer where there was one.

        ``also`` are further statuses that refuse; ``redirect`` where being sent elsewhere does
        (to a login); ``closing`` where hanging up does (on a body that is too large).
        """
        answer = self.answered(what, send, closing=closing)
        if answer is None:
            return None
        status = answer.status
        if status < 400 and self.says_no(answer):
            self.judge(answer.measurement, f"{what}: refused", "", met=answer.summary)
        elif status >= 500 and status not in also:
            if self.failed(what, answer):
                problem = f"failed: {answer.summary}"
                self.judge(answer.measurement, f"{what}: refused (4xx)", problem, met="")
        elif 300 <= status < 400 and not redirect:
            # Neither yes nor no: perhaps the declared address is not the one that answers.
            self.unsure(
                answer.measurement,
                RefusedError(f"{what}: redirected ({answer.summary}); declare where it leads to"),
            )
        else:
            refusing = status >= 400 or status in also or (redirect and 300 <= status < 400)
            self.judge(
                answer.measurement,
                f"{what}: refused (4xx)",
                "" if refusing else f"accepted: {answer.summary}",
                met=answer.summary,
            )
        return answer

    def answered(
        self, what: str, send: Callable[[], Response], *, closing: bool = False
    ) -> Response | None:
        """Return the settled answer to a request, None where there is none (on record)."""
        if self._silences >= _MOST_SILENCES:
            return None
        answer = self._patient(what, send)
        if answer is None and self._last_silence is not None:
            return self._silent(what, send, closing=closing)
        if answer is not None and answer.status >= 500:
            # Once more: a service that fails now and then fails its own check, not this one.
            mark = self.recorder.mark()
            again = self._patient(what, send)
            if again is None:
                self.recorder.supersede(mark)
                self._last_silence = None
                return answer
            return again
        return answer

    def judge(self, measurement: Measurement, expected: str, problem: str, *, met: str) -> None:
        """Put one judgement on record; a problem is told at the end."""
        self.recorder.judge(
            measurement,
            Judgement.UNMET if problem else Judgement.MET,
            expected=expected,
            actual=problem or met,
            where=measurement.asked,
            next_step=self.next_step if problem else "",
        )
        if problem:
            name = expected.rpartition(": ")[0]
            self.problems.append(f"{name}: {problem}  ({measurement.asked})")

    def finish(self, expected: str) -> None:
        """Raise what was found, all of it.

        Raises:
            UnmetError: At least one request was answered otherwise than it must be.
            ProbeError: None was, but at least one got no usable answer.
        """
        redact = self.recorder.redact
        if self.problems:
            shown = [redact(one) for one in self.problems[:_SHOWN]]
            more = len(self.problems) - len(shown)
            lines = [f"expected  {expected}", *(f"actual    {one}" for one in shown)]
            lines += [f"          and {more} more, in the packet"] if more else []
            lines += [f"next      {self.next_step}"] if self.next_step else []
            raise UnmetError("\n".join(lines))
        if self.unknown:
            first = self.unknown[0]
            raise type(first)("\n".join(dict.fromkeys(redact(str(one)) for one in self.unknown)))

    def _patient(self, what: str, send: Callable[[], Response]) -> Response | None:
        """Ask, and again when the service wishes so; what it puts off for ever is unknown."""
        self._last_silence = None
        while True:
            mark = self.recorder.mark()
            try:
                answer = send()
            except ForbiddenError as error:
                self.unknown.append(error)
                return None
            except _SILENT as error:
                self.recorder.supersede(mark)
                self._last_silence = error
                return None
            except ProbeError as error:
                self.unknown.append(error)
                return None
            if not answer.put_off:
                return answer
            wish = answer.pause
            if wish >= self._patience.remaining:
                put_off = (
                    f"{what}: not measured, the service put us off: {answer.status}; declare its "
                    "`patience`, or ask where it limits nobody"
                )
                self.unsure(answer.measurement, RefusedError(put_off))
                return None
            self.recorder.supersede(mark)
            sleep_within(wish, self._patience)

    def _silent(self, what: str, send: Callable[[], Response], *, closing: bool) -> Response | None:
        """Tell a request that silences the service from a service that is silent anyway.

        A service that goes down with a request may be started again; then it is asked again.
        """
        self._silences += 1
        error, self._last_silence = self._last_silence, None
        measurement = self._last()
        if measurement is None or error is None:
            return None
        hung_up = isinstance(error, UnreachableError)
        if closing and hung_up and self.works():
            self.judge(measurement, f"{what}: refused", "", met="it hung up")
            return None
        # Twice: meanwhile another request may have taken it down.
        for _ in range(0 if isinstance(error, DeadlineError) else 2):
            again = self._patient(what, send) if self._recovers() else None
            if again is not None:
                return again
        if self._recovers():
            self.judge(measurement, f"{what}: an answer", f"no answer: {error}", met="")
        else:
            self.unsure(measurement, error)
        return None

    def _recovers(self) -> bool:
        """Whether the service works, or does so soon; one that did not is not waited for again."""
        if self.works():
            return True
        if self.recorder in _GONE:
            return False
        for _ in range(_LOOKS):
            time.sleep(_BETWEEN_LOOKS)
            if self.works():
                return True
        _GONE.add(self.recorder)
        return False

    def failed(self, what: str, answer: Response) -> bool:
        """Return whether this 5xx is the request's fault; else it is on record as unknown."""
        if self.works():
            return True
        error = RefusedError(f"{what}: {answer.status}, but what is right fails as well")
        self.unsure(answer.measurement, error)
        return False

    def unsure(self, measurement: Measurement, error: ProbeError) -> None:
        """Put on record that a measurement cannot be judged; the error is told at the end."""
        self.recorder.judge(
            measurement,
            Judgement.UNKNOWN,
            expected="an answer that can be judged",
            actual=str(error),
            where=measurement.asked,
        )
        self.unknown.append(error)

    def _last(self) -> Measurement | None:
        end = self.recorder.mark()
        return self.recorder.last_cited(max(0, end - 4), end)
