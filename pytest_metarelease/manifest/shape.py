"""The shape of the model's classes: keys, types and notes of their fields, read once.

Nothing here reads a value; the decoder and the schema generator both go by this.
"""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ForwardRef,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pytest_metarelease.manifest.notes import NotWritten, Spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

_Note = TypeVar("_Note")


class JsonValue:
    """Stands for ``Json`` in resolved hints, since the alias is recursive."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A type without its notes: whether nothing may stand there, and what was noted of it."""

    wants: Any
    optional: bool
    notes: tuple[Any, ...]

    def note(self, kind: type[_Note]) -> _Note | None:
        """Return the note of this kind, or None."""
        for note in self.notes:
            if isinstance(note, kind):
                return note
        return None

    @property
    def description(self) -> str:
        """The texts among the notes."""
        return " ".join(note for note in self.notes if isinstance(note, str))


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a class of the model and the key it is written under."""

    name: str
    key: str
    hint: Hint
    required: bool
    default: Any


def hint_of(annotation: Any, inherited: Iterable[Any] = ()) -> Hint:
    """Return an annotation taken apart; notes of outer annotations come first."""
    notes = tuple(inherited)
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            notes = (*notes, *more)
        elif isinstance(annotation, str | ForwardRef):
            # The one recursive type of the model, which only a text can name.
            return Hint(JsonValue, optional, notes)
        elif get_origin(annotation) in (Union, types.UnionType):
            kinds = [one for one in get_args(annotation) if one is not type(None)]
            optional = optional or len(kinds) < len(get_args(annotation))
            if len(kinds) > 1:
                return Hint(tuple(kinds), optional, notes)
            annotation = kinds[0]
        else:
            return Hint(annotation, optional, notes)


@cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """Return the fields of a class of the model that are written in a manifest."""
    found = []
    for field in dataclasses.fields(cls):
        hint = hint_of(field.type)
        if hint.note(NotWritten) is not None:
            continue
        spelled = hint.note(Spelled)
        missing = dataclasses.MISSING
        made = field.default_factory() if field.default_factory is not missing else missing
        default = made if field.default is missing else field.default
        key = spelled.key if spelled else field.name
        found.append(Field(field.name, key, hint, default is missing, default))
    return tuple(found)
