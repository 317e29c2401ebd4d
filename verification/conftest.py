"""What the bundled checks share: whether a declared subject is up, as we measure it ourselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import DeadlineError, MalformedError, UnmetError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask too often at the very end: a client that was put off cannot ask anything else."""
    items.sort(key=lambda item: "put_off" in item.name)


@pytest.fixture
def is_up(
    request: pytest.FixtureRequest,
    release: Target,
    service: Callable[..., Any],
    external: Callable[[str], Any],
    databases: Callable[[str], Any],
) -> Callable[[str], bool]:
    """Return whether a subject of ``health.agrees`` is up, such as ``database:orders``.

    Up means that it gave a usable answer to us just now. A question that could not be asked for
    another reason than the subject's silence is raised, not answered.
    """

    def ask(subject: str) -> object:
        kind, _, name = subject.partition(":")
        if kind == "database":
            return databases(name).ping()
        if kind == "external":
            declared = release.environment.external[name]
            return external(name).get("").expect_answer(declared.answer)
        if kind == "contract":
            return request.getfixturevalue("contracts")[name].code_size().at_least(1)
        if kind == "service":
            health = release.environment.services[name].health
            answer = service(name, ready=False).get(health.path if health else "")
            return answer.expect(health.status if health else 200)
        return request.getfixturevalue("chain").head()

    def is_up(subject: str) -> bool:
        try:
            ask(subject)
        except (UnreachableError, DeadlineError, MalformedError, UnmetError):
            return False
        return True

    return is_up
