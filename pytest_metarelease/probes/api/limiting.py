"""Rate limits: whether a client that asks too often is refused, and told when to come back.

Bounded: it sends no more than what must exceed the declared limit, and stops at the first refusal.
"""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, TooFewSamplesError
from pytest_metarelease.probes.headers import header_of

if TYPE_CHECKING:
    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.api.trials import Trials
    from pytest_metarelease.probes.exchange import Response

#: The most requests that one check sends, and the longest it takes, in seconds.
MOST, WITHIN = 600, 8.0
_SENDERS = 6
_OF_EACH = 12
_OF_PROXIES = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP")


def limits_a_client(one: Examined) -> None:
    """Judge that asking faster than declared is refused with 429 and Retry-After (RFC 6585)."""
    trials = one.trials("limit each client, and answer 429 with Retry-After")
    rate = float(one.declared.rate_limit or 1)
    burst = one.declared.burst or max(1, round(rate))
    started = time.monotonic()
    first, sent = _until_refused(one, rate, burst)
    seconds = time.monotonic() - started
    if first is None:
        raise ProbeError(f"{one.name} gave no answer")
    told = f"{sent} requests in {seconds:.1f} s"
    if first.status == 429:
        wish = first.retry_after
        reset = any(header_of(first.headers, name) for name in ("ratelimit-reset", "ratelimit"))
        problem = "" if wish is not None or reset else f"429 after {told}, without Retry-After"
        trials.judge(
            first.measurement, "too many requests: 429 with Retry-After", problem, met=told
        )
        if one.service.hardening.proxied is None:
            _judge_disguise(one, trials)
    elif sent > burst + 1.5 * rate * seconds + 10:
        trials.judge(
            first.measurement, "too many requests: 429", f"none of {told} was refused", met=""
        )
    else:
        step = "ask from a faster machine, or declare the limit of an endpoint with a lower one"
        error = TooFewSamplesError(
            f"{told} do not exceed {burst} and {rate:g} a second: the limit was not reached\n"
            f"next      {step}"
        )
        first.unknown(error, "a request too many", step)
    trials.finish("429 with Retry-After to whoever asks too often")


def _judge_disguise(one: Examined, trials: Trials) -> None:
    """Judge that who was put off is not served under other names, while put off as himself.

    The headers are a proxy's to set; who counts by what a caller writes in them counts nobody. A
    limit lets some through all the time, so both kinds come in an order that is left to chance:
    that all of one kind are served and few of the other happens once in fifty thousand times.
    """
    kinds = [True] * _OF_EACH + [False] * _OF_EACH
    secrets.SystemRandom().shuffle(kinds)
    served: dict[bool, int] = {True: 0, False: 0}
    last: Response | None = None
    for disguised in kinds:
        other = f"203.0.113.{1 + secrets.randbelow(250)}"  # RFC 5737: nobody's
        headers = dict.fromkeys(_OF_PROXIES, other) if disguised else {}
        try:
            answer = one.send(body=one.declared.body, headers=headers, impatient=True)
        except ProbeError:
            return
        served[disguised] += answer.status != 429
        last = answer if disguised else last
    if last is None:
        return
    around = served[True] == _OF_EACH and served[False] <= _OF_EACH // 4
    told = f"{served[True]} of {_OF_EACH} served, as oneself {served[False]}"
    trials.judge(
        last.measurement,
        "who is put off, under another X-Forwarded-For each time: 429",
        told if around else "",
        met=told,
    )


def _until_refused(one: Examined, rate: float, burst: int) -> tuple[Response | None, int]:
    """Ask from several threads until 429 comes, or more was sent than is allowed twice over."""
    started, lock, over = time.monotonic(), threading.Lock(), threading.Event()
    seen: list[Response] = []
    count = 0

    def ask() -> None:
        nonlocal count
        while not over.is_set():
            seconds = time.monotonic() - started
            with lock:
                enough = count > burst + 2 * rate * seconds + 40
                if count >= MOST or seconds > WITHIN or enough:
                    over.set()
                    return
                count += 1
            try:
                answer = one.send(body=one.declared.body, impatient=True)
            except ProbeError:
                over.set()
                return
            with lock:
                if answer.status == 429:
                    seen.insert(0, answer)
                    over.set()
                elif len(seen) < 2:
                    seen.append(answer)

    with ThreadPoolExecutor(_SENDERS) as pool:
        for task in [pool.submit(ask) for _ in range(_SENDERS)]:
            task.result()
    refused = [answer for answer in seen if answer.status == 429]
    return next(iter(refused or seen), None), count
