// Where the units and links of a network are drawn.

import { FEATURES } from "./settings";

/** Pixels across a unit. */
export const UNIT = 36;
const ROW = 48;
const TOP = 74;
const NAMES = 60;
const LANE = 62;
const NARROWEST = 74;

export interface Spot {
  x: number;
  y: number;
}

export interface Link {
  key: string;
  layer: number;
  unit: number;
  input: number;
  /** Where the number lies in the layer's weights. */
  at: number;
  path: string;
}

export interface Plan {
  width: number;
  height: number;
  /** Of each column's units; the first column holds all features. */
  columns: Spot[][];
  links: Link[];
  /** Of the lanes below. */
  lane: number;
}

/** A plan for features in use, hidden layers, and outputs, in a frame that is so wide. */
export function plan(frame: number, features: ArrayLike<number>, shape: number[], outputs: number): Plan {
  const counts = [FEATURES.length, ...shape, outputs];
  const width = Math.max(frame, NAMES + UNIT + NARROWEST * (counts.length - 1));
  const most = Math.max(...counts);
  const gap = (width - NAMES - UNIT - 14) / (counts.length - 1);
  const columns = counts.map((count, column) => {
    // The outputs stand in the middle of what leads to them.
    const shift = column === counts.length - 1 ? ((Math.max(counts[column - 1] ?? 1, 1) - count) * ROW) / 2 : 0;
    return Array.from({ length: count }, (_, unit) => ({ x: NAMES + gap * column, y: TOP + Math.max(0, shift) + ROW * unit }));
  });
  const inputs = FEATURES.map((_, feature) => feature).filter((feature) => features[feature] === 1);
  const links: Link[] = [];
  for (let layer = 0; layer + 1 < columns.length; layer++) {
    const from = layer === 0 ? inputs.map((feature) => columns[0]?.[feature]) : (columns[layer] ?? []);
    (columns[layer + 1] ?? []).forEach((to, unit) => {
      from.forEach((spot, input) => {
        if (!spot) return;
        links.push({ key: `${layer}.${unit}.${input}`, layer, unit, input, at: unit * from.length + input, path: curve(spot, to, input, from.length) });
      });
    });
  }
  return { width, height: TOP + ROW * most + LANE, columns, links, lane: TOP + ROW * most };
}

/** From the right side of a unit to the left side of another; ends are spread so that they can be told apart. */
function curve(from: Spot, to: Spot, input: number, of: number): string {
  const [x0, y0] = [from.x + UNIT, from.y + UNIT / 2];
  const [x1, y1] = [to.x - 2, to.y + UNIT / 2 + ((input - (of - 1) / 2) / of) * 14];
  const middle = (x0 + x1) / 2;
  return `M${x0.toFixed(1)} ${y0.toFixed(1)}C${middle.toFixed(1)} ${y0.toFixed(1)} ${middle.toFixed(1)} ${y1.toFixed(1)} ${x1.toFixed(1)} ${y1.toFixed(1)}`;
}
