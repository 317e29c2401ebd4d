"""What a field of the model means beyond its type: spelling, bounds, references, secrecy.

The notes stand in ``Annotated`` beside the field and are read by the decoder and by the schema
generator. Nothing here checks anything. Notes without a value are known by their class alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "account_role",
    "component",
    "contract",
    "credential",
    "database",
    "endpoint",
    "environment",
    "item",
    "measure",
    "own_endpoint",
    "service",
    "signer",
    "subject",
    "typed_data",
]
"""What a reference may point at; ``own_endpoint`` and ``account_role`` look beside themselves."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """The key in the manifest where it cannot be the field's name (``in``, ``as``, ``pass``)."""

    key: str


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the most that a number may be."""

    least: float
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Refers:
    """The text must name something that is declared elsewhere in the manifest."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Secret:
    """The value, or a part of it, is masked wherever it appears.

    ``whole``: all of it. ``rpc``: user-info, query values and long path segments of the URL.
    ``database``: the password of the URL.
    """

    part: Literal["whole", "rpc", "database"] = "whole"


class NotEmpty:
    """At least one element is needed."""


class OneOrMany:
    """A single value may be written instead of a list of one."""


class WrittenOut:
    """No variable may stand here: what has to be verified depends on it, and is reviewed."""


class NotWritten:
    """The decoder fills the field; it is no key of the manifest."""


class Name:
    """The text, or each key of the mapping, is a name: letters, digits, ``_`` and ``-``."""


class MayBeEmpty:
    """Empty texts are meant here."""
