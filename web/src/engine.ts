// A page's engine: at the other end of a socket, on this machine, or in a worker of this browser. The page does not know which.

import type { FromWorker, ToWorker } from "./messages";
import { keep, kept, tab } from "./kept";
import { Reader, VERSION, Writer, readEvent, writeCommand, writeHello } from "./wire";
import type { Command, Event, PageName } from "./wire";

/** Where the engine runs. */
export type Place = "machine" | "browser";

/** Whether the engine is there. */
export type Link = { kind: "opening" } | { kind: "open" } | { kind: "lost"; what: string };

export interface Engine {
  readonly place: Place;
  /** Sends a command; what is sent while the engine is away is sent when it is back. */
  send(command: Command): void;
  close(): void;
}

/** What an engine tells its page. */
export interface Listener {
  event(event: Event): void;
  link(link: Link): void;
}

type Bytes = Uint8Array<ArrayBuffer>;
export type Name = PageName["kind"];

/** Where the engine of these pages runs, as the server says. */
export const PLACE: Place = document.querySelector<HTMLMetaElement>('meta[name="engine"]')?.content === "socket" ? "machine" : "browser";

/** The engine of a page, opened with settings, or taken up where this tab left it with the same ones. */
export function engine(name: Name, settings: string, listener: Listener): Engine {
  return PLACE === "machine" ? new Socket(name, settings, listener) : new InWorker(name, settings, listener);
}

function written(write: (to: Writer) => void): Bytes {
  const to = new Writer();
  write(to);
  return to.written();
}

function hello(name: Name, settings: string, session: string | null): Bytes {
  return written((to) => writeHello(to, { version: VERSION, page: { kind: name } as PageName, settings, session }));
}

function events(bytes: Bytes): Event[] {
  const from = new Reader(bytes);
  return from.list(() => readEvent(from));
}

/** A session on this machine, kept by the lab under a token. */
class Socket implements Engine {
  readonly place = "machine";
  private socket: WebSocket | null = null;
  private waiting: Command[] = [];
  private open = false;
  private closed = false;
  private tries = 0;
  private token: string | null;

  constructor(
    private readonly name: Name,
    private settings: string,
    private readonly listener: Listener,
  ) {
    this.token = tab.session(name, settings);
    this.connect();
  }

  send(command: Command): void {
    if (this.open) this.socket?.send(written((to) => writeCommand(to, command)));
    else if (command.kind !== "Frame") this.waiting.push(command);
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
  }

  private connect(): void {
    const address = new URL("session", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = location.search;
    address.hash = "";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(hello(this.name, this.settings, this.token));
    socket.onmessage = ({ data }) => events(new Uint8Array(data as ArrayBuffer)).forEach((event) => this.heard(event));
    socket.onclose = () => void this.lost();
    this.socket = socket;
  }

  private heard(event: Event): void {
    if (event.kind === "Session") {
      this.token = event.token;
      tab.keep(this.name, event.token);
    }
    if (event.kind === "Opened" || event.kind === "Settings") {
      this.settings = event.settings;
      tab.now(this.name, event.settings);
    }
    this.listener.event(event);
    if (event.kind === "Opened" && !this.open) {
      this.open = true;
      this.tries = 0;
      this.listener.link({ kind: "open" });
      this.waiting.splice(0).forEach((command) => this.send(command));
    }
  }

  private async lost(): Promise<void> {
    if (this.closed) return;
    this.open = false;
    const wait = Math.min(4000, 250 * 2 ** this.tries++);
    const what = await this.why();
    if (this.closed) return;
    this.listener.link({ kind: "lost", what });
    setTimeout(() => !this.closed && this.connect(), wait);
  }

  /** Why there is no socket: a browser does not tell a page. */
  private async why(): Promise<string> {
    try {
      await fetch(new URL("favicon.svg", location.href), { cache: "no-store" });
    } catch {
      return "The lab on this machine does not answer: start `gradus lab` again. The page goes on by itself when it is back.";
    }
    if (this.tries < 2) return "The connection was lost: connecting again.";
    return "The lab does not accept this page: open the address that `gradus lab` printed last.";
  }
}

/** How often, in ms, a worker's session is kept while it works, and how soon after the last command. */
const KEEP = 1000;
const SOON = 100;

/** A session in this browser, kept in its database. */
class InWorker implements Engine {
  readonly place = "browser";
  private worker: Worker;
  private timer: ReturnType<typeof setInterval>;
  private soon: ReturnType<typeof setTimeout> | undefined;
  private changed = false;
  private playing = false;
  private saving = false;
  private open = false;
  private closed = false;
  private waiting: Command[] = [];

