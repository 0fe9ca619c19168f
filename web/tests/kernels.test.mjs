// The page of kernels: pixels that say how they are made, kernels that are edited, chained and learned again, files and the camera.
import assert from "node:assert/strict";
import { barriers, both } from "./lab.mjs";

const after = (page) => page.getByRole("application", { name: "After the kernel" });
const told = (page) => page.locator("[data-sum]").getAttribute("data-sum");

/** A picture of one row of grey pixels as a PNG, made by the page's own browser. */
async function png(page, width, height, paint) {
  const bytes = await page.evaluate(
    async ([width, height, paint]) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d");
      const colour = new Function("x", "y", `return ${paint}`);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const grey = colour(x, y);
          context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
          context.fillRect(x, y, 1, 1);
        }
      return [...new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer())];
    },
    [width, height, paint],
  );
  return Buffer.from(bytes);
}

both("a pixel says how it is made, by keys, and an edited number counts", async ({ page, open }) => {
  await open("kernels?picture=landscape&kernel=identity");
  await page.locator("[data-sum]").waitFor();
  await after(page).focus();
  const place = () => page.getByRole("group", { name: /^The arithmetic of the pixel/ }).getAttribute("aria-label");
  const before = await place();
  await page.keyboard.press("Shift+ArrowRight");
  await page.waitForFunction((before) => document.querySelector('[aria-label^="The arithmetic of the pixel"]')?.getAttribute("aria-label") !== before, before);
  const middle = Number(await told(page));
  // The identity gives the pixel itself; twice the middle number gives twice the pixel.
  await page.getByRole("spinbutton", { name: "row 2, column 2" }).fill("2");
  await page.waitForFunction((twice) => document.querySelector("[data-sum]")?.getAttribute("data-sum") === String(twice), 2 * middle);
  await page.waitForFunction(() => location.hash.includes("kernel=0,0,0,0,2,0,0,0,0"));
  assert.equal(await page.getByRole("combobox", { name: /^Kernel/ }).inputValue(), "custom");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await barriers(page), []);
  }
});

both("a file's bytes are those of the definition; the border says ?", async ({ page, open }) => {
  await open("kernels?kernel=outline");
  const buffer = await png(page, 3, 3, "[10, 20, 30, 40, 55, 60, 70, 80, 99][3 * y + x]");
  await page.locator("[data-upload]").setInputFiles({ name: "nine.png", mimeType: "image/png", buffer });
  await page.getByText("before, 3 × 3").waitFor();
  await after(page).focus();
  // To the corner, whose window has pixels that are not there; then to the middle.
  for (const key of ["ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp"]) await page.keyboard.press(key);
  await page.locator('[data-sum="?"]').waitFor();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.locator('[data-sum="31"]').waitFor(); // 8·55 − 409
  await page.locator("[data-upload]").setInputFiles({ name: "no.png", mimeType: "image/png", buffer: Buffer.from("text") });
  await page.getByRole("alert").getByText("no.png is no picture").waitFor();
});

both("a kernel is learned again to a hundredth", async ({ page, open }) => {
  await open("kernels?kernel=emboss");
  await page.getByRole("button", { name: /^Learn kernel 1/ }).click();
  await page.waitForFunction(() => {
    const off = document.querySelector("[data-off]")?.getAttribute("data-off");
    return off && Number(off) < 0.01;
  });
  await page.getByText(/every number is within/).first().waitFor();
});

both("a chain is one kernel, and a trained one is put into it", async ({ page, open }) => {
  await open("kernels?kernel=blur&kernel=left-sobel");
  await page.getByText("one kernel of 5×5 does what the chain does").waitFor();
  await page.getByRole("button", { name: "LeNet-5, digits: kernel 3" }).click();
  await page.getByRole("button", { name: "1: LeNet-5, digits 3", exact: true }).waitFor();
  await page.waitForFunction(() => location.hash.includes("shown=middle"));
});

both("a camera's pictures go through the kernel", { permissions: ["camera"] }, async ({ page, open }) => {
  await open("kernels?kernel=outline");
  await page.getByRole("button", { name: "Camera" }).click();
  await page.getByRole("img", { name: "What the chain makes of the camera's picture" }).waitFor();
  await page.getByRole("button", { name: "Keep this picture" }).click();
  await page.getByRole("application", { name: "After the kernel" }).waitFor();
  const picture = await page.getByRole("combobox", { name: /^Picture/ }).elementHandle();
  await page.waitForFunction((select) => select.value === "own", picture);
});

both("a refused camera is told", async ({ page, open }) => {
  await open("kernels");
  await page.getByRole("button", { name: "Camera" }).click();
  await page.getByRole("alert").getByText(/camera/).waitFor();
});

both("a page as wide as a phone does not scroll sideways", { viewport: { width: 360, height: 740 } }, async ({ page, open }) => {
  await open("kernels?colour=mixed&kernel=blur;9");
  await page.locator("[data-sum]").waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
});
