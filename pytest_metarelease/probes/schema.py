"""A JSON document against a declared JSON Schema (2020-12).

It refuses to fetch anything that a schema refers to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def schema_problems(schema: Any, document: Any) -> Iterator[str]:
    """Return how ``document`` breaks a JSON Schema (2020-12), at most five of them.

    Raises:
        UsageError: The schema itself is wrong, or refers to something outside itself.
    """
    import jsonschema
    import referencing
    import referencing.exceptions

    # An empty registry: a `$ref` to elsewhere must not fetch anything.
    registry: referencing.Registry[Any] = referencing.Registry()
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema, registry=registry)
        for number, error in enumerate(validator.iter_errors(document)):
            if number == 5:
                return
            yield f"{error.json_path}: {_brief(error.message)}"
    except jsonschema.SchemaError as error:
        raise UsageError(
            f"the declared schema is wrong at {error.json_path}: {error.message}"
        ) from None
    except referencing.exceptions.Unresolvable as error:
        raise UsageError(f"the declared schema refers to {error.ref}, which it lacks") from None


def _brief(message: str) -> str:
    """Shorten a message in its middle: it begins with the value and ends with what is wrong."""
    return message if len(message) <= 200 else f"{message[:60]}... {message[-130:]}"
