// Messages between a page and its engine. Written by `cargo xtask wire` from the Rust types; change those.

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Appends values as bytes, little-endian. */
export class Writer {
  private room = new Uint8Array(256);
  private view = new DataView(this.room.buffer);
  private end = 0;

  /** What was written. */
  written(): Uint8Array<ArrayBuffer> {
    return this.room.slice(0, this.end);
  }

  private grow(by: number): number {
    const at = this.end;
    this.end += by;
    if (this.end > this.room.length) {
      const room = new Uint8Array(Math.max(this.end, 2 * this.room.length));
      room.set(this.room);
      this.room = room;
      this.view = new DataView(room.buffer);
    }
    return at;
  }

  private raw(bytes: Uint8Array): void {
    const at = this.grow(bytes.length);
    this.room.set(bytes, at);
  }

  private numbers(list: ArrayBufferView & { length: number }): void {
    this.u32(list.length);
    this.raw(new Uint8Array(list.buffer, list.byteOffset, list.byteLength));
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }
  u8(value: number): void {
    const at = this.grow(1);
    this.view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.grow(2);
    this.view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.grow(4);
    this.view.setUint32(at, value, true);
  }
  i32(value: number): void {
    const at = this.grow(4);
    this.view.setInt32(at, value, true);
  }
  f32(value: number): void {
    const at = this.grow(4);
    this.view.setFloat32(at, value, true);
  }
  f64(value: number): void {
    const at = this.grow(8);
    this.view.setFloat64(at, value, true);
  }
  text(value: string): void {
    this.bytes(new TextEncoder().encode(value));
  }
  bytes(value: Uint8Array): void {
    this.numbers(value);
  }
  u16s(value: Uint16Array): void {
    this.numbers(value);
  }
  u32s(value: Uint32Array): void {
    this.numbers(value);
  }
  i32s(value: Int32Array): void {
    this.numbers(value);
  }
  f32s(value: Float32Array): void {
    this.numbers(value);
  }
  f64s(value: Float64Array): void {
    this.numbers(value);
  }
  list<T>(value: T[], each: (item: T) => void): void {
    this.u32(value.length);
    value.forEach(each);
  }
  maybe<T>(value: T | null, some: (item: T) => void): void {
    this.bool(value !== null);
    if (value !== null) some(value);
  }
}

/** Reads values from the front of bytes. */
export class Reader {
  private view: DataView<ArrayBuffer>;
  private at = 0;

  constructor(private readonly from: Uint8Array<ArrayBuffer>) {
    this.view = new DataView(from.buffer, from.byteOffset, from.byteLength);
  }

  /** How many bytes are left. */
  left(): number {
    return this.from.length - this.at;
  }

  private skip(by: number): number {
    const at = this.at;
    if (by > this.left()) throw new Error(`${by} bytes are needed where ${this.left()} are left`);
    this.at += by;
    return at;
  }

  // Lists of numbers are copied: they need not lie at a multiple of their size.
  private copied(size: number): ArrayBuffer {
    const bytes = this.u32() * size;
    const at = this.skip(bytes);
    return this.from.slice(at, at + bytes).buffer;
  }

  bool(): boolean {
    return this.u8() !== 0;
  }
  u8(): number {
    return this.view.getUint8(this.skip(1));
  }
  u16(): number {
    return this.view.getUint16(this.skip(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.skip(4), true);
  }
  i32(): number {
    return this.view.getInt32(this.skip(4), true);
  }
  f32(): number {
    return this.view.getFloat32(this.skip(4), true);
  }
  f64(): number {
    return this.view.getFloat64(this.skip(8), true);
  }
  text(): string {
    return UTF8.decode(this.bytes());
  }
  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.copied(1));
  }
  u16s(): Uint16Array<ArrayBuffer> {
    return new Uint16Array(this.copied(2));
  }
  u32s(): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.copied(4));
  }
  i32s(): Int32Array<ArrayBuffer> {
    return new Int32Array(this.copied(4));
  }
  f32s(): Float32Array<ArrayBuffer> {
    return new Float32Array(this.copied(4));
  }
  f64s(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.copied(8));
  }
  list<T>(each: () => T): T[] {
    const count = this.u32();
    if (count > this.left()) throw new Error(`a list of ${count} where ${this.left()} bytes are left`);
    return Array.from({ length: count }, each);
  }
  maybe<T>(some: () => T): T | null {
    return this.bool() ? some() : null;
  }
}

