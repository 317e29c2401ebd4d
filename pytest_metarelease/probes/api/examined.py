"""One declared endpoint with what is needed to ask it rightly, wrongly, and by whom.

Refuses on read-only what is not certainly refused: what would be right but for one thing is signed
by nobody's key there.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pytest_metarelease.errors import ProbeError, RefusedError, UndeclaredError
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.api.bodies import filled
from pytest_metarelease.probes.api.trials import Trials
from pytest_metarelease.probes.document import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.manifest.model import Endpoint, Environment, Service
    from pytest_metarelease.probes.exchange import Response
    from pytest_metarelease.probes.http import HttpProbe
    from pytest_metarelease.probes.signed import Signer

#: Seconds that an answer to a wrong request may take, where the service declares more.
_TIMEOUT = 6.0
NUMBER = "$number"
"""Stands for a fresh number in a body."""
_LARGEST = 999_999
_NO_ID = ("", ".", "..")


class Examined:
    """An endpoint of a declared service; ``name`` is ``service.endpoint``."""

    def __init__(
        self,
        name: str,
        probe: HttpProbe,
        service: Service,
        declared: Endpoint,
        environment: Environment,
    ) -> None:
        self.name = name
        self.probe = probe
        self.service = service
        self.declared = declared
        self._parameters, self._waits = declared.parameters, not declared.is_fixed
        self.environment = environment
        self._signer: Signer | None = None

    @classmethod
    def of(
        cls, name: str, environment: Environment, service: Callable[[str], HttpProbe]
    ) -> Examined:
        """Return the endpoint of that name.

        Raises:
            UndeclaredError: It was adopted from a description and nobody confirmed it.
        """
        owner, _, own = name.partition(".")
        declared = environment.services[owner].endpoints[own]
        if declared.unconfirmed is not None:
            raise UndeclaredError(
                f"{name} is {declared.unconfirmed} and confirmed by nobody; compare it with the "
                "design and remove `unconfirmed`"
            )
        return cls(name, service(owner), environment.services[owner], declared, environment)

    @property
    def may_write(self) -> bool:
        """Whether the environment allows requests that may change something."""
        return self.environment.access is Access.TRANSACT

    @property
    def timeout(self) -> float:
        """Seconds for one wrong request."""
        return min(self.service.timeout, _TIMEOUT)

    @property
    def signer(self) -> Signer | None:
        """What signs bodies for this endpoint, where the manifest declares that it wants it."""
        if self._signer is None:
            for one in self.environment.signed_requests.values():
                if one.endpoint == self.name:
                    from pytest_metarelease.probes.signed import Signer

                    self._signer = Signer.of(one, self.environment)
        return self._signer

    def example(self) -> Any:
        """Return a body that is right, with a fresh nonce and signature where one is needed.

        On read-only the signature is of nobody's key, so that it must be refused all the same.
        """
        signer = self.signer
        if signer is None:
            return self._filled()
        if self._waits:
            self._filled()
        if self.may_write:
            return signer.body()
        from pytest_metarelease.probes.chain.signing import fresh_key

        return signer.body(key=fresh_key())

    def ask(self) -> Response:
        """Send the declared request, as ``HttpProbe.ask`` does, with what stands for something."""
        body = self._filled()
        return self.probe.ask(replace(self.declared, body=body, headers=self._headers()))

    def _headers(self) -> dict[str, str]:
        return {
            name: value.replace(NUMBER, str(1 + secrets.randbelow(_LARGEST)))
            for name, value in self.declared.headers.items()
        }

    def _filled(self) -> Any:
        """Return the declared body with fresh numbers, and with what the request before it gave.

        From then on the path has what it gave, too.

        Raises:
            RefusedError: The request before it was not answered as declared.
        """
        body = filled(self.declared.body, {NUMBER: str(1 + secrets.randbelow(_LARGEST))})
        first = self.declared.first
        if first is None:
            return body
        owner = self.name.partition(".")[0]
        before = Examined.of(f"{owner}.{first.endpoint}", self.environment, lambda _: self.probe)
        sent = before.example()
        if isinstance(sent, dict) and isinstance(body, dict):
            sent = {name: body.get(name, value) for name, value in sent.items()}
        answer = before.send(body=sent)
        if answer.status not in before.declared.answer.status:
            text = f"{before.name}, which comes before {self.name}: {answer.summary}"
            answer.unknown(RefusedError(text), "what the request after it needs")
        document = answer.json()
        taken = {name: look_up(document, place)[0][1] for name, place in first.take.items()}
        parameters = dict(self._parameters)
        for name, stand_in in self._parameters.items():
            if stand_in in taken:
                value = taken[stand_in]
                if isinstance(value, bool) or not isinstance(value, str | int) or value in _NO_ID:
                    text = f"{before.name} gave {value!r:.50} for {name} in the path of {self.name}"
                    answer.unknown(RefusedError(text), "a value that a path can have")
                parameters[name] = quote(str(value), safe="")
        self.declared = replace(self.declared, parameters=parameters)
        return filled(body, taken)

    def parameters(self) -> Mapping[str, str]:
        """Return the parameters of the path with values that are known; asks where it must."""
        if not self.declared.is_fixed:
            self._filled()
        return self.declared.parameters

    def send(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
        impatient: bool = False,
        bare: bool = False,
    ) -> Response:
        """Send the declared request with differences; ``content`` is a body as it stands.

        ``body`` is sent as JSON, also None where the endpoint declares a body. ``bare`` leaves out
        the declared headers.
        """
        if path is None:
            self.parameters()  # else a stand-in would be sent, whose 404 looks like a refusal
        declared = self.declared
        chosen = method or declared.method
        own = {one.lower() for one in headers or {}}
        given = {} if bare else self._headers()
        given = {name: value for name, value in given.items() if name.lower() not in own}
        given |= headers or {}
        data = content
        if data is None and declared.body is not None and chosen not in ("GET", "HEAD", "OPTIONS"):
            data = json.dumps(body).encode()
        if data is not None and "content-type" not in {one.lower() for one in given}:
            given["content-type"] = content_type
        return self.probe.request(
            chosen,
            path or declared.target,
            query=declared.query if query is None else query,
            content=data,
            headers=given,
            credential=None if anonymous else declared.credential,
            safe_probe=declared.safe_probe,
            # A service may answer before it has read a body, and take the rest of it for the next
            # request of the connection: nobody else's.
            fresh=data is not None,
            timeout=self.timeout,
            impatient=impatient,
        )

    def trials(self, next_step: str = "") -> Trials:
        """Return trials whose control is a right request to the same service."""
        return Trials(self.probe.recorder, self.works, next_step, self.says_no)

    def says_no(self, answer: Response) -> bool:
        """Return whether an answer is the declared refusal of an endpoint that has its own."""
        refusal = self.declared.refusal
        return refusal is not None and answer.is_as(refusal)

    def works(self) -> bool:
        """Return whether the service answers something that is right, asked just now."""
        recorder = self.probe.recorder
        mark = recorder.mark()
        try:
            answer = self.probe.request(
                "GET",
                *self._control_path(),
                credential=None,
                timeout=self.service.timeout,
                may_be_cached=True,
            )
        except ProbeError:
            return False
        finally:
            recorder.supersede(mark)
        return answer.status < 500

    def _control_path(self) -> tuple[str]:
        """The same path by GET where it is declared, else health, else any GET of the service."""
        known = [
            one for one in self.service.endpoints.values() if one.method == "GET" and one.is_fixed
        ]
        first = [one for one in known if one.path == self.declared.path]
        near = [one for one in known if self.declared.path.startswith(f"{one.path}/")]
        for one in (*first, *near):
            return (_with_query(one),)
        if self.service.health is not None:
            return (self.service.health.path,)
        return (_with_query(known[0]) if known else "/",)

    def path_with(self, parameter: str, value: str) -> str:
        """Return the path with another value for one parameter, escaped."""
        path = self.declared.path.replace("{" + parameter + "}", quote(value, safe=""))
        if set(self.declared.parameters) == {parameter}:
            return path  # nothing else has to be known
        for name, known in self.parameters().items():
            path = path.replace("{" + name + "}", known)
        return path


def _with_query(endpoint: Endpoint) -> str:
    from urllib.parse import urlencode

    return endpoint.target + (f"?{urlencode(endpoint.query)}" if endpoint.query else "")
