"""The JSON Schema is current, takes what is right and refuses what an editor can know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import pytest_metarelease.manifest
from pytest_metarelease.manifest import schema
from pytest_metarelease.manifest.json_schema import FILE, render_schema

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Loading


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def problems(validator: Draft202012Validator, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(yaml.load(text, yaml.CSafeLoader))]


def test_the_committed_schema_is_current() -> None:
    committed = Path(pytest_metarelease.manifest.__file__).with_name(FILE)
    assert committed.read_text(encoding="utf-8") == render_schema(), "run scripts/write-schema"


def test_it_refuses_nothing_at_all(validator: Draft202012Validator) -> None:
    assert problems(validator, "{}")


def test_it_takes_what_is_right(validator: Draft202012Validator, shop: str) -> None:
    assert problems(validator, shop) == []


TAKEN: tuple[tuple[str, str], ...] = (
    ("      id: 1\n", '      id: "${CHAIN}"\n'),
    ("rate: 20/s", 'rate: "${RATE}"'),
    ("paused: false", "paused: {equals: {a: 1}}"),
    ("paused: false", "paused: [1, 2]"),
    ("status: 200", "status: [200, 204]"),
    ("paused: false", "paused: {min: 1 ether}"),
    (
        "checklist:\n",
        "  live: {extends: staging, chain: {id: 5}, flows: null, access: read-only}\nchecklist:\n",
    ),
)
REFUSED: tuple[tuple[str, str], ...] = (
    ("health: {path", "helth: {path"),
    ("{path: /orders, credential: admin}", "{credential: admin}"),
    ("      id: 1\n", '      id: "1"\n'),
    ("      id: 1\n", "      id: 0\n"),
    ("version: 1.0.0", "version: 1.0"),
    ("title: Healthy", "title: no"),
    ("stage: post_deploy", "stage: post_deplo"),
    ("access: transact", 'access: "${ACCESS}"'),
    ("rate: 20/s", "rate: 20"),
    ("limit: 5%", "limit: 5"),
    ("paused: false", "paused: {}"),
    ("paused: false", "paused: {matchs: a}"),
    ("paused: false", "paused: {in: []}"),
    ("roles: [buyer]", "roles: []"),
    ("facets: [smoke]", "facets: smoke"),
    ("databases: {orders:", "databases: {or.ders:"),
    ("checklist:\n", "  live: {chain: {id: 5}}\nchecklist:\n"),
    ("checklist:\n", "  live: {extends: staging, chan: {id: 5}}\nchecklist:\n"),
)


@pytest.mark.parametrize(("old", "new"), TAKEN)
def test_what_is_right_is_right_in_an_editor(
    validator: Draft202012Validator, read: Loading, shop: str, old: str, new: str
) -> None:
    assert old in shop
    text = shop.replace(old, new, 1)
    assert read(text).manifest.checklist
    assert problems(validator, text) == []


@pytest.mark.parametrize(("old", "new"), REFUSED)
def test_what_is_wrong_is_wrong_in_an_editor(
    validator: Draft202012Validator, shop: str, old: str, new: str
) -> None:
    assert old in shop
    assert problems(validator, shop.replace(old, new, 1))


def test_every_key_is_described_or_speaks_for_itself() -> None:
    definitions: dict[str, Any] = schema()["$defs"]
    assert all(one.get("description") for name, one in definitions.items() if name != "variable")
