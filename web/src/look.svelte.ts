// How the lab looks: theme and palette, kept in this browser.

export type Theme = "auto" | "light" | "dark";
export type Rgb = readonly [number, number, number];

/** Colours of numbers from −1 to 1, and of classes. */
export interface Palette {
  name: string;
  title: string;
  negative: Rgb;
  positive: Rgb;
  /** Of zero, in the light and in the dark. */
  middle: { light: Rgb; dark: Rgb };
  /** Of classes; the first two are those of −1 and 1. */
  classes: Rgb[];
}

const rgb = (hex: string): Rgb => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;

// The first is told apart under each kind of colour blindness: orange and blue differ in what all of them keep. Its classes are
// those of Okabe and Ito (2008), which were chosen for that.
export const PALETTES: Palette[] = [
  {
    name: "safe",
    title: "Orange and blue",
    negative: rgb("e8710a"),
    positive: rgb("1464b4"),
    middle: { light: rgb("f4f3f1"), dark: rgb("1d2430") },
    classes: ["e8710a", "1464b4", "009e73", "cc79a7", "f0e442", "56b4e9", "8a5a2b", "777777"].map(rgb),
  },
  {
    name: "original",
    title: "As the original",
    negative: rgb("f59322"),
    positive: rgb("0877bd"),
    middle: { light: rgb("e8eaeb"), dark: rgb("e8eaeb") },
    classes: ["f59322", "0877bd", "3aa655", "c44e9c", "d8c52c", "59c3c3", "8c6239", "7f7f7f"].map(rgb),
  },
  {
    name: "warm",
    title: "Purple and green",
    negative: rgb("8e3ba6"),
    positive: rgb("1c8a4e"),
    middle: { light: rgb("f6f4f6"), dark: rgb("221f2a") },
    classes: ["8e3ba6", "1c8a4e", "e69f00", "56b4e9", "d55e00", "0072b2", "8a5a2b", "777777"].map(rgb),
  },
  {
    name: "grey",
    title: "Black and white",
    negative: rgb("111111"),
    positive: rgb("fafafa"),
    middle: { light: rgb("8c8c8c"), dark: rgb("6c6c6c") },
    classes: ["111111", "fafafa", "777777", "bbbbbb", "444444", "dddddd", "999999", "2a2a2a"].map(rgb),
  },
];

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is forbidden: the choice lasts as long as the page
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // as above
  }
}

/** Steps between two colours of a palette. */
export const SHADES = 255;

class Look {
  theme = $state<Theme>("auto");
  paletteName = $state("safe");
  private prefersDark = $state(false);
  /** Whether motion is unwanted. */
  still = $state(false);
  readonly dark = $derived(this.theme === "dark" || (this.theme === "auto" && this.prefersDark));
  readonly palette = $derived(PALETTES.find((palette) => palette.name === this.paletteName) ?? (PALETTES[0] as Palette));
  /** Of numbers from −1 to 1 in equal steps: as the bytes of a picture hold them. */
  readonly shades = $derived(shades(this.palette, this.dark));

  constructor() {
    const theme = read("theme");
    if (theme === "light" || theme === "dark") this.theme = theme;
    this.paletteName = read("palette") ?? "safe";
    this.follow("(prefers-color-scheme: dark)", (matches) => (this.prefersDark = matches));
    this.follow("(prefers-reduced-motion: reduce)", (matches) => (this.still = matches));
    this.show();
  }

  private follow(query: string, tell: (matches: boolean) => void): void {
    const media = matchMedia(query);
    tell(media.matches);
    media.addEventListener("change", () => {
      tell(media.matches);
      this.show();
    });
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    write("theme", theme);
    this.show();
  }

  setPalette(name: string): void {
    this.paletteName = name;
    write("palette", name);
    this.show();
  }

  private show(): void {
    const root = document.documentElement;
    root.dataset["theme"] = this.dark ? "dark" : "light";
    root.style.setProperty("--negative", css(this.palette.negative));
    root.style.setProperty("--positive", css(this.palette.positive));
    root.style.setProperty("--middle", css(this.palette.middle[this.dark ? "dark" : "light"]));
  }
}

export function css(colour: Rgb): string {
  return `rgb(${colour[0]} ${colour[1]} ${colour[2]})`;
}

/** A colour between two. */
export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const at = (index: 0 | 1 | 2): number => Math.round(from[index] + (to[index] - from[index]) * share);
  return [at(0), at(1), at(2)];
}

function shades(palette: Palette, dark: boolean): Uint32Array {
  const middle = palette.middle[dark ? "dark" : "light"];
  return Uint32Array.from({ length: SHADES }, (_, index) => {
    const value = (2 * index) / (SHADES - 1) - 1;
    const [r, g, b] = mix(middle, value < 0 ? palette.negative : palette.positive, Math.abs(value));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

export const look = new Look();

/** The colour of a number from −1 to 1. */
export function shade(value: number): Rgb {
  const middle = look.palette.middle[look.dark ? "dark" : "light"];
  const clipped = Math.max(-1, Math.min(1, value));
  return mix(middle, clipped < 0 ? look.palette.negative : look.palette.positive, Math.abs(clipped));
}

const known = new Map<string, string>();

/** The colour behind `var(--name)`, for a canvas; another text is itself. Asking the browser takes long, so it is asked once for each look. */
export function resolved(text: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(text)?.[1];
  if (!name) return text;
  const key = `${look.dark} ${look.paletteName} ${name}`;
  const found = known.get(key) ?? getComputedStyle(document.documentElement).getPropertyValue(name);
  known.set(key, found);
  return found;
}
