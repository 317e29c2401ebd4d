"""The page in a real browser: it shows the orders of the API, and its console stays silent."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.sandbox.world import anvil, sandbox

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def dump(url: str, profile: Path) -> tuple[str, list[str]]:
    """The document after its scripts ran, and what they wrote to the console."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "Chromium is needed: scripts/test installs it (apt-get install chromium)"
    done = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={profile}", "--enable-logging=stderr"),
            *("--virtual-time-budget=5000", "--dump-dom", url),
        ],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_page_shows_the_order_book(tmp_path: Path) -> None:
    with sandbox(using=anvil()) as running:
        page, console = dump(running.variables["SANDBOX_FRONTEND_URL"] + "/", tmp_path)
    assert console == []
    assert "5 open orders" in page
    assert page.count("<td>open</td>") == 5
    assert running.variables["SANDBOX_ESCROW"] in page
    assert '<code id="chain">31337</code>' in page


def test_the_page_says_when_there_are_no_orders(tmp_path: Path) -> None:
    with sandbox("database-down", using=anvil()) as running:
        page, _ = dump(running.variables["SANDBOX_FRONTEND_URL"] + "/", tmp_path)
    assert "Orders cannot be shown (orders: 503)" in page
