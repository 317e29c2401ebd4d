"""Allure's own writer, with every result, container and attachment masked before it is written.

Changes texts, never a status or an identity. A door to Allure beside ``reports.allure``, which a
worker need not import.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import allure_commons
from allure_commons.logger import AllureFileLogger
from attr import fields, has

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.redaction import Redactor

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
# Of each class of Allure's model the fields that are looked at.
_LOOKED_AT: dict[type, tuple[str, ...]] = {}


class MaskedWriter:
    """Stands in for Allure's file logger in this process until ``stop``."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._remembered: dict[str, str] = {}
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
        self._write_item("report_result", result)

    @allure_commons.hookimpl
    def report_container(self, container: Any) -> None:
        """Write what fixtures did."""
        self._write_item("report_container", container)

    @allure_commons.hookimpl
    def report_globals(self, globals_item: Any) -> None:
        """Write what belongs to the whole run."""
        self._write_item("report_globals", globals_item)

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

    def _write_item(self, hook: str, item: Any) -> None:
        _cleanse(item, self._mask, 0)
        for writer in self._writers:
            getattr(writer, hook)(item)

    def _mask(self, text: str) -> str:
        if len(text) > _LONGEST_REMEMBERED:
            return self._redactor.mask(text)
        if self._forms != len(self._redactor.forms) or len(self._remembered) > _MOST_REMEMBERED:
            # More is secret than before.
            self._forms = len(self._redactor.forms)
            self._remembered.clear()
        found = self._remembered.get(text)
        if found is None:
            found = self._remembered[text] = self._redactor.mask(text)
        return found


def _cleanse(item: Any, mask: Callable[[str], str], depth: int) -> None:
    kind = type(item)
    names = _LOOKED_AT.get(kind)
    if names is None:
        known = fields(kind) if has(kind) else ()
        names = _LOOKED_AT[kind] = tuple(one.name for one in known if one.name not in _KEPT)
    for name in names:
        value = getattr(item, name)
        if not value:
            continue
        if isinstance(value, str):
            masked = _text(item, name, value, mask)
            if masked != value:
                setattr(item, name, masked)
        elif isinstance(value, list) and depth < _DEEPEST:
            for entry in value:
                _cleanse(entry, mask, depth + 1)
        elif depth < _DEEPEST:
            _cleanse(value, mask, depth + 1)


def _text(item: Any, field: str, value: str, mask: Callable[[str], str]) -> str:
    key = getattr(item, "name", None)
    if field == "value" and isinstance(key, str) and len(key) <= 60:
        # A parameter: its name may say that its value is secret.
        return mask(f"{key}: {value}").removeprefix(f"{mask(key)}: ")
    return mask(value)
