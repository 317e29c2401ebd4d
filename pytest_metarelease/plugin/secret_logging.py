"""Log records are masked when they are made, before any handler, file or terminal sees them.

A record without a secret is left as it is, with its arguments.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

Factory = Callable[..., logging.LogRecord]
_FORMATTER = logging.Formatter()


class MaskedRecords:
    """The record factory of a session. ``stop`` puts back the one that was there before."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._before: Factory = logging.getLogRecordFactory()
        self._on = True
        self._ours: Factory = self._make
        logging.setLogRecordFactory(self._ours)

    def stop(self) -> None:
        """Mask no more; if somebody else put a factory around ours, ours only passes on."""
        self._on = False
        if logging.getLogRecordFactory() is self._ours:
            logging.setLogRecordFactory(self._before)

    def _make(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        record = self._before(*arguments, **named)
        if self._on:
            self._cleanse(record)
        return record

    def _cleanse(self, record: logging.LogRecord) -> None:
        try:
            # A secret may be split between message and arguments, or be formed by `%r`.
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - logging reports a wrong format itself, with arguments
            record.msg, record.args = (
                "a log message that could not be formatted: %s",
                (self._mask(repr((record.msg, record.args))),),
            )
            return
        masked = self._mask(text)
        if masked != text:
            record.msg, record.args = masked, ()
        if record.exc_info and record.exc_info[0] is not None:
            # Formatters take this text instead of formatting the exception again.
            text = _FORMATTER.formatException(record.exc_info)
            masked = self._mask(text)
            if masked != text:
                record.exc_text = masked
        if record.stack_info:
            record.stack_info = self._mask(record.stack_info)
