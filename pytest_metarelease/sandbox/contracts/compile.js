// Compiles the contracts beside this file, or those of a folder named as argument, and prints their
// artifacts as one JSON object.
// Refuses to write files: scripts/compile-contracts writes, tests/sandbox/test_artifacts.py compares.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const SETTINGS = {
  evmVersion: "shanghai",
  optimizer: { enabled: true, runs: 200 },
  outputSelection: {
    "*": {
      "": ["ast"],
      "*": ["abi", "metadata", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode.object",
        "evm.deployedBytecode.linkReferences", "evm.deployedBytecode.immutableReferences"],
    },
  },
};

const folder = path.resolve(process.argv[2] || __dirname);
const names = fs.readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();
const text = (name) => fs.readFileSync(path.join(folder, name), "utf8");
const sources = Object.fromEntries(names.map((name) => [`contracts/${name}`, { content: text(name) }]));
const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings: SETTINGS })));

const problems = output.errors || [];
if (problems.length > 0) {
  process.stderr.write(problems.map((problem) => problem.formattedMessage).join("\n"));
  process.exit(1);
}

const { outputSelection, ...settings } = SETTINGS;
const sourceDigests = Object.fromEntries(
  names.map((name) => [`contracts/${name}`, crypto.createHash("sha256").update(text(name)).digest("hex")]));

// An immutable is known to the bytecode by the number of its declaration only; readers want its name.
const immutables = {};
const visit = (node) => {
  if (node === null || typeof node !== "object") return;
  if (node.nodeType === "VariableDeclaration" && node.mutability === "immutable") immutables[node.id] = node.name;
  Object.values(node).forEach(visit);
};
Object.values(output.sources).forEach((source) => visit(source.ast));

const artifacts = {};
for (const [sourceName, contracts] of Object.entries(output.contracts)) {
  for (const [contractName, { abi, evm, metadata }] of Object.entries(contracts)) {
    if (evm.bytecode.object === "") continue; // interfaces and abstract contracts are never deployed
    artifacts[contractName] = {
      _format: "hh-sol-artifact-1",
      contractName,
      sourceName,
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
      linkReferences: evm.bytecode.linkReferences,
      deployedLinkReferences: evm.deployedBytecode.linkReferences,
      immutableReferences: evm.deployedBytecode.immutableReferences,
      immutableNames: Object.fromEntries(
        Object.keys(evm.deployedBytecode.immutableReferences).map((id) => [id, immutables[id]])),
      metadata,
      compiler: { version: solc.version(), settings, sourceDigests },
    };
  }
}
process.stdout.write(JSON.stringify(artifacts));
