// The frame around the pages: every page opens, reads aloud, fits a telephone, outlives a reload and a killed lab.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ENGINES, barriers, both, browser, step } from "./lab.mjs";
import { startLab } from "./lab-process.mjs";

const PAGES = ["neuron", "playground", "flow", "kernels", "digits", "convolution"];

for (const name of PAGES) {
  both(`${name} opens, fits 360 pixels and is read aloud in both themes`, async ({ page, open }) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await open(name);
      await page.locator("h1").waitFor();
      assert.deepEqual(await barriers(page), [], colorScheme);
    }
    await page.setViewportSize({ width: 360, height: 800 });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `${wider} pixels stand out at the right`);
  });
}

both("a session goes on after a reload", async ({ page, open }) => {
  await open("neuron");
  await page.getByRole("button", { name: "One step" }).click();
  await page.locator("[data-step='1']").waitFor();
  await page.getByRole("button", { name: "One step" }).click();
  await page.locator("[data-step='2']").waitFor();
  await aSecond(page);
  await page.reload();
  await page.locator("[data-link=open]").waitFor();
  await page.locator("[data-step='2']").waitFor();
});

both("another page and back: each keeps its own", async ({ page, open }) => {
  await open("neuron");
  await page.getByRole("button", { name: "One step" }).click();
  await page.locator("[data-step='1']").waitFor();
  await page.getByRole("link", { name: "Playground" }).click();
  await page.locator("[data-link=open]").waitFor();
  await page.getByRole("link", { name: "Neuron" }).click();
  await page.locator("[data-step='1']").waitFor();
});

both("twenty tabs each have their own session", async ({ context, open }) => {
  const tabs = [];
  for (let i = 0; i < 20; i++) {
    const tab = await context.newPage();
    await open("neuron", tab);
    tabs.push(tab);
  }
  for (const [i, tab] of tabs.entries()) {
    if (i % 2 === 0) await tab.getByRole("button", { name: "One step" }).click();
  }
  for (const [i, tab] of tabs.entries()) await tab.locator(`[data-step='${i % 2 === 0 ? 1 : 0}']`).waitFor();
});

/** What a session holds is kept within a second. */
async function aSecond(page) {
  const since = await page.evaluate(() => performance.now());
  await page.waitForFunction((since) => performance.now() > since + 1200, since);
}

test("a killed lab that is started again has lost nothing", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "gradus-lab-"));
  let lab = await startLab(folder);
  const context = await (await browser()).newContext();
  try {
    const page = await context.newPage();
    await page.goto(`${lab.url}#neuron`);
    await page.locator("[data-link=open]").waitFor();
    for (const at of [1, 2, 3]) {
      await page.getByRole("button", { name: "One step" }).click();
      await page.locator(`[data-step='${at}']`).waitFor();
    }
    await aSecond(page);
    await lab.kill();
    await page.locator("[data-link=lost]").waitFor();
    await page.getByText("does not answer").waitFor();
    lab = await startLab(folder, new URL(lab.url).port);
    await page.locator("[data-link=open]").waitFor();
    assert.equal(await step(page), 3);
  } finally {
    await context.close();
    await lab.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a page with another lab's key says what to do", { timeout: 60_000 }, async () => {
  const context = await (await browser()).newContext();
  const machine = ENGINES.find((engine) => engine.name === "machine");
  try {
    const page = await context.newPage();
    await page.goto(`${new URL(machine.url).origin}/?key=0123456789abcdef0123456789abcdef#neuron`);
    await page.getByText("open the address that `gradus lab` printed").waitFor();
  } finally {
    await context.close();
  }
});
