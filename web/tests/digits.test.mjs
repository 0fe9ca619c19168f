// The page of digits: it learns, reads a drawing, tells mistakes in a network's text, and exchanges networks with ConvNetJS itself.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { barriers, both } from "./lab.mjs";

const convnetjs = createRequire(import.meta.url)("convnetjs");

/** Plays until a test accuracy is reached, then pauses. */
async function learn(page, accuracy) {
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await page.waitForFunction((least) => Number(document.querySelector("[data-test]")?.dataset.test ?? 0) >= least, accuracy, { timeout: 90_000 });
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
}

/** Draws lines between points from 0 to 1. */
async function draw(page, points) {
  const area = page.getByRole("application");
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  const [first, ...rest] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 6 });
  await page.mouse.up();
}

/** The picture that is looked at, as numbers from 0 to 1, and its probabilities. */
async function shown(page) {
  return page.locator("[data-shares]").evaluate((of) => {
    const canvas = of.querySelector("canvas");
    const colours = canvas.getContext("2d").getImageData(0, 0, 28, 28).data;
    return { pixels: Array.from({ length: 784 }, (_, at) => colours[4 * at] / 255), shares: of.dataset.shares.split(" ").map(Number) };
  });
}

/** What ConvNetJS makes of a picture: the mean over the four crops that the page takes. */
function byConvNetJs(net, pixels) {
  const sums = new Array(10).fill(0);
  for (const [row, column] of [[1, 1], [1, 3], [3, 1], [3, 3]]) {
    const vol = new convnetjs.Vol(24, 24, 1, 0);
    for (let at = 0; at < 576; at++) vol.w[at] = pixels[(row + Math.floor(at / 24)) * 28 + column + (at % 24)];
    const out = net.forward(vol).w;
    sums.forEach((sum, digit) => (sums[digit] = sum + out[digit] / 4));
  }
  return sums;
}

function near(found, expected) {
  found.forEach((share, digit) => assert.ok(Math.abs(share - expected[digit]) < 1e-5, `${digit}: ${share} ${expected[digit]}`));
}

both("it learns, reads a drawing, and shows what is behind a count", async ({ page, open }) => {
  await open("digits?method=adam&rate=0.01");
  await learn(page, 0.9);
  await draw(page, [[0.5, 0.15], [0.5, 0.85]]);
  await page.locator("[data-read='1']").waitFor();
  await page.getByRole("button", { name: "Clear", exact: true }).first().click();
  await draw(page, [[0.5, 0.15], [0.3, 0.3], [0.25, 0.5], [0.3, 0.7], [0.5, 0.85], [0.7, 0.7], [0.75, 0.5], [0.7, 0.3], [0.5, 0.15]]);
  await page.locator("[data-read='0']").waitFor();
  await page.getByRole("button", { name: /times a 1 read as 1/ }).click();
  await page.getByRole("heading", { name: /× 1, read as 1/ }).waitFor();
  assert.deepEqual(await barriers(page), []);
});

both("a drawing is made with the keyboard", async ({ page, open }) => {
  await open("digits");
  await page.getByRole("application").focus();
  await page.keyboard.press("Space");
  for (let i = 0; i < 12; i++) await page.keyboard.press("ArrowDown");
  await page.locator("[data-read]").waitFor();
});

both("a mistake in the network's text is told while it is typed; a right text changes the network", async ({ page, open }) => {
  await open("digits");
  const text = page.getByLabel("Layers, as ConvNetJS writes them");
  await page.locator("[data-parameters='5994']").waitFor();
  const before = await text.inputValue();
  await text.fill(before.replace("filters:16", "filter:16"));
  await page.getByText("conv needs filters, their number").waitFor();
  await page.getByRole("button", { name: "Line 5, column 18" }).waitFor();
  assert.ok(await page.getByRole("button", { name: "Change network" }).isDisabled());
  await text.fill(before.replace("filters:16", "filters:4"));
  await page.getByText("9 layers, 1662 parameters").waitFor();
  await page.getByRole("button", { name: "Change network" }).click();
  await page.locator("[data-parameters='1662']").waitFor();
});

both("ConvNetJS's networks are read, and ours are read by ConvNetJS: the same probabilities", async ({ page, open }) => {
  await open("digits");
  const net = new convnetjs.Net();
  net.makeLayers([
    { type: "input", out_sx: 24, out_sy: 24, out_depth: 1 },
    { type: "conv", sx: 5, filters: 3, stride: 1, pad: 2, activation: "relu" },
    { type: "pool", sx: 2, stride: 2 },
    { type: "conv", sx: 3, filters: 4, stride: 2, pad: 1, activation: "tanh" },
    { type: "fc", num_neurons: 7, activation: "sigmoid" },
    { type: "softmax", num_classes: 10 },
  ]);
  const json = Buffer.from(JSON.stringify(net.toJSON()));
  await page.getByLabel("Load JSON").setInputFiles({ name: "net.json", mimeType: "application/json", buffer: json });
  await page.locator("[data-parameters]:not([data-parameters='5994'])").waitFor();
  const { pixels, shares } = await shown(page);
  near(shares, byConvNetJs(net, pixels));

  await open("digits");
  await page.getByRole("button", { name: "One step" }).click();
  await page.locator("[data-step='1']").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save JSON" }).click()]);
  const ours = new convnetjs.Net();
  ours.fromJSON(JSON.parse(readFileSync(await download.path(), "utf8")));
  const now = await shown(page);
  near(now.shares, byConvNetJs(ours, now.pixels));
});

both("a file that is no network is refused, and nothing is lost", async ({ page, open }) => {
  await open("digits");
  await page.locator("[data-parameters='5994']").waitFor();
  const buffer = Buffer.from('{"layers":[{"layer_type":"maxout"}]}');
  await page.getByLabel("Load JSON").setInputFiles({ name: "net.json", mimeType: "application/json", buffer });
  await page.getByText("layers of type \"maxout\" are not known here").waitFor();
  await page.locator("[data-parameters='5994']").waitFor();
});

both("digits fit 360 pixels", async ({ page, open }) => {
  await open("digits");
  await page.locator("[data-parameters]").waitFor();
  await page.setViewportSize({ width: 360, height: 800 });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${wider} pixels stand out at the right`);
});
