"""Which SQL a probe may send: one statement that reads.

It refuses the rest before anything leaves the process. It is the outer of two fences: the inner
one is the database's own read-only transaction, which also sees what a function does.
"""

from __future__ import annotations

import re

from pytest_metarelease.errors import ForbiddenError

STREAMED = frozenset({"select", "with", "values", "table"})
_READING = STREAMED | {"explain", "show"}
_PRAGMAS = frozenset(
    {
        "database_list", "encoding", "foreign_key_check", "foreign_key_list", "index_info",
        "index_list", "integrity_check", "journal_mode", "quick_check", "schema_version",
        "table_info", "table_list", "table_xinfo", "user_version",
    }
)  # fmt: skip
# With an argument, these set what they otherwise tell.
_SETTING = frozenset({"encoding", "journal_mode", "schema_version", "user_version"})
_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_PRAGMA = re.compile(r"pragma\s+(?:\w+\.)?(\w+)\s*(\(\s*[\w\"'.]+\s*\))?\s*$", re.IGNORECASE)
# A name that may be called: an opening bracket follows, or a comment that may hide one. Also where
# it stands in a text: to tell the two apart is the database's own art.
_CALLED = re.compile(r"(\w[\w$]*|\"(?:[^\"]|\"\")+\")\s*(?=\(|/\*|--)")
_WORD = re.compile(r"\"(?:[^\"]|\"\")+\"|[^\W\d][\w$]*")


def reading_keyword(query: str) -> str:
    """Return the keyword, in lower case, by which ``query`` is one statement that reads.

    Raises:
        ForbiddenError: It is several statements, or one that may write.
    """
    text = query.strip().rstrip(";").rstrip()
    if ";" in text or "\x00" in text:
        # Where a text ends is different in each SQL, so a semicolon in one is refused as well.
        raise ForbiddenError(
            "only one statement is sent; pass a text that holds a semicolon as a parameter"
        )
    begin = _LEADING.match(text)
    rest = text[begin.end() :] if begin else text
    found = re.match(r"\(*\s*([A-Za-z]+)", rest)
    keyword = found[1].lower() if found else ""
    if keyword == "pragma":
        pragma = _PRAGMA.match(rest)
        if pragma is not None and _only_tells(pragma[1].lower(), pragma[2]):
            return keyword
    if keyword not in _READING:
        raise ForbiddenError(
            f"{rest[:40]!r} was not sent: only statements that read are (SELECT, WITH, VALUES, "
            "TABLE, EXPLAIN, SHOW, reading PRAGMAs)"
        )
    return keyword


def called_names(query: str) -> frozenset[str]:
    """Return the names that ``query`` may call as functions, as a database's catalogue has them.

    Too many rather than too few.

    Raises:
        ForbiddenError: A name is written in escapes (``U&"..."``), which are not read here.
    """
    if re.search(r"[uU]&[\"']", query):
        raise ForbiddenError(
            "not sent: names and texts in Unicode escapes are not read; write them"
        )
    return frozenset(_folded(name) for name in _CALLED.findall(query))


def words(query: str) -> frozenset[str]:
    """Return every name in ``query`` as a catalogue has it; too many rather than too few."""
    return frozenset(_folded(name) for name in _WORD.findall(query))


def _folded(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _only_tells(pragma: str, argument: str | None) -> bool:
    return pragma in _PRAGMAS and not (argument and pragma in _SETTING)
