"""An OpenAPI description (3.x) as lines for the manifest's `endpoints:`, each to be confirmed.

Refuses to declare anything: every endpoint is ``unconfirmed``, and such a one verifies nothing.
What a description says is what somebody generated, not what somebody wanted. It follows no
reference out of the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST = 6
_MOST_ENDPOINTS = 500
_DROPPED = frozenset({"example", "examples", "xml", "externalDocs", "discriminator", "deprecated"})
_FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "somebody@example.org",
    "uri": "https://example.org/",
}


@dataclass(frozen=True, slots=True)
class Description:
    """One OpenAPI document."""

    document: Mapping[str, Any]

    @classmethod
    def read(cls, document: Any) -> Description:
        """Return the description.

        Raises:
            UsageError: It is no OpenAPI 3 document with paths.
        """
        version = document.get("openapi") if isinstance(document, dict) else None
        if not isinstance(version, str) or not version.startswith("3."):
            raise UsageError("this is no OpenAPI 3 description: it has no `openapi: 3.x`")
        if not isinstance(document.get("paths"), dict) or not document["paths"]:
            raise UsageError("this OpenAPI description has no paths")
        return cls(document)

    def lines(self) -> Iterator[str]:
        """Yield the section ``endpoints:``, without indentation."""
        info = self._dict(self.document.get("info"))
        origin = f"adopted from {info.get('title', 'OpenAPI')} {info.get('version', '')}".strip()
        yield "endpoints:"
        names: set[str] = set()
        for path, method, operation in self._operations():
            name = _unique(_name(operation, method, path), names)
            yield f"  {name}:"
            for key, value in self._endpoint(path, method, operation).items():
                yield f"    {key}: {_yaml(value)}  # confirm"
            yield f"    unconfirmed: {_yaml(origin)}"

    def _operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        count = 0
        for path, shared in self.document["paths"].items():
            item = self._dict(shared)
            for method in _METHODS:
                if method in item and count < _MOST_ENDPOINTS:
                    count += 1
                    operation = self._dict(item[method])
                    given = [*item.get("parameters", ()), *operation.get("parameters", ())]
                    yield str(path), method, {**operation, "parameters": given}

    def _endpoint(self, path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": path}
        if method != "get":
            found["method"] = method.upper()
        optional: list[str] = []
        for place, key in (("path", "parameters"), ("query", "query")):
            values = {}
            for one in map(self._dict, operation["parameters"]):
                if one.get("in") == place and isinstance(one.get("name"), str):
                    values[one["name"]] = _text(self._example_of(one, one.get("schema")))
                    if place == "query" and not one.get("required"):
                        optional.append(one["name"])
            if values:
                found[key] = values
        body = self._content(operation.get("requestBody"))
        if body is not None:
            found["body"] = self._example_of(body, body.get("schema"))
            optional += self._optional(body.get("schema"))
        if optional:
            found["optional"] = optional
        found["authentication"] = self._authentication(operation)
        if method != "get":
            found["writes"] = True
        found["answer"] = self._answer(operation)
        return found

    def _content(self, holder: Any) -> Mapping[str, Any] | None:
        content = self._dict(self._dict(holder).get("content"))
        for kind, one in content.items():
            if "json" in kind:
                return {"kind": kind, **self._dict(one)}
        return None

    def _answer(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        responses = self._dict(operation.get("responses"))
        right = [code for code in map(str, responses) if re.fullmatch("2[0-9]{2}", code)]
        if not right:
            return {"status": 200}
        found: dict[str, Any] = {"status": int(right[0])}
        # YAML may have read the status as a number.
        by_text = {str(code): one for code, one in responses.items()}
        content = self._content(by_text[right[0]])
        if content is not None:
            found["content_type"] = content["kind"].partition(";")[0]
            if "schema" in content:
                found["schema"] = self._inlined(content["schema"])
        return found

    def _authentication(self, operation: Mapping[str, Any]) -> str:
        needed = operation.get("security", self.document.get("security")) or []
        schemes = self._dict(self._dict(self.document.get("components")).get("securitySchemes"))
        if not needed or {} in needed:
            return "none"
        for name in self._dict(needed[0]):
            scheme = self._dict(schemes.get(name))
            if scheme.get("type") == "apiKey":
                return "api-key"
            if scheme.get("type") == "http" and scheme.get("scheme", "").lower() != "bearer":
                return "header"
        return "bearer"

    def _example_of(self, holder: Mapping[str, Any], schema: Any) -> Any:
        if "example" in holder:
            return holder["example"]
        for one in self._dict(holder.get("examples")).values():
            if "value" in self._dict(one):
                return self._dict(one)["value"]
        return self._example(schema)

    def _example(self, schema: Any, above: tuple[str, ...] = ()) -> Any:
        target = schema.get("$ref") if isinstance(schema, dict) else None
        if isinstance(target, str):
            if target in above or len(above) >= _DEEPEST:
                return None
            above = (*above, target)
        found = self._merged(schema)
        for key in ("example", "default", "const"):
            if key in found:
                return found[key]
        for key in ("examples", "enum"):
            if isinstance(found.get(key), list) and found[key]:
                return found[key][0]
        for key in ("oneOf", "anyOf"):
            if isinstance(found.get(key), list) and found[key]:
                return self._example(found[key][0], above)
        return self._of_type(found, above)

    def _of_type(self, found: Mapping[str, Any], above: tuple[str, ...]) -> Any:
        kind = found.get("type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if kind == "object" or "properties" in found:
            members = self._dict(found.get("properties"))
            made = {name: self._example(one, above) for name, one in members.items()}
            required = found.get("required") or ()
            # What holds itself ends with what is not required.
            return {key: one for key, one in made.items() if one is not None or key in required}
        if kind == "array":
            return [self._example(found.get("items"), above)]
        if kind in ("integer", "number"):
            return found.get("minimum", 1)
        if kind == "boolean":
            return True
        return _FORMATS.get(found.get("format", ""), "x" * max(1, found.get("minLength", 1)))

    def _optional(self, schema: Any, above: str = "", depth: int = 0) -> Iterator[str]:
        found = self._merged(schema)
        required = found.get("required") or []
        for name, one in self._dict(found.get("properties")).items():
            if name not in required:
                yield f"{above}{name}"
            elif depth < _DEEPEST:
                yield from self._optional(one, f"{above}{name}.", depth + 1)

    def _merged(self, schema: Any) -> dict[str, Any]:
        found = self._dict(schema)
        if "allOf" not in found:
            return dict(found)
        merged: dict[str, Any] = {key: one for key, one in found.items() if key != "allOf"}
        for part in map(self._merged, found["allOf"]):
            merged["properties"] = {
                **merged.get("properties", {}),
                **self._dict(part.get("properties")),
            }
            merged["required"] = [*merged.get("required", ()), *part.get("required", ())]
            merged = {**part, **merged}
        return merged

    def _inlined(self, schema: Any, above: tuple[str, ...] = ()) -> Any:
        """Return a schema without references; what holds itself may be anything there."""
        if isinstance(schema, list):
            return [self._inlined(one, above) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            target = str(schema["$ref"])
            if target in above or len(above) >= _DEEPEST:
                return {}
            return self._inlined(self._referred(target), (*above, target))
        found = {
            key: self._members(value, above) if key == "properties" else self._inlined(value, above)
            for key, value in schema.items()
            if key not in _DROPPED and not key.startswith("x-")
        }
        if found.pop("nullable", False):
            return {"anyOf": [found, {"type": "null"}]}
        return found

    def _members(self, value: Any, above: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._inlined(one, above) for name, one in self._dict(value).items()}

    def _dict(self, value: Any) -> Mapping[str, Any]:
        """Return a mapping, through references within the document; empty where it is none."""
        for _ in range(_DEEPEST):
            if not isinstance(value, dict):
                return {}
            target = value.get("$ref")
            if not isinstance(target, str):
                return value
            value = self._referred(target)
        return {}

    def _referred(self, target: str) -> Any:
        if not target.startswith("#/"):
            return {}
        found: Any = self.document
        for part in target[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found


def _name(operation: Mapping[str, Any], method: str, path: str) -> str:
    said = operation.get("operationId")
    text = said if isinstance(said, str) else f"{method}-{path}"
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-") or method


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _yaml(value: Any) -> str:
    """Return a value as YAML of one line (JSON is YAML); no text of it can be a variable."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${")
