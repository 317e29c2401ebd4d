// The obvious reading of views with ethers v6, one call after the other: URL, expected values,
// folder of ethers, ABI.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
const [url, file, folder, artifact] = process.argv.slice(2);
const { JsonRpcProvider, Contract } = createRequire(folder + "/")("ethers");
const expected = JSON.parse(readFileSync(file)), abi = JSON.parse(readFileSync(artifact)).abi;
const provider = new JsonRpcProvider(url, undefined, { staticNetwork: true });
const shown = (value) =>
  typeof value === "bigint" ? Number(value)
  : typeof value === "object" ? Array.from(value, shown) : value;
await provider.getBlockNumber();
const wall = performance.now(), cpu = process.cpuUsage();
let met = 0, units = 0;
for (const [address, lines] of Object.entries(expected)) {
  const contract = new Contract(address, abi, provider);
  for (const line of lines) {
    const found = shown(await contract[line.view](...line.args));
    units++;
    met += JSON.stringify(found) === JSON.stringify(line.equals);
  }
}
const spent = process.cpuUsage(cpu);
console.log(JSON.stringify({
  units, wall: (performance.now() - wall) / 1000, cpu: (spent.user + spent.system) / 1e6, met,
}));
provider.destroy();
