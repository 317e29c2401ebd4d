"""Payloads in every declared text: none may make the service fail, nor come back as markup or run.

Refuses payloads that would change or delay anything where they work; they only show that they do.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.probes.api import bodies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.api.trials import Trials
    from pytest_metarelease.probes.exchange import Response

_PAYLOADS = (
    "' OR '1'='1' -- ",
    '"><img src=x onerror=alert(1)>',
    "${{1337*7331}}{{1337*7331}}<%= 1337*7331 %>",
    "../../../../../../etc/passwd",
    "$(id);`id`|id",
    "a\u0000b\r\nX-Injected: 1",
    "\U0001f4a5\u202e" + "A" * 3000,
)
_CONDITIONS = (
    "{nobody}' OR {condition} -- ",
    "{nobody} OR {condition}",
    '{nobody}" OR {condition} -- ',
)
_PAIRS = (("71=71", "71=72"), ("'a8'='a8'", "'a8'='a9'"), ("9>8", "8>9"))
_RUN = (
    ("the arithmetic of a template was done", re.compile(r"\b9801547\b")),
    ("a file of the server", re.compile(r"\broot:[x*]?:0:0:")),
    ("a command of the server ran", re.compile(r"\buid=\d+\(\w+\) gid=\d+")),
)


def takes_payloads_for_text(one: Examined) -> None:
    """Judge that payloads in body, query and path neither break the service nor come back live."""
    trials = one.trials("pass values as parameters, and escape them where they are shown")
    example = one.example()
    texts = [path for path, value in bodies.places(example) if isinstance(value, str)]
    for payload in _PAYLOADS:
        for path in texts[:8] if one.declared.body is not None else ():
            body = bodies.replaced(example, path, payload)
            _judge(
                trials,
                f"{bodies.dotted(path)}",
                payload,
                partial(one.send, body=body),
            )
        for name in one.declared.query:
            query = {**one.declared.query, name: payload}
            _judge(trials, name, payload, partial(one.send, query=query, body=example))
        for name in one.declared.parameters:
            path_ = one.path_with(name, payload)
            _judge(trials, name, payload, partial(one.send, path=path_, body=example))
    if not texts and not one.declared.query and not one.declared.parameters:
        query = {"q": _PAYLOADS[1]}
        _judge(
            trials,
            "an undeclared parameter",
            _PAYLOADS[1],
            partial(one.send, query=query, body=example),
        )
    for name, value in one.declared.query.items():
        _judge_conditions(trials, one, name, value)
    trials.finish("no failure, no live reflection, nothing that ran")


def _judge_conditions(trials: Trials, one: Examined, name: str, value: str) -> None:
    """Judge that no condition behind a parameter's value is evaluated (CWE-89).

    Of each pair one is true and one is false, and nothing else tells them apart; only a database
    that runs them answers the pairs alike among themselves and differently within, three times.
    """
    nobody = bodies.unlike(value)
    for form in _CONDITIONS:
        seen: list[tuple[str, str]] = []
        asked = None
        for right, wrong in _PAIRS:
            texts = []
            for condition in (right, wrong):
                text = form.format(nobody=nobody, condition=condition)
                query = {**one.declared.query, name: text}
                asked = trials.answered(
                    f"a condition in {name}", partial(one.send, query=query, body=one.example())
                )
                texts.append("" if asked is None else _told(asked, text))
            if texts[0] == texts[1]:
                break
            seen.append((texts[0], texts[1]))
        if asked is None:
            return
        ran = len(seen) == len(_PAIRS) and len(set(seen)) == 1
        trials.judge(
            asked.measurement,
            f"conditions behind {name}: not evaluated",
            f"{form.format(nobody='X', condition=_PAIRS[0][0])!r} is evaluated" if ran else "",
            met=asked.summary[:60],
        )


def _told(answer: Response, sent: str) -> str:
    """Return an answer without what repeats the question, and without its times and counters."""
    return f"{answer.status} " + re.sub(r"\d+", "#", answer.text.replace(sent, ""))


def _judge(trials: Trials, place: str, payload: str, send: Callable[[], Response]) -> None:
    what = f"{payload[:24]!r} in {place}"
    answer = trials.answered(what, send)
    if answer is None:
        return
    problems = list(_problems(answer, payload))
    if answer.status >= 500:
        if not trials.failed(what, answer):
            return
        problems.append(f"failed: {answer.summary}")
    trials.judge(
        answer.measurement, f"{what}: taken for text", "; ".join(problems), met=answer.summary
    )


def _problems(answer: Response, payload: str) -> Iterator[str]:
    text = answer.text
    if "text/html" in answer.content_type and "<img src=x onerror=" in text and "<img" in payload:
        yield "comes back as markup"
    if any(name == "x-injected" for name, _ in answer.headers):
        yield "became a header of the answer"
    for what, form in _RUN:
        if form.search(text) and not form.search(payload):
            yield what
