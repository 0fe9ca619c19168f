// The page of convolution: every number says what it is made of, forwards and backwards; the lecture's questions.
import assert from "node:assert/strict";
import { barriers, both } from "./lab.mjs";

const sum = (page, of, value) => page.locator(`[data-of="${of}"][data-sum="${value}"]`).waitFor();
const square = (page, name) => page.getByRole("application", { name });

both("an output says what it is made of, and an edited input counts", async ({ page, open }) => {
  await open("convolution");
  await sum(page, "Output", 3);
  await square(page, "output").locator('[data-at="12"]').hover();
  await sum(page, "Output", 1); // the middle of the cross: 3 on the stroke, −2 beside it
  await square(page, "input").locator('[data-at="24"]').click();
  await page.getByLabel("Input number 25").fill("5");
  await page.keyboard.press("Enter");
  await square(page, "output").locator('[data-at="12"]').hover();
  await sum(page, "Output", 5);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await barriers(page), []);
  }
});

both("backwards: one output's gradient, by keys alone", async ({ page, open }) => {
  await open("convolution");
  await page.getByText("backwards: gradients").click();
  await square(page, "dL/dy of output").focus();
  await page.keyboard.press("Enter"); // the first output alone
  await square(page, "dL/dx of input").focus();
  await page.keyboard.press("ArrowRight");
  await sum(page, "Input", -1); // 1 · (−1)
  await square(page, "dL/dw of kernel").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await sum(page, "Weight", 1);
});

both("sizes follow the formula", async ({ page, open }) => {
  await open("convolution?size=8&stride=2");
  const out = (n) => page.locator(`[data-out="${n}"]`).waitFor();
  await out(3);
  await page.getByText("same", { exact: true }).click();
  await out(4);
  await page.getByText("0 above and left, 1 below and right.").first().waitFor();
  await page.getByText("max pool", { exact: true }).click();
  await out(4);
  await page.waitForFunction(() => location.hash.includes("op=max"));
});

both("the lecture's questions, wrongly and rightly", async ({ page, open }) => {
  await open("convolution");
  const answer = async (text, right) => {
    await page.getByLabel("Your answer").fill(text);
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await page.locator(`[data-right="${right}"]`).waitFor();
  };
  await page.getByRole("button", { name: "Question 3" }).click();
  await page.getByText("An input of 7×7 under a kernel of 3×3").waitFor();
  await answer("7", false);
  await page.getByText("7×7 it would stay with padding").waitFor();
  await answer("5", true);
  await page.getByRole("button", { name: "Question 4" }).click();
  await page.getByRole("button", { name: "Take a stride of 2" }).click();
  await page.getByText("leaves windows out").waitFor();
  await page.getByRole("button", { name: "Put 1 rows or columns of zeros on every side" }).click();
  await page.locator('[data-right="true"]').waitFor();
  await page.getByRole("button", { name: "Question 8" }).click();
  await page.getByText("The program has two layers").waitFor();
  await answer("20,256", true);
  await page.locator('[data-won="1"][data-tried="3"]').waitFor();
});

both("a page as wide as a phone does not scroll sideways", { viewport: { width: 360, height: 740 } }, async ({ page, open }) => {
  await open("convolution?size=16&channels=3&kernels=2&kernel=5&padding=full");
  await page.locator("[data-sum]").waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
});
