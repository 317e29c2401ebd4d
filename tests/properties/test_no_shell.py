"""No shell, no evaluated text and no unpickled bytes anywhere in the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pytest_metarelease

PACKAGE = Path(pytest_metarelease.__file__).parent
ROOT = PACKAGE.parent
SOURCES = [
    path
    for folder in (PACKAGE, ROOT / "verification")
    for path in sorted(folder.rglob("*.py"))
    if "node_modules" not in path.parts
]
REFUSED = frozenset(
    {
        "os.system", "os.popen", "os.spawnl", "os.spawnv", "os.posix_spawn", "pty.spawn",
        "subprocess.getoutput", "subprocess.getstatusoutput", "commands.getoutput",
        "asyncio.create_subprocess_shell", "eval", "exec", "pickle.load", "pickle.loads",
        "marshal.loads", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    }
)  # fmt: skip
SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "cmd", "cmd.exe", "powershell", "zsh"})


WORDS = re.compile(
    r"shell|os\.system|popen|spawn|getoutput|\b(eval|exec)\(|pickle|marshal|yaml\.\w*load|"
    r"[\"'/]\w*sh[\"']|[\"']cmd"
)


def called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def found_in(source: str) -> list[str]:
    if WORDS.search(source) is None:
        return []  # parsing two hundred files for nothing takes seconds
    problems = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = called(node.func)
            if name in REFUSED:
                problems.append(name)
            problems += [
                "shell"
                for keyword in node.keywords
                if keyword.arg == "shell"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            ]
        if isinstance(node, ast.ImportFrom):
            named = [f"{node.module}.{one.name}" for one in node.names]
            problems += [name for name in named if name in REFUSED]
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            first = node.elts[0]
            if isinstance(first, ast.Constant) and first.value in SHELLS:
                problems.append(f"{first.value}")
    return problems


@pytest.mark.parametrize(
    "source",
    [
        "import os; os.system('x')",
        "from os import popen",
        "subprocess.run('x', shell=True)",
        "subprocess.run('x', shell=flag)",
        "subprocess.run(['bash', '-c', 'x'])",
        "eval('x')",
        "pickle.loads(b'')",
        "yaml.load('x')",
    ],
)
def test_it_would_be_found(source: str) -> None:
    assert found_in(source)


def test_there_is_none() -> None:
    assert len(SOURCES) > 150
    found = {str(path): found_in(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: one for path, one in found.items() if one} == {}
