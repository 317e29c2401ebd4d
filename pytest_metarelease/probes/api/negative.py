"""Wrong requests to one endpoint, a kind at a time: each must be refused with a 4xx that fits.

Refuses to try what could do harm where it is not refused: no DELETE is ever invented, and what
moves funds is asked by wrong methods without a credential only.
"""

from __future__ import annotations

import json
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_metarelease.probes.api import bodies

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_metarelease.probes.api.bodies import Wrong
    from pytest_metarelease.probes.api.examined import Examined
    from pytest_metarelease.probes.api.trials import Trials

_VALIDATE = "validate what comes before it is used, and answer 400 or 422 with what is wrong"
_WRITING = ("PUT", "PATCH")


def wrong_methods(one: Examined) -> None:
    """Judge that methods which the endpoint does not have are refused, and OPTIONS never fails."""
    trials = one.trials("answer 405 with Allow to methods that the endpoint does not have")
    options = trials.answered("OPTIONS", partial(one.send, method="OPTIONS", anonymous=True))
    if options is not None:
        fails = options.status >= 500 and options.status != 501
        failed = f"failed: {options.summary}" if fails else ""
        trials.judge(options.measurement, "OPTIONS: no failure", failed, met=options.summary)
    for method in _tried(one):
        risky = one.declared.moves_funds or one.declared.signs
        trials.refused(
            method,
            partial(
                one.send, method=method, body=one.example(), anonymous=risky or one.declared.writes
            ),
            also=(501,),
        )
    trials.finish("405, 404 or 501 to a method that the endpoint does not have")


def _tried(one: Examined) -> list[str]:
    declared = one.declared
    known = {
        other.method for other in one.service.endpoints.values() if other.path == declared.path
    }
    found = [method for method in _WRITING if method not in known] if one.may_write else []
    # A link or an image must not be able to make the product sign or pay.
    if (declared.signs or declared.moves_funds) and "GET" not in known and not declared.writes:
        found.insert(0, "GET")
    return found


def unknown_path(one: Examined) -> None:
    """Judge that a path beside the endpoint's, which nobody ever declared, is not found."""
    trials = one.trials("answer 404 for what is not there")
    parent = one.declared.path.split("{")[0].rstrip("/").rpartition("/")[0]
    path = f"{parent}/no-such-{secrets.token_hex(6)}/nor-{secrets.token_hex(3)}"

    def ask() -> object:
        return one.probe.request("GET", path, timeout=one.timeout, may_be_cached=True)

    answer = trials.answered("an unknown path", ask)  # type: ignore[arg-type]
    if answer is not None:
        # A single page application answers every path with its page; its API must not.
        page = answer.status == 200 and "text/html" in answer.content_type and not parent
        right = 400 <= answer.status < 500 or 300 <= answer.status < 400 or page
        problem = "" if right else answer.summary
        trials.judge(answer.measurement, "an unknown path: 404", problem, met=answer.summary)
    trials.finish("404 for a path that does not exist")


def unknown_ids(one: Examined) -> None:
    """Judge that an id which nothing has is not found, nor one that is no id."""
    trials = one.trials("look the id up by a parameter of the query, and answer 404 without a row")
    for name, known in one.parameters().items():
        for what, value in (
            ("an unknown", bodies.unlike(known)),
            ("a strange", "'--"),
            ("an injected", f"{known}' OR '1'='1"),
            ("a numeric", "-1"),
            ("a long", "9" * 300),
        ):
            path = one.path_with(name, value)
            trials.refused(
                f"{what} {name}",
                partial(one.send, path=path, body=one.example()),
            )
    trials.finish("404 for an id that nothing has")


def missing_members(one: Examined) -> None:
    """Judge that a body without a member that must be there is refused, and null for it too."""
    trials = one.trials(_VALIDATE)
    body = one.example()
    optional = _optional(one, body)
    for wrong in bodies.missing(body, optional):
        _refuse(trials, one, wrong)
    for wrong in bodies.nulls(body, optional):
        _refuse(trials, one, wrong)
    _whole(trials, one, body)
    trials.finish("a refusal of every body that lacks something")


def _optional(one: Examined, body: Any) -> Collection[str]:
    """Return what may be missing: of what changes a part of a thing (RFC 5789), each part."""
    if one.declared.method == "PATCH" and isinstance(body, dict):
        return {*one.declared.optional, *map(str, body)}
    return one.declared.optional


def _needs_nothing(one: Examined, body: Any) -> bool:
    """Return whether a body without any member is as right as the example, which has some."""
    return bool(body) and not any(bodies.missing(body, _optional(one, body)))


def _whole(trials: Trials, one: Examined, body: Any) -> None:
    """An empty object, so that also an example without members leaves evidence."""
    if _needs_nothing(one, body):
        _refuse(trials, one, bodies.Wrong("a number instead of an object", 1))
    else:
        _refuse(trials, one, bodies.Wrong("an empty object", {}))


def wrong_types(one: Examined) -> None:
    """Judge that each member with a value of another type is refused."""
    trials = one.trials(_VALIDATE)
    for wrong in bodies.wrong_types(one.example()):
        _refuse(trials, one, wrong)
    _refuse(trials, one, bodies.Wrong("a list instead of an object", [1]))
    trials.finish("a refusal of every value of a wrong type")


