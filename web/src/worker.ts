// The engine in this browser: holds the WebAssembly module, answers messages, and works in slices between them.

import type { FromWorker, ToWorker } from "./messages";

/** What the module exports. */
interface Module {
  memory: WebAssembly.Memory;
  input(length: number): number;
  output(): number;
  greet(): number;
  restore(): number;
  handle(): number;
  save(): number;
  work(): number;
}

/** The longest time, in ms, that a message waits because of work. */
const SLICE = 8;

const page = self as unknown as {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
let module: Module | null = null;
let working = false;
// Messages come between two slices because the next slice is itself a message, behind those that wait already.
const next = new MessageChannel();
next.port1.onmessage = slice;

function say(message: FromWorker): void {
  page.postMessage(message, message.kind === "failed" ? [] : [message.bytes.buffer]);
}

function failed(why: unknown): void {
  module = null;
  working = false;
  say({ kind: "failed", what: `the engine of this page failed: ${why instanceof Error ? why.message : String(why)}` });
}

async function load(): Promise<Module> {
  const answer = await fetch(new URL("lab.wasm", self.location.href));
  if (!answer.ok) throw new Error(`lab.wasm: the server answers ${answer.status}`);
  // Not every server of files knows the type that streaming asks for.
  const { instance } = await WebAssembly.instantiate(await answer.arrayBuffer());
  return instance.exports as unknown as Module;
}

/** Gives a message to the module; gives its answer. */
function ask(held: Module, does: "greet" | "restore" | "handle" | "save", bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // Room may need more memory, which takes the old buffer away: it is asked for before the buffer is.
  const to = held.input(bytes.length);
  new Uint8Array(held.memory.buffer, to, bytes.length).set(bytes);
  const length = held[does]();
  const from = held.output();
  return new Uint8Array(held.memory.buffer, from, length).slice();
}

function slice(): void {
  if (!module) return;
  try {
    const until = performance.now() + SLICE;
    do working = module.work() === 1;
    while (working && performance.now() < until);
  } catch (why) {
    return failed(why);
  }
  if (working) next.port2.postMessage(null);
}

let loading: Promise<void> = Promise.resolve();

function heard(message: ToWorker): void {
  if (!module) return;
  try {
    const bytes = ask(module, message.kind, message.bytes);
    say({ kind: message.kind === "save" ? "saved" : "events", bytes });
  } catch (why) {
    return failed(why);
  }
  if (!working && message.kind !== "save") {
    working = true;
    next.port2.postMessage(null);
  }
}

page.onmessage = ({ data }) => {
  loading = loading
    .then(async () => {
      module ??= await load();
      heard(data);
    })
    .catch(failed);
};
