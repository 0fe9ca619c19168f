// The Playground, driven as a user drives it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { barriers, both, step as epoch } from "./lab.mjs";

/** The longest, in ms, that a page may take to come to a state. */
const PATIENCE = 60_000;

const number = async (page, selector, attribute) => Number(await page.locator(selector).first().getAttribute(attribute));
const loss = (page) => number(page, "[data-test-loss]", "data-test-loss");

async function opened({ page, open }, settings = "") {
  await open(settings === "" ? "playground" : `playground?${settings}`);
  await page.locator(".network").first().waitFor();
  return page;
}

/** Waits until a value of the page is as wanted. */
async function until(what, holds) {
  const end = Date.now() + PATIENCE;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`in ${PATIENCE / 1000} s it does not come to: ${what}`);
    await new Promise((next) => setImmediate(next));
  }
}

/** The pixels of a unit's map, or of the large one, as text. */
const pixels = (page, selector) => page.locator(selector).first().evaluate((canvas) => canvas.toDataURL());

/** What a download holds. */
async function downloaded(page, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return readFileSync(await download.path(), "utf8");
}

/** All that a page shows of its runs: the losses in every digit of their 64 bits, and every map. */
async function state(page) {
  const attributes = ["data-step", "data-train-loss", "data-test-loss"];
  const numbers = await Promise.all(attributes.map((name) => page.locator(`[${name}]`).evaluateAll((all, of) => all.map((one) => one.getAttribute(of)), name)));
  return { numbers, maps: await page.locator(".unit canvas, .map canvas").evaluateAll((all) => all.map((canvas) => canvas.toDataURL())) };
}

both("trains a circle to 0.05 by clicking", async (lab) => {
  const page = await opened(lab, "seed=0.1");
  await page.getByRole("button", { name: "Circle", exact: true }).click();
  await page.getByRole("combobox", { name: "Pace" }).selectOption({ label: "As fast as it can" });
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await until("a test loss of 0.05", async () => (await loss(page)) <= 0.05);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  const at = await epoch(page);
  assert.ok(at > 10, `only ${at} epochs`);
});

both("an address leads to the same numbers, bit for bit", async (lab) => {
  const page = await opened(lab, "seed=0.3&dataset=xor&noise=10");
  for (let step = 0; step < 12; step++) await page.getByRole("button", { name: "One step" }).click();
  await until("epoch 12", async () => (await epoch(page)) === 12);
  const before = await state(page);
  await page.waitForURL(/step=12/);
  const hash = new URL(page.url()).hash.slice(1);
  assert.match(hash, /^playground\?.*seed=0\.3/);
  // Another tab has no session to go on with: the address alone leads there.
  await page.evaluate(() => sessionStorage.clear());
  await lab.open(hash);
  await page.locator(".network").first().waitFor();
  await until("epoch 12 again", async () => (await epoch(page)) === 12);
  assert.deepEqual(await state(page), before);
});

both("an address of the original opens here", async ({ page, open }) => {
  await open("activation=relu&batchSize=7&dataset=gauss&regDataset=reg-plane&learningRate=0.1&regularizationRate=0&noise=25&networkShape=5,3,2&seed=0.26&showTestData=true&discretize=true&percTrainData=30&x=true&y=false&xTimesY=true&problem=classification&initZero=false&hideText=false");
  await page.locator(".network").first().waitFor();
  assert.equal(await page.getByRole("combobox", { name: "Activation", exact: true }).inputValue(), "relu");
  assert.equal(await page.getByRole("combobox", { name: "Learning rate", exact: true }).inputValue(), "0.1");
  assert.equal(await page.getByText("3 hidden layers").count(), 1);
  assert.equal(await page.getByRole("button", { name: "X 2", exact: true }).getAttribute("aria-pressed"), "false");
  assert.equal(await page.getByRole("button", { name: "X 1 times X 2" }).getAttribute("aria-pressed"), "true");
  assert.ok(await page.getByLabel("Discretize output").first().isChecked());
  assert.ok(await page.getByRole("button", { name: "Gaussian" }).getAttribute("aria-pressed"));
  assert.equal(await page.locator(".notice").count(), 0);
});

both("what an address gets wrong is told, and the page opens", async (lab) => {
  const page = await opened(lab, "activation=swish&noise=5");
  const notice = page.locator(".notice").first();
  assert.match(await notice.innerText(), /activation.*swish/);
  assert.equal(await page.getByRole("combobox", { name: "Activation", exact: true }).inputValue(), "tanh");
  await notice.getByRole("button").click();
  assert.equal(await page.locator(".notice").count(), 0);
});

both("an edited weight changes the maps", async (lab) => {
  const page = await opened(lab, "seed=0.5");
  const unit = page.locator('[data-unit="1.0"]');
  const [ofUnit, ofOutput] = [await pixels(page, '[data-unit="1.0"] canvas'), await pixels(page, ".map > canvas")];
  await unit.click();
  const field = page.getByRole("dialog").getByLabel("Weight from X₁");
  await field.fill("-4.25");
  await field.press("Enter");
  await until("another map", async () => (await pixels(page, '[data-unit="1.0"] canvas')) !== ofUnit && (await pixels(page, ".map > canvas")) !== ofOutput);
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await unit.click();
  assert.equal(await page.getByRole("dialog").getByLabel("Weight from X₁").inputValue(), "-4.25");
  await page.keyboard.press("Escape");
  assert.match(await downloaded(page, "Weights as JSON"), /-4\.25/);
});

