"""Whether an explorer has a contract's sources: Sourcify's HTTP interface, version 2.

Refuses to take silence for an answer: only what the interface documents says "none"; an error, a
refusal or an answer about another contract is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pytest_metarelease.errors import MalformedError, RefusedError, UnmetError, WrongTargetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.evidence import Recorder
    from pytest_metarelease.manifest.contract_code import Explorer
    from pytest_metarelease.probes.exchange import Response
    from pytest_metarelease.probes.hosts import Hosts

Match: TypeAlias = Literal["exact_match", "match", "none"]

_WORDS: Mapping[Match, str] = {
    "exact_match": "exact match: code and metadata",
    "match": "match: the code, with other metadata",
    "none": "none: no sources are published",
}
_PUBLISH = "publish the sources (`hardhat verify`, `forge verify-contract --verifier sourcify`)"


class ExplorerProbe:
    """The declared explorer, asked about one contract. Subject: ``contract:NAME``."""

    def __init__(
        self,
        name: str,
        address: str,
        chain_id: int,
        explorer: Explorer,
        *,
        recorder: Recorder,
        hosts: Hosts,
    ) -> None:
        self._address = address
        self._chain_id = chain_id
        self._wanted = explorer.match
        self._recorder = recorder
        self._http = HttpProbe(
            f"contract:{name}", explorer.url, recorder=recorder, hosts=hosts, may_be_cached=True
        )

    def expect(self) -> Match:
        """Judge that the sources are published, as exactly as the manifest wants.

        Raises:
            UnmetError: They are not, or only with other metadata.
            ProbeError: The explorer gave no usable answer, which is not "none".
        """
        answer = self._http.get(f"/v2/contract/{self._chain_id}/{self._address}")
        found = self._read(answer)
        met = found == "exact_match" or found == self._wanted
        expected, actual = _WORDS[self._wanted], _WORDS[found]
        self._recorder.judge(
            answer.measurement,
            Judgement.MET if met else Judgement.UNMET,
            expected=expected,
            actual=actual,
            where=answer.measurement.asked,
            next_step="" if met else _PUBLISH,
        )
        if not met:
            read, redact = answer.measurement.asked, self._recorder.redact
            raise UnmetError(
                failure(
                    expected=expected, actual=actual, read=read, next_step=_PUBLISH, redact=redact
                )
            )
        return found

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _read(self, answer: Response) -> Match:
        asked = answer.measurement.asked
        if answer.status not in (200, 404):
            answer.unknown(RefusedError(f"{asked}: {answer.summary}"), "status 200 or 404")
        document: Any = answer.json()
        if not isinstance(document, dict) or "match" not in document:
            # Any server says 404 to a path it does not know; only Sourcify says `match: null`.
            problem = MalformedError(f"{asked}: no answer of Sourcify's interface, version 2")
            answer.unknown(problem, "an object with `match`")
        about = (str(document.get("chainId")), str(document.get("address")).lower())
        if about != (str(self._chain_id), self._address.lower()):
            other = WrongTargetError(f"{asked}: it answers about {about[1]} on chain {about[0]}")
            answer.unknown(other, "an answer about this contract")
        match = document["match"]
        if match is None:
            return "none"
        if answer.status != 200 or match not in ("exact_match", "match"):
            problem = MalformedError(f"{asked}: status {answer.status} with match {match!r:.40}")
            answer.unknown(problem, "exact_match, match or null")
        return "exact_match" if match == "exact_match" else "match"
