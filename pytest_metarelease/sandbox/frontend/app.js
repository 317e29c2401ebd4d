const CONFIG = {{config}};
const byId = (id) => document.getElementById(id);
const short = (text) => `${text.slice(0, 6)}…${text.slice(-4)}`;
const units = (amount) => (Number(amount) / 1e18).toLocaleString("en", { maximumFractionDigits: 4 });

const cell = (row, text) => { row.insertCell().textContent = text; };

async function showOrders() {
  const answer = await fetch(`${CONFIG.apiOrigin}/api/orders?limit=20`);
  if (!answer.ok) throw new Error(`orders: ${answer.status}`);
  const orders = await answer.json();
  for (const order of orders) {
    const row = byId("orders").insertRow();
    cell(row, short(order.maker));
    cell(row, units(order.sellAmount));
    cell(row, units(order.buyAmount));
    cell(row, order.status);
  }
  byId("state").textContent = `${orders.length} open orders`;
  document.querySelector("table").hidden = orders.length === 0;
}

async function showQuote(event) {
  event.preventDefault();
  const wei = BigInt(Math.round(Number(event.target.amount.value) * 1e9)) * 1000000000n;
  const query = new URLSearchParams({
    sellToken: CONFIG.ether, buyToken: CONFIG.token, sellAmount: wei.toString() });
  const answer = await fetch(`${CONFIG.apiOrigin}/api/quote?${query}`);
  const offer = await answer.json();
  byId("offer").textContent = answer.ok ? `You get ${units(offer.buyAmount)} SBX` : offer.error;
}

// The wallet that announces itself (EIP-6963), else the one that is there (EIP-1193).
let wallet = window.ethereum, account;
window.addEventListener("eip6963:announceProvider", (event) => { wallet ??= event.detail.provider; });
window.dispatchEvent(new Event("eip6963:requestProvider"));

async function connect() {
  if (!wallet) throw new Error("no wallet was found");
  [account] = await wallet.request({ method: "eth_requestAccounts" });
  const chain = Number(await wallet.request({ method: "eth_chainId" }));
  if (chain !== CONFIG.chainId) throw new Error(`the wallet is on chain ${chain}`);
  byId("account").textContent = short(account);
  byId("account").hidden = false;
  byId("connect").hidden = true;
}

const wei = (text) => {
  const [whole, part = ""] = text.trim().split(".");
  if (!/^\d+$/.test(whole) || !/^\d{0,18}$/.test(part)) throw new Error(`${text} is no amount`);
  return (BigInt(whole) * 10n ** 18n + BigInt(part.padEnd(18, "0"))).toString();
};

const ORDER = [
  ["maker", "address"], ["sellToken", "address"], ["buyToken", "address"],
  ["sellAmount", "uint256"], ["buyAmount", "uint256"], ["nonce", "uint256"], ["expiry", "uint256"],
].map(([name, type]) => ({ name, type }));
const DOMAIN = [
  ["name", "string"], ["version", "string"], ["chainId", "uint256"], ["verifyingContract", "address"],
].map(([name, type]) => ({ name, type }));

async function placeOrder(form) {
  if (!account) await connect();
  const order = {
    maker: account, sellToken: CONFIG.ether, buyToken: CONFIG.token,
    sellAmount: wei(form.sell.value), buyAmount: wei(form.buy.value),
    nonce: crypto.getRandomValues(new BigUint64Array(1))[0].toString(),
    expiry: Math.floor(Date.now() / 1000) + 3600,
  };
  const typed = JSON.stringify({
    types: { EIP712Domain: DOMAIN, Order: ORDER }, primaryType: "Order", message: order,
    domain: {
      name: "MetaAggregator", version: "2", chainId: CONFIG.chainId,
      verifyingContract: CONFIG.escrowAddress },
  });
  const signature = await wallet.request({ method: "eth_signTypedData_v4", params: [account, typed] });
  const answer = await fetch(`${CONFIG.apiOrigin}/api/orders`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ order, signature }) });
  const placed = await answer.json();
  byId("placed").textContent = answer.ok ? `Order placed: ${short(placed.id)}` : placed.error;
}

const told = (problem) => { byId("placed").textContent = problem.message; };
byId("connect").addEventListener("click", () => connect().catch(told));
byId("order").addEventListener("submit", (event) => {
  event.preventDefault();
  placeOrder(event.target).catch(told);
});
byId("escrow").textContent = CONFIG.escrowAddress;
byId("chain").textContent = CONFIG.chainId;
byId("quote").addEventListener("submit", showQuote);
showOrders().catch((problem) => { byId("state").textContent = `Orders cannot be shown (${problem.message})`; });
