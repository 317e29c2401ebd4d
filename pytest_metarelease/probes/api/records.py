"""What a request made is really there: by its id, in the list, in the database, on the chain.

Refuses to create anything on read-only; there nothing is created and nothing is verified.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    ForbiddenError,
    ProbeError,
    RefusedError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.probes.api import bodies, keeping
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.clock import Deadline, sleep_within
from pytest_metarelease.probes.document import look_up
from pytest_metarelease.probes.reading import Reading, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_metarelease.manifest.interface import Created, Sent
    from pytest_metarelease.probes.api.trials import Trials
    from pytest_metarelease.probes.exchange import Response
    from pytest_metarelease.probes.http import HttpProbe
    from pytest_metarelease.probes.sql import DatabaseProbe

_TOGETHER = 6
_NEAR = 1000
#: Seconds that a reported transaction may take to be in a block, and between looks.
_MINED_WITHIN, _BETWEEN = 30.0, 0.5


def _make(one: Examined) -> tuple[Any, Response, str]:
    """Create one; return the body that was sent, the answer, and the id."""
    created = _created(one)
    body = one.example()
    answer = one.send(body=body)
    signer = one.signer
    accepted = signer.declared.accepted if signer is not None else one.declared.answer.status
    if answer.status not in accepted:
        answer.unknown(
            RefusedError(f"nothing was created: {answer.summary}"), "something that is created"
        )
    return body, answer, str(answer.value(created.id).value)


def _created(one: Examined) -> Created:
    if one.declared.created is None:
        raise ProbeError(f"{one.name} declares no `created`")
    if not one.may_write:
        raise ForbiddenError(f"{one.name} was not asked: the environment is read-only")
    return one.declared.created


def can_be_read_back(one: Examined, service: Callable[[str], HttpProbe]) -> None:
    """Judge that what was created is found by its id, with the same content, and in the list.

    Amounts that no double can hold come back whole or are refused, and nobody who creates a thing
    decides what the product decides of it, such as its status.
    """
    created = _created(one)
    body, answer, identity = _make(one)
    owner = one.name.partition(".")[0]
    trials = one.trials("store what was sent, before it is called created")
    found = None
    if created.read is not None:
        reader = Examined.of(f"{owner}.{created.read}", one.environment, service)
        found = _read(trials, reader, "reading it", identity)
        if found is not None:
            problem = found.summary if found.status != 200 else _differing(created, body, found)
            trials.judge(
                found.measurement, "reading it by its id: the same", problem, met="the same"
            )
    if created.list is not None:
        # At once: others create things, too, and push it out of a page.
        lister = Examined.of(f"{owner}.{created.list}", one.environment, service)
        _is_listed(trials, one, lister, identity)
    if found is not None:
        _try_exact(trials, one, reader, body)
        if found.status == 200:
            _try_decided(trials, one, reader, body, found.json())
    trials.judge(answer.measurement, "creating: done", "", met=answer.summary[:60])
    trials.finish("what was created is there, as it was sent")


def _is_listed(trials: Trials, one: Examined, lister: Examined, identity: str) -> None:
    """Judge that the list holds it, in its largest page; another one is made to be sure.

    A page that is full and does not hold it leaves that unknown: it may be on the next.

    Raises:
        UsageError: It is in the answer, elsewhere than the manifest says.
    """
    created, paged = _created(one), lister.declared.paged
    query = dict(lister.declared.query)
    if paged is not None and paged.parameter is not None:
        query[paged.parameter] = str(paged.most)
    for last in (False, True):
        listed = trials.answered("listing", partial(lister.send, query=query))
        if listed is None:
            return
        document = listed.json()
        ids = [str(value) for _, value in look_up(document, created.each)]
        if identity not in ids and json.dumps(identity) in json.dumps(document):
            raise UsageError(
                f"{lister.name}: {identity} is in the answer, but not at {created.each}; say where "
                f"ids stand as `created.each` of {one.name}"
            )
        if identity in ids:
            trials.judge(listed.measurement, "the list: holds it", "", met="it is there")
            return
        if paged is not None and len(ids) >= paged.most:
            trials.unsure(
                listed.measurement,
                UnsupportedError(
                    f"{lister.name}: {identity} is not on the largest page, which is full; let its "
                    f"`query` sort the newest first, or leave `created.list` of {one.name} out"
                ),
            )
            return
        if last:
            problem = f"{identity} is not among {len(ids)} at {created.each}"
            trials.judge(listed.measurement, "the list: holds it", problem, met="")
        else:
            _, _, identity = _make(one)


def _read(trials: Trials, reader: Examined, what: str, identity: str) -> Response | None:
    parameter = next(iter(reader.declared.parameters), "id")
    path = reader.path_with(parameter, identity)
    return trials.answered(what, partial(reader.send, path=path))


def _try_exact(trials: Trials, one: Examined, reader: Examined, body: Any) -> None:
    if one.declared.moves_funds:
        return  # what really pays, pays the example
    created = _created(one)
    exact = keeping.exact(one, created, body)
    if exact is None:
        return
    what = "an amount of sixteen digits"
    found = _created_and_read(trials, one, reader, what, exact)
    if found is not None:
        trials.judge(
            found.measurement,
            f"{what}: kept to its last digit",
            _differing(created, exact, found),
            met="kept",
        )


def _try_decided(trials: Trials, one: Examined, reader: Examined, body: Any, read: Any) -> None:
    if one.signer is not None or not isinstance(body, dict):
        return  # members that nobody signed are tried with signed requests
    for name, place, other in keeping.decided(body, read):
        what = f"{name} given by whoever creates it"
        found = _created_and_read(trials, one, reader, what, {**one.example(), name: other})
        if found is not None:
            value = bodies.at(found.json(), place)
            problem = f"{place} is {value!r:.60}" if keeping.is_kept(other, value) else ""
            trials.judge(found.measurement, f"{what}: not believed", problem, met="not believed")


def _created_and_read(
    trials: Trials, one: Examined, reader: Examined, what: str, body: Any
) -> Response | None:
    """Create with a body that may be refused; return what is read of it where it was not."""
    answer = trials.answered(what, partial(one.send, body=body))
    if answer is None:
        return None
    if answer.status >= 500:
        if trials.failed(what, answer):
            problem = f"failed: {answer.summary}"
            trials.judge(answer.measurement, f"{what}: kept or refused", problem, met="")
        return None
    accepted = one.signer.declared.accepted if one.signer else one.declared.answer.status
    if answer.status not in accepted or one.says_no(answer):
        trials.judge(answer.measurement, f"{what}: kept or refused", "", met=answer.summary[:60])
        return None
    identity = look_up(answer.json(), _created(one).id)[0][1]
    found = _read(trials, reader, f"reading {what}", str(identity))
    if found is not None and found.status != 200:
        trials.judge(found.measurement, f"{what}: there", found.summary, met="")
        return None
    return found


def _differing(created: Created, body: Any, found: Response) -> str:
    problems = []
    document = found.json()
    for sent, read in created.same.items():
        wanted = bodies.at(body, sent)
        value = look_up(document, read)[0][1]
        if not same(wanted, value) and str(wanted).lower() != str(value).lower():
            problems.append(f"{read} is {value!r}, {wanted!r} was sent"[:160])
    return "; ".join(problems)


def is_stored(one: Examined, databases: Callable[[str], DatabaseProbe]) -> None:
    """Judge that exactly one row of the database has the id that the API gave."""
    created = _created(one)
    if created.database is None or created.query is None:
        raise ProbeError(f"{one.name} declares no database and query under `created`")
    _, answer, _ = _make(one)
    identity = answer.value(created.id)
    identity.expect(identity.value)
    # As it came: a database may compare no text with a number.
    databases(created.database).scalar(created.query, id=identity.value).expect(
        1, next_step="commit before the answer is sent"
    )


def ids_are_unique(one: Examined) -> None:
    """Judge that things created at the same moment get different ids."""
    _created(one)
    with ThreadPoolExecutor(_TOGETHER) as pool:
        made = [task.result() for task in [pool.submit(_make, one) for _ in range(_TOGETHER)]]
    ids = [identity for _, _, identity in made]
    answer = made[0][1]
    Reading(len(set(ids)), "different ids", answer.measurement, answer.recorder).expect(
        _TOGETHER, next_step="let the database make the ids, or use UUIDs"
    )
    if not _created(one).guessable:
        Reading(row_of(ids), "numbers in a row", answer.measurement, answer.recorder).expect(
            "", next_step="use random ids (UUID version 4), and ask who is allowed to see what"
        )


def row_of(ids: Sequence[str]) -> str:
    """Return the ids where each follows from another, empty where they do not.

    Numbers within a thousand of each other, behind the same letters.
    """
    found = [re.fullmatch(r"(.*?)(\d{1,18})", one) for one in ids]
    numbers = [int(one[2]) for one in found if one is not None]
    heads = {one[1] for one in found if one is not None}
    if len(numbers) < len(ids) or not numbers or len(heads) > 1:
        return ""
    return ", ".join(ids) if max(numbers) - min(numbers) < _NEAR else ""


def twice_is_once(one: Examined) -> None:
    """Judge that the same request, sent twice, is answered alike and makes one thing."""
    if not one.may_write and one.declared.writes:
        raise ForbiddenError(f"{one.name} was not asked: the environment is read-only")
    body = one.example()
    first, second = one.send(body=body), one.send(body=body)
    second.expect(first.status, next_step="answer a repeated request as the first one")
    if one.declared.created is not None:
        place = one.declared.created.id
        second.value(place).expect(
            first.value(place).value, next_step="find what the first request made by its key"
        )


def transaction_is_real(one: Examined, rpc: Any) -> None:
    """Judge that the transaction that an answer reports succeeded, and went to that contract.

    The same request is sent once more: what it reports then, if it reports anything, must be as
    true, since a contract that pays once lets the second one fail. ``rpc`` is the JSON-RPC client
    of the declared chain; a receipt is waited for half a minute.
    """
    sent = one.declared.transaction
    if sent is None:
        raise ProbeError(f"{one.name} declares no `transaction`")
    if not one.may_write:
        raise ForbiddenError(f"{one.name} was not asked: the environment is read-only")
    body = one.example()
    first = one.send(body=body).expect(one.declared.answer.status)
    _expect_real(first, sent, one, rpc)
    again = one.send(body=body)
    if again.status in one.declared.answer.status and not one.says_no(again):
        _expect_real(again, sent, one, rpc)


def _expect_real(answer: Response, sent: Sent, one: Examined, rpc: Any) -> None:
    digest = answer.value(sent.hash)
    receipt = _receipt(rpc, digest.value)
    contract = one.environment.contracts[sent.contract].address.lower()
    for name, value, wanted in (
        ("status", receipt.get("status"), "0x1"),
        ("to", str(receipt.get("to")).lower(), contract),
        ("transactionHash", receipt.get("transactionHash"), digest.value),
    ):
        Reading(value, f"receipt {name}", answer.measurement, answer.recorder).expect(
            wanted, next_step="answer only when the receipt is there and says success"
        )


def _receipt(rpc: Any, digest: Any) -> dict[str, Any]:
    deadline = Deadline.after(_MINED_WITHIN)
    while True:
        found: dict[str, Any] | None = rpc.call("eth_getTransactionReceipt", digest)
        if found is not None or deadline.remaining <= _BETWEEN:
            return found or {}
        sleep_within(_BETWEEN, deadline)