  constructor(
    private readonly name: Name,
    private settings: string,
    private readonly listener: Listener,
  ) {
    this.worker = this.start();
    void this.begin();
    this.timer = setInterval(() => this.save(), KEEP);
    addEventListener("pagehide", this.leave);
  }

  private leave = (): void => this.save();

  private start(): Worker {
    const worker = new Worker(new URL("worker.js", document.baseURI), { type: "module", name: "engine" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.heard(data);
    worker.onerror = (event) => this.failed(event.message || "worker.js did not load");
    return worker;
  }

  private async begin(): Promise<void> {
    const token = tab.session(this.name, this.settings);
    const bytes = token === null ? null : await kept(token);
    if (this.closed) return;
    if (bytes) this.post({ kind: "restore", bytes });
    else this.post({ kind: "greet", bytes: hello(this.name, this.settings, null) });
  }

  send(command: Command): void {
    if (!this.open) {
      if (command.kind !== "Frame") this.waiting.push(command);
      return;
    }
    this.post({ kind: "handle", bytes: written((to) => writeCommand(to, command)) });
    if (command.kind !== "Frame") {
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.save(), SOON);
    }
    if (command.kind !== "Frame" || this.playing) this.change(true);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.soon);
    removeEventListener("pagehide", this.leave);
    // What it holds is asked for last, and the worker ends with the answer.
    if (this.open && !this.saving) this.post({ kind: "save", bytes: new Uint8Array() });
    else if (!this.saving) this.worker.terminate();
  }

  /** Notes whether something has changed that is not kept; in the tab's storage, too, where a reload finds it. */
  private change(changed: boolean): void {
    if (this.changed === changed) return;
    this.changed = changed;
    tab.isKept(this.name, !changed);
  }

  private save(): void {
    if (!this.open || !this.changed || this.saving) return;
    this.changed = false;
    this.saving = true;
    this.post({ kind: "save", bytes: new Uint8Array() });
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message, [message.bytes.buffer]);
  }

  private heard(message: FromWorker): void {
    if (message.kind === "saved") {
      this.saving = false;
      void keep(tab.token(this.name), message.bytes).then(() => tab.isKept(this.name, !this.changed));
      if (this.closed) this.worker.terminate();
    }
    if (this.closed) return;
    if (message.kind === "failed") this.failed(message.what);
    if (message.kind === "events") events(message.bytes).forEach((event) => this.told(event));
  }

  private told(event: Event): void {
    if (event.kind === "Refused" && !this.open) {
      // What was kept is of another version: the page begins anew.
      tab.forget(this.name);
      return void this.begin();
    }
    if (event.kind === "Opened" || event.kind === "Settings") {
      this.settings = event.settings;
      tab.now(this.name, event.settings);
    }
    if (event.kind === "Opened" || event.kind === "Playing") this.playing = event.playing;
    this.listener.event(event);
    if (event.kind === "Opened" && !this.open) {
      this.open = true;
      this.listener.link({ kind: "open" });
      this.waiting.splice(0).forEach((command) => this.send(command));
    }
  }

  private failed(what: string): void {
    this.open = false;
    tab.forget(this.name);
    this.worker.terminate();
    this.listener.link({ kind: "lost", what: `${what}. Load the page anew.` });
  }
}
