"""The TLS of a service: who it proves to be, for how long, and how old a protocol it still speaks.

Refuses to call plain HTTP verified, also on loopback: there is nothing to verify, and the manifest
must say so. It sends nothing but a handshake.
"""

from __future__ import annotations

import ssl
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_metarelease.errors import (
    DeadlineError,
    ProbeError,
    UndeclaredError,
    UnmetError,
    UnreachableError,
)
from pytest_metarelease.evidence import Judgement, Recorder
from pytest_metarelease.probes.clock import Deadline, utc_now
from pytest_metarelease.probes.dialling import dial
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement

_LOOPBACK = ("127.", "localhost", "::1")
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class TlsProbe:
    """The TLS of one service. ``context`` trusts what this process trusts."""

    subject: str
    url: str
    recorder: Recorder
    context: ssl.SSLContext
    timeout: float = 10.0

    def judge(self, days: int) -> None:
        """Judge chain, host name, days to expiry, the protocol, and that old ones are refused.

        Raises:
            UndeclaredError: It is plain HTTP on loopback, where TLS means nothing.
            UnmetError: It is plain HTTP, or something of the above is wrong.
            ProbeError: Nothing answers there.
        """
        parts = urlsplit(self.url)
        if parts.scheme != "https":
            self._plain(parts.hostname or "")
        host, port = parts.hostname or "", parts.port or 443
        measurement, peer = self._verified(host, port)
        version, expires, now = peer
        self._reading(version, "protocol", measurement).one_of(
            ("TLSv1.2", "TLSv1.3"), next_step="speak TLS 1.2 and 1.3 (RFC 8996)"
        )
        self._reading((expires - now) / _DAY, "days to expiry", measurement).at_least(
            days, next_step="renew the certificate, and mend what should have renewed it"
        )
        self._old_is_refused(host, port)

    def _plain(self, host: str) -> None:
        if host.startswith(_LOOPBACK):
            raise UndeclaredError(
                f"{self.subject} is plain http on loopback, where TLS is not applicable; say so: "
                "`environments:` of the item without this environment"
            )
        measurement = self._measured("its scheme", utc_now(), time.perf_counter(), "http")
        self._reading("http", "scheme", measurement).expect(
            "https", next_step="serve it by TLS only, and send Strict-Transport-Security"
        )

    def _verified(self, host: str, port: int) -> tuple[Measurement, tuple[str, float, float]]:
        asked, at, started = f"TLS with {host}:{port}", utc_now(), time.perf_counter()
        try:
            with dial(host, port, Deadline.after(self.timeout), self.context) as peer:
                version = str(peer.version())  # type: ignore[attr-defined]
                certificate = peer.getpeercert() or {}  # type: ignore[attr-defined]
        except ssl.SSLCertVerificationError as problem:
            found = f"not trusted: {problem.verify_message}"
            measurement = self._measured(asked, at, started, found)
            self._reading(problem.verify_message, "certificate", measurement).expect(
                "trusted, and for this host", next_step="install the whole chain for this host name"
            )
            raise UnmetError(found) from None
        except ssl.SSLError as problem:
            measurement = self._measured(asked, at, started, f"no TLS: {problem.reason}")
            self._reading(str(problem.reason), "handshake", measurement).expect(
                "done", next_step="speak TLS 1.2 or newer at this port"
            )
            raise UnmetError(str(problem.reason)) from None
        except TimeoutError as problem:
            raise self._silent(asked, at, started, DeadlineError(str(problem))) from None
        except OSError as problem:
            raise self._silent(asked, at, started, UnreachableError(str(problem))) from None
        until = str(certificate.get("notAfter", ""))
        measurement = self._measured(asked, at, started, f"{version}, valid until {until}")
        self._reading("trusted", "certificate", measurement).expect("trusted")
        return measurement, (version, ssl.cert_time_to_seconds(until), time.time())

    def _old_is_refused(self, host: str, port: int) -> None:
        asked, at, started = f"TLS 1.1 with {host}:{port}", utc_now(), time.perf_counter()
        said = "refused"
        try:
            with dial(host, port, Deadline.after(self.timeout), _old_context()) as peer:
                said = str(peer.version())  # type: ignore[attr-defined]
        except (ssl.SSLError, ConnectionError):
            pass
        except OSError as problem:
            raise self._silent(asked, at, started, UnreachableError(str(problem))) from None
        measurement = self._measured(asked, at, started, said)
        self._reading(said, "TLS 1.1", measurement).expect(
            "refused", next_step="switch TLS 1.0 and 1.1 off (RFC 8996)"
        )

    def _silent(self, asked: str, at: str, started: float, error: ProbeError) -> ProbeError:
        measurement = self._measured(asked, at, started, f"no answer: {error}")
        self.recorder.judge(
            measurement, Judgement.UNKNOWN, expected="a handshake", actual=str(error)
        )
        return error

    def _measured(self, asked: str, at: str, started: float, answer: str) -> Measurement:
        return self.recorder.measured(
            subject=self.subject,
            probe="tls",
            asked=asked,
            at=at,
            duration=time.perf_counter() - started,
            answer=answer,
        )

    def _reading(self, value: object, name: str, measurement: Measurement) -> Reading:
        return Reading(value, name, measurement, self.recorder, self.url)


def _old_context() -> ssl.SSLContext:
    """Settings that speak nothing newer than TLS 1.1, as weakly as the library allows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
