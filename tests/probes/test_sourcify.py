"""The explorer's interface, against a server that answers as it is documented, or wrongly."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    RefusedError,
    UnmetError,
    UnreachableError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.contract_code import Explorer
from pytest_metarelease.manifest.scalars import Url
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.sourcify import ExplorerProbe
from tests.probes.hostile import answer, hostile_server, says, says_json

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Citation
    from tests.probes.hostile import Script

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PATH = f"/server/v2/contract/5/{ADDRESS}"


def documented(match: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "match": match,
        "creationMatch": match,
        "runtimeMatch": match,
        "chainId": "5",
        "address": ADDRESS,
        **changes,
    }


def asked(url: str, wanted: Any = "exact_match") -> tuple[str, list[Citation]]:
    """Return what the probe answers, or the name of what it raises, and its judgements."""
    notebook = Notebook()
    notebook.check = "check"
    declared = Explorer(url=Url(url + "/server"), match=wanted, contracts=("box",))
    hosts = Hosts.these([url])
    probe = ExplorerProbe("box", ADDRESS, 5, declared, recorder=notebook, hosts=hosts)
    try:
        said: str = probe.expect()
    except (UnmetError, ProbeError) as problem:
        said = type(problem).__name__
    finally:
        probe.close()
    return said, notebook.citations["check"]


def test_nobody_there_is_unknown_and_not_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    said, cited = asked(url)
    assert said == UnreachableError.__name__
    assert cited[-1].judgement is Judgement.UNKNOWN


@pytest.mark.parametrize(
    ("status", "match", "wanted", "said"),
    [
        (404, None, "match", "UnmetError"),
        (404, None, "exact_match", "UnmetError"),
        (200, "match", "exact_match", "UnmetError"),
        (200, "match", "match", "match"),
        (200, "exact_match", "match", "exact_match"),
        (200, "exact_match", "exact_match", "exact_match"),
    ],
)
def test_what_is_documented(status: int, match: str | None, wanted: str, said: str) -> None:
    with hostile_server({PATH: says_json(documented(match), status)}) as server:
        found, cited = asked(server.url, wanted)
    assert found == said
    wanted_judgement = Judgement.UNMET if said == "UnmetError" else Judgement.MET
    assert cited[-1].judgement is wanted_judgement


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (says(answer("<h1>Not found</h1>", 404, content_type="text/html")), MalformedError),
        (says_json({"error": "not found"}, 404), MalformedError),
        (says_json([], 200), MalformedError),
        (says_json(documented("perfect")), MalformedError),
        (says_json(documented("exact_match"), 404), MalformedError),
        (says_json(documented("exact_match", chainId="1")), WrongTargetError),
        (says_json(documented("exact_match", address="0x" + "11" * 20)), WrongTargetError),
        (says_json({"customCode": "internal_error"}, 500), RefusedError),
        (says_json({"customCode": "too_many_requests"}, 429), RefusedError),
        (says_json({}, 301, location="http://127.0.0.1:1/"), RefusedError),
    ],
    ids=["html", "other 404", "list", "word", "404", "chain", "address", "500", "429", "redirect"],
)
def test_anything_else_is_unknown(script: Script, error: type[ProbeError]) -> None:
    with hostile_server({PATH: script}) as server:
        said, cited = asked(server.url)
    assert said == error.__name__
    assert cited[-1].judgement is Judgement.UNKNOWN
