"""A web page over HTTP: the page, the assets it names, and the facts in its scripts.

Runs no script and follows no link to another host; what a browser shows is the browser probe's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement, Measurement, Recorder
from pytest_metarelease.manifest.model import Page
from pytest_metarelease.probes.exchange import Response
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from pytest_metarelease.probes.http import HttpProbe

_MOST_ASSETS = 100
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])")


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A page with its assets, as they were served. ``text`` is the page and all scripts."""

    declared: Page
    page: Response
    assets: tuple[Response, ...]
    text: str
    recorder: Recorder

    def expect_served(self) -> FetchedPage:
        """Judge that the page has its declared texts and that every asset it names was served.

        Raises:
            UnmetError: A text is missing, or an asset is not there or empty.
        """
        missing = [text for text in self.declared.contains if text not in self.page.text]
        self._judge(
            self.page.measurement,
            "the page contains " + (", ".join(map(repr, self.declared.contains)) or "something"),
            f"not in the page: {missing}" if missing or not self.page.body else "",
            "look at what is deployed at this address",
        )
        for asset in self.assets:
            self._judge(
                asset.measurement,
                "the asset is served with status 200",
                "" if asset.status == 200 and asset.body else asset.summary,
                "deploy page and assets of the same build",
            )
        return self

    def expect_texts(self) -> FetchedPage:
        """Judge that page and scripts carry what is declared, and nothing that they must not.

        Raises:
            UnmetError: A text is missing, or is there.
        """
        for wanted, texts in ((True, self.declared.carries), (False, self.declared.without)):
            for text in texts:
                self._judge(
                    self.page.measurement,
                    f"page and scripts {'carry' if wanted else 'do not carry'} {text!r}",
                    "" if (text in self.text) is wanted else "they do not" if wanted else "they do",
                    "build the frontend for this environment and deploy it",
                )
        return self

    def expect_address(self, name: str, address: str) -> None:
        """Judge that the scripts carry a contract's address.

        Raises:
            UnmetError: They do not; the text names the addresses that they carry instead.
        """
        carried = {one.lower() for one in _ADDRESS.findall(self.text)}
        others = sorted(one for one in _ADDRESS.findall(self.text))[:5]
        found = address.lower() in carried
        self._judge(
            self.page.measurement,
            f"the scripts carry the address of {name}, {address}",
            "" if found else f"they carry {', '.join(dict.fromkeys(others)) or 'no address'}",
            "build the frontend with this release's addresses and deploy it",
        )

    def expect_origin(self, name: str, url: str) -> None:
        """Judge that the scripts carry a service's origin.

        Raises:
            UnmetError: They do not.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        # `https://api.example.org` must not be found in `https://api.example.org.evil.example`.
        found = _carried(origin, self.text)
        plain = f"http://{parts.netloc}"
        mixed = plain != origin and _carried(plain, self.text)
        self._judge(
            self.page.measurement,
            f"the scripts carry the origin of {name}, {origin}",
            f"they carry {plain}, too" if mixed else "" if found else "they do not",
            "build the frontend with this environment's API and deploy it",
        )

    def _judge(self, asked: Measurement, expected: str, problem: str, next_step: str) -> None:
        self.recorder.judge(
            asked,
            Judgement.UNMET if problem else Judgement.MET,
            expected=expected,
            actual=problem or "as expected",
            where=asked.asked,
            next_step=next_step if problem else "",
        )
        if problem:
            raise UnmetError(
                failure(
                    expected=expected,
                    actual=problem,
                    read=asked.asked,
                    next_step=next_step,
                    redact=self.recorder.redact,
                )
            )


def _carried(origin: str, text: str) -> bool:
    return re.search(re.escape(origin) + r"(?![\w.:-])", text) is not None


def fetch_page(probe: HttpProbe, declared: Page) -> FetchedPage:
    """Return the declared page with the scripts and styles it names on its own origin.

    Raises:
        UnmetError: The page is not served with status 200.
        ProbeError: No usable answer.
    """
    page = probe.get(declared.path).expect(200)
    base = urljoin(f"{probe.url.rstrip('/')}/", declared.path.lstrip("/"))
    urls = [url for url in assets_of(page.text, base) if _same_origin(url, probe.url)]
    assets = tuple(probe.get(url) for url in urls[:_MOST_ASSETS])
    text = "\n".join([page.text, *(one.text for one in assets if one.status == 200)])
    return FetchedPage(declared, page, assets, text, probe.recorder)


def _same_origin(url: str, base: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(base)[:2]


def assets_of(html: str, base: str) -> list[str]:
    """Return the scripts and styles that a page names, in its order, as absolute URLs."""
    finder = _AssetFinder()
    finder.feed(html)
    finder.close()
    return list(dict.fromkeys(urljoin(base, one) for one in finder.found))


class _AssetFinder(HTMLParser):
    """Collects the scripts and styles that a page names, in the order of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take ``script src`` and ``link href`` of styles and preloaded modules."""
        named = dict(attrs)
        if tag == "script" and named.get("src"):
            self.found.append(str(named["src"]))
        kinds = (named.get("rel") or "").split()
        if tag == "link" and {"stylesheet", "modulepreload"} & set(kinds) and named.get("href"):
            self.found.append(str(named["href"]))
