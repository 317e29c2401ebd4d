"""A JSON-RPC client for the sandbox's own chores: deployment and traffic, in batches.

Refuses to retry: on loopback a failure is a failure.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_metarelease.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds for one batch; mining a hundred transactions in py-evm on a busy machine takes one.
PATIENCE = 30


class Rpc:
    """A node at ``url``; one kept connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def ask(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one request.

        Raises:
            SandboxError: the node answered with an error.
        """
        return self.batch([(method, params)])[0]

    def batch(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of many requests in one round trip, in their order."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(requests)
        ]
        self._connection.request(
            "POST", "/", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        answers = json.loads(self._connection.getresponse().read())
        answers.sort(key=lambda answer: answer["id"])
        for (method, _), answer in zip(requests, answers, strict=True):
            if "error" in answer:
                raise SandboxError(f"the node refused {method}: {answer['error']['message']}")
        return [answer["result"] for answer in answers]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
