// A lab of this machine, as a process that can be killed and started again.
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const BIN = resolve(process.env.GRADUS_BIN ?? join(here, "../../target/debug/gradus"));

/** Starts it with its sessions in a folder; gives its address once it serves. */
export async function startLab(sessions, port = 0) {
  const child = spawn(BIN, ["lab", "--no-open", "--json", "--port", String(port), "--sessions", sessions], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((done) => child.on("exit", done));
  const failed = new Promise((_, fail) => {
    child.on("error", (error) => fail(new Error(`${BIN}: ${error.message}: cargo build --package gradus-cli`)));
    child.on("exit", (code) => fail(new Error(`${BIN} lab ended with ${code}`)));
  });
  failed.catch(() => {});
  const line = await Promise.race([new Promise((done) => createInterface({ input: child.stdout }).once("line", done)), failed]);
  const { url } = JSON.parse(line);
  return {
    url,
    /** Ends it at once, as `kill -9` does. */
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    stop: async () => {
      child.kill("SIGINT");
      await ended;
    },
    pid: child.pid,
  };
}