export const VERSION = 1;

/** The first thing a page says. */
export interface Hello {
  /** [`VERSION`](crate::wire::VERSION) of the messages that the page writes; the first field in every version. */
  version: number;
  /** The page. */
  page: PageName;
  /** Settings, as the address holds them. */
  settings: string;
  /** The session to go on with, if there is one: its token, as [`Event::Session`] told it. */
  session: (string | null);
}

export function writeHello(to: Writer, value: Hello): void {
  to.u16(value.version);
  writePageName(to, value.page);
  to.text(value.settings);
  to.maybe(value.session, (item) => to.text(item));
}

export function readHello(from: Reader): Hello {
  return {
    version: from.u16(),
    page: readPageName(from),
    settings: from.text(),
    session: from.maybe(() => from.text()),
  };
}

/** The pages. */
export type PageName =
  /** A perceptron, its line, activations. */
  | { kind: "Neuron" };

export function writePageName(to: Writer, value: PageName): void {
  switch (value.kind) {
    case "Neuron":
      to.u8(0);
      break;
  }
}

export function readPageName(from: Reader): PageName {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Neuron" };
    default:
      throw new Error(`PageName has no variant ${tag}`);
  }
}

/** From the page to the session. */
export type Command =
  /** Draw: the newest picture is wanted. */
  | { kind: "Frame" }
  /** Work until told otherwise. */
  | { kind: "Play" }
  /** Stop working. */
  | { kind: "Pause" }
  /** Take one step. */
  | { kind: "Step" }
  /** Send the journal. */
  | { kind: "Journal" }
  /** Begin again with a journal's settings, and do what it says at the steps it names. */
  | { kind: "Replay"; journal: Uint8Array }
  /** Begin again with other settings. */
  | { kind: "Open"; settings: string }
  /** Of the page of one neuron. */
  | { kind: "Neuron"; value: NeuronCommand };

export function writeCommand(to: Writer, value: Command): void {
  switch (value.kind) {
    case "Frame":
      to.u8(0);
      break;
    case "Play":
      to.u8(1);
      break;
    case "Pause":
      to.u8(2);
      break;
    case "Step":
      to.u8(3);
      break;
    case "Journal":
      to.u8(4);
      break;
    case "Replay":
      to.u8(5);
      to.bytes(value.journal);
      break;
    case "Open":
      to.u8(6);
      to.text(value.settings);
      break;
    case "Neuron":
      to.u8(7);
      writeNeuronCommand(to, value.value);
      break;
  }
}

export function readCommand(from: Reader): Command {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Frame" };
    case 1:
      return { kind: "Play" };
    case 2:
      return { kind: "Pause" };
    case 3:
      return { kind: "Step" };
    case 4:
      return { kind: "Journal" };
    case 5:
      return { kind: "Replay", journal: from.bytes() };
    case 6:
      return { kind: "Open", settings: from.text() };
    case 7:
      return { kind: "Neuron", value: readNeuronCommand(from) };
    default:
      throw new Error(`Command has no variant ${tag}`);
  }
}

/** From the page. */
export type NeuronCommand =
  /** All weights are zero again. */
  | { kind: "Forget" };

export function writeNeuronCommand(to: Writer, value: NeuronCommand): void {
  switch (value.kind) {
    case "Forget":
      to.u8(0);
      break;
  }
}

