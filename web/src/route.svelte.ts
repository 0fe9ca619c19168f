// Which page is open, and with which settings: all of it stands in the address, behind the #.
//
// `#flow?depth=10` opens a page by its name. An address of TensorFlow Playground, `#activation=tanh&…`, opens the Playground.

import type { Name } from "./engine";

export interface Entry {
  /** As the address has it. */
  path: string;
  name: string;
  title: string;
  about: string;
}

/** The pages, in the order of the menu. */
export const PAGES: Entry[] = [
  { path: "neuron", name: "Neuron", title: "Neuron", about: "One perceptron, its line, and what it cannot learn" },
  { path: "playground", name: "Playground", title: "Playground", about: "A small network learns to part a plane, unit by unit" },
  { path: "flow", name: "Flow", title: "Gradient flow", about: "Why deep networks stop learning, and what cures them" },
  { path: "kernels", name: "Kernels", title: "Kernels", about: "What nine numbers do to a picture" },
  { path: "digits", name: "Digits", title: "Digits", about: "A network that reads, trained in front of you" },
  { path: "convolution", name: "Convolution", title: "Convolution", about: "Every output pixel and the sum behind it" },
];

const FIRST = "playground";

function parse(hash: string): { path: string; settings: string } {
  const text = hash.replace(/^#/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  if (PAGES.some((page) => page.path === path)) return { path, settings: cut < 0 ? "" : text.slice(cut + 1) };
  return { path: FIRST, settings: text };
}

class Route {
  path = $state(FIRST);
  /** The settings of the address that was opened last; not those that the page has come to since. */
  settings = $state("");
  /** Counts the addresses that were opened. */
  opened = $state(0);
  private last = new Map<string, string>();

  constructor() {
    this.go();
    addEventListener("hashchange", () => this.go());
  }

  private go(): void {
    const { path, settings } = parse(location.hash);
    this.path = path;
    this.settings = settings || (this.last.get(path) ?? "");
    this.opened += 1;
  }

  isAt(name: Name): boolean {
    return PAGES.some((page) => page.name === name && page.path === this.path);
  }

  /** The address of a page, with the settings that it was left with. */
  to(path: string): string {
    return `#${path}`;
  }

  /** A page has come to other settings: the address follows, without a step in the browser's history. */
  note(name: Name, settings: string): void {
    const path = PAGES.find((page) => page.name === name)?.path ?? FIRST;
    this.last.set(path, settings);
    if (path === this.path) history.replaceState(null, "", settings ? `#${path}?${settings}` : `#${path}`);
  }

  /** The whole address of a page with settings. */
  link(path: string, settings: string): string {
    const address = new URL(location.href);
    // The key opens this machine's lab: it is no part of what is shared.
    address.search = "";
    address.hash = `${path}?${settings}`;
    return address.href;
  }
}

export const route = new Route();
