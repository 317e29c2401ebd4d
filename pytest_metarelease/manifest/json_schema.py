"""JSON Schema (2020-12) of ``release.yaml``, generated from the model, for editors.

It is what an editor can know while somebody types; what names something else, checksums and sums
are judged at load. It is never used to read a manifest.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin

from pytest_metarelease.manifest.decoder import KEYED_BY_FUNCTION, is_expectation
from pytest_metarelease.manifest.model import Environment
from pytest_metarelease.manifest.notes import (
    Between,
    MayBeEmpty,
    Name,
    NotEmpty,
    OneOrMany,
    WrittenOut,
)
from pytest_metarelease.manifest.reading import NEEDED, PARTS
from pytest_metarelease.manifest.rules import ITEM_ID
from pytest_metarelease.manifest.scalars import (
    Address,
    PerSecond,
    RelativePath,
    Seconds,
    Share,
    Url,
    ValuePath,
    Wei,
)
from pytest_metarelease.manifest.shape import Hint, JsonValue, fields_of, hint_of
from pytest_metarelease.manifest.values import NAME

if TYPE_CHECKING:
    from pathlib import Path

Schema: TypeAlias = dict[str, Any]

FILE = "release.schema.json"
"""The name of the committed schema, in this package."""

_VARIABLE: Schema = {"$ref": "#/$defs/variable"}
_NUMBER = r"[0-9]{1,30}(\.[0-9]{1,30})?\s*"
_SCALARS: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Seconds: {"type": "string", "pattern": rf"^{_NUMBER}(ms|s|m|h|d)$"},
    Share: {
        "anyOf": [
            {"type": "string", "pattern": rf"^{_NUMBER}%$"},
            {"type": "number", "minimum": 0, "maximum": 1},
        ]
    },
    PerSecond: {"type": "string", "pattern": rf"^{_NUMBER}/\s*(s|min|h)$"},
    Wei: {
        "anyOf": [
            {"type": "string", "pattern": rf"^{_NUMBER}(wei|gwei|ether)$"},
            {"type": "integer", "minimum": 0},
        ]
    },
    Address: {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"},
    Url: {"type": "string", "pattern": r"^(https?://|.*\$\{)\S*$"},
    RelativePath: {"type": "string", "pattern": r"^[^/~\\]"},
    ValuePath: {"type": "string", "minLength": 1},
}
_TEXTS = (Url, RelativePath, ValuePath)


def schema() -> Schema:
    """Return the schema as a JSON document."""
    return _Writer().document()


def schema_of(cls: type, title: str) -> Schema:
    """Return the schema of another file that is decoded from a class, without variables."""
    writer = _Writer()
    root = writer._class(cls, open_=False, partial=False)  # noqa: SLF001 - of this module
    del writer.definitions["variable"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **root,
        "$defs": dict(sorted(writer.definitions.items())),
    }


def render_schema() -> str:
    """Return the schema as the text that is committed."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def write_schema(folder: Path) -> Path:
    """Write the schema into ``folder`` and return its path."""
    path = folder / FILE
    path.write_text(render_schema(), encoding="utf-8")
    return path