export function readNeuronCommand(from: Reader): NeuronCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Forget" };
    default:
      throw new Error(`NeuronCommand has no variant ${tag}`);
  }
}

/** From the session to the page. */
export type Event =
  /** A page was opened, or taken up again. */
  | { kind: "Opened"; page: PageName; settings: string; step: number; playing: boolean; remarks: Array<string> }
  /** Under which token the session is kept, where it is. */
  | { kind: "Session"; token: string }
  /** The settings are others now. */
  | { kind: "Settings"; settings: string }
  /** It works, or does not any more. */
  | { kind: "Playing"; playing: boolean; step: number }
  /** A command could not be done; nothing has changed. */
  | { kind: "Refused"; what: string }
  /** The journal. */
  | { kind: "Journal"; journal: Uint8Array }
  /** A journal is being replayed. */
  | { kind: "Replaying"; step: number; until: number }
  /** Of the page of one neuron. */
  | { kind: "Neuron"; value: NeuronEvent };

export function writeEvent(to: Writer, value: Event): void {
  switch (value.kind) {
    case "Opened":
      to.u8(0);
      writePageName(to, value.page);
      to.text(value.settings);
      to.u32(value.step);
      to.bool(value.playing);
      to.list(value.remarks, (item) => to.text(item));
      break;
    case "Session":
      to.u8(1);
      to.text(value.token);
      break;
    case "Settings":
      to.u8(2);
      to.text(value.settings);
      break;
    case "Playing":
      to.u8(3);
      to.bool(value.playing);
      to.u32(value.step);
      break;
    case "Refused":
      to.u8(4);
      to.text(value.what);
      break;
    case "Journal":
      to.u8(5);
      to.bytes(value.journal);
      break;
    case "Replaying":
      to.u8(6);
      to.u32(value.step);
      to.u32(value.until);
      break;
    case "Neuron":
      to.u8(7);
      writeNeuronEvent(to, value.value);
      break;
  }
}

export function readEvent(from: Reader): Event {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Opened", page: readPageName(from), settings: from.text(), step: from.u32(), playing: from.bool(), remarks: from.list(() => from.text()) };
    case 1:
      return { kind: "Session", token: from.text() };
    case 2:
      return { kind: "Settings", settings: from.text() };
    case 3:
      return { kind: "Playing", playing: from.bool(), step: from.u32() };
    case 4:
      return { kind: "Refused", what: from.text() };
    case 5:
      return { kind: "Journal", journal: from.bytes() };
    case 6:
      return { kind: "Replaying", step: from.u32(), until: from.u32() };
    case 7:
      return { kind: "Neuron", value: readNeuronEvent(from) };
    default:
      throw new Error(`Event has no variant ${tag}`);
  }
}

/** To the page. */
export type NeuronEvent =
  /** The newest state. */
  | { kind: "Picture"; value: NeuronPicture };

export function writeNeuronEvent(to: Writer, value: NeuronEvent): void {
  switch (value.kind) {
    case "Picture":
      to.u8(0);
      writeNeuronPicture(to, value.value);
      break;
  }
}

export function readNeuronEvent(from: Reader): NeuronEvent {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Picture", value: readNeuronPicture(from) };
    default:
      throw new Error(`NeuronEvent has no variant ${tag}`);
  }
}

/** What is drawn. */
export interface NeuronPicture {
  /** Weights of x₁ and x₂ and the bias. */
  weights: Float64Array;
  /** Samples seen. */
  step: number;
  /** Mistakes made. */
  mistakes: number;
}

export function writeNeuronPicture(to: Writer, value: NeuronPicture): void {
  to.f64s(value.weights);
  to.u32(value.step);
  to.u32(value.mistakes);
}

export function readNeuronPicture(from: Reader): NeuronPicture {
  return {
    weights: from.f64s(),
    step: from.u32(),
    mistakes: from.u32(),
  };
}
