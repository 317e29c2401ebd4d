"""What checks raised and returned, noted where it happened, whatever their reports say later.

Changes no outcome: the gate compares what is noted here with the reports that arrived.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import NotReadyError, ProbeError, UnmetError
from pytest_metarelease.outcome import Phase
from pytest_metarelease.plugin.ledger import Raised

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from pytest_metarelease.evidence import Notebook

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


class Witness:
    """Stands inside every other plugin's hooks; a conftest that hides a failure is outside."""

    def __init__(self, notebook: Notebook, append: Callable[[dict[str, object]], None]) -> None:
        self.raised: dict[str, list[Raised]] = {}
        self._notebook = notebook
        self._append = append
        self._from_body: BaseException | None = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Listen to the test function itself while it is called."""
        function = pyfuncitem.obj
        if _is_async(function):
            return (yield)  # listened to since its setup
        pyfuncitem.obj = self._listening(function)
        try:
            return (yield)
        finally:
            pyfuncitem.obj = function

    def listen_to_async(self, item: pytest.Item) -> None:
        """Listen to a coroutine function itself, before a plugin wraps it into a plain one.

        What such a plugin does with its result nobody knows: anyio and pytest-asyncio drop it.
        """
        function: Any = getattr(item, "obj", None)
        if _is_coroutine_function(function) and not hasattr(function, "hypothesis"):
            item.obj = self._listening_async(function)  # type: ignore[attr-defined]

    @property
    def heard(self) -> bool:
        """Whether the test function itself raised or returned something since the last ``note``."""
        return self._from_body is not None

    def note(
        self, call: pytest.CallInfo[None], before: pytest.ExceptionInfo[BaseException] | None
    ) -> BaseException | None:
        """Note and return what a phase raised; ``before`` is what it was before its report.

        Pytest and other plugins may exchange it for something else, or take it away.
        """
        found = call.excinfo or before
        error = found.value if found is not None else None
        if call.when == "call":
            error, self._from_body = error or self._from_body, None
        if error is not None:
            self._note(call.when, error)
        return error

    def _listening(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # pytest calls it with the arguments that it found before; nobody looks at its signature.
        def listening(*arguments: Any, **named: Any) -> Any:
            try:
                return self._returned(function(*arguments, **named))
            except BaseException as error:
                self._from_body = error
                raise

        return listening

    def _listening_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # It stays in place of the function, also for reruns: wrapped again, it tells the same.
        @functools.wraps(function)
        async def listening(*arguments: Any, **named: Any) -> Any:
            try:
                return self._returned(await function(*arguments, **named))
            except BaseException as error:
                self._from_body = error
                raise

        return listening

    def _returned(self, value: Any) -> Any:
        if value is not None:
            text = f"returned {value!r:.100} instead of asserting it"
            self._from_body = ReturnedError(text)
        return value

    def _note(self, when: str, error: BaseException) -> None:
        told = explain(error, self._notebook.redact)
        noted = Raised(when=when, fault=told["fault"], text=told["text"], next_step=told["next"])
        check = self._notebook.check or ""
        self.raised.setdefault(check, []).append(noted)
        self._append({"kind": "raised", "check": check, **asdict(noted)})


def _is_coroutine_function(function: object) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_COROUTINE)


def kept_by_case(item: pytest.Item) -> pytest.ExceptionInfo[BaseException] | None:
    """Return what a ``unittest`` case keeps for its next report: pytest raises it nowhere."""
    kept = getattr(item, "_excinfo", None)
    return kept[0] if kept else None


def _is_async(function: Callable[..., Any]) -> bool:
    code = getattr(function, "__code__", None)
    if code is None:
        return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return bool(code.co_flags & _ASYNC)


class ReturnedError(Exception):
    """A test returned a value: its author most likely meant to assert it."""


def of_shared_fixture(error: BaseException) -> bool:
    """Return whether the end of a fixture raised that other checks may have used as well.

    It is reported with whatever check happens to run last, which need not be one that matters.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(of_shared_fixture, error.exceptions))
    frame = error.__traceback__
    while frame is not None:
        fixture = frame.tb_frame.f_locals.get("self")
        if isinstance(fixture, pytest.FixtureDef) and fixture.scope != "function":
            return True
        frame = frame.tb_next
    return False


def unreported(phases: Sequence[Phase], raised: Sequence[Raised]) -> Iterator[Phase]:
    """Yield a phase for everything that was raised and of which no report tells.

    A report of ``passed`` for a phase that raised was made up by somebody.
    """
    told = [phase.when for phase in phases if phase.outcome != "passed"]
    for one in raised:
        if one.when in told:
            told.remove(one.when)
            continue
        yield Phase(
            when=one.when,
            outcome="failed",
            fault=one.fault,
            text=f"reported as passed although it did not pass: {one.text}",
            next_step=one.next_step or "look for the conftest or plugin that changes reports",
            rerun=phases[-1].rerun if phases else 0,
        )


def explain(error: BaseException, redact: Callable[[str], str]) -> dict[str, Any]:
    """Return whose fault an exception is, in words for the gate."""
    fault = "broken"
    if isinstance(error, NotReadyError):
        fault = "not run"
    elif isinstance(error, AssertionError | pytest.fail.Exception):
        fault = "failed"
    text = redact(str(error) or type(error).__name__)
    if not isinstance(error, UnmetError | ProbeError):
        text = f"{type(error).__name__}: {text}"
    return {"fault": fault, "text": text[:4000], "next": _next_step(text)}


def _next_step(text: str) -> str:
    for line in text.splitlines():
        if line.startswith("next "):
            return line.removeprefix("next ").strip()
    return ""
