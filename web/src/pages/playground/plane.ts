// The square from −6 to 6 on a canvas.

import { css, look, shade } from "../../look.svelte";
import type { PlaygroundPoints, PlaygroundRegions, PlaygroundWarp } from "../../wire";

const EDGE = 6;

/** From the plane to pixels of a square of so many. */
export function toPixels(size: number, x: number, y: number): [number, number] {
  return [((x + EDGE) / (2 * EDGE)) * size, ((EDGE - y) / (2 * EDGE)) * size];
}

export function toPlane(size: number, left: number, top: number): [number, number] {
  const clip = (value: number): number => Math.max(-EDGE, Math.min(EDGE, value));
  return [clip((left / size) * 2 * EDGE - EDGE), clip(EDGE - (top / size) * 2 * EDGE)];
}

/** The colour of a label: of two classes or a number, from −1 to 1; of more classes, the class's own. */
export function labelColour(label: number, classes: number): string {
  if (classes <= 2) return css(shade(label));
  return css(look.palette.classes[Math.round(label)] ?? [128, 128, 128]);
}

/** A canvas with as many pixels as the screen has for it. */
export function sharp(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

/** Samples as dots: those that are learned from with a light rim, the others with a dark one. */
export function drawPoints(context: CanvasRenderingContext2D, points: PlaygroundPoints, place: (at: number) => [number, number], classes: number, radius: number, tests: boolean): void {
  const count = tests ? points.x.length : Math.min(points.train, points.x.length);
  for (let at = 0; at < count; at++) {
    const [left, top] = place(at);
    context.beginPath();
    context.arc(left, top, radius, 0, 2 * Math.PI);
    context.fillStyle = labelColour(points.label[at] as number, classes);
    context.fill();
    context.strokeStyle = at < points.train ? "rgb(255 255 255 / 90%)" : "rgb(0 0 0 / 90%)";
    context.lineWidth = Math.max(0.6, radius / 3.2);
    context.stroke();
  }
}

/** Linear regions as polygons of their colour. */
export function drawRegions(context: CanvasRenderingContext2D, size: number, regions: PlaygroundRegions): void {
  let corner = 0;
  regions.sizes.forEach((corners, region) => {
    context.beginPath();
    for (let at = 0; at < corners; at++, corner++) context.lineTo(...toPixels(size, regions.corners[2 * corner] as number, regions.corners[2 * corner + 1] as number));
    context.closePath();
    context.fillStyle = css(shade(regions.values[region] as number));
    context.fill();
    context.strokeStyle = look.dark ? "rgb(255 255 255 / 35%)" : "rgb(0 0 0 / 35%)";
    context.lineWidth = 0.7;
    context.stroke();
  });
}

/** Dashes that tell the layers apart where their colours do not. */
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [1, 2], [12, 4], [4, 4]];

export function lineColour(layer: number): string {
  const light = ["#111827", "#7a1fa2", "#00695c", "#8a4b00", "#37474f", "#880e4f", "#1a237e"];
  const dark = ["#ffffff", "#e1b3ff", "#8ff0d8", "#ffd28a", "#cfd8dc", "#ffb0cf", "#b3c2ff"];
  return (look.dark ? dark : light)[layer % 7] as string;
}

/** The lines at which units change, by layer. */
export function drawLines(context: CanvasRenderingContext2D, size: number, regions: PlaygroundRegions): void {
  context.lineWidth = 1.6;
  for (let line = 0; line < regions.lineLayers.length; line++) {
    const layer = regions.lineLayers[line] as number;
    context.strokeStyle = lineColour(layer);
    context.setLineDash(DASHES[layer % DASHES.length] ?? []);
    const [x0, y0, x1, y1] = regions.lines.slice(4 * line, 4 * line + 4) as unknown as [number, number, number, number];
    context.beginPath();
    context.moveTo(...toPixels(size, x0, y0));
    context.lineTo(...toPixels(size, x1, y1));
    context.stroke();
  }
  context.setLineDash([]);
}

/** The plane as a layer sees it: the bent grid, and the samples in it. */
export function drawWarp(context: CanvasRenderingContext2D, size: number, warp: PlaygroundWarp, points: PlaygroundPoints, classes: number, tests: boolean): void {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  // The samples fill the picture; the grid goes on beyond it.
  const seen = warp.points.length > 2 ? warp.points : warp.nodes;
  for (let at = 0; at + 1 < seen.length; at += 2) {
    const [x, y] = [seen[at] as number, seen[at + 1] as number];
    [left, right, bottom, top] = [Math.min(left, x), Math.max(right, x), Math.min(bottom, y), Math.max(top, y)];
  }
  const reach = Math.max(right - left, top - bottom, 1e-6) * 1.25;
  const [middleX, middleY] = [(left + right) / 2, (bottom + top) / 2];
  const place = (from: ArrayLike<number>, at: number): [number, number] => [
    size / 2 + (((from[2 * at] as number) - middleX) / reach) * size,
    size / 2 - (((from[2 * at + 1] as number) - middleY) / reach) * size,
  ];
  context.strokeStyle = look.dark ? "rgb(255 255 255 / 30%)" : "rgb(20 30 50 / 28%)";
  context.lineWidth = 0.8;
  const { side } = warp;
  for (let row = 0; row < side; row++) {
    for (const across of [true, false]) {
      context.beginPath();
      for (let at = 0; at < side; at++) context.lineTo(...place(warp.nodes, across ? row * side + at : at * side + row));
      context.stroke();
    }
  }
  drawPoints(context, points, (at) => place(warp.points, at), classes, 2.4, tests);
}
