"""Defects of the page that only a browser shows; started like all faults.

Refuses to be seen over HTTP: page and assets are served, with the right addresses in them.
"""

from __future__ import annotations

from pytest_metarelease.sandbox.api_faults import Fault

_ITEM = "monitoring.page"
_JOURNEY = "monitoring.journey"

BROWSER_FAULTS: tuple[Fault, ...] = (
    Fault("console-error", "a script of the page throws while it starts", _ITEM),
    Fault("asset-missing", "a script of the page asks for a file that was not deployed", _ITEM),
    Fault("element-missing", "the order book is never shown, whatever the API says", _ITEM),
    Fault("wrong-origin", "a script of the page asks a host that nobody declared", _ITEM),
    Fault("layout-jumps", "a banner moves the page while it is read", _ITEM),
    Fault("page-late", "the page shows nothing for two seconds", _ITEM),
    Fault("order-button-dead", "the button that places an order does nothing", _JOURNEY),
    Fault("order-signed-blindly", "the wallet is asked to sign less than was typed", _JOURNEY),
    Fault("input-slow", "the page hangs for three seconds when a wallet is connected", _JOURNEY),
)

SCRIPTS = {
    "console-error": 'setTimeout(() => { throw new Error("wallet is undefined"); });',
    "asset-missing": 'fetch("/assets/tokens.json").then((one) => one.text());',
    "element-missing": 'document.querySelector("[aria-labelledby=book]").style.display = "none";',
    "wrong-origin": 'fetch("http://127.0.0.2:1/collect").catch(() => {});',
    "layout-jumps": (
        'setTimeout(() => document.body.insertAdjacentHTML("afterbegin", '
        '"<p id=banner>News</p>"), 50);\n'
        "setTimeout(() => { document.querySelector('#banner').style.height = '60vh'; }, 150);"
    ),
    "page-late": (
        'setTimeout(() => { document.documentElement.style.visibility = "visible"; }, 2000);'
    ),
    "order-button-dead": (
        'document.addEventListener("submit", (event) => { if (event.target.id === "order") '
        "{ event.preventDefault(); event.stopPropagation(); } }, true);"
    ),
    "order-signed-blindly": (
        "if (wallet) {\n"
        "  const honest = wallet.request;\n"
        "  wallet.request = (one) => honest(one.method !== 'eth_signTypedData_v4' ? one :\n"
        "    { ...one, params: [\n"
        "      one.params[0], one.params[1].replace('2500000000000000000', '1')] });\n"
        "}"
    ),
    "input-slow": (
        'byId("connect").addEventListener("click", () => '
        "{ const end = performance.now() + 3000; while (performance.now() < end); });"
    ),
}
"""What each fault adds to the page's script."""

STYLES = {"page-late": "html { visibility: hidden; }"}
"""What a fault adds to the page's style."""

ELSEWHERE = "http://127.0.0.2:1"
"""A host of nobody, which a policy of the page would allow."""
