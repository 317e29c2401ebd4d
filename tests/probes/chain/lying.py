"""A real node of which one method lies, seen from behind the door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled

Change = Callable[[Ask, Any], Any]
"""From the question and the honest answer to the answer that is given; errors are returned."""


@dataclass(slots=True)
class Lying:
    """Answers as ``honest`` does, but for ``method``."""

    honest: Rpc
    method: str
    change: Change

    @property
    def masked(self) -> str:
        return self.honest.masked

    def batch(self, asks: Sequence[Ask]) -> list[Any]:
        answers = self.honest.batch(asks)
        return [
            self.change(ask, answer) if ask.method == self.method else answer
            for ask, answer in zip(asks, answers, strict=True)
        ]

    def stream(self, pieces: Iterable[Sequence[Ask]]) -> Iterator[list[Any]]:
        return map(self.batch, pieces)

    def call(self, method: str, *params: Any) -> Any:
        return settled(self.batch([Ask(method, params)])[0], method)


def lying(rpc: Rpc, method: str, change: Change) -> Rpc:
    return cast("Rpc", Lying(rpc, method, change))
