"""Escaping for GitHub-flavoured Markdown: prose, code, table cells.

Nothing that came from a target reaches the page as markup, a mention or a link.
"""

from __future__ import annotations

import re

from pytest_metarelease.reports.text import one_line

_LONGEST_CELL = 300
_ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {one: f"\\{one}" for one in "\\`*_{}[]|~$"}
)
# What would make a heading, a list or a rule of a line that starts with it.
_LEADING = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$)))?([#+=.)-])")
# A link or a mention that a page makes by itself; a zero-width space would be invisible to readers
# who copy the text, an entity is not.
_AUTOMATIC = re.compile(r"(?i)(https?|ftp)(://)|(www)(\.)|(@)(?=\w)|(#)(?=\d)")


def prose(text: str, limit: int = 1_000) -> str:
    """Return ``text`` on one line, with nothing in it that Markdown or HTML would act on."""
    return _inert(one_line(text, limit))


def cell(text: str, limit: int = _LONGEST_CELL) -> str:
    """Return ``text`` for a cell of a table: one line, pipes and markup escaped, bounded."""
    return prose(text, limit)


def code(text: str | None, limit: int = _LONGEST_CELL) -> str:
    """Return ``text`` in the typeface of code, also inside a table; nothing where it is empty.

    ``<code>`` instead of backticks: a pipe inside backticks still ends a cell.
    """
    return f"<code>{_inert(one_line(text, limit))}</code>" if text else ""


def table(*heads: str) -> str:
    """Return the two lines that open a table."""
    return f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"


def _inert(text: str) -> str:
    text = text.translate(_ESCAPED)
    text = _LEADING.sub(r"\g<1>\\\2", text)
    return _AUTOMATIC.sub(_as_entity, text)


def _as_entity(found: re.Match[str]) -> str:
    http, slashes, www, _dot, mention, _number = found.groups()
    if http:
        return f"{http}&#58;{slashes[1:]}"
    if www:
        return f"{www}&#46;"
    return "&#64;" if mention else "&#35;"
