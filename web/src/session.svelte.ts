// A page's session, as the page sees it: what it has, what it may say, and a picture whenever one can be drawn.

import { engine, type Link, type Name } from "./engine";
import { tab } from "./kept";
import { route } from "./route.svelte";
import type { Command, Event } from "./wire";

/** How fast a session plays: steps for each picture, or as many as the engine can take. */
export type Pace = number | "full";

/** What the header shows of the page's engine. */
export const speed = $state({ steps: 0, pictures: 0, link: "opening" as Link["kind"] });

/** The least time, in ms, between two pictures. */
const APART = 14;

export class Session {
  /** Whether the engine is there. */
  link = $state.raw<Link>({ kind: "opening" });
  playing = $state(false);
  step = $state(0);
  /** As the address holds them. */
  settings = $state("");
  /** What of the address could not be taken. */
  remarks = $state.raw<string[]>([]);
  /** The last refusal, until the next command that is taken. */
  refused = $state("");
  /** Of a journal that is replayed: how far it is. */
  replaying = $state.raw<{ step: number; until: number } | null>(null);
  pace = $state.raw<Pace>("full");

  private readonly engine;
  private asked = false;
  private stale = true;
  private ended = false;
  private last = 0;
  private counted = { at: performance.now(), step: 0, pictures: 0 };

  /** Opens the session of a page that is being made, with the settings of the address, and closes it with the page. `hear` gets
   * each of its events, pictures too. Another address of the same page begins it again. */
  constructor(
    private readonly name: Name,
    private readonly hear: (event: Event) => void,
  ) {
    this.settings = route.settings;
    this.engine = engine(name, route.settings, { event: (event) => this.heard(event), link: (link) => this.linked(link) });
    requestAnimationFrame(this.draw);
    let opened = route.opened;
    $effect(() => {
      if (route.opened === opened) return;
      opened = route.opened;
      if (route.isAt(name)) this.open(route.settings);
    });
    $effect(() => () => this.close());
  }

  /** Sends a command; a new picture follows. */
  send(command: Command): void {
    this.refused = "";
    this.stale = true;
    this.engine.send(command);
  }

  play(): void {
    if (this.pace === "full") this.send({ kind: "Play" });
    else this.playing = true;
  }

  pause(): void {
    this.playing = false;
    this.send({ kind: "Pause" });
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Pauses, and takes one step. */
  takeStep(): void {
    if (this.playing) this.pause();
    this.send({ kind: "Step" });
  }

  setPace(pace: Pace): void {
    const playing = this.playing;
    if (playing) this.pause();
    this.pace = pace;
    if (playing) this.play();
  }

  /** Begins again with other settings. */
  open(settings: string): void {
    this.playing = false;
    this.send({ kind: "Open", settings });
  }

  /** Has the address lead here: the settings, and more that the page adds to them. */
  at(settings: string): void {
    route.note(this.name, settings);
    tab.now(this.name, settings);
  }

  /** Draws anew though nothing has changed in the engine: the picture's size or its kind has. */
  redraw(): void {
    this.stale = true;
  }

  /** Told by the page with each picture: how many steps it has seen. */
  counts(step: number): void {
    this.step = step;
    const seconds = (performance.now() - this.counted.at) / 1000;
    this.counted.pictures += 1;
    if (seconds < 0.5) return;
    speed.steps = this.playing ? Math.max(0, (step - this.counted.step) / seconds) : 0;
    speed.pictures = this.playing ? this.counted.pictures / seconds : 0;
    this.counted = { at: performance.now(), step, pictures: 0 };
  }

  private close(): void {
    this.ended = true;
    speed.steps = speed.pictures = 0;
    speed.link = "opening";
    this.engine.close();
  }

  private draw = (): void => {
    if (this.ended) return;
    requestAnimationFrame(this.draw);
    this.ask();
  };

  /** Asks for a picture where one can be drawn that is newer than the last. */
  private ask(): void {
    if (this.asked || this.link.kind !== "open") return;
    if (this.playing && typeof this.pace === "number") {
      for (let taken = 0; taken < this.pace; taken++) this.engine.send({ kind: "Step" });
    } else if (!this.stale && !this.playing && !this.replaying) return;
    this.asked = true;
    this.stale = false;
    this.last = performance.now();
    this.engine.send({ kind: "Frame" });
  }

  private linked(link: Link): void {
    this.link = link;
    speed.link = link.kind;
    this.asked = false;
    this.stale = true;
  }

  private heard(event: Event): void {
    switch (event.kind) {
      case "Opened":
        this.take(event.settings);
        this.step = event.step;
        this.playing = event.playing;
        if (event.playing) this.pace = "full";
        this.remarks = event.remarks;
        this.counted = { at: performance.now(), step: event.step, pictures: 0 };
        this.stale = true;
        break;
      case "Settings":
        this.take(event.settings);
        break;
      case "Playing":
        if (event.playing || this.pace === "full") this.playing = event.playing;
        this.step = event.step;
        this.stale = true;
        break;
      case "Refused":
        this.refused = event.what;
        break;
      case "Replaying":
        this.replaying = event.step < event.until ? { step: event.step, until: event.until } : null;
        break;
      default:
        if ("value" in event && event.value.kind === "Picture") {
          this.asked = false;
          // The engine works at the next picture while the browser draws this one, but no more often than it can draw.
          if (this.playing && !document.hidden && performance.now() - this.last > APART) this.ask();
        }
    }
    this.hear(event);
  }

  private take(settings: string): void {
    this.settings = settings;
    route.note(this.name, settings);
  }
}
