// node wasi.mjs PROGRAM [ARGUMENT...]: runs a test program that was built for wasm32-wasip1.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, ...rest] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(path));
const preopens = { '/': '/' };
const wasi = new WASI({ version: 'preview1', args: [path, ...rest], env: process.env, preopens, returnOnExit: true });
const imports = wasi.getImportObject();
// What a C library without threads leaves to be found: no thread begins.
const TRY_AGAIN = 6;
imports.env = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  if (from === 'env') imports.env[name] = () => (name === 'pthread_create' ? TRY_AGAIN : 0);
}
process.exitCode = wasi.start(await WebAssembly.instantiate(module, imports));
