"""The envelopes of JSON-RPC 2.0: which answer belongs to which question, and what errors mean.

Accepts answers in any order; refuses missing, extra and repeated ids, and envelopes that carry both
a result and an error, or neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    RefusedError,
    UnsupportedError,
)
from pytest_metarelease.nesting import check_depth
from pytest_metarelease.probes.chain.revert import Revert, read_revert
from pytest_metarelease.probes.document import members_once

if TYPE_CHECKING:
    from collections.abc import Mapping

# -32005 is "limit exceeded" (EIP-1474), the others are what public providers answer in practice.
_LIMIT_CODES = frozenset({429, -32005, -32016, -32029, -32090, -32097})
_LIMIT_WORDS = ("rate limit", "too many requests", "request limit", "capacity", "throttl")
_MISSING_CODES = frozenset({-32601, -32004})
_MISSING_WORDS = (
    "method not found",
    "not supported",
    "unsupported",
    "does not exist/is not available",
    "not available",
    "unknown method",
    "not implemented",
)
_SIZE_WORDS = ("too large", "too big", "too many", "batch size", "exceed", "limit")
_NO_STATE_WORDS = ("missing trie node", "historical state", "pruned", "archive")
_MESSAGE_LENGTH = 300
_MEMBERS = (b'"jsonrpc"', b'"id"', b'"result"', b'"error"')


class LimitedError(RefusedError):
    """The node asks for less traffic; ``retry_after`` is in seconds, 0 where it does not say."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(f"rate limited: {text}")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class WholeRefusal:
    """A whole batch was answered by one error; ``size`` says that a smaller one may be taken."""

    size: bool


def parse(body: bytes, where: str) -> Any:
    """Return the JSON document in ``body``.

    Raises:
        MalformedError: NaN, bad UTF-8, endless nesting, a member of an envelope given twice.
    """
    try:
        check_depth(body)
        document = orjson.loads(body)
    except ValueError as problem:
        start = body[:60].decode("utf-8", "replace")
        raise MalformedError(
            f"{where}: the answer is no JSON ({type(problem).__name__}): {start!r}"
        ) from None
    answers = len(document) if isinstance(document, list) else 1
    if any(body.count(name) > answers for name in _MEMBERS):
        # Perhaps only named in a result, such as a trace. The fast reader keeps the last of two.
        try:
            json.loads(body, object_pairs_hook=members_once)
        except ValueError as problem:
            raise MalformedError(f"{where}: {problem}") from None
    return document


def results(
    document: Any, methods: Mapping[int, str], *, batch: bool, where: str
) -> list[Any | Revert | ProbeError] | WholeRefusal:
    """Return one answer for each id of ``methods``, in their order.

    A node that answers a whole batch with one error knows no batches, or none of this size.

    Raises:
        MalformedError: The document does not answer these questions.
    """
    if not batch:
        document = [document]
    elif isinstance(document, dict) and "error" in document:
        error = _error_of(document, where)
        refusal = _refusal(error, "batch", where)
        if isinstance(refusal, LimitedError):
            return [refusal] * len(methods)
        return WholeRefusal(any(word in str(error["message"]).lower() for word in _SIZE_WORDS))
    if not isinstance(document, list):
        raise MalformedError(f"{where}: a batch was answered by {document!r:.100}")
    found: dict[int, Any] = {}
    for envelope in document:
        number = _id_of(envelope, where)
        if number not in methods:
            raise MalformedError(f"{where}: an answer with id {number!r}, which nobody asked")
        if number in found:
            raise MalformedError(f"{where}: two answers with id {number}")
        found[number] = _content(envelope, methods[number], where)
    if len(found) != len(methods):
        raise MalformedError(f"{where}: {len(found)} answers to {len(methods)} questions")
    return [found[number] for number in methods]


def _id_of(envelope: Any, where: str) -> int:
    if not isinstance(envelope, dict) or envelope.get("jsonrpc") != "2.0":
        raise MalformedError(f"{where}: not a JSON-RPC 2.0 answer: {envelope!r:.100}")
    number = envelope.get("id")
    if type(number) is not int:
        if number is None and "error" in envelope:
            # The node could not even read the question; it says so without an id (section 5).
            raise _refusal(_error_of(envelope, where), "request", where)
        raise MalformedError(f"{where}: an answer with id {number!r:.100}")
    return number


def _content(envelope: dict[str, Any], method: str, where: str) -> Any | Revert | ProbeError:
    if ("result" in envelope) == ("error" in envelope):
        raise MalformedError(f"{where}: {method}: an answer needs either a result or an error")
    if "result" in envelope:
        return envelope["result"]
    error = _error_of(envelope, where)
    return read_revert(error) or _refusal(error, method, where)


def _error_of(envelope: dict[str, Any], where: str) -> dict[str, Any]:
    error = envelope["error"]
    if not isinstance(error, dict) or "message" not in error:
        raise MalformedError(f"{where}: not a JSON-RPC error: {error!r:.100}")
    return error


def _refusal(error: dict[str, Any], method: str, where: str) -> ProbeError:
    code, message = error.get("code"), str(error["message"])[:_MESSAGE_LENGTH]
    said = message.lower()
    text = f"{where}: {method}: {message} (code {code})"
    if code in _LIMIT_CODES or any(word in said for word in _LIMIT_WORDS):
        return LimitedError(text)
    if any(word in said for word in _NO_STATE_WORDS):
        return RefusedError(
            f"{text}: the node no longer has the state of that block; "
            "use an archive node, or fewer confirmations"
        )
    if code in _MISSING_CODES or any(word in said for word in _MISSING_WORDS):
        return UnsupportedError(text)
    return RefusedError(text)
