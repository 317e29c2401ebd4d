"""Ethereum JSON-RPC 2.0 over HTTP: single calls and batches, every answer verified.

Refuses hosts that the manifest does not declare, methods that may not be sent, and answers that do
not belong to the question; it never repeats a transaction.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from pytest_metarelease.errors import (
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    TooLargeError,
    UnsupportedError,
    WrongTargetError,
)
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.envelope import (
    LimitedError,
    WholeRefusal,
    parse,
    results,
)
from pytest_metarelease.probes.chain.lanes import Lanes
from pytest_metarelease.probes.chain.methods import SENDS, permit
from pytest_metarelease.probes.chain.purse import Purse
from pytest_metarelease.probes.chain.quantities import quantity
from pytest_metarelease.probes.chain.raw import read_signed
from pytest_metarelease.probes.chain.revert import Revert, RevertedError
from pytest_metarelease.probes.chain.wire import Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_metarelease.manifest.model import Chain

BATCH = 100
"""The most requests that one batch carries; a node that refuses so many gets smaller ones."""

AT_ONCE = 4
"""The most exchanges that are in flight at once, also towards a node that takes no batches."""

_TRIES = 6
_BODY_TOO_LARGE = 413
_FIRST_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be sent: transactions bound to this chain, as far as the purse goes."""

    chain_id: int
    purse: Purse


@dataclass(frozen=True, slots=True)
class Ask:
    """One method with its parameters, JSON-ready."""

    method: str
    params: tuple[Any, ...] = ()


Answer: TypeAlias = "Any | Revert | ProbeError"
"""A result, what the contract reverted with, or why this one question got no usable answer."""


