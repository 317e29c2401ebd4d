// The three check scripts of the release documentation, rebuilt from what is written of them:
// health, external services, escrow. Arguments: which, folder of ethers. One second between requests,
// as theirs. Prints how many things it looked at.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
const [which, folder] = process.argv.slice(2);
const { JsonRpcProvider, Contract, formatEther } = createRequire(folder + "/")("ethers");
const at = (name) => process.env[`SANDBOX_${name}`];
const pause = () => new Promise((done) => setTimeout(done, 1000));
const seen = [];
const look = async (name, question) => {
  if (seen.length) await pause();
  const started = performance.now();
  try {
    seen.push([name, await question(), performance.now() - started]);
  } catch (problem) {
    console.error(`${name}: ${problem.message}`);
    process.exit(1);
  }
};
const json = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
};
const provider = new JsonRpcProvider(at("RPC_URL"), undefined, { staticNetwork: true });
if (which === "health") {
  await look("environment", () => ["API_URL", "RPC_URL", "ESCROW"].every(at));
  await look("database", () => {
    const database = new DatabaseSync(at("DATABASE_URL").replace("sqlite:///", ""), { readOnly: true });
    return database.prepare("select count(*) as n from sqlite_master where type = 'table'").get().n;
  });
  await look("code of the escrow", async () => (await provider.getCode(at("ESCROW"))).length > 2);
  await look("orders", async () => (await json(`${at("API_URL")}/api/orders`)).length);
  await look("0x", () => json(at("ZEROX_URL")));
} else if (which === "external") {
  await look("0x sources", () => json(at("ZEROX_URL")));
  await look("0x quote", () => json(at("ZEROX_QUOTE_URL")));
  await look("CoinGecko", () => json(at("COINGECKO_URL")));
  await look("block number", () => provider.getBlockNumber());
} else {
  const abi = JSON.parse(readFileSync(process.argv[4])).abi;
  const escrow = new Contract(at("ESCROW"), abi, provider);
  await look("code", async () => (await provider.getCode(at("ESCROW"))).length > 2);
  await look("state and parties", async () => {
    const names = ["currentState", "depositor", "counterparty", "arbiter", "token", "amount", "paused"];
    const found = [];
    for (const name of names) found.push(await escrow[name]());
    return found.length;
  });
  await look("balance", async () => formatEther(await provider.getBalance(at("ESCROW"))));
  await look("events", async () => {
    const last = await provider.getBlockNumber();
    return (await escrow.queryFilter("*", Math.max(0, last - 1000), last)).length;
  });
}
provider.destroy();
console.log(seen.length);
