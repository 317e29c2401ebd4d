"""Journeys through small real pages in real Chromium: wallets, mixed content, vitals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UnmetError, UnsupportedError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.journeys import Journey, JourneyStep
from pytest_metarelease.manifest.journeys import Wallet as DeclaredWallet
from pytest_metarelease.manifest.model import (
    Browser,
    Chain,
    Environment,
    Page,
    Service,
    TypedData,
    TypedField,
)
from pytest_metarelease.manifest.scalars import Access, Seconds, Url, ValuePath
from pytest_metarelease.probes import browser_door
from pytest_metarelease.probes.browser import browse
from pytest_metarelease.probes.chain.signing import address_of
from pytest_metarelease.probes.journey import WalkedJourney, walk_journey
from tests.probes.chain.nodes import chain_at, node
from tests.probes.pages import make_certificate, pages

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0x" + "37" * 32
LOGIN = TypedData(
    domain={"name": "Shop", "chainId": 5},
    primary="Login",
    types={"Login": (TypedField(name="who", type="address"),)},
)
WALLET = DeclaredWallet(key=KEY, signs=("login",))
# A frame tries the wallet, and its own way to it; then the page does, and sends all it can see.
CONNECTING = """<!doctype html><link rel="icon" href="data:,">
<button id="connect">Connect</button><p id="state"></p><iframe src="/frame"></iframe>
<script>
const seen = (value, depth = 0) => {
  if (typeof value === "function") return String(value);
  if (typeof value !== "object" || value === null || depth > 3) return value;
  return Object.fromEntries(Object.getOwnPropertyNames(value).map((name) => {
    try { return [name, seen(value[name], depth + 1)]; } catch { return [name, null]; } }));
};
let announced = 0;
addEventListener("eip6963:announceProvider", () => { announced += 1; });
dispatchEvent(new Event("eip6963:requestProvider"));
const typed = (who) => ({ types: { Login: [{ name: "who", type: "address" }] },
  primaryType: "Login", domain: { name: "Shop", chainId: 5 }, message: { who } });
