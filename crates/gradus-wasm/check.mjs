// node check.mjs MODULE NUMBERS LIMIT: runs the cases of gradus-wasm, compares their numbers with those of another machine (a case a
// line: name, tolerance, the least of the last, numbers), and prints how large and how fast the module is.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const [path, numbers, limit] = process.argv.slice(2);
const bytes = readFileSync(path);
const { instance } = await WebAssembly.instantiate(bytes, {});
const { run, number, train, multiply } = instance.exports;
const complaints = [];

const cases = readFileSync(numbers, 'utf8').trim().split('\n').map((line) => line.split(' '));
cases.forEach(([name, ...rest], index) => {
  const [tolerance, least, ...expected] = rest.map((text) => Number(text.replace('inf', 'Infinity')));
  const got = Array.from({ length: run(index) }, (_, i) => number(i));
  const apart = expected.map((x, i) => Math.abs(x - got[i]) / Math.max(1, Math.abs(x)));
  const worst = Math.max(...apart);
  // Written so that NaN and a missing number complain.
  if (!(got.length === expected.length && worst <= tolerance)) {
    complaints.push(`${name}: ${got.length} numbers up to ${worst} apart, expected ${expected.length} within ${tolerance}`);
  }
  if (!(got.at(-1) >= least)) complaints.push(`${name}: ${got.at(-1)}, expected at least ${least}`);
  console.log(`${name}: ${got.length} numbers, at most ${worst.toExponential(1)} from native; the last ${got.at(-1)}`);
});

const size = gzipSync(bytes, { level: 9 }).length;
if (size > Number(limit)) complaints.push(`${size} bytes compressed, at most ${limit} are meant to be`);
console.log(`${bytes.length} bytes, ${size} compressed (at most ${limit})`);

// What the engine compiles anew while it runs is warmed up first.
const rate = (work, times) => {
  work(times);
  const start = performance.now();
  work(times);
  return (times * 1000) / (performance.now() - start);
};
console.log(`training 2-8-8-1: ${Math.round(rate(train, 20000))} steps/s`);
console.log(`256 x 256 x 256: ${((rate((n) => multiply(256, n), 40) * 2 * 256 ** 3) / 1e9).toFixed(1)} GFLOP/s`);

complaints.forEach((complaint) => console.error(`error: ${complaint}`));
process.exitCode = complaints.length ? 1 : 0;
