// The page of gradients' flow: what ails a run is told, a click cures it beside the first, and the lecture's numbers are measured.
import assert from "node:assert/strict";
import { barriers, both } from "./lab.mjs";

const run = (page, at) => page.locator(`[data-run="${at}"]`);
const reached = (page, at, step) =>
  page.waitForFunction(([at, step]) => Number(document.querySelector(`[data-run="${at}"] [data-run-step]`)?.getAttribute("data-run-step")) >= step, [at, step]);
const read = (page, at, name) => run(page, at).locator(`[data-${name}]`).getAttribute(`data-${name}`).then(Number);

both("ten logistic layers vanish, and the cure learns beside them", async ({ page, open }) => {
  await open("flow");
  await page.getByRole("button", { name: "Play" }).click();
  await run(page, 0).locator("[data-ailment=vanishing]").waitFor();
  await page.getByText("Gradients vanish: between hidden1.weight and output.weight").waitFor();
  await reached(page, 0, 30);
  await page.getByRole("button", { name: "Cure: ReLU, He initialisation" }).click();
  // The first waits until the second has caught up; then both go on.
  await reached(page, 1, 400);
  await page.getByRole("button", { name: "Pause" }).click();
  assert.ok((await read(page, 0, "accuracy")) < 0.3);
  await page.waitForFunction(() => Number(document.querySelector('[data-run="1"] [data-accuracy]')?.getAttribute("data-accuracy")) > 0.6);
  assert.deepEqual(await barriers(page), []);
  await run(page, 1).getByRole("button", { name: "Go on with this one" }).click();
  await page.waitForFunction(() => document.querySelectorAll("[data-run]").length === 1);
  await page.waitForFunction(() => location.hash.includes("activation=relu&init=he"));
});

both("an address with a step gives the same loss as those steps", async ({ page, open }) => {
  const settings = "data=moons&depth=4&width=8&activation=tanh&init=xavier&rate=0.3&seed=5";
  const loss = () => page.locator("[data-loss]").getAttribute("data-loss");
  await open(`flow?${settings}`);
  for (let step = 1; step <= 12; step++) {
    await page.getByRole("button", { name: "One step" }).click();
    await page.locator(`[data-run-step="${step}"]`).waitFor();
  }
  const stepped = await loss();
  await open(`flow?${settings}&step=12`);
  await page.locator('[data-run-step="12"]').waitFor();
  assert.equal(await loss(), stepped);
});

both("twenty networks give the lecture's ratio", async ({ page, open }) => {
  await open("flow");
  for (const [start, ratio] of [
    ["Logistic, N(0, 1/n)", 2e-6],
    ["tanh, Xavier", 0.54],
    ["ReLU, N(0, 1)", 1.5e5],
  ]) {
    await page.getByRole("button", { name: start, exact: true }).click();
    await page.getByRole("button", { name: "Measure twenty networks as set" }).click();
    await page.waitForFunction((ratio) => {
      const found = Number(document.querySelector("[data-ratio]")?.getAttribute("data-ratio"));
      return found > ratio / 3 && found < ratio * 3;
    }, ratio);
  }
});

both("a network whose numbers overflow is told, and its cure learns", async ({ page, open }) => {
  await open("flow?activation=relu&init=n01&depth=30&width=60");
  await page.getByRole("button", { name: "One step" }).click();
  await run(page, 0).locator("[data-ailment=exploding]").waitFor();
  await page.getByRole("button", { name: "Cure: He initialisation" }).click();
  await reached(page, 1, 1);
  assert.ok((await read(page, 1, "loss")) < 20);
});
