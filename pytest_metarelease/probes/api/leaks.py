"""What an answer to a wrong request gives away of the inside: traces, paths, SQL, hosts, versions.

Refuses to take what we sent ourselves for a leak, and knows forms only, never one product's names.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.probes.api import bodies
from pytest_metarelease.probes.api.leak_forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.exchange import Response

_MOST = 64 * 1024


def leaks(text: str, sent: str = "") -> Iterator[str]:
    """Yield what a text gives away, each with the place, leaving out what was sent."""
    # As people read it: in JSON the quotes of a statement are escaped.
    text = text[:_MOST].replace('\\"', '"')
    seen: set[str] = set()
    for name, form in FORMS:
        for found in form.finditer(text):
            piece = " ".join(found[0].split())
            if name in seen or found[0] in sent or piece in sent:
                continue
            seen.add(name)
            yield f"{name}: {piece[:100]}"


def tells_nothing(one: Examined) -> None:
    """Judge that answers to wrong requests hold nothing of the inside."""
    trials = one.trials("log the details, and tell callers only what they did wrong")
    for what, body, query, path in _provocations(one):
        sent = json.dumps(body) + " ".join(query.values()) + path + one.probe.url
        answer = trials.answered(
            what,
            partial(one.send, body=body, query=query, path=path),
        )
        if answer is not None:
            trials.judge(
                answer.measurement,
                f"the answer to {what}: nothing of the inside",
                "; ".join(leaks(_shown(answer), sent)),
                met="nothing",
            )
    answer = trials.answered("no JSON", partial(one.send, content=b'{"a": '))
    if answer is not None:
        found = "; ".join(leaks(_shown(answer), one.probe.url))
        trials.judge(
            answer.measurement, "the answer to no JSON: nothing of the inside", found, met="nothing"
        )
    trials.finish("answers to wrong requests that say nothing of the inside")


def _shown(answer: Response) -> str:
    if answer.status < 400 and '"error"' not in answer.text[:200]:
        return ""  # an answer that is right may hold whatever the product is about
    location = "".join(f"{value}\n" for name, value in answer.headers if name.startswith("x-"))
    return answer.text + "\n" + location


def _provocations(one: Examined) -> Iterator[tuple[str, object, dict[str, str], str]]:
    declared = one.declared
    example, query, path = one.example(), dict(declared.query), declared.target
    if declared.body is not None:
        kinds = (
            *bodies.wrong_types(example),
            *bodies.malformed(example),
            *bodies.missing(example, ()),
        )
        for wrong in list(kinds)[:12]:
            yield wrong.name, wrong.body, query, path
        yield "null", None, query, path
    for name, value in query.items():
        for other in ("'", bodies.misshapen(value) or "\x00", "-1", "9" * 60):
            yield f"{other!r} for {name}", example, {**query, name: other}, path
    for name in declared.parameters:
        for other in ("'", "%00", "../../etc/passwd", "x" * 2000):
            yield f"{other[:20]!r} for {name}", example, query, one.path_with(name, other)
    yield "a strange parameter", example, {**query, "__proto__[x]": "1", "a[]": "'"}, path
