"""The schemas that we ship are schemas, and the manifest that we ship is right by its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, SchemaError

import pytest_metarelease
from pytest_metarelease.manifest import load, schema
from pytest_metarelease.manifest.json_schema import FILE

ROOT = Path(pytest_metarelease.__file__).parents[1]
BUNDLED = ROOT / "verification/release.yaml"
FILES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("docs", "pytest_metarelease")
    for path in (ROOT / folder).rglob("*.schema.json")
    if "node_modules" not in path.parts
)


@pytest.mark.parametrize("wrong", [{"type": "objekt"}, {"properties": {"a": {"minimum": "1"}}}])
def test_trivially_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        Draft202012Validator.check_schema(wrong)


def test_the_one_that_is_made_of_the_model_is_among_them() -> None:
    assert schema() in [json.loads((ROOT / name).read_bytes()) for name in FILES]


@pytest.mark.parametrize("name", FILES)
def test_it_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((ROOT / name).read_bytes()))


def test_the_bundled_manifest_is_right_and_names_its_schema() -> None:
    text = BUNDLED.read_text(encoding="utf-8")
    errors = Draft202012Validator(schema()).iter_errors(yaml.load(text, yaml.CSafeLoader))
    assert [error.message for error in errors] == []
    header = text.split("\n")[0].removeprefix("# yaml-language-server: $schema=")
    assert (BUNDLED.parent / header).resolve().name == FILE
    assert (BUNDLED.parent / header).is_file()
    assert load(BUNDLED).manifest.checklist
