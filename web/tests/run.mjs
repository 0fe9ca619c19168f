// `npm test [FILE…]`: starts the lab of this machine and a plain web server with the site, and runs the tests of every page on both
// engines. GRADUS_BIN names the binary, SITE the folder that `cargo xtask site` wrote. Without either it fails: nothing is skipped.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startLab } from "./lab-process.mjs";
import { serveSite } from "./site-server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const site = resolve(process.env.SITE ?? join(here, "../../target/site"));
if (!existsSync(join(site, "lab.wasm"))) {
  console.error(`${site}: there is no engine for the browser: cargo xtask site`);
  process.exit(1);
}
const sessions = mkdtempSync(join(tmpdir(), "gradus-lab-"));
const lab = await startLab(sessions);
// Under a path of its own: addresses of the site are relative.
const server = await serveSite(site, "/some/where/");
const wanted = process.argv.slice(2);
const all = readdirSync(here).filter((name) => name.endsWith(".test.mjs"));
const files = wanted.length > 0 ? wanted.map((name) => (name.endsWith(".test.mjs") ? name : `${name}.test.mjs`)) : all.sort();
const tests = spawn(process.execPath, ["--test", "--test-concurrency=1", ...files.map((name) => join(here, name))], {
  stdio: "inherit",
  env: { ...process.env, LAB_MACHINE: lab.url, LAB_BROWSER: server.url },
});
const code = await new Promise((done) => tests.on("exit", (code) => done(code ?? 1)));
await lab.stop();
server.close();
rmSync(sessions, { recursive: true, force: true });
process.exit(code);
