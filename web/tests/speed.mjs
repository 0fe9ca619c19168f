// `cargo xtask lab-speed`: how many distinct steps of the engine each page draws a second, and how often the browser could draw, on both
// engines; how soon something is seen; and, with SOAK=minutes, what memory a page takes that plays so long. Figures, no test.
import { readFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startLab } from "./lab-process.mjs";
import { serveSite } from "./site-server.mjs";

const SECONDS = Number(process.env.SECONDS ?? 5);
const SOAK = Number(process.env.SOAK ?? 0);
/** The pages that learn; what plays on the others is no step of a network. */
const PAGES = ["neuron", "playground", "flow", "digits"];

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "gradus-lab-"));
const lab = await startLab(folder);
const site = await serveSite(resolve(process.env.SITE ?? join(here, "../../target/site")), "/");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });

/** Counts pictures that the browser could draw and distinct steps that were drawn, for so many seconds. */
function watch(seconds) {
  return new Promise((done) => {
    const seen = new Set();
    const begun = performance.now();
    let pictures = 0;
    const look = () => {
      pictures += 1;
      seen.add(document.querySelector("[data-step]")?.getAttribute("data-step"));
      const passed = (performance.now() - begun) / 1000;
      if (passed < seconds) requestAnimationFrame(look);
      else done({ pictures: pictures / passed, steps: (seen.size - 1) / passed, step: Number([...seen].pop()) });
    };
    requestAnimationFrame(look);
  });
}

/** Memory of a process, in MB. */
function resident(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

console.log("| page | engine | first paint, ms | pictures/s | distinct steps drawn/s | steps/s |");
console.log("|---|---|---|---|---|---|");
for (const [name, url] of [["machine", lab.url], ["browser", site.url]]) {
  for (const path of PAGES) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto(`${url}#${path}`);
    await page.locator("[data-link=open]").waitFor();
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await page.evaluate(watch, 1);
    const before = Number(await page.locator("[data-step]").first().getAttribute("data-step"));
    const { pictures, steps, step } = await page.evaluate(watch, SECONDS);
    const row = [path, name, paint.toFixed(0), pictures.toFixed(1), steps.toFixed(1), ((step - before) / SECONDS).toFixed(0)];
    console.log(`| ${row.join(" | ")} |`);
    for (let minute = 1; minute <= SOAK; minute++) {
      await page.evaluate(watch, 60);
      const heap = await page.evaluate(() => performance.memory.usedJSHeapSize / 2 ** 20);
      console.log(`  minute ${minute}: heap of the page ${heap.toFixed(0)} MB, lab ${resident(lab.pid).toFixed(0)} MB`);
    }
    await context.close();
  }
}
await browser.close();
await lab.stop();
site.close();
rmSync(folder, { recursive: true, force: true });
