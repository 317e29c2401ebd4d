from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools import FOLDER, MissingToolError, tool

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_nowhere_is_an_error_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RELEASE_NO_SUCH_TOOL", raising=False)
    with pytest.raises(MissingToolError, match="run scripts/test") as caught:
        tool("no-such-tool")
    assert "RELEASE_NO_SUCH_TOOL" in str(caught.value)


def test_the_variable_comes_first_and_must_be_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("RELEASE_ANVIL", str(program))
    assert tool("anvil") == program
    monkeypatch.setenv("RELEASE_ANVIL", str(tmp_path / "absent"))
    with pytest.raises(MissingToolError, match="no such program"):
        tool("anvil")


def test_path_comes_before_the_folder_of_scripts_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELEASE_SH", raising=False)
    assert tool("sh").parent != FOLDER
