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

byId("escrow").textContent = CONFIG.escrowAddress;
byId("chain").textContent = CONFIG.chainId;
byId("quote").addEventListener("submit", showQuote);
showOrders().catch((problem) => { byId("state").textContent = `Orders cannot be shown (${problem.message})`; });