connect.onclick = async () => {
  const [who] = await ethereum.request({ method: "eth_requestAccounts" });
  const chain = await ethereum.request({ method: "eth_chainId" });
  let refused;
  try { await ethereum.request({ method: "personal_sign", params: ["0x00", who] }); }
  catch (problem) { refused = problem.code; }
  const params = [who, typed(who)];
  const signature = await ethereum.request({ method: "eth_signTypedData_v4", params });
  const names = Object.getOwnPropertyNames(window);
  const own = names.filter((name) => /ethereum|metarelease/.test(name));
  const all = Object.fromEntries(own.map((name) => [name, seen(window[name])]));
  const body = { who, chain, refused, signature, announced, all, frame: window.ofFrame };
  await fetch("/said", { method: "POST", body: JSON.stringify(body) });
  state.textContent = "Hello";
};
</script>"""
FRAME = """<script>
parent.ofFrame = { ethereum: typeof ethereum };
const ask = window.__metarelease_wallet;
const request = JSON.stringify({ method: "eth_requestAccounts" });
ask(request).then((text) => { parent.ofFrame.told = text; });
</script>"""


# As libraries of contracts do it: reads go through the provider that the wallet is.
READING = """<!doctype html><link rel="icon" href="data:,">
<button id="connect">Connect</button><p id="state"></p>
<script>
const ask = (method, ...params) => ethereum.request({ method, params });
connect.onclick = async () => {
  const [who] = await ask("eth_requestAccounts");
  const said = [await ask("eth_getBalance", who, "latest")];
  said.push(await ask("eth_getCode", who, "latest"));
  try { await ask("eth_call", { data: "0x60006000fd" }, "latest"); }
  catch (problem) { said.push(problem.code); }
  state.textContent = said.join(" ");
};
</script>"""


NOWHERE = Chain(rpc=Url("http://127.0.0.1:9"), id=5)


def environment(
    url: str, *, access: Access = Access.TRANSACT, chain: Chain = NOWHERE, **browser: Any
) -> Environment:
    page = Page(browser=Browser(**{"deadline": Seconds(20)} | browser))
    return Environment(
        name="here",
        access=access,
        services={"shop": Service(url=Url(url), page=page)},
        chain=chain,
        typed_data={"login": LOGIN},
    )


def walk(
    url: str, recorder: Notebook, *steps: JourneyStep, chain: Chain = NOWHERE, **more: Any
) -> WalkedJourney:
    recorder.check = "journey"
    given: dict[str, Any] = {"steps": steps, "deadline": Seconds(60)} | more
    where = environment(url, chain=chain, journeys={"it": Journey(**given)})
    return walk_journey("shop", "it", where, recorder)


def judgements(recorder: Notebook) -> set[Judgement]:
    return {one.judgement for one in recorder.citations.get(recorder.check or "", ())}


CLICK = JourneyStep(click="#connect")
HELLO = JourneyStep(visible="#state", text="Hello")


def test_a_page_connects_a_wallet_whose_key_it_never_sees() -> None:
    recorder = Notebook()
    signed = JourneyStep(signed={ValuePath("message.who"): address_of(KEY)})
    said = JourneyStep(request="POST /said", status=(201,))
    with pages({"/": CONNECTING, "/frame": FRAME}) as site:
        found = walk(site.url, recorder, CLICK, signed, said, HELLO, wallet=WALLET, inp=Seconds(9))
        found.expect_walked().expect_sound().expect_fast()
    (posted,) = site.posted
    body = json.loads(posted)
    assert (body["who"], body["chain"], body["refused"]) == (address_of(KEY), "0x5", 4001)
    assert len(body["signature"]) == 132
    assert body["announced"] == 1
    assert "__metarelease_wallet" in body["all"], "all that there is was looked at"
    assert KEY.removeprefix("0x") not in posted.decode()
    assert body["frame"]["ethereum"] == "undefined"
    assert "of another page" in body["frame"]["told"]
    assert judgements(recorder) == {Judgement.MET, Judgement.NONE}


def test_a_page_reads_the_chain_through_its_wallet() -> None:
    recorder = Notebook()
    # An account of its own has nothing on a new chain; the call is of code that reverts.
    read = JourneyStep(visible="#state", text="0x0 0x 3")
    with node("anvil") as url, pages({"/": READING}) as site:
        found = walk(site.url, recorder, CLICK, read, wallet=WALLET, chain=chain_at(url))
        found.expect_walked().expect_sound()
    assert judgements(recorder) == {Judgement.MET, Judgement.NONE}


def test_where_the_node_does_not_answer_the_page_is_not_to_blame() -> None:
    recorder = Notebook()
    read = JourneyStep(visible="#state", text="0x0")
    with pages({"/": READING}) as site:
        found = walk(site.url, recorder, CLICK, read, wallet=WALLET, deadline=Seconds(15))
        with pytest.raises(UnsupportedError, match="the node gave no answer"):
            found.expect_walked()
    assert Judgement.UNMET not in judgements(recorder)


MIXED = """<link rel="icon" href="data:,"><p>Hi</p>
<script src="{there}/evil.js"></script><img src="{there}/picture.png">"""


def test_mixed_content_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page over TLS loads something over plain HTTP, whatever the browser makes of it.

    It blocks scripts before they are asked for, and asks for pictures over TLS instead.
    """
    certificate, spki = make_certificate(tmp_path)
    trusted = (*browser_door._ARGUMENTS, f"--ignore-certificate-errors-spki-list={spki}")
    monkeypatch.setattr(browser_door, "_ARGUMENTS", trusted)
    there = "http://cdn.example.org"
    recorder = Notebook()
    recorder.check = "page"
    with pages({"/": MIXED.format(there=there)}, certificate) as site:
        declared = environment(site.url, origins=(Url(there), Url("https://cdn.example.org")))
        found = browse("shop", declared, recorder)
    with pytest.raises(UnmetError, match="no plain request from a page over TLS"):
        found.expect_sound()
    assert found.seen.status == 200, "its own certificate is trusted"
    assert sorted(one.partition(" ")[0] for one in found.seen.mixed) == [
        f"{there}/evil.js",
        f"{there}/picture.png",
    ]
    assert Judgement.UNMET in judgements(recorder)
