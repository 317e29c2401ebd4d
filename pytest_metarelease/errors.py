"""Every error of ours: whose fault it is, and what to do about it.

Nothing here decides anything. A ``UsageError`` ends the run with exit code 4, a ``ProbeError``
means that a question got no usable answer (the check is *broken*, the item *not verified*), and an
``UnmetError`` means that an answer came and was not the expected one (the check *failed*).
"""

from __future__ import annotations


class MetareleaseError(Exception):
    """Root of all errors that the package raises on purpose."""


class UsageError(MetareleaseError):
    """The caller asked for what cannot be done; the message says what to write instead."""


class ManifestError(UsageError):
    """Manifest, lock or approval file is wrong; one line per problem, each with its place."""


class SandboxError(MetareleaseError):
    """The embedded target could not be started or died; its log says why."""


class PacketError(MetareleaseError):
    """A packet is missing, torn, of another run or of another release; it proves nothing."""


class UnmetError(AssertionError):
    """An answer came and differs from what was expected; the measurement is on record."""


class ProbeError(MetareleaseError):
    """A question got no usable answer: unknown, which is never a pass and never a failure."""


class UnreachableError(ProbeError):
    """No connection: refused, reset, name not found. Check address, network and process."""


class DeadlineError(ProbeError):
    """The deadline passed before a whole answer had come."""


class MalformedError(ProbeError):
    """Something answered, but not in the protocol that was spoken to it."""


class TooLargeError(ProbeError):
    """The answer exceeded its bound in bytes, rows or depth and was not read to its end."""


class RefusedError(ProbeError):
    """The other side declined to answer this time: rate limit, overload, missing permission."""


class UnsupportedError(ProbeError):
    """The node or server lacks the method that the question needs."""


class WrongTargetError(ProbeError):
    """Something else answered than what the manifest declares: other chain, cached copy."""


class NotReadyError(ProbeError):
    """The service did not become healthy within its declared time, so it was not asked."""


class TooFewSamplesError(ProbeError):
    """The samples cannot carry a judgement either way; take more, or declare ``when_idle``."""


class UndeclaredError(ProbeError):
    """The manifest does not say what to expect here, so nothing was compared; it must."""


class ForbiddenError(ProbeError):
    """The probe refused to send: a write on read-only access, or a host nobody declared."""
