// The obvious loop of ethers v6: arguments URL, contract, first and last block, folder of ethers.
import { createRequire } from "node:module";
const [url, contract, first, last, folder] = process.argv.slice(2);
const { JsonRpcProvider } = createRequire(folder + "/")("ethers");
const provider = new JsonRpcProvider(url, undefined, { staticNetwork: true });
await provider.getBlockNumber();
const wall = performance.now(), cpu = process.cpuUsage();
let failed = 0, total = 0;
for (let number = +first; number <= +last; number++) {
  const block = await provider.getBlock(number);
  for (const hash of block.transactions) {
    const receipt = await provider.getTransactionReceipt(hash);
    if (receipt.to !== contract) continue;
    total++;
    if (receipt.status === 0) failed++;
  }
}
const spent = process.cpuUsage(cpu);
console.log(JSON.stringify({
  units: last - first + 1, wall: (performance.now() - wall) / 1000,
  cpu: (spent.user + spent.system) / 1e6, failed, total,
}));
provider.destroy();
