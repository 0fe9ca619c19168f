// What the tests of pages share: a browser, a page of the lab on each engine, and what must hold for all of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import { chromium } from "playwright-core";

/** The engines, and where their pages are. */
export const ENGINES = [
  { name: "machine", url: process.env.LAB_MACHINE },
  { name: "browser", url: process.env.LAB_BROWSER },
];

// A closed network refuses what a browser asks in the background, which takes time.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
];

let started;
/** The browser of this file's tests, with a fresh profile. */
export function browser() {
  started ??= chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  return started;
}
after(async () => (await started)?.close());

/** The address of a page on an engine. */
export function address(engine, hash = "") {
  return hash ? `${engine.url}#${hash}` : engine.url;
}

/**
 * A test of a page on both engines. `body({ page, context, engine, open })`: `open(hash)` goes to an address and waits until its engine
 * is there. Afterwards nothing may have failed in the page, and nothing may have been asked of another machine.
 */
export function both(name, options, body) {
  if (typeof options === "function") [options, body] = [{}, options];
  for (const engine of ENGINES) test(`${name} (${engine.name})`, { timeout: 120_000 }, () => on(engine, options, body));
}

async function on(engine, options, body) {
  const context = await (await browser()).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(20_000);
  const faults = [];
  const own = new URL(engine.url).host;
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (["http:", "https:", "ws:", "wss:"].includes(url.protocol) && url.host !== own) faults.push(`asked ${url.href}`);
  });
  context.on("page", (page) => {
    page.on("pageerror", (error) => faults.push(error.stack ?? error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("websocket", (socket) => new URL(socket.url()).host !== own && faults.push(`a socket to ${socket.url()}`));
  });
  const page = await context.newPage();
  const open = async (hash = "", on = page) => {
    await on.goto("about:blank");
    await on.goto(address(engine, hash));
    await on.locator("[data-link=open]").waitFor();
  };
  try {
    await body({ page, context, engine, open, faults });
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong with a page that is serious. */
export async function barriers(page) {
  // As an own script, not through the page: its policy lets none in.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact));
  return serious.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(" | ")}`);
}

/** The step that a page shows. */
export async function step(page) {
  return Number(await page.locator("[data-step]").first().getAttribute("data-step"));
}