class Rpc:
    """A declared node. ``timeout`` is the total time, in seconds, of one exchange of a batch.

    ``exchanges`` counts the requests that were sent, a batch as one.
    Without an ``allowance`` no transaction is sent, whatever the ``access``.
    """

    def __init__(
        self,
        url: str,
        *,
        declared: Sequence[str | None],
        access: Access = Access.READ_ONLY,
        allowance: Allowance | None = None,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = Wire(url, clock=clock)
        self.masked = self._wire.masked
        if url not in declared:
            raise ForbiddenError(f"{self.masked}: the manifest declares no such rpc")
        self.access = access
        self._allowance = allowance
        self._timeout = timeout
        self._clock = clock
        self._pause = pause
        self._ids = itertools.count(1)
        self._most = BATCH
        self._tried = False
        self._lanes = Lanes(AT_ONCE)
        self.exchanges = 0

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call, which may be None where the node has nothing.

        Raises:
            RevertedError: The contract reverted.
            ProbeError: No usable answer; which one says why.
        """
        return settled(self.batch([Ask(method, params)])[0], method)

    @property
    def purse(self) -> Purse:
        """What transactions are paid from.

        Raises:
            ForbiddenError: There is none, so none may be sent.
        """
        return self._allowed().purse

    def batch(self, asks: Sequence[Ask], *, paid: bool = False) -> list[Answer]:
        """Return one answer for each of ``asks``, in their order.

        What concerns a single question (a revert, a missing method) stands in its place; what
        concerns the exchange as a whole is raised. ``paid`` says that what the transactions may
        cost was taken from the purse already.

        Raises:
            ForbiddenError: A method may not be sent, or the purse does not cover it; nothing was.
            WrongTargetError: A transaction was to go to another chain; nothing was sent.
            UnreachableError, DeadlineError, MalformedError, TooLargeError, RefusedError: As named.
        """
        for ask in asks:
            permit(ask.method, self.access)
        transactions = [ask for ask in asks if ask.method in SENDS]
        if transactions:
            self._admit(transactions, paid=paid)
        pieces = [list(asks[start : start + BATCH]) for start in range(0, len(asks), BATCH)]
        if transactions or len(pieces) == 1:
            answered: Iterable[list[Answer]] = map(self._exchange, pieces)
        else:
            answered = self.stream(pieces)
        return [answer for piece in answered for answer in piece]

    def stream(self, pieces: Iterable[Sequence[Ask]]) -> Iterator[list[Answer]]:
        """Yield the answers to each piece, in order, with a few of them in flight at once.

        For reads. Pieces are taken one by one as they can be asked, so that a later one may depend
        on what an earlier one brought. Raises as ``batch`` does, where the first fails.
        """
        waiting = iter(pieces)
        if not self._tried and (first := next(waiting, None)) is not None:
            # Alone, since its answer may say that the node takes no batches, or smaller ones.
            yield self._read(first)
        yield from self._lanes.in_order(self._read, waiting)

    def close(self) -> None:
        """Close all connections."""
        self._lanes.close()
        self._wire.close()

    def _read(self, asks: Sequence[Ask]) -> list[Answer]:
        for ask in asks:
            permit(ask.method, Access.READ_ONLY)
        return self._exchange(list(asks))

    def _admit(self, transactions: Sequence[Ask], *, paid: bool) -> None:
        """Let transactions pass that are bound to the declared chain and paid for."""
        allowance = self._allowed()
        signed = [read_signed(one.params[0] if one.params else "") for one in transactions]
        others = [one.chain_id for one in signed if one.chain_id != allowance.chain_id]
        if others:
            raise WrongTargetError(
                f"not sent: a transaction for chain {others[0]}, the manifest declares chain "
                f"{allowance.chain_id}"
            )
        # Asked each time: behind one address, another node may answer by now.
        found = quantity(self.call("eth_chainId"), "eth_chainId")
        if found != allowance.chain_id:
            raise WrongTargetError(
                f"{self.masked}: not sent: this is chain {found}, the manifest declares chain "
                f"{allowance.chain_id}"
            )
        if not paid:
            allowance.purse.take(sum(one.most for one in signed), "a transaction")

    def _allowed(self) -> Allowance:
        if self._allowance is None:
            raise ForbiddenError(f"{self.masked}: not sent: nothing says what may be spent")
        return self._allowance

    def _exchange(self, asks: list[Ask]) -> list[Answer]:
        deadline = self._clock() + self._timeout
        answers: dict[int, Answer] = {}
        waiting = dict(enumerate(asks))
        for pause in _pauses():
            got = self._send(list(waiting.values()), deadline)
            answers.update(zip(waiting, got, strict=True))
            waiting = {
                place: ask
                for place, ask in waiting.items()
                # A transaction is never repeated: the first sending may have been accepted.
                if isinstance(answers[place], LimitedError) and ask.method not in SENDS
            }
            if not waiting:
                break
            limits = (answers[place] for place in waiting)
            wait = max(
                [pause, *(one.retry_after for one in limits if isinstance(one, LimitedError))]
            )
            if self._clock() + wait >= deadline:
                break
            self._pause(wait)
        return [answers[place] for place in range(len(asks))]

    def _send(self, asks: list[Ask], deadline: float) -> list[Answer]:
        if len(asks) > self._most:
            return self._in_pieces(asks, deadline)
        numbered = {next(self._ids): ask for ask in asks}
        several = len(asks) > 1
        try:
            reply = self._post(numbered, deadline)
        except TooLargeError:
            if not several or _sends(asks):
                raise
            return self._smaller(asks, len(asks) // 2, deadline)
        if several and reply.status == _BODY_TOO_LARGE:
            return self._smaller(asks, len(asks) // 2, deadline)
        limited = _limit_of(reply)
        if limited is not None:
            return [limited] * len(asks)
        document = self._document(reply)
        methods = {number: ask.method for number, ask in numbered.items()}
        found = results(document, methods, batch=several, where=self.masked)
        if isinstance(found, WholeRefusal):
            # One error for the whole batch: a node that knows no batches (JSON-RPC 2.0, section 6).
            return self._smaller(asks, len(asks) // 2 if found.size else 1, deadline)
        self._tried = self._tried or several
        return found

    def _smaller(self, asks: list[Ask], most: int, deadline: float) -> list[Answer]:
        """Ask again in smaller batches, from here on always."""
        self._most, self._tried = min(self._most, max(1, most)), True
        return self._in_pieces(asks, deadline)

    def _in_pieces(self, asks: list[Ask], deadline: float) -> list[Answer]:
        pieces = [asks[start : start + self._most] for start in range(0, len(asks), self._most)]

        def send(piece: list[Ask]) -> list[Answer]:
            return self._send(piece, deadline)

        # Transactions of one account must arrive in the order of their nonces.
        done = map(send, pieces) if _sends(asks) else self._lanes.in_order(send, pieces)
        return [answer for answers in done for answer in answers]

    def _post(self, numbered: dict[int, Ask], deadline: float) -> Reply:
        envelopes = [
            {"jsonrpc": "2.0", "id": number, "method": ask.method, "params": list(ask.params)}
            for number, ask in numbered.items()
        ]
        body = orjson.dumps(envelopes if len(envelopes) > 1 else envelopes[0])
        repeatable = not _sends(numbered.values())
        self.exchanges += 1
        return self._wire.post(body, deadline=deadline, repeatable=repeatable)

    def _document(self, reply: Reply) -> Any:
        if 300 <= reply.status < 400:
            raise RefusedError(
                f"{self.masked}: HTTP {reply.status} redirects elsewhere, which is not followed; "
                "declare the address that answers"
            )
        try:
            document = parse(reply.body, self.masked)
        except MalformedError:
            if reply.status == 200:
                raise
            document = None
        if reply.status != 200 and not _only_errors(document):
            raise RefusedError(f"{self.masked}: HTTP {reply.status}")
        return document


def connect(
    chain: Chain, access: Access, *, second: bool = False, purse: Purse | None = None
) -> Rpc:
    """Return the door to the declared node, or to the second one, which is only ever read.

    Without a ``purse`` the door has one of its own, filled with ``chain.spending_cap``.

    Raises:
        UnsupportedError: ``second`` is asked for and none is declared.
    """
    declared = (chain.rpc, chain.second_rpc)
    if not second:
        return Rpc(
            chain.rpc,
            declared=declared,
            access=access,
            allowance=Allowance(chain.id, purse or Purse(chain.spending_cap)),
            timeout=chain.timeout,
        )
    if chain.second_rpc is None:
        raise UnsupportedError("no second_rpc is declared, so no agreement can be asked for")
    return Rpc(chain.second_rpc, declared=declared, access=Access.READ_ONLY, timeout=chain.timeout)


def settled(answer: Answer, what: str) -> Any:
    """Return the result in ``answer`` or raise what stands in its place."""
    if isinstance(answer, ProbeError):
        raise answer
    if isinstance(answer, Revert):
        raise RevertedError(answer, what)
    return answer


def _sends(asks: Iterable[Ask]) -> bool:
    return any(ask.method in SENDS for ask in asks)


def _pauses() -> Sequence[float]:
    return [_FIRST_PAUSE * 2**number for number in range(_TRIES)]


def _limit_of(reply: Reply) -> LimitedError | None:
    if reply.status not in (429, 503):
        return None
    after = reply.headers.get("retry-after", "")
    # The other form of Retry-After, a date, is not read: our own pauses serve.
    seconds = float(after) if after.isascii() and after.isdigit() else 0.0
    return LimitedError(f"HTTP {reply.status}", seconds)


def _only_errors(document: Any) -> bool:
    """Return whether an answer with another status than 200 is at least a JSON-RPC refusal."""
    one = document[0] if isinstance(document, list) and document else document
    return isinstance(one, dict) and "error" in one and "result" not in one