class _Writer:
    """Writes each class once; of environments also a form that leaves out what is inherited."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {
            "variable": {
                "type": "string",
                "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}",
                "description": "${NAME}, replaced by the variable NAME when the gate is on.",
            }
        }

    def document(self) -> Schema:
        properties = {
            key: self.of(hint, open_=key == "release")
            for key, hint in PARTS.items()
            if key != "environments"
        }
        properties["environments"] = self._environments()
        properties["checklist"]["minItems"] = 1
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "pytest-metarelease: release.yaml",
            "description": "The release, its environments, the checklist, and the gate's policy.",
            "type": "object",
            "properties": {key: properties[key] for key in PARTS},
            "required": list(NEEDED),
            "additionalProperties": False,
            "$defs": dict(sorted(self.definitions.items())),
        }

    def of(self, hint: Hint, *, open_: bool, partial: bool = False) -> Schema:
        """Return the schema of a type; ``open_`` where variables may stand."""
        found = self._of(hint, open_=open_, partial=partial)
        bounds = hint.note(Between)
        if bounds is not None and hint.wants in (int, float):
            found = {**found, "minimum": bounds.least}
            found |= {} if bounds.most is None else {"maximum": bounds.most}
        if _takes_variable(hint, found) and open_ and hint.note(WrittenOut) is None:
            found = {"anyOf": [found, _VARIABLE]}
        if hint.optional or partial:
            found = {"anyOf": [found, {"type": "null"}]}
        return {"description": hint.description, **found} if hint.description else found

    def _of(self, hint: Hint, *, open_: bool, partial: bool) -> Schema:
        wants, origin = hint.wants, get_origin(hint.wants)
        if wants is JsonValue:
            return {}
        if isinstance(wants, tuple):
            return {"anyOf": [{"type": "number"}, _SCALARS[Wei]["anyOf"][0]]}
        if isinstance(wants, type) and dataclasses.is_dataclass(wants):
            return self._reference(wants, open_=open_, partial=partial)
        if origin is tuple:
            return self._list(hint, open_=open_)
        if origin is Mapping:
            return self._mapping(hint, open_=open_, partial=partial)
        if origin is Literal:
            return {"enum": list(get_args(wants))}
        if wants is str:
            return _text(hint)
        if isinstance(wants, type) and issubclass(wants, StrEnum):
            return {"enum": [one.value for one in wants]}
        return dict(_SCALARS[wants])

    def _list(self, hint: Hint, *, open_: bool) -> Schema:
        element = self.of(hint_of(get_args(hint.wants)[0], _passed_on(hint)), open_=open_)
        many: Schema = {"type": "array", "items": element}
        if hint.note(NotEmpty) is not None:
            many["minItems"] = 1
        return {"anyOf": [element, many]} if hint.note(OneOrMany) is not None else many

    def _mapping(self, hint: Hint, *, open_: bool, partial: bool) -> Schema:
        value = hint_of(get_args(hint.wants)[1], _passed_on(hint))
        is_class = isinstance(value.wants, type) and dataclasses.is_dataclass(value.wants)
        found: Schema = {
            "type": "object",
            "additionalProperties": self.of(value, open_=open_, partial=partial),
        }
        if hint.note(Name) is not None or (
            is_class and not is_expectation(value.wants) and value.wants not in KEYED_BY_FUNCTION
        ):
            found["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
        if hint.note(NotEmpty) is not None and not partial:
            found["minProperties"] = 1
        return found

    def _reference(self, cls: type, *, open_: bool, partial: bool) -> Schema:
        # An expectation is replaced as a whole only where its value is; its keys are merged too,
        # and none of them is needed.
        name = f"{cls.__name__}{'' if open_ else '.written'}{'.inheriting' if partial else ''}"
        if name not in self.definitions:
            self.definitions[name] = {}
            made = self._class(cls, open_=open_, partial=partial)
            self.definitions[name] = _or_value(made) if is_expectation(cls) else made
        return {"$ref": f"#/$defs/{name}"}

    def _class(self, cls: type, *, open_: bool, partial: bool) -> Schema:
        fields = fields_of(cls)
        properties = {}
        for one in fields:
            properties[one.key] = self.of(one.hint, open_=open_, partial=partial)
            default = _plain(one.default)
            if not one.required and default is not None:
                properties[one.key]["default"] = default
        made: Schema = {
            "type": "object",
            "description": " ".join((cls.__doc__ or "").split()),
            "properties": properties,
            "additionalProperties": False,
        }
        needed = [one.key for one in fields if one.required and not partial]
        if needed:
            made["required"] = needed
        if "id" in properties and cls.__name__ == "Item":
            properties["id"]["pattern"] = f"^{ITEM_ID.pattern}$"
        return made

    def _environments(self) -> Schema:
        whole = self._reference(Environment, open_=True, partial=False)
        self._reference(Environment, open_=True, partial=True)
        inheriting = self.definitions["Environment.inheriting"]
        inheriting["properties"]["extends"] = {
            "type": "string",
            "description": "The environment this one is like, except for what is written here; "
            "null takes away what is inherited.",
        }
        inheriting["required"] = ["extends"]
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": f"^{NAME.pattern}$"},
            "additionalProperties": {
                "if": {"required": ["extends"]},
                "then": {"$ref": "#/$defs/Environment.inheriting"},
                "else": whole,
            },
        }


def _or_value(operators: Schema) -> Schema:
    operators["minProperties"] = 1
    return {
        "description": "A value that must be equal, or operators that must all hold.",
        "if": {"type": "object"},
        "then": operators,
    }


def _text(hint: Hint) -> Schema:
    if hint.note(Name) is not None:
        return {"type": "string", "pattern": f"^{NAME.pattern}$"}
    return {"type": "string"} if hint.note(MayBeEmpty) else {"type": "string", "minLength": 1}


def _takes_variable(hint: Hint, found: Schema) -> bool:
    """A text takes one anyway; lists, mappings and classes never stand for one."""
    if hint.wants is str or hint.wants is JsonValue or hint.wants in _TEXTS:
        return False
    return (
        "$ref" not in found
        and found.get("type") not in {"array", "object"}
        and (hint.note(OneOrMany) is None)
    )


def _passed_on(hint: Hint) -> tuple[Any, ...]:
    own = (NotEmpty, OneOrMany, str)
    return tuple(note for note in hint.notes if not isinstance(note, own))


def _plain(value: Any) -> Any:
    """Return a default as JSON, or None where it is nothing or an object of its own."""
    if isinstance(value, tuple):
        return list(value) or None
    return None if isinstance(value, Mapping) or dataclasses.is_dataclass(value) else value
