"""Allure's results, containers and attachments, masked before they are written.

Changes texts, never an identity, and a status only from passed to broken: of a test that measured
nothing. A door to Allure beside ``reports.allure``, which a worker need not import.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import allure_commons
from allure_commons.logger import INDENT, AllureFileLogger
from allure_commons.model2 import StatusDetails
from attr import fields, has

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.redaction import Redactor

MEASURED_NOTHING = "passed, but not one measurement met an expectation: it verifies nothing"
# What relates results to one another, or is no text of a test.
_KEPT = frozenset(
    (
        "uuid", "historyId", "testCaseId", "fullName", "status", "stage", "start", "stop",
        "children", "source", "type", "titlePath",
    )
)  # fmt: skip
_LARGEST = 64 << 20
_DEEPEST = 40
# Most texts of a result are labels that all results have: their mask is remembered.
_LONGEST_REMEMBERED = 200
_MOST_REMEMBERED = 4096
_ENCODED = json.JSONEncoder(ensure_ascii=False).encode
_INDENTED = json.JSONEncoder(ensure_ascii=False, indent=INDENT).encode
# Of each class of Allure's model the names of its fields; none of what is no such class.
_FIELDS: dict[type, tuple[str, ...]] = {}


class MaskedWriter:
    """Stands in for Allure's file logger in this process until ``stop``.

    ``measured`` says whether anything that the running test measured met an expectation. A result
    that passed without is written as broken at once: no run need come to its end for that.
    """

    def __init__(self, redactor: Redactor, folder: Path, measured: Callable[[], bool]) -> None:
        self._redactor = redactor
        self._folder = str(folder.absolute())
        self._measured = measured
        self._remembered: dict[str, str] = {}
        self._labels: dict[tuple[str, str], Any] = {}
        self._forms = 0
        self._writers: list[Any] = [
            one
            for one in allure_commons.plugin_manager.get_plugins()
            if isinstance(one, AllureFileLogger)
        ]
        for writer in self._writers:
            allure_commons.plugin_manager.unregister(writer)
        allure_commons.plugin_manager.register(self)

    def stop(self) -> None:
        """Give Allure its own writer back, so that it can take it away."""
        allure_commons.plugin_manager.unregister(self)
        for writer in self._writers:
            allure_commons.plugin_manager.register(writer)

    @allure_commons.hookimpl
    def report_result(self, result: Any) -> None:
        """Write the result of a test."""
        if result.status == "passed" and not self._measured():
            result.status = "broken"
            result.statusDetails = result.statusDetails or StatusDetails()
            result.statusDetails.message = MEASURED_NOTHING
        self._write_item(result)

    @allure_commons.hookimpl
    def report_container(self, container: Any) -> None:
        """Write what fixtures did."""
        self._write_item(container)

    @allure_commons.hookimpl
    def report_globals(self, globals_item: Any) -> None:
        """Write what belongs to the whole run."""
        self._write_item(globals_item)

    @allure_commons.hookimpl
    def report_attached_data(self, body: Any, file_name: str) -> None:
        """Write an attachment."""
        content = body if isinstance(body, bytes) else str(body).encode("utf-8", "replace")
        masked = self._redactor.mask_bytes(content)
        for writer in self._writers:
            writer.report_attached_data(body if masked == content else masked, file_name)

    @allure_commons.hookimpl
    def report_attached_file(self, source: Any, file_name: str) -> None:
        """Copy an attachment; one larger than 64 MiB is left to the search at the end."""
        path = Path(source)
        if path.is_file() and path.stat().st_size <= _LARGEST:
            content = path.read_bytes()
            masked = self._redactor.mask_bytes(content)
            if masked != content:
                self.report_attached_data(masked, file_name)
                return
        for writer in self._writers:
            writer.report_attached_file(source, file_name)

    def _write_item(self, item: Any) -> None:
        if not self._writers:
            return
        if self._forms != len(self._redactor.forms) or len(self._remembered) > _MOST_REMEMBERED:
            # More is secret than before.
            self._forms = len(self._redactor.forms)
            self._remembered.clear()
            self._labels.clear()
        # As Allure's own logger writes it, in one walk instead of two and by json's fast encoder.
        encode = _INDENTED if os.environ.get("ALLURE_INDENT_OUTPUT") else _ENCODED
        text = encode(self._masked(item, 0))
        path = f"{self._folder}/{item.file_pattern.format(prefix=uuid4())}"
        with open(f"{path}.tmp", "wb") as file:  # noqa: PTH123 - once per test
            # Half of a surrogate pair has no bytes: what a test prints must not end the run.
            file.write(text.encode("utf-8", "replace"))
        os.replace(f"{path}.tmp", path)  # noqa: PTH105

    def _masked(self, item: Any, depth: int) -> Any:
        """Return the JSON of a value of Allure's model; without what is empty, as Allure does."""
        names = _FIELDS.get(type(item))
        if names is None:
            return self._plain(item, depth)
        found: dict[str, Any] = {}
        for name in names:
            value = getattr(item, name)
            if not value:
                if value is False:
                    found[name] = value
            elif name in _KEPT:
                found[name] = value
            elif name == "labels":
                found[name] = [self._label(entry, depth + 1) for entry in value]
            elif type(value) is str:
                found[name] = self._text(item, name, value)
            elif name == "steps" and depth >= _DEEPEST:
                found[name] = [{"name": "steps nested deeper than this are not shown"}]
            elif type(value) is list:
                found[name] = [self._masked(entry, depth + 1) for entry in value]
            else:
                found[name] = self._masked(value, depth + 1)
        return found

    def _plain(self, item: Any, depth: int) -> Any:
        """Return the JSON of what is no class of Allure's model, or of one that is seen first."""
        kind = type(item)
        if has(kind):
            _FIELDS[kind] = tuple(one.name for one in fields(kind))
            return self._masked(item, depth)
        if isinstance(item, str):
            return self._mask(item)
        if isinstance(item, list | tuple | set | frozenset):
            return [self._masked(entry, depth + 1) for entry in item]
        if isinstance(item, dict):
            return {self._mask(str(key)): self._masked(one, depth + 1) for key, one in item.items()}
        return item

    def _label(self, label: Any, depth: int) -> Any:
        """Return the JSON of a label; the same dozen stands at each result of a file."""
        key = (label.name, label.value)
        if not (type(key[0]) is type(key[1]) is str):
            return self._masked(label, depth)
        found = self._labels.get(key)
        if found is None:
            found = self._masked(label, depth)
            if len(key[1]) <= _LONGEST_REMEMBERED and len(self._labels) < _MOST_REMEMBERED:
                self._labels[key] = found
        return found

    def _text(self, item: Any, field: str, value: str) -> str:
        key = getattr(item, "name", None) if field == "value" else None
        if isinstance(key, str) and len(key) <= 60:
            # A parameter: its name may say that its value is secret.
            return self._mask(f"{key}: {value}").removeprefix(f"{self._mask(key)}: ")
        return self._mask(value)

    def _mask(self, text: str) -> str:
        if len(text) > _LONGEST_REMEMBERED:
            return self._redactor.mask(text)
        found = self._remembered.get(text)
        if found is None:
            found = self._remembered[text] = self._redactor.mask(text)
        return found