def malformed_values(one: Examined) -> None:
    """Judge that addresses, numbers and ids that are none are refused."""
    trials = one.trials(_VALIDATE)
    for wrong in bodies.malformed(one.example()):
        _refuse(trials, one, wrong)
    _refuse(trials, one, bodies.Wrong("a text instead of an object", "text"))
    trials.finish("a refusal of every text of a wrong form")


def no_body(one: Examined) -> None:
    """Judge that null, nothing, and what is no JSON are refused."""
    trials = one.trials(_VALIDATE)
    body = one.example()
    nothing = [] if _needs_nothing(one, body) else [("an empty body", b"")]
    for what, content in (
        ("a null body", b"null"),
        *nothing,
        ("half of a JSON body", json.dumps(body).encode()[:-1] or b"{"),
        ("a body that is no JSON", b"{'a': undefined}"),
        ("a body that is no UTF-8", b'{"a": "\xff\xfe"}'),
        ("a body nested 5,000 deep", b"[" * 5000 + b"]" * 5000),
    ):
        trials.refused(what, partial(one.send, content=content))
    trials.finish("a 4xx for a body that is none")


def wrong_content_type(one: Examined) -> None:
    """Judge that a body of another media type than JSON is refused, also if JSON is in it."""
    trials = one.trials("take application/json only, and answer 415")
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x"):
        trials.refused(
            f"JSON as {kind.partition(';')[0]}",
            partial(one.send, content=json.dumps(one.example()).encode(), content_type=kind),
        )
    trials.finish("415 or 400 for a media type that is not JSON")


def oversized_body(one: Examined) -> None:
    """Judge that a body beyond every bound is refused, by an answer or by hanging up."""
    trials = one.trials("bound the size of bodies, and answer 413")
    body = one.example()
    texts = [path for path, value in bodies.places(body) if isinstance(value, str)]
    long = "x" * one.declared.max_body
    large = bodies.replaced(body, texts[0], long) if texts else {"padding": long}
    trials.refused(
        f"a body of {one.declared.max_body} bytes",
        partial(one.send, body=large),
        closing=True,
    )
    trials.finish("413 or another 4xx for a body that is too large")


def wrong_queries(one: Examined) -> None:
    """Judge that parameters of the query are there and right; those of paging may be missing."""
    trials = one.trials(_VALIDATE)
    query, optional = one.declared.query, one.declared.optional
    for name, value in query.items():
        may_miss = name in optional or bodies.is_paging(name) or _goes_without(one, name)
        rest = {key: other for key, other in query.items() if key != name}
        if not may_miss:
            trials.refused(f"without {name}", partial(one.send, query=rest, body=one.example()))
        for other in _others(name, value):
            changed = {**query, name: other}

            def ask(changed: dict[str, str] = changed) -> object:
                return one.send(query=changed, body=one.example())

            if may_miss:
                answer = trials.answered(f"{other!r} for {name}", ask)  # type: ignore[arg-type]
                if answer is not None:
                    failed = answer.summary if answer.status >= 500 else ""
                    if failed and not trials.failed(name, answer):
                        continue
                    trials.judge(
                        answer.measurement,
                        f"{other[:40]!r} for {name}: no failure",
                        failed,
                        met=answer.summary,
                    )
            else:
                trials.refused(f"{other[:40]!r} for {name}", ask)  # type: ignore[arg-type]
    trials.finish("a refusal of every query that is wrong")


def _goes_without(one: Examined, name: str) -> bool:
    """Whether another declared request of the same method and path has no such parameter."""
    declared = one.declared
    return any(
        (other.method, other.path) == (declared.method, declared.path) and name not in other.query
        for other in one.service.endpoints.values()
    )


def _others(name: str, value: str) -> list[str]:
    found = [one for one in (bodies.misshapen(value),) if one is not None]
    if bodies.is_amount(name, value):
        found += ["0", "-1", str(2**256)]
    elif bodies.is_paging(name):
        found += ["-1", "999999999999999999999", "1;drop"]
    return found


def bounded_list(one: Examined) -> None:
    """Judge that a list never holds more than its declared bound, whatever is asked for."""
    from pytest_metarelease.probes.document import look_up

    paged = one.declared.paged
    if paged is None:
        return
    trials = one.trials("cap the limit that a caller may ask for, and refuse what is no limit")
    asked: list[tuple[str, dict[str, str]]] = [("no limit", dict(one.declared.query))]
    if paged.parameter is not None:
        name = paged.parameter
        values = ("1", str(paged.most + 1), "100000000", "-1")
        asked += [(f"{name}={value}", {**one.declared.query, name: value}) for value in values]
    for what, query in asked:
        answer = trials.answered(what, partial(one.send, query=query))
        if answer is None:
            continue
        problem = ""
        if answer.status >= 500:
            if not trials.failed(what, answer):
                continue
            problem = answer.summary
        elif answer.status < 300:
            count = len([1 for _, value in look_up(answer.json(), paged.each)])
            bound = 1 if what.endswith("=1") and not what.endswith("-1") else paged.most
            problem = f"{count} elements" if count > bound else ""
        trials.judge(
            answer.measurement, f"{what}: at most {paged.most} elements", problem, met="bounded"
        )
    trials.finish(f"never more than {paged.most} elements in a list")


def _refuse(trials: Trials, one: Examined, wrong: Wrong) -> None:
    trials.refused(wrong.name, partial(one.send, body=wrong.body))
