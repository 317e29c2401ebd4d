"""The ledger of one process: what was appended is read again, whatever its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.plugin.ledger import LedgerWriter, read_ledgers

if TYPE_CHECKING:
    from pathlib import Path


def test_bindings_of_many_checks_are_read_again(tmp_path: Path) -> None:
    long = "x" * 60_000
    bindings = {
        **{f"tests/test_{number}.py::test[\U0001f680{number}]": ("a",) for number in range(30_000)},
        **{f"tests/test_{number}.py::other": ("a", "b") for number in range(10)},
        **{f"tests/test_long.py::test[{long}{number}]": ("b",) for number in range(3)},
    }
    writer = LedgerWriter(tmp_path, "gw0")
    writer.append_bindings(bindings)
    writer.append_bindings({})
    writer.close()
    found = read_ledgers(tmp_path)
    assert found.torn == []
    assert found.bindings == bindings


def test_a_torn_line_is_told_also_where_a_clean_one_follows_it(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "main")
    writer.append_clean('test_a.py::test["]')
    writer.append_clean("test_a.py::test[\\]")
    writer.append_clean("test_a.py::test[\N{EURO SIGN}]")
    writer.close()
    path = tmp_path / "main.jsonl"
    assert read_ledgers(tmp_path).torn == []
    whole = path.read_bytes()
    begun = b'{"check":"test_a.py::test","kind":"citat'
    last = whole.splitlines(keepends=True)[-1]
    for broken in (begun, b'{"check":"test_a', b'{"check":"test_a\\', last[:-1]):
        path.write_bytes(whole + broken + last)
        assert read_ledgers(tmp_path).torn == ["main.jsonl:4"], broken