both("pointing at a unit enlarges it", async (lab) => {
  const page = await opened(lab);
  const output = await pixels(page, ".map > canvas");
  await page.locator('[data-unit="1.1"]').hover();
  await page.getByText("Layer 1, unit 2", { exact: true }).waitFor();
  await until("the unit's map", async () => (await pixels(page, ".map > canvas")) !== output);
  await page.mouse.move(2, 2);
  await until("the output's map", async () => (await pixels(page, ".map > canvas")) === output);
});

both("layers, units and features come and go", async (lab) => {
  const page = await opened(lab);
  await page.getByRole("button", { name: "One hidden layer more" }).click();
  await page.getByText("3 hidden layers").waitFor();
  await page.getByRole("button", { name: "One unit more in layer 3" }).click();
  await page.locator('[data-unit="3.2"]').waitFor();
  await page.getByRole("button", { name: "sine of X 1" }).click();
  await page.locator('[data-unit="0.5"][aria-pressed="true"]').waitFor();
  await page.waitForURL(/networkShape=4(,|%2C)2(,|%2C)3/);
  await page.waitForURL(/sinX=true/);
});

both("the network goes with the user: code, a model, numbers, a command", async (lab) => {
  const page = await opened(lab, "activation=relu&loss=crossEntropy");
  assert.match(await downloaded(page, "Rust"), /fn main/);
  assert.ok((await downloaded(page, "ONNX")).length > 100);
  await page.getByRole("button", { name: "Command line" }).click();
  await page.locator("pre").filter({ hasText: "gradus train mlp" }).waitFor();
});

both("points are drawn and taken away", async (lab) => {
  const page = await opened(lab);
  await page.getByText("Your own points").click();
  await page.getByRole("button", { name: "Erase all" }).click();
  await page.getByText("There are no points to learn from").waitFor();
  await page.getByText("Draw", { exact: true }).click();
  const plane = page.getByRole("application");
  await plane.click({ position: { x: 60, y: 60 } });
  await page.getByText("There are no points to learn from").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Label -1" }).click();
  await plane.click({ position: { x: 200, y: 200 } });
  await until("two points", async () => (await downloaded(page, "Points as CSV")).trim().split("\n").length === 3);
});

both("time goes back, to the same numbers", async (lab) => {
  const page = await opened(lab, "seed=0.7");
  const step = page.getByRole("button", { name: "One step" });
  for (let at = 0; at < 5; at++) await step.click();
  await until("epoch 5", async () => (await epoch(page)) === 5);
  const before = await state(page);
  for (let at = 0; at < 5; at++) await step.click();
  await until("epoch 10", async () => (await epoch(page)) === 10);
  const time = page.getByRole("slider", { name: "Time" });
  await time.focus();
  for (let at = 0; at < 5; at++) await time.press("ArrowLeft");
  await until("epoch 5 again", async () => (await epoch(page)) === 5);
  assert.deepEqual(await state(page), before);
});

both("two runs learn beside each other", async (lab) => {
  const page = await opened(lab);
  await page.getByLabel("Two runs, A and B").check();
  await page.locator(".run").nth(1).waitFor();
  await page.getByRole("combobox", { name: "Activation", exact: true }).selectOption("relu");
  await page.getByText("B: activation relu").waitFor();
  await page.getByRole("button", { name: "One step" }).click();
  await until("different losses", async () => (await page.locator("[data-test-loss]").nth(0).getAttribute("data-test-loss")) !== (await page.locator("[data-test-loss]").nth(1).getAttribute("data-test-loss")));
});

both("a reload goes on where it was", async (lab) => {
  const page = await opened(lab, "seed=0.9");
  await page.locator('[data-unit="1.0"]').click();
  const field = page.getByRole("dialog").getByLabel("Bias");
  await field.fill("1.625");
  await field.press("Enter");
  for (let at = 0; at < 3; at++) await page.getByRole("button", { name: "One step" }).click();
  await until("epoch 3", async () => (await epoch(page)) === 3);
  const before = await state(page);
  await page.waitForFunction(() => sessionStorage.getItem("Playground.kept") !== "no");
  await page.reload();
  await page.locator(".network").first().waitFor();
  await until("epoch 3 again", async () => (await epoch(page)) === 3);
  assert.deepEqual(await state(page), before);
});

both("the keyboard alone can play, step and change a setting", async (lab) => {
  const page = await opened(lab, "seed=0.2");
  await page.locator("main").focus();
  await page.keyboard.press(".");
  await until("epoch 1", async () => (await epoch(page)) === 1);
  await page.keyboard.press(" ");
  await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
  await until("epoch 5", async () => (await epoch(page)) >= 5);
  await page.keyboard.press(" ");
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  const reached = async (selector) => {
    for (let tab = 0; tab < 80; tab++) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not come to ${selector}`);
  };
  await reached(".controls select");
  await page.keyboard.press("ArrowDown");
  await page.waitForURL(/learningRate=0\.1/);
  await reached('[data-unit="1.0"]');
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("0.5");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  assert.ok(await page.evaluate(() => document.activeElement?.matches('[data-unit="1.0"]')), "the focus comes back");
});

for (const colorScheme of ["light", "dark"]) {
  both(`axe-core finds no serious fault in the ${colorScheme}`, { colorScheme }, async (lab) => {
    const page = await opened(lab, "dataset=gauss&networkShape=4,2");
    await page.getByText("Your own points").click();
    await page.getByLabel("Linear regions").check();
    await page.locator('[data-unit="1.0"]').click();
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await barriers(page), []);
  });
}

both("fits a phone", { viewport: { width: 360, height: 740 } }, async (lab) => {
  const page = await opened(lab);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the screen");
});
