// The page of one neuron: tables are learned by its buttons, XOR is told to be impossible, points are put down by hand and by keys.
import assert from "node:assert/strict";
import { barriers, both, step } from "./lab.mjs";

const state = (page, name) => page.locator(`[data-state=${name}]`);
const weights = (page) => page.locator("[data-weights]").textContent();
const one = (page) => page.getByRole("button", { name: "One step" }).click();

both("AND is learned in six epochs, an update at a time", async ({ page, open }) => {
  await open("neuron?table=and&rate=1");
  await one(page);
  await page.getByText("Δw = −α(ŷ − y)x = −1·(1 − 0)·(0, 0, 1) = (0, 0, −1)").waitFor();
  await page.getByText("(0, 0) gave 1 and should give 0: the line moves.").first().waitFor();
  await page.getByText("60", { exact: true }).click(); // samples a second
  await page.getByRole("button", { name: "Play" }).click();
  await state(page, "Learned").waitFor();
  await page.getByRole("button", { name: "Play" }).waitFor(); // it stops by itself
  assert.equal(await step(page), 24);
  assert.equal(await weights(page), "(2, 1, −3)");
  await page.getByRole("img", { name: "Mistakes of each epoch: 2, 3, 3, 2, 1, 0" }).waitFor();
  await page.locator("[data-mistakes='11']").waitFor();
  await page.getByText("of at most (R/γ)² = (1.732/0.243)² =").waitFor();
  // The address leads to the same weights.
  await open("neuron?table=and&rate=1&step=24");
  assert.equal(await weights(page), "(2, 1, −3)");
});

both("XOR goes round, and four demands contradict each other", async ({ page, open }) => {
  await open("neuron?table=and");
  await page.getByText("XOR", { exact: true }).click();
  await page.getByText("60", { exact: true }).click();
  await page.getByRole("button", { name: "Play" }).click();
  await state(page, "Cycling").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator("[data-can=false]").waitFor();
  await page.getByText("those ≥ 0 give w₁ + w₂ + 2 b ≥ 0, and those < 0 give w₁ + w₂ + 2 b < 0. Both cannot be.").waitFor();
  assert.equal(await page.getByRole("list", { name: "Weights of the cycle" }).getByRole("listitem").count(), 4);
  assert.deepEqual(await barriers(page), []);
});

both("without a constant input AND cannot give 0 for 0, 0", async ({ page, open }) => {
  await open("neuron?table=and");
  await page.getByLabel("Constant input (bias)").uncheck();
  await page.getByText("without a constant input it cannot be 0").waitFor();
  await page.getByText("(0, 0) → 0: 0 < 0").waitFor();
});

both("a point within a triangle of the other class is told with its shares", async ({ page, open }) => {
  await open("neuron?points=0,0,0;2,0,0;0,2,0;0.6,0.5,1");
  await page.getByText("(0.6, 0.5) lies in the triangle (0, 0), (2, 0), (0, 2), whose corners are of the other class").waitFor();
  await page.getByText("those ≥ 0 give 12 w₁ + 10 w₂ + 20 b ≥ 0").waitFor();
  assert.deepEqual(await page.locator(".times").allTextContents(), ["× 20", "× 9", "× 6", "× 5"]);
});

both("points come by clicks, move by dragging and by keys, and go", async ({ page, open }) => {
  await open("neuron?table=own&points=0,0,0");
  const plane = page.getByRole("group", { name: /Each point can be reached/ });
  const box = await plane.boundingBox();
  const at = (x, y) => [box.x + ((x + 1.5) / 4) * box.width, box.y + ((2.5 - y) / 4) * box.height];
  await page.mouse.click(...at(1, 1));
  const second = page.getByRole("button", { name: /^Point 2: \(1\.00, 1\.00\), wanted 1/ });
  await second.waitFor();
  // From the second point's place to another.
  await page.mouse.move(...at(1, 1));
  await page.mouse.down();
  await page.mouse.move(...at(1.5, 0.5), { steps: 4 });
  await page.mouse.up();
  const moved = page.getByRole("button", { name: /^Point 2: \(1\.50, 0\.50\)/ });
  await moved.focus();
  await page.keyboard.press("ArrowUp");
  await page.getByRole("button", { name: /^Point 2: \(1\.50, 0\.60\), wanted 1/ }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /^Point 2: .*wanted 0/ }).focus();
  await page.keyboard.press("Delete");
  await page.waitForFunction(() => document.querySelectorAll("[data-index]").length === 1);
  await page.getByText("Add a point by its numbers").click();
  await page.getByRole("button", { name: "Add 1" }).click();
  await page.getByRole("button", { name: /^Point 2: \(0\.50, 0\.50\), wanted 1/ }).waitFor();
  await page.waitForFunction(() => location.hash.includes("points=0,0,0;0.5,0.5,1"));
});

both("ten logistic layers pass a millionth", async ({ page, open }) => {
  await open("neuron");
  await page.getByText("Through 10 layers with weights of 1 pass at most 9.5e-7 of a gradient").waitFor();
  await page.getByLabel("Activation").selectOption("relu");
  await page.getByText("a unit that works there passes no gradient").waitFor();
  await page.getByLabel("z, also by dragging in the picture").focus();
  await page.keyboard.press("ArrowRight");
  await page.getByText("At z = 0.05 its slope is 1, at most 1.").waitFor();
  assert.deepEqual(await barriers(page), []);
});
