"""What is run inside of a page: observers of its vitals, and a wallet that only passes on.

Holds no secret and decides nothing; every answer of the wallet is given outside of the browser.
"""

from __future__ import annotations

# Observed from the first paint on (Largest Contentful Paint, Layout Instability, Event Timing).
# Shifts within half a second of an input do not count; those that do are summed up in windows of at
# most five seconds with less than one between two shifts, of which the worst counts. Of few
# interactions the slowest counts; `first-input` is told however short it was.
OBSERVE = """
(() => {
  const seen = { lcp: null, cls: 0, inp: null };
  const window_ = { sum: 0, first: 0, last: 0 };
  Object.defineProperty(window, "__metarelease", { value: seen });
  const shifted = (one) => {
    if (one.hadRecentInput) return;
    const goes_on = one.startTime - window_.last < 1000 && one.startTime - window_.first < 5000;
    if (!goes_on) { window_.sum = 0; window_.first = one.startTime; }
    window_.last = one.startTime;
    window_.sum += one.value;
    seen.cls = Math.max(seen.cls, window_.sum);
  };
  const interacted = (one) => {
    if (one.interactionId || one.entryType === "first-input")
      seen.inp = Math.max(seen.inp ?? 0, one.duration);
  };
  const observe = (type, take, more) => {
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(take));
    try { observer.observe({ type, buffered: true, ...more }); } catch { /* not known here */ }
  };
  observe("largest-contentful-paint", (one) => { seen.lcp = one.startTime; });
  observe("layout-shift", shifted);
  observe("first-input", interacted);
  observe("event", interacted, { durationThreshold: 16 });
})()
"""
# What an act shows is painted, and told to observers, in one of the next frames.
PAINTED = """
() => new Promise((done) => {
  const later = () => setTimeout(done, 50);
  requestAnimationFrame(() => requestAnimationFrame(later));
  setTimeout(done, 500);
})
"""
MEASURED = """
() => ({ ...window.__metarelease,
         ttfb: performance.getEntriesByType("navigation")[0]?.responseStart ?? null })
"""
ASK_WALLET = "__metarelease_wallet"
# EIP-1193 and EIP-6963, in the page itself and in no frame of it. It holds no key.
WALLET = """
(() => {
  if (window !== window.top) return;
  const request = async ({ method, params }) => {
    const text = JSON.stringify({ method, params: params ?? [] });
    const answer = JSON.parse(await window.@ASK@(text));
    if ("error" in answer)
      throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result;
  };
  const nothing = () => provider;
  const provider = { request, on: nothing, removeListener: nothing };
  Object.defineProperty(window, "ethereum", { value: provider });
  const info = Object.freeze({
    uuid: "6f1c0d0a-5f4e-4c55-9f0e-8a4d7b0f3c11", name: "pytest-metarelease",
    icon: "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>",
    rdns: "io.metarelease.wallet" });
  const detail = Object.freeze({ info, provider });
  const announce = () =>
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})()
""".replace("@ASK@", ASK_WALLET)
