// SPDX-License-Identifier: Apache-2.0
// Runs a program under test in WebAssembly: inputs on stdin one after the other, outputs on stdout.
// Arguments: the sizes of an input and of an output, the module.
import { readFileSync } from "node:fs";

const [inputBytes, outputBytes] = process.argv.slice(2).map(Number);
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[4]));
const { memory, input, output, setup, run } = instance.exports;

function check(name, status) {
  if (status !== 0) {
    console.error(`program_${name} returned ${status}`);
    process.exit(1);
  }
}

check("setup", setup());
const given = readFileSync(0);
const made = [];
for (let at = 0; at + inputBytes <= given.length; at += inputBytes) {
  new Uint8Array(memory.buffer, input(), inputBytes).set(given.subarray(at, at + inputBytes));
  check("run", run());
  made.push(new Uint8Array(memory.buffer, output(), outputBytes).slice());
}
process.stdout.write(Buffer.concat(made));
