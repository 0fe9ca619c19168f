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
  | { kind: "Neuron" }
  /** What becomes of gradients from layer to layer. */
  | { kind: "Flow" }
  /** A convolutional network learns digits. */
  | { kind: "Digits" }
  /** A small network on points in a plane. */
  | { kind: "Playground" }
  /** Kernels over pictures. */
  | { kind: "Kernels" }
  /** A layer of windows, number by number. */
  | { kind: "Convolution" };

export function writePageName(to: Writer, value: PageName): void {
  switch (value.kind) {
    case "Neuron":
      to.u8(0);
      break;
    case "Flow":
      to.u8(1);
      break;
    case "Digits":
      to.u8(2);
      break;
    case "Playground":
      to.u8(3);
      break;
    case "Kernels":
      to.u8(4);
      break;
    case "Convolution":
      to.u8(5);
      break;
  }
}

export function readPageName(from: Reader): PageName {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Neuron" };
    case 1:
      return { kind: "Flow" };
    case 2:
      return { kind: "Digits" };
    case 3:
      return { kind: "Playground" };
    case 4:
      return { kind: "Kernels" };
    case 5:
      return { kind: "Convolution" };
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
  | { kind: "Neuron"; value: NeuronCommand }
  /** Of the page of gradients' flow. */
  | { kind: "Flow"; value: FlowCommand }
  /** Of the page of digits. */
  | { kind: "Digits"; value: DigitsCommand }
  /** Of the Playground. */
  | { kind: "Playground"; value: PlaygroundCommand }
  /** Of the page of kernels. */
  | { kind: "Kernels"; value: KernelsCommand }
  /** Of the page of convolution. */
  | { kind: "Convolution"; value: ConvolutionCommand };

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
    case "Flow":
      to.u8(8);
      writeFlowCommand(to, value.value);
      break;
    case "Digits":
      to.u8(9);
      writeDigitsCommand(to, value.value);
      break;
    case "Playground":
      to.u8(10);
      writePlaygroundCommand(to, value.value);
      break;
    case "Kernels":
      to.u8(11);
      writeKernelsCommand(to, value.value);
      break;
    case "Convolution":
      to.u8(12);
      writeConvolutionCommand(to, value.value);
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
    case 8:
      return { kind: "Flow", value: readFlowCommand(from) };
    case 9:
      return { kind: "Digits", value: readDigitsCommand(from) };
    case 10:
      return { kind: "Playground", value: readPlaygroundCommand(from) };
    case 11:
      return { kind: "Kernels", value: readKernelsCommand(from) };
    case 12:
      return { kind: "Convolution", value: readConvolutionCommand(from) };
    default:
      throw new Error(`Command has no variant ${tag}`);
  }
}

/** From the page. */
export type NeuronCommand =
  /** All weights are zero again. */
  | { kind: "Forget" }
  /** Begins with the points of a table: and, or, nand, xor; `own` keeps those that are there. */
  | { kind: "Table"; name: string }
  /** The rate of the updates to come. */
  | { kind: "Rate"; rate: number }
  /** With the constant input, whose weight is the bias, or without it; begins anew. */
  | { kind: "Bias"; on: boolean }
  /** Another point. */
  | { kind: "Add"; x: number; y: number; one: boolean }
  /** A point goes elsewhere. */
  | { kind: "Move"; index: number; x: number; y: number }
  /** A point is of the other class. */
  | { kind: "Turn"; index: number }
  /** A point goes away. */
  | { kind: "Erase"; index: number }
  /** All points go away. */
  | { kind: "Clear" }
  /** Which activation is looked at, where, and how many layers of it. */
  | { kind: "Look"; name: string; x: number; layers: number };

export function writeNeuronCommand(to: Writer, value: NeuronCommand): void {
  switch (value.kind) {
    case "Forget":
      to.u8(0);
      break;
    case "Table":
      to.u8(1);
      to.text(value.name);
      break;
    case "Rate":
      to.u8(2);
      to.f64(value.rate);
      break;
    case "Bias":
      to.u8(3);
      to.bool(value.on);
      break;
    case "Add":
      to.u8(4);
      to.f64(value.x);
      to.f64(value.y);
      to.bool(value.one);
      break;
    case "Move":
      to.u8(5);
      to.u32(value.index);
      to.f64(value.x);
      to.f64(value.y);
      break;
    case "Turn":
      to.u8(6);
      to.u32(value.index);
      break;
    case "Erase":
      to.u8(7);
      to.u32(value.index);
      break;
    case "Clear":
      to.u8(8);
      break;
    case "Look":
      to.u8(9);
      to.text(value.name);
      to.f64(value.x);
      to.u32(value.layers);
      break;
  }
}

export function readNeuronCommand(from: Reader): NeuronCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Forget" };
    case 1:
      return { kind: "Table", name: from.text() };
    case 2:
      return { kind: "Rate", rate: from.f64() };
    case 3:
      return { kind: "Bias", on: from.bool() };
    case 4:
      return { kind: "Add", x: from.f64(), y: from.f64(), one: from.bool() };
    case 5:
      return { kind: "Move", index: from.u32(), x: from.f64(), y: from.f64() };
    case 6:
      return { kind: "Turn", index: from.u32() };
    case 7:
      return { kind: "Erase", index: from.u32() };
    case 8:
      return { kind: "Clear" };
    case 9:
      return { kind: "Look", name: from.text(), x: from.f64(), layers: from.u32() };
    default:
      throw new Error(`NeuronCommand has no variant ${tag}`);
  }
}

/** From the page. */
export type FlowCommand =
  /** Changes settings. Rate, clipping and optimiser change as it trains; anything else begins anew. A comparison ends. */
  | { kind: "Set"; change: string }
  /** A second run beside the first, of the same seed, with this change. */
  | { kind: "Compare"; change: string }
  /** Goes on with one of the two runs alone. */
  | { kind: "Keep"; second: boolean }
  /** Begins again from the same weights. */
  | { kind: "Restart" }
  /** Measures how gradients flow in twenty networks like the first run's, before any step. */
  | { kind: "Measure" };

export function writeFlowCommand(to: Writer, value: FlowCommand): void {
  switch (value.kind) {
    case "Set":
      to.u8(0);
      to.text(value.change);
      break;
    case "Compare":
      to.u8(1);
      to.text(value.change);
      break;
    case "Keep":
      to.u8(2);
      to.bool(value.second);
      break;
    case "Restart":
      to.u8(3);
      break;
    case "Measure":
      to.u8(4);
      break;
  }
}

export function readFlowCommand(from: Reader): FlowCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Set", change: from.text() };
    case 1:
      return { kind: "Compare", change: from.text() };
    case 2:
      return { kind: "Keep", second: from.bool() };
    case 3:
      return { kind: "Restart" };
    case 4:
      return { kind: "Measure" };
    default:
      throw new Error(`FlowCommand has no variant ${tag}`);
  }
}

/** From the page. */
export type DigitsCommand =
  /** Learn with other options from now on. */
  | { kind: "Options"; value: DigitsOptions }
  /** Begin again with the network of a text. */
  | { kind: "Network"; text: string }
  /** Say what is wrong with a text, if something is. */
  | { kind: "Check"; text: string }
  /** Send the network as ConvNetJS's JSON. */
  | { kind: "Save" }
  /** Take a network that is ConvNetJS's JSON. */
  | { kind: "Load"; json: string }
  /** Test the next pictures. */
  | { kind: "Test"; count: number }
  /** Look at a picture of the test, layer by layer. */
  | { kind: "Show"; test: number }
  /** Look at a drawing, layer by layer. */
  | { kind: "ShowDrawing"; pixels: Uint8Array; label: number }
  /** Whether pictures hold the layers. */
  | { kind: "Layers"; on: boolean }
  /** Begin the curves anew. */
  | { kind: "ClearCurves" }
  /** Tell what a drawing is. */
  | { kind: "Predict"; pixels: Uint8Array; width: number; height: number }
  /** Send pictures that were taken for another digit, or for the right one. */
  | { kind: "Cell"; digit: number; guess: number }
  /** Change a picture so that it is taken for another digit. */
  | { kind: "Attack"; pixels: Uint8Array; target: number; epsilon: number }
  /** Send the network as a program. */
  | { kind: "Export" };

export function writeDigitsCommand(to: Writer, value: DigitsCommand): void {
  switch (value.kind) {
    case "Options":
      to.u8(0);
      writeDigitsOptions(to, value.value);
      break;
    case "Network":
      to.u8(1);
      to.text(value.text);
      break;
    case "Check":
      to.u8(2);
      to.text(value.text);
      break;
    case "Save":
      to.u8(3);
      break;
    case "Load":
      to.u8(4);
      to.text(value.json);
      break;
    case "Test":
      to.u8(5);
      to.u32(value.count);
      break;
    case "Show":
      to.u8(6);
      to.u32(value.test);
      break;
    case "ShowDrawing":
      to.u8(7);
      to.bytes(value.pixels);
      to.u8(value.label);
      break;
    case "Layers":
      to.u8(8);
      to.bool(value.on);
      break;
    case "ClearCurves":
      to.u8(9);
      break;
    case "Predict":
      to.u8(10);
      to.bytes(value.pixels);
      to.u32(value.width);
      to.u32(value.height);
      break;
    case "Cell":
      to.u8(11);
      to.u8(value.digit);
      to.u8(value.guess);
      break;
    case "Attack":
      to.u8(12);
      to.bytes(value.pixels);
      to.u8(value.target);
      to.f32(value.epsilon);
      break;
    case "Export":
      to.u8(13);
      break;
  }
}

export function readDigitsCommand(from: Reader): DigitsCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Options", value: readDigitsOptions(from) };
    case 1:
      return { kind: "Network", text: from.text() };
    case 2:
      return { kind: "Check", text: from.text() };
    case 3:
      return { kind: "Save" };
    case 4:
      return { kind: "Load", json: from.text() };
    case 5:
      return { kind: "Test", count: from.u32() };
    case 6:
      return { kind: "Show", test: from.u32() };
    case 7:
      return { kind: "ShowDrawing", pixels: from.bytes(), label: from.u8() };
    case 8:
      return { kind: "Layers", on: from.bool() };
    case 9:
      return { kind: "ClearCurves" };
    case 10:
      return { kind: "Predict", pixels: from.bytes(), width: from.u32(), height: from.u32() };
    case 11:
      return { kind: "Cell", digit: from.u8(), guess: from.u8() };
    case 12:
      return { kind: "Attack", pixels: from.bytes(), target: from.u8(), epsilon: from.f32() };
    case 13:
      return { kind: "Export" };
    default:
      throw new Error(`DigitsCommand has no variant ${tag}`);
  }
}

/** What can be changed while it learns. */
export interface DigitsOptions {
  /** How numbers are moved. */
  method: DigitsMethod;
  /** The learning rate; Adadelta has none. */
  rate: number;
  /** What of the last step goes on: SGD and Nesterov. */
  momentum: number;
  /** Pictures between two updates. */
  batch: number;
  /** The weights' decay: λ of λ·w²/2, divided by the batch as ConvNetJS does. */
  decay: number;
}

export function writeDigitsOptions(to: Writer, value: DigitsOptions): void {
  writeDigitsMethod(to, value.method);
  to.f32(value.rate);
  to.f32(value.momentum);
  to.u32(value.batch);
  to.f32(value.decay);
}

export function readDigitsOptions(from: Reader): DigitsOptions {
  return {
    method: readDigitsMethod(from),
    rate: from.f32(),
    momentum: from.f32(),
    batch: from.u32(),
    decay: from.f32(),
  };
}

/** How numbers are moved. */
export type DigitsMethod =
  /** Downhill, with momentum. */
  | { kind: "Sgd" }
  /** Momentum that looks ahead (Nesterov 1983). */
  | { kind: "Nesterov" }
  /** Kingma and Ba 2014, arXiv:1412.6980. */
  | { kind: "Adam" }
  /** Duchi, Hazan and Singer 2011. */
  | { kind: "Adagrad" }
  /** Zeiler 2012, arXiv:1212.5701. */
  | { kind: "Adadelta" }
  /** Adagrad over a window: Zeiler's first idea, RMSprop's arithmetic. */
  | { kind: "Windowgrad" };

export function writeDigitsMethod(to: Writer, value: DigitsMethod): void {
  switch (value.kind) {
    case "Sgd":
      to.u8(0);
      break;
    case "Nesterov":
      to.u8(1);
      break;
    case "Adam":
      to.u8(2);
      break;
    case "Adagrad":
      to.u8(3);
      break;
    case "Adadelta":
      to.u8(4);
      break;
    case "Windowgrad":
      to.u8(5);
      break;
  }
}

export function readDigitsMethod(from: Reader): DigitsMethod {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Sgd" };
    case 1:
      return { kind: "Nesterov" };
    case 2:
      return { kind: "Adam" };
    case 3:
      return { kind: "Adagrad" };
    case 4:
      return { kind: "Adadelta" };
    case 5:
      return { kind: "Windowgrad" };
    default:
      throw new Error(`DigitsMethod has no variant ${tag}`);
  }
}

/** From the page. */
export type PlaygroundCommand =
  /** Changes a setting: name and value as the address has them. */
  | { kind: "Set"; run: number; name: string; value: string }
  /** Begins again with new weights: the next draw. */
  | { kind: "Reset" }
  /** Other points of the same kind: the next seed. */
  | { kind: "Regenerate" }
  /** Opens a second run, a copy of the first, or closes it. */
  | { kind: "Compare"; on: boolean }
  /** Goes to what was at the end of an epoch. What comes after is forgotten when learning goes on from there. */
  | { kind: "Travel"; epoch: number }
  /** Edits a weight; a dead link lives again. */
  | { kind: "Weight"; run: number; layer: number; unit: number; input: number; value: number }
  /** Edits a bias. */
  | { kind: "Bias"; run: number; layer: number; unit: number; value: number }
  /** Adds a point. As soon as points are added, moved or erased they are the page's own: the data set is `own`. */
  | { kind: "AddPoint"; run: number; point: PlaygroundPoint }
  /** Moves a point. */
  | { kind: "MovePoint"; run: number; index: number; x: number; y: number }
  /** Gives a point another label. */
  | { kind: "LabelPoint"; run: number; index: number; label: number }
  /** Takes a point away. */
  | { kind: "ErasePoint"; run: number; index: number }
  /** Takes all points away, to draw one's own. */
  | { kind: "ErasePoints"; run: number }
  /** Own points from a table: columns x, y, label. */
  | { kind: "ReadCsv"; run: number; text: string }
  /** What pictures hold from now on. */
  | { kind: "Look"; value: PlaygroundView }
  /** Asks what every unit computes at a place: `Probed`. */
  | { kind: "Probe"; run: number; x: number; y: number }
  /** Asks for small pictures of the data sets: `Thumbnails`. */
  | { kind: "Thumbnails"; run: number }
  /** Asks for a file: `Exported`. */
  | { kind: "Export"; run: number; format: PlaygroundFormat };

export function writePlaygroundCommand(to: Writer, value: PlaygroundCommand): void {
  switch (value.kind) {
    case "Set":
      to.u8(0);
      to.u8(value.run);
      to.text(value.name);
      to.text(value.value);
      break;
    case "Reset":
      to.u8(1);
      break;
    case "Regenerate":
      to.u8(2);
      break;
    case "Compare":
      to.u8(3);
      to.bool(value.on);
      break;
    case "Travel":
      to.u8(4);
      to.u32(value.epoch);
      break;
    case "Weight":
      to.u8(5);
      to.u8(value.run);
      to.u8(value.layer);
      to.u8(value.unit);
      to.u8(value.input);
      to.f64(value.value);
      break;
    case "Bias":
      to.u8(6);
      to.u8(value.run);
      to.u8(value.layer);
      to.u8(value.unit);
      to.f64(value.value);
      break;
    case "AddPoint":
      to.u8(7);
      to.u8(value.run);
      writePlaygroundPoint(to, value.point);
      break;
    case "MovePoint":
      to.u8(8);
      to.u8(value.run);
      to.u32(value.index);
      to.f64(value.x);
      to.f64(value.y);
      break;
    case "LabelPoint":
      to.u8(9);
      to.u8(value.run);
      to.u32(value.index);
      to.f64(value.label);
      break;
    case "ErasePoint":
      to.u8(10);
      to.u8(value.run);
      to.u32(value.index);
      break;
    case "ErasePoints":
      to.u8(11);
      to.u8(value.run);
      break;
    case "ReadCsv":
      to.u8(12);
      to.u8(value.run);
      to.text(value.text);
      break;
    case "Look":
      to.u8(13);
      writePlaygroundView(to, value.value);
      break;
    case "Probe":
      to.u8(14);
      to.u8(value.run);
      to.f64(value.x);
      to.f64(value.y);
      break;
    case "Thumbnails":
      to.u8(15);
      to.u8(value.run);
      break;
    case "Export":
      to.u8(16);
      to.u8(value.run);
      writePlaygroundFormat(to, value.format);
      break;
  }
}

export function readPlaygroundCommand(from: Reader): PlaygroundCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Set", run: from.u8(), name: from.text(), value: from.text() };
    case 1:
      return { kind: "Reset" };
    case 2:
      return { kind: "Regenerate" };
    case 3:
      return { kind: "Compare", on: from.bool() };
    case 4:
      return { kind: "Travel", epoch: from.u32() };
    case 5:
      return { kind: "Weight", run: from.u8(), layer: from.u8(), unit: from.u8(), input: from.u8(), value: from.f64() };
    case 6:
      return { kind: "Bias", run: from.u8(), layer: from.u8(), unit: from.u8(), value: from.f64() };
    case 7:
      return { kind: "AddPoint", run: from.u8(), point: readPlaygroundPoint(from) };
    case 8:
      return { kind: "MovePoint", run: from.u8(), index: from.u32(), x: from.f64(), y: from.f64() };
    case 9:
      return { kind: "LabelPoint", run: from.u8(), index: from.u32(), label: from.f64() };
    case 10:
      return { kind: "ErasePoint", run: from.u8(), index: from.u32() };
    case 11:
      return { kind: "ErasePoints", run: from.u8() };
    case 12:
      return { kind: "ReadCsv", run: from.u8(), text: from.text() };
    case 13:
      return { kind: "Look", value: readPlaygroundView(from) };
    case 14:
      return { kind: "Probe", run: from.u8(), x: from.f64(), y: from.f64() };
    case 15:
      return { kind: "Thumbnails", run: from.u8() };
    case 16:
      return { kind: "Export", run: from.u8(), format: readPlaygroundFormat(from) };
    default:
      throw new Error(`PlaygroundCommand has no variant ${tag}`);
  }
}

/** A sample. */
export interface PlaygroundPoint {
  /** To the right. */
  x: number;
  /** Up. */
  y: number;
  /** −1 or 1 for two classes, 0, 1, 2… for more; any number for regression. */
  label: number;
  /** Whether it is not learned from. */
  isTest: boolean;
}

export function writePlaygroundPoint(to: Writer, value: PlaygroundPoint): void {
  to.f64(value.x);
  to.f64(value.y);
  to.f64(value.label);
  to.bool(value.isTest);
}

export function readPlaygroundPoint(from: Reader): PlaygroundPoint {
  return {
    x: from.f64(),
    y: from.f64(),
    label: from.f64(),
    isTest: from.bool(),
  };
}

/** What pictures hold. */
export interface PlaygroundView {
  /** Pixels across each unit's map, 10 to 100. */
  unitSide: number;
  /** Pixels across the large map, 20 to 200. */
  outputSide: number;
  /** Whose map the large one is; the output's, if none. */
  shown: (PlaygroundPlace | null);
  /** Whether the regions are wanted in which the network is linear. */
  regions: boolean;
  /** Whether the lines are wanted at which units change. */
  lines: boolean;
  /** The column whose outputs the plane is drawn in, if one is wanted: 1 is the first layer. */
  warp: (number | null);
}

export function writePlaygroundView(to: Writer, value: PlaygroundView): void {
  to.u8(value.unitSide);
  to.u8(value.outputSide);
  to.maybe(value.shown, (item) => writePlaygroundPlace(to, item));
  to.bool(value.regions);
  to.bool(value.lines);
  to.maybe(value.warp, (item) => to.u8(item));
}

export function readPlaygroundView(from: Reader): PlaygroundView {
  return {
    unitSide: from.u8(),
    outputSide: from.u8(),
    shown: from.maybe(() => readPlaygroundPlace(from)),
    regions: from.bool(),
    lines: from.bool(),
    warp: from.maybe(() => from.u8()),
  };
}

/** A unit, or a feature. */
export interface PlaygroundPlace {
  /** 0 for the features, then the layers from 1. */
  column: number;
  /** Which of the column, from above; of the features, of all seven. */
  unit: number;
}

export function writePlaygroundPlace(to: Writer, value: PlaygroundPlace): void {
  to.u8(value.column);
  to.u8(value.unit);
}

export function readPlaygroundPlace(from: Reader): PlaygroundPlace {
  return {
    column: from.u8(),
    unit: from.u8(),
  };
}

/** Kinds of files. */
export type PlaygroundFormat =
  /** `gradus train` with these settings. */
  | { kind: "CommandLine" }
  /** A program that trains the same network with gradus. */
  | { kind: "Rust" }
  /** The network as it is. */
  | { kind: "Onnx" }
  /** The points. */
  | { kind: "Csv" }
  /** Settings, weights and biases. */
  | { kind: "Json" };

export function writePlaygroundFormat(to: Writer, value: PlaygroundFormat): void {
  switch (value.kind) {
    case "CommandLine":
      to.u8(0);
      break;
    case "Rust":
      to.u8(1);
      break;
    case "Onnx":
      to.u8(2);
      break;
    case "Csv":
      to.u8(3);
      break;
    case "Json":
      to.u8(4);
      break;
  }
}

export function readPlaygroundFormat(from: Reader): PlaygroundFormat {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "CommandLine" };
    case 1:
      return { kind: "Rust" };
    case 2:
      return { kind: "Onnx" };
    case 3:
      return { kind: "Csv" };
    case 4:
      return { kind: "Json" };
    default:
      throw new Error(`PlaygroundFormat has no variant ${tag}`);
  }
}

/** From the page. */
export type KernelsCommand =
  /** Take one of the page's own pictures. */
  | { kind: "Take"; name: string }
  /** Take a picture of the user's. */
  | { kind: "Upload"; photo: KernelsPhoto }
  /** What becomes of colours. */
  | { kind: "Colour"; colour: KernelsColour }
  /** How sums become bytes. */
  | { kind: "Show"; shown: KernelsShown }
  /** Whether kernels of a chain hand on exact sums, or bytes. */
  | { kind: "Between"; exact: boolean }
  /** Put a kernel with a name into the chain. */
  | { kind: "Named"; stage: number; name: string }
  /** Put a kernel into the chain, with all that belongs to it. */
  | { kind: "Put"; stage: number; kernel: KernelsStage }
  /** Change one number. */
  | { kind: "Number"; stage: number; at: number; value: number }
  /** Change a kernel's size; what is in its middle stays. */
  | { kind: "Size"; stage: number; size: number }
  /** Add a kernel to the end of the chain: the identity. */
  | { kind: "Add" }
  /** Take a kernel out of the chain. */
  | { kind: "Remove"; stage: number }
  /** Look at one kernel of the chain. */
  | { kind: "Watch"; stage: number }
  /** Begin to learn a kernel from the picture before and after the one that is looked at. */
  | { kind: "Learn"; size: number }
  /** Begin to learn a kernel from the picture and another one that some kernel made of it. */
  | { kind: "LearnFrom"; size: number; after: KernelsPhoto }
  /** How fast it learns. */
  | { kind: "Rate"; rate: number; momentum: number }
  /** Learn no more, and forget what was learned. */
  | { kind: "Forget" }
  /** A question: how is a pixel computed? */
  | { kind: "Look"; after: boolean; x: number; y: number }
  /** A question: what does the chain make of a camera's picture? */
  | { kind: "Filter"; photo: KernelsPhoto }
  /** A question: which kernels have the trained networks that are here? */
  | { kind: "Trained" }
  /** A question: which arrays of a safetensors file are kernels that can be laid over a picture? */
  | { kind: "Header"; json: Uint8Array; follow: number }
  /** A question: the kernels of one array of a file. */
  | { kind: "Array"; array: KernelsArray; bytes: Uint8Array };

export function writeKernelsCommand(to: Writer, value: KernelsCommand): void {
  switch (value.kind) {
    case "Take":
      to.u8(0);
      to.text(value.name);
      break;
    case "Upload":
      to.u8(1);
      writeKernelsPhoto(to, value.photo);
      break;
    case "Colour":
      to.u8(2);
      writeKernelsColour(to, value.colour);
      break;
    case "Show":
      to.u8(3);
      writeKernelsShown(to, value.shown);
      break;
    case "Between":
      to.u8(4);
      to.bool(value.exact);
      break;
    case "Named":
      to.u8(5);
      to.u32(value.stage);
      to.text(value.name);
      break;
    case "Put":
      to.u8(6);
      to.u32(value.stage);
      writeKernelsStage(to, value.kernel);
      break;
    case "Number":
      to.u8(7);
      to.u32(value.stage);
      to.u32(value.at);
      to.f64(value.value);
      break;
    case "Size":
      to.u8(8);
      to.u32(value.stage);
      to.u32(value.size);
      break;
    case "Add":
      to.u8(9);
      break;
    case "Remove":
      to.u8(10);
      to.u32(value.stage);
      break;
    case "Watch":
      to.u8(11);
      to.u32(value.stage);
      break;
    case "Learn":
      to.u8(12);
      to.u32(value.size);
      break;
    case "LearnFrom":
      to.u8(13);
      to.u32(value.size);
      writeKernelsPhoto(to, value.after);
      break;
    case "Rate":
      to.u8(14);
      to.f64(value.rate);
      to.f64(value.momentum);
      break;
    case "Forget":
      to.u8(15);
      break;
    case "Look":
      to.u8(16);
      to.bool(value.after);
      to.u32(value.x);
      to.u32(value.y);
      break;
    case "Filter":
      to.u8(17);
      writeKernelsPhoto(to, value.photo);
      break;
    case "Trained":
      to.u8(18);
      break;
    case "Header":
      to.u8(19);
      to.bytes(value.json);
      to.f64(value.follow);
      break;
    case "Array":
      to.u8(20);
      writeKernelsArray(to, value.array);
      to.bytes(value.bytes);
      break;
  }
}

export function readKernelsCommand(from: Reader): KernelsCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Take", name: from.text() };
    case 1:
      return { kind: "Upload", photo: readKernelsPhoto(from) };
    case 2:
      return { kind: "Colour", colour: readKernelsColour(from) };
    case 3:
      return { kind: "Show", shown: readKernelsShown(from) };
    case 4:
      return { kind: "Between", exact: from.bool() };
    case 5:
      return { kind: "Named", stage: from.u32(), name: from.text() };
    case 6:
      return { kind: "Put", stage: from.u32(), kernel: readKernelsStage(from) };
    case 7:
      return { kind: "Number", stage: from.u32(), at: from.u32(), value: from.f64() };
    case 8:
      return { kind: "Size", stage: from.u32(), size: from.u32() };
    case 9:
      return { kind: "Add" };
    case 10:
      return { kind: "Remove", stage: from.u32() };
    case 11:
      return { kind: "Watch", stage: from.u32() };
    case 12:
      return { kind: "Learn", size: from.u32() };
    case 13:
      return { kind: "LearnFrom", size: from.u32(), after: readKernelsPhoto(from) };
    case 14:
      return { kind: "Rate", rate: from.f64(), momentum: from.f64() };
    case 15:
      return { kind: "Forget" };
    case 16:
      return { kind: "Look", after: from.bool(), x: from.u32(), y: from.u32() };
    case 17:
      return { kind: "Filter", photo: readKernelsPhoto(from) };
    case 18:
      return { kind: "Trained" };
    case 19:
      return { kind: "Header", json: from.bytes(), follow: from.f64() };
    case 20:
      return { kind: "Array", array: readKernelsArray(from), bytes: from.bytes() };
    default:
      throw new Error(`KernelsCommand has no variant ${tag}`);
  }
}

/** A picture of the user's: red, green and blue bytes, row by row. */
export interface KernelsPhoto {
  /** Pixels of a row. */
  width: number;
  /** Rows. */
  height: number;
  /** 3·width·height. */
  rgb: Uint8Array;
}

export function writeKernelsPhoto(to: Writer, value: KernelsPhoto): void {
  to.u32(value.width);
  to.u32(value.height);
  to.bytes(value.rgb);
}

export function readKernelsPhoto(from: Reader): KernelsPhoto {
  return {
    width: from.u32(),
    height: from.u32(),
    rgb: from.bytes(),
  };
}

/** What becomes of colours. */
export type KernelsColour =
  /** The picture is made grey. */
  | { kind: "Grey" }
  /** Red, green and blue each go through the kernel. */
  | { kind: "Apart" }
  /** The first kernel has numbers for red, green and blue each and adds all up. */
  | { kind: "Mixed" };

export function writeKernelsColour(to: Writer, value: KernelsColour): void {
  switch (value.kind) {
    case "Grey":
      to.u8(0);
      break;
    case "Apart":
      to.u8(1);
      break;
    case "Mixed":
      to.u8(2);
      break;
  }
}

export function readKernelsColour(from: Reader): KernelsColour {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Grey" };
    case 1:
      return { kind: "Apart" };
    case 2:
      return { kind: "Mixed" };
    default:
      throw new Error(`KernelsColour has no variant ${tag}`);
  }
}

/** How sums become bytes. */
export type KernelsShown =
  /** Below 0 is black. */
  | { kind: "Cut" }
  /** Below 0 is as bright as above. */
  | { kind: "Absolute" }
  /** 0 is the middle grey, below is darker: 128 + sum / 2. */
  | { kind: "Middle" };

export function writeKernelsShown(to: Writer, value: KernelsShown): void {
  switch (value.kind) {
    case "Cut":
      to.u8(0);
      break;
    case "Absolute":
      to.u8(1);
      break;
    case "Middle":
      to.u8(2);
      break;
  }
}

export function readKernelsShown(from: Reader): KernelsShown {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Cut" };
    case 1:
      return { kind: "Absolute" };
    case 2:
      return { kind: "Middle" };
    default:
      throw new Error(`KernelsShown has no variant ${tag}`);
  }
}

/** A kernel of the chain. */
export interface KernelsStage {
  /** Its name, or `custom`. */
  name: string;
  /** Numbers of a row. */
  size: number;
  /** Its numbers, slice by slice, row by row. */
  values: Float64Array;
  /** Pixels from one window to the next. */
  stride: number;
  /** Pixels from one number to the next. */
  dilation: number;
  /** What lies around. */
  border: KernelsBorder;
}

export function writeKernelsStage(to: Writer, value: KernelsStage): void {
  to.text(value.name);
  to.u32(value.size);
  to.f64s(value.values);
  to.u32(value.stride);
  to.u32(value.dilation);
  writeKernelsBorder(to, value.border);
}

export function readKernelsStage(from: Reader): KernelsStage {
  return {
    name: from.text(),
    size: from.u32(),
    values: from.f64s(),
    stride: from.u32(),
    dilation: from.u32(),
    border: readKernelsBorder(from),
  };
}

/** What is taken for pixels beyond the picture's border. */
export type KernelsBorder =
  /** Nothing: sums that would need one are black. */
  | { kind: "Black" }
  /** Nothing: the result is smaller. */
  | { kind: "Valid" }
  /** 0. */
  | { kind: "Zero" }
  /** The picture mirrored. */
  | { kind: "Reflect" }
  /** The outermost pixel. */
  | { kind: "Replicate" }
  /** The picture again. */
  | { kind: "Circular" };

export function writeKernelsBorder(to: Writer, value: KernelsBorder): void {
  switch (value.kind) {
    case "Black":
      to.u8(0);
      break;
    case "Valid":
      to.u8(1);
      break;
    case "Zero":
      to.u8(2);
      break;
    case "Reflect":
      to.u8(3);
      break;
    case "Replicate":
      to.u8(4);
      break;
    case "Circular":
      to.u8(5);
      break;
  }
}

export function readKernelsBorder(from: Reader): KernelsBorder {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Black" };
    case 1:
      return { kind: "Valid" };
    case 2:
      return { kind: "Zero" };
    case 3:
      return { kind: "Reflect" };
    case 4:
      return { kind: "Replicate" };
    case 5:
      return { kind: "Circular" };
    default:
      throw new Error(`KernelsBorder has no variant ${tag}`);
  }
}

/** An array of a file. */
export interface KernelsArray {
  /** Its name. */
  name: string;
  /** Kernels, slices, rows, columns. */
  shape: Uint32Array;
  /** The type of its numbers. */
  kind: string;
  /** Where its bytes begin, counted from the end of the header. */
  begin: number;
  /** How many they are. */
  bytes: number;
}

export function writeKernelsArray(to: Writer, value: KernelsArray): void {
  to.text(value.name);
  to.u32s(value.shape);
  to.text(value.kind);
  to.f64(value.begin);
  to.u32(value.bytes);
}

export function readKernelsArray(from: Reader): KernelsArray {
  return {
    name: from.text(),
    shape: from.u32s(),
    kind: from.text(),
    begin: from.f64(),
    bytes: from.u32(),
  };
}

/** From the page. */
export type ConvolutionCommand =
  /** Take another layer: sizes change, numbers are drawn anew where they do. */
  | { kind: "Layer"; layer: ConvolutionLayer }
  /** Draw other numbers. */
  | { kind: "Draw"; seed: number }
  /** Change a number of the input. */
  | { kind: "Pixel"; at: number; value: number }
  /** Change a number of the kernels. */
  | { kind: "Weight"; at: number; value: number }
  /** Change a bias. */
  | { kind: "Bias"; at: number; value: number }
  /** The loss grows by 1 where any output does. */
  | { kind: "Ones" }
  /** The loss grows by 1 where one output does, and by that one alone. */
  | { kind: "One"; at: number }
  /** Ask a question of the lecture. */
  | { kind: "Ask"; question: number; seed: number }
  /** Answer the question. */
  | { kind: "Answer"; text: string }
  /** A question: how is an output computed? */
  | { kind: "Output"; at: number }
  /** A question: what does an input do? */
  | { kind: "Input"; at: number }
  /** A question: what does a weight do? */
  | { kind: "Slope"; at: number };

export function writeConvolutionCommand(to: Writer, value: ConvolutionCommand): void {
  switch (value.kind) {
    case "Layer":
      to.u8(0);
      writeConvolutionLayer(to, value.layer);
      break;
    case "Draw":
      to.u8(1);
      to.u32(value.seed);
      break;
    case "Pixel":
      to.u8(2);
      to.u32(value.at);
      to.f64(value.value);
      break;
    case "Weight":
      to.u8(3);
      to.u32(value.at);
      to.f64(value.value);
      break;
    case "Bias":
      to.u8(4);
      to.u32(value.at);
      to.f64(value.value);
      break;
    case "Ones":
      to.u8(5);
      break;
    case "One":
      to.u8(6);
      to.u32(value.at);
      break;
    case "Ask":
      to.u8(7);
      to.u32(value.question);
      to.u32(value.seed);
      break;
    case "Answer":
      to.u8(8);
      to.text(value.text);
      break;
    case "Output":
      to.u8(9);
      to.u32(value.at);
      break;
    case "Input":
      to.u8(10);
      to.u32(value.at);
      break;
    case "Slope":
      to.u8(11);
      to.u32(value.at);
      break;
  }
}

export function readConvolutionCommand(from: Reader): ConvolutionCommand {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Layer", layer: readConvolutionLayer(from) };
    case 1:
      return { kind: "Draw", seed: from.u32() };
    case 2:
      return { kind: "Pixel", at: from.u32(), value: from.f64() };
    case 3:
      return { kind: "Weight", at: from.u32(), value: from.f64() };
    case 4:
      return { kind: "Bias", at: from.u32(), value: from.f64() };
    case 5:
      return { kind: "Ones" };
    case 6:
      return { kind: "One", at: from.u32() };
    case 7:
      return { kind: "Ask", question: from.u32(), seed: from.u32() };
    case 8:
      return { kind: "Answer", text: from.text() };
    case 9:
      return { kind: "Output", at: from.u32() };
    case 10:
      return { kind: "Input", at: from.u32() };
    case 11:
      return { kind: "Slope", at: from.u32() };
    default:
      throw new Error(`ConvolutionCommand has no variant ${tag}`);
  }
}

/** A layer. */
export interface ConvolutionLayer {
  /** What it does. */
  op: ConvolutionOp;
  /** L: rows and columns of the input. */
  size: number;
  /** C: channels of the input. */
  channels: number;
  /** C′: kernels, and so channels of the output; those of the input where it is a pool. */
  kernels: number;
  /** K: rows and columns of the window. */
  window: number;
  /** S: from one window to the next. */
  stride: number;
  /** D: from one number of a kernel to the next; 1 where it is a pool. */
  dilation: number;
  /** What lies around. */
  padding: ConvolutionPadding;
  /** How many, where it is [`Explicit`](Padding::Explicit). */
  explicit: number;
  /** Whether a last window of a pool may reach past the end, as in Caffe. */
  ceil: boolean;
}

export function writeConvolutionLayer(to: Writer, value: ConvolutionLayer): void {
  writeConvolutionOp(to, value.op);
  to.u32(value.size);
  to.u32(value.channels);
  to.u32(value.kernels);
  to.u32(value.window);
  to.u32(value.stride);
  to.u32(value.dilation);
  writeConvolutionPadding(to, value.padding);
  to.u32(value.explicit);
  to.bool(value.ceil);
}

export function readConvolutionLayer(from: Reader): ConvolutionLayer {
  return {
    op: readConvolutionOp(from),
    size: from.u32(),
    channels: from.u32(),
    kernels: from.u32(),
    window: from.u32(),
    stride: from.u32(),
    dilation: from.u32(),
    padding: readConvolutionPadding(from),
    explicit: from.u32(),
    ceil: from.bool(),
  };
}

/** What the layer does with a window. */
export type ConvolutionOp =
  /** The sum of products with each kernel. */
  | { kind: "Convolution" }
  /** Its largest number. */
  | { kind: "Max" }
  /** Its mean. */
  | { kind: "Mean" };

export function writeConvolutionOp(to: Writer, value: ConvolutionOp): void {
  switch (value.kind) {
    case "Convolution":
      to.u8(0);
      break;
    case "Max":
      to.u8(1);
      break;
    case "Mean":
      to.u8(2);
      break;
  }
}

export function readConvolutionOp(from: Reader): ConvolutionOp {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Convolution" };
    case 1:
      return { kind: "Max" };
    case 2:
      return { kind: "Mean" };
    default:
      throw new Error(`ConvolutionOp has no variant ${tag}`);
  }
}

/** How much is put around the input. */
export type ConvolutionPadding =
  /** Nothing. */
  | { kind: "Valid" }
  /** So much that ⌈L / S⌉ outputs are there; an odd row or column goes below or right. */
  | { kind: "Same" }
  /** D·(K − 1) on every side: each window that touches the input. */
  | { kind: "Full" }
  /** D·(K − 1) above and left: no output sees what comes after it. */
  | { kind: "Causal" }
  /** So many on every side. */
  | { kind: "Explicit" };

export function writeConvolutionPadding(to: Writer, value: ConvolutionPadding): void {
  switch (value.kind) {
    case "Valid":
      to.u8(0);
      break;
    case "Same":
      to.u8(1);
      break;
    case "Full":
      to.u8(2);
      break;
    case "Causal":
      to.u8(3);
      break;
    case "Explicit":
      to.u8(4);
      break;
  }
}

export function readConvolutionPadding(from: Reader): ConvolutionPadding {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Valid" };
    case 1:
      return { kind: "Same" };
    case 2:
      return { kind: "Full" };
    case 3:
      return { kind: "Causal" };
    case 4:
      return { kind: "Explicit" };
    default:
      throw new Error(`ConvolutionPadding has no variant ${tag}`);
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
  | { kind: "Neuron"; value: NeuronEvent }
  /** Of the page of gradients' flow. */
  | { kind: "Flow"; value: FlowEvent }
  /** Of the page of digits. */
  | { kind: "Digits"; value: DigitsEvent }
  /** Of the Playground. */
  | { kind: "Playground"; value: PlaygroundEvent }
  /** Of the page of kernels. */
  | { kind: "Kernels"; value: KernelsEvent }
  /** Of the page of convolution. */
  | { kind: "Convolution"; value: ConvolutionEvent };

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
    case "Flow":
      to.u8(8);
      writeFlowEvent(to, value.value);
      break;
    case "Digits":
      to.u8(9);
      writeDigitsEvent(to, value.value);
      break;
    case "Playground":
      to.u8(10);
      writePlaygroundEvent(to, value.value);
      break;
    case "Kernels":
      to.u8(11);
      writeKernelsEvent(to, value.value);
      break;
    case "Convolution":
      to.u8(12);
      writeConvolutionEvent(to, value.value);
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
    case 8:
      return { kind: "Flow", value: readFlowEvent(from) };
    case 9:
      return { kind: "Digits", value: readDigitsEvent(from) };
    case 10:
      return { kind: "Playground", value: readPlaygroundEvent(from) };
    case 11:
      return { kind: "Kernels", value: readKernelsEvent(from) };
    case 12:
      return { kind: "Convolution", value: readConvolutionEvent(from) };
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
  /** The table that is learned, or `own`. */
  table: string;
  /** The points, to the right. */
  xs: Float64Array;
  /** The points, upwards. */
  ys: Float64Array;
  /** 1 where the answer wanted is 1. */
  ones: Uint8Array;
  /** w·x of each point by the weights as they are. */
  sums: Float64Array;
  /** What each point gives: 1 where that is not below 0. */
  answers: Uint8Array;
  /** Whether there is a constant input. */
  bias: boolean;
  /** The rate. */
  rate: number;
  /** Weights of x₁ and x₂ and the bias. */
  weights: Float64Array;
  /** Samples seen. */
  step: number;
  /** Mistakes made. */
  mistakes: number;
  /** Mistakes of each of the last epochs that have ended. */
  errors: Uint32Array;
  /** Epochs that ended before those. */
  earlier: number;
  /** The sample that comes next, counted from 0. */
  next: number;
  /** What the last sample did. */
  update: (NeuronUpdate | null);
  /** Where learning is. */
  state: NeuronState;
  /** Weights after each sample, over and over: three numbers each. */
  cycle: Float64Array;
  /** Whether a line can tell the points apart. */
  apart: NeuronApart;
  /** Whether learning began with zero weights and one rate, as the bound wants. */
  fresh: boolean;
  /** What is seen, in words. */
  words: string;
  /** The activation that is looked at. */
  activation: NeuronActivation;
}

export function writeNeuronPicture(to: Writer, value: NeuronPicture): void {
  to.text(value.table);
  to.f64s(value.xs);
  to.f64s(value.ys);
  to.bytes(value.ones);
  to.f64s(value.sums);
  to.bytes(value.answers);
  to.bool(value.bias);
  to.f64(value.rate);
  to.f64s(value.weights);
  to.u32(value.step);
  to.u32(value.mistakes);
  to.u32s(value.errors);
  to.u32(value.earlier);
  to.u32(value.next);
  to.maybe(value.update, (item) => writeNeuronUpdate(to, item));
  writeNeuronState(to, value.state);
  to.f64s(value.cycle);
  writeNeuronApart(to, value.apart);
  to.bool(value.fresh);
  to.text(value.words);
  writeNeuronActivation(to, value.activation);
}

export function readNeuronPicture(from: Reader): NeuronPicture {
  return {
    table: from.text(),
    xs: from.f64s(),
    ys: from.f64s(),
    ones: from.bytes(),
    sums: from.f64s(),
    answers: from.bytes(),
    bias: from.bool(),
    rate: from.f64(),
    weights: from.f64s(),
    step: from.u32(),
    mistakes: from.u32(),
    errors: from.u32s(),
    earlier: from.u32(),
    next: from.u32(),
    update: from.maybe(() => readNeuronUpdate(from)),
    state: readNeuronState(from),
    cycle: from.f64s(),
    apart: readNeuronApart(from),
    fresh: from.bool(),
    words: from.text(),
    activation: readNeuronActivation(from),
  };
}

/** What a sample did. */
export interface NeuronUpdate {
  /** Which, counted from 0. */
  index: number;
  /** The inputs: x₁, x₂ and the constant, which is 0 without a bias. */
  input: Float64Array;
  /** The answer wanted, y. */
  target: number;
  /** w·x. */
  sum: number;
  /** The answer given, ŷ. */
  answer: number;
  /** The rate, α. */
  rate: number;
  /** The weights before. */
  before: Float64Array;
  /** −α(ŷ−y)x. */
  change: Float64Array;
  /** The weights after. */
  after: Float64Array;
}

export function writeNeuronUpdate(to: Writer, value: NeuronUpdate): void {
  to.u32(value.index);
  to.f64s(value.input);
  to.u8(value.target);
  to.f64(value.sum);
  to.u8(value.answer);
  to.f64(value.rate);
  to.f64s(value.before);
  to.f64s(value.change);
  to.f64s(value.after);
}

export function readNeuronUpdate(from: Reader): NeuronUpdate {
  return {
    index: from.u32(),
    input: from.f64s(),
    target: from.u8(),
    sum: from.f64(),
    answer: from.u8(),
    rate: from.f64(),
    before: from.f64s(),
    change: from.f64s(),
    after: from.f64s(),
  };
}

/** Where learning is. */
export type NeuronState =
  /** There is no point to learn. */
  | { kind: "Empty" }
  /** Mistakes are still made. */
  | { kind: "Learning" }
  /** An epoch passed without a mistake. */
  | { kind: "Learned" }
  /** The weights come back for ever. */
  | { kind: "Cycling" }
  /** A million samples were seen, and that is enough. */
  | { kind: "Weary" };

export function writeNeuronState(to: Writer, value: NeuronState): void {
  switch (value.kind) {
    case "Empty":
      to.u8(0);
      break;
    case "Learning":
      to.u8(1);
      break;
    case "Learned":
      to.u8(2);
      break;
    case "Cycling":
      to.u8(3);
      break;
    case "Weary":
      to.u8(4);
      break;
  }
}

export function readNeuronState(from: Reader): NeuronState {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Empty" };
    case 1:
      return { kind: "Learning" };
    case 2:
      return { kind: "Learned" };
    case 3:
      return { kind: "Cycling" };
    case 4:
      return { kind: "Weary" };
    default:
      throw new Error(`NeuronState has no variant ${tag}`);
  }
}

/** Whether a line can tell the points apart, and why. */
export interface NeuronApart {
  /** It can. */
  can: boolean;
  /** The length of the longest input, R. */
  radius: number;
  /** The largest distance γ that a plane through the origin keeps from all inputs; 0 if there is none. */
  margin: number;
  /** (R/γ)², the most mistakes from zero weights. */
  bound: (number | null);
  /** The weights of length 1 with that distance. */
  widest: Float64Array;
  /** The points that contradict each other. */
  against: Uint32Array;
  /** How often each counts. */
  times: Float64Array;
  /** What each of them demands. */
  demands: Array<string>;
  /** Why, in words. */
  why: string;
}

export function writeNeuronApart(to: Writer, value: NeuronApart): void {
  to.bool(value.can);
  to.f64(value.radius);
  to.f64(value.margin);
  to.maybe(value.bound, (item) => to.f64(item));
  to.f64s(value.widest);
  to.u32s(value.against);
  to.f64s(value.times);
  to.list(value.demands, (item) => to.text(item));
  to.text(value.why);
}

export function readNeuronApart(from: Reader): NeuronApart {
  return {
    can: from.bool(),
    radius: from.f64(),
    margin: from.f64(),
    bound: from.maybe(() => from.f64()),
    widest: from.f64s(),
    against: from.u32s(),
    times: from.f64s(),
    demands: from.list(() => from.text()),
    why: from.text(),
  };
}

/** An activation, its slope, and what of a gradient passes through layers of it. */
export interface NeuronActivation {
  /** All that there are, by name. */
  names: Array<string>;
  /** The one that is looked at. */
  name: string;
  /** Its formula. */
  formula: string;
  /** Where it is drawn. */
  xs: Float32Array;
  /** f there. */
  values: Float32Array;
  /** f′ there. */
  slopes: Float32Array;
  /** Where it is looked at. */
  x: number;
  /** f(x). */
  value: number;
  /** f′(x). */
  slope: number;
  /** The steepest it is. */
  steepest: number;
  /** Layers. */
  layers: number;
  /** steepestⁿ: the most that passes through 1, 2, … layers where each weight is 1. */
  most: Float64Array;
  /** f′(x)ⁿ: what passes if every unit works at x. */
  here: Float64Array;
  /** What passes through units in a row, each fed by the one before: f′(x)·f′(f(x))·… */
  along: Float64Array;
  /** What that means, in words. */
  words: string;
}

export function writeNeuronActivation(to: Writer, value: NeuronActivation): void {
  to.list(value.names, (item) => to.text(item));
  to.text(value.name);
  to.text(value.formula);
  to.f32s(value.xs);
  to.f32s(value.values);
  to.f32s(value.slopes);
  to.f64(value.x);
  to.f64(value.value);
  to.f64(value.slope);
  to.f64(value.steepest);
  to.u32(value.layers);
  to.f64s(value.most);
  to.f64s(value.here);
  to.f64s(value.along);
  to.text(value.words);
}

export function readNeuronActivation(from: Reader): NeuronActivation {
  return {
    names: from.list(() => from.text()),
    name: from.text(),
    formula: from.text(),
    xs: from.f32s(),
    values: from.f32s(),
    slopes: from.f32s(),
    x: from.f64(),
    value: from.f64(),
    slope: from.f64(),
    steepest: from.f64(),
    layers: from.u32(),
    most: from.f64s(),
    here: from.f64s(),
    along: from.f64s(),
    words: from.text(),
  };
}

/** To the page. */
export type FlowEvent =
  /** The newest state. */
  | { kind: "Picture"; value: FlowPicture };

export function writeFlowEvent(to: Writer, value: FlowEvent): void {
  switch (value.kind) {
    case "Picture":
      to.u8(0);
      writeFlowPicture(to, value.value);
      break;
  }
}

export function readFlowEvent(from: Reader): FlowEvent {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Picture", value: readFlowPicture(from) };
    default:
      throw new Error(`FlowEvent has no variant ${tag}`);
  }
}

/** What is drawn. */
export interface FlowPicture {
  /** The first run's settings. */
  settings: FlowSettings;
  /** One run, or two that are compared. */
  runs: Array<FlowRun>;
  /** What was measured of twenty networks. */
  measured: (FlowMeasured | null);
}

export function writeFlowPicture(to: Writer, value: FlowPicture): void {
  writeFlowSettings(to, value.settings);
  to.list(value.runs, (item) => writeFlowRun(to, item));
  to.maybe(value.measured, (item) => writeFlowMeasured(to, item));
}

export function readFlowPicture(from: Reader): FlowPicture {
  return {
    settings: readFlowSettings(from),
    runs: from.list(() => readFlowRun(from)),
    measured: from.maybe(() => readFlowMeasured(from)),
  };
}

/** Settings of a run. */
export interface FlowSettings {
  /** The data: digits, or a set of points in the plane. */
  data: string;
  /** Hidden layers. */
  depth: number;
  /** Units of each. */
  width: number;
  /** The activation. */
  activation: string;
  /** How weights start. */
  init: string;
  /** Whether batch norm comes before each activation. */
  norm: boolean;
  /** Whether each hidden layer but the first adds to what it was given. */
  residual: boolean;
  /** The optimiser. */
  optimizer: string;
  /** Its rate. */
  rate: number;
  /** The largest norm that all gradients together may have; 0 for any. */
  clip: number;
  /** Samples of a step. */
  batch: number;
  /** What weights and order are drawn from. */
  seed: number;
}

export function writeFlowSettings(to: Writer, value: FlowSettings): void {
  to.text(value.data);
  to.u32(value.depth);
  to.u32(value.width);
  to.text(value.activation);
  to.text(value.init);
  to.bool(value.norm);
  to.bool(value.residual);
  to.text(value.optimizer);
  to.f64(value.rate);
  to.f64(value.clip);
  to.u32(value.batch);
  to.u32(value.seed);
}

export function readFlowSettings(from: Reader): FlowSettings {
  return {
    data: from.text(),
    depth: from.u32(),
    width: from.u32(),
    activation: from.text(),
    init: from.text(),
    norm: from.bool(),
    residual: from.bool(),
    optimizer: from.text(),
    rate: from.f64(),
    clip: from.f64(),
    batch: from.u32(),
    seed: from.u32(),
  };
}

/** A run as it is now. */
export interface FlowRun {
  /** What of its settings differs from the first run's, in words. */
  label: string;
  /** Steps taken. */
  step: number;
  /** The loss of the last step. */
  loss: number;
  /** The part answered rightly in the last twenty batches, each before it was learned from. */
  accuracy: number;
  /** Means of the losses so far, so many steps each. */
  losses: Float32Array;
  /** How many steps. */
  stride: number;
  /** Norms of the gradients of each layer's weights, the output's last. */
  gradients: Float64Array;
  /** Norms of the gradients of what goes into each hidden layer's activation. */
  signals: Float64Array;
  /** Root mean squares of what each hidden layer gives. */
  activations: Float64Array;
  /** How much the step moved each layer's weights, as a part of their norm. */
  ratios: Float64Array;
  /** The part of each hidden layer's units that are dead (zero on each of the last batches) or, of functions that level off, of outputs at a level. */
  idle: Float64Array;
  /** Whether the loss is no longer a number: the run has ended. */
  lost: boolean;
  /** What ails it. */
  remarks: Array<FlowRemark>;
}

export function writeFlowRun(to: Writer, value: FlowRun): void {
  to.text(value.label);
  to.u32(value.step);
  to.f64(value.loss);
  to.f64(value.accuracy);
  to.f32s(value.losses);
  to.u32(value.stride);
  to.f64s(value.gradients);
  to.f64s(value.signals);
  to.f64s(value.activations);
  to.f64s(value.ratios);
  to.f64s(value.idle);
  to.bool(value.lost);
  to.list(value.remarks, (item) => writeFlowRemark(to, item));
}

export function readFlowRun(from: Reader): FlowRun {
  return {
    label: from.text(),
    step: from.u32(),
    loss: from.f64(),
    accuracy: from.f64(),
    losses: from.f32s(),
    stride: from.u32(),
    gradients: from.f64s(),
    signals: from.f64s(),
    activations: from.f64s(),
    ratios: from.f64s(),
    idle: from.f64s(),
    lost: from.bool(),
    remarks: from.list(() => readFlowRemark(from)),
  };
}

/** What ails a run, and what may help. */
export interface FlowRemark {
  /** Its name: vanishing, exploding, dead-units, saturated, rate-too-high, rate-too-low, symmetric, lost or fine. */
  ailment: string;
  /** What was seen, and what may help. */
  text: string;
  /** Cures, the likeliest first. */
  cures: Array<FlowCure>;
}

export function writeFlowRemark(to: Writer, value: FlowRemark): void {
  to.text(value.ailment);
  to.text(value.text);
  to.list(value.cures, (item) => writeFlowCure(to, item));
}

export function readFlowRemark(from: Reader): FlowRemark {
  return {
    ailment: from.text(),
    text: from.text(),
    cures: from.list(() => readFlowCure(from)),
  };
}

/** A change of settings that may help. */
export interface FlowCure {
  /** In words. */
  label: string;
  /** As an address holds settings. */
  change: string;
}

export function writeFlowCure(to: Writer, value: FlowCure): void {
  to.text(value.label);
  to.text(value.change);
}

export function readFlowCure(from: Reader): FlowCure {
  return {
    label: from.text(),
    change: from.text(),
  };
}

/** How gradients flow in networks before any step. */
export interface FlowMeasured {
  /** How many networks. */
  networks: number;
  /** What was measured, in words. */
  about: string;
  /** The gradient's norm before the first activation over that before the last, mean of the networks. */
  ratio: number;
  /** The same for each hidden layer. */
  ratios: Float64Array;
}

export function writeFlowMeasured(to: Writer, value: FlowMeasured): void {
  to.u32(value.networks);
  to.text(value.about);
  to.f64(value.ratio);
  to.f64s(value.ratios);
}

export function readFlowMeasured(from: Reader): FlowMeasured {
  return {
    networks: from.u32(),
    about: from.text(),
    ratio: from.f64(),
    ratios: from.f64s(),
  };
}

/** To the page. */
export type DigitsEvent =
  /** The newest state. */
  | { kind: "Picture"; value: DigitsPicture }
  /** What is wrong with a text; nothing where `what` is empty. */
  | { kind: "Checked"; line: number; column: number; what: string; summary: string }
  /** The network as ConvNetJS's JSON. */
  | { kind: "Saved"; json: string }
  /** What a drawing is. */
  | { kind: "Predicted"; pixels: Uint8Array; probabilities: Float32Array }
  /** Nothing is drawn. */
  | { kind: "Empty" }
  /** The pictures of a cell of the confusion matrix. */
  | { kind: "Cell"; digit: number; guess: number; tests: Uint32Array; pixels: Uint8Array }
  /** A picture changed. */
  | { kind: "Attacked"; pixels: Uint8Array; change: Float32Array; before: Float32Array; after: Float32Array; steps: number }
  /** A program that builds and trains the network. */
  | { kind: "Exported"; rust: string };

export function writeDigitsEvent(to: Writer, value: DigitsEvent): void {
  switch (value.kind) {
    case "Picture":
      to.u8(0);
      writeDigitsPicture(to, value.value);
      break;
    case "Checked":
      to.u8(1);
      to.u32(value.line);
      to.u32(value.column);
      to.text(value.what);
      to.text(value.summary);
      break;
    case "Saved":
      to.u8(2);
      to.text(value.json);
      break;
    case "Predicted":
      to.u8(3);
      to.bytes(value.pixels);
      to.f32s(value.probabilities);
      break;
    case "Empty":
      to.u8(4);
      break;
    case "Cell":
      to.u8(5);
      to.u8(value.digit);
      to.u8(value.guess);
      to.u32s(value.tests);
      to.bytes(value.pixels);
      break;
    case "Attacked":
      to.u8(6);
      to.bytes(value.pixels);
      to.f32s(value.change);
      to.f32s(value.before);
      to.f32s(value.after);
      to.u32(value.steps);
      break;
    case "Exported":
      to.u8(7);
      to.text(value.rust);
      break;
  }
}

export function readDigitsEvent(from: Reader): DigitsEvent {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Picture", value: readDigitsPicture(from) };
    case 1:
      return { kind: "Checked", line: from.u32(), column: from.u32(), what: from.text(), summary: from.text() };
    case 2:
      return { kind: "Saved", json: from.text() };
    case 3:
      return { kind: "Predicted", pixels: from.bytes(), probabilities: from.f32s() };
    case 4:
      return { kind: "Empty" };
    case 5:
      return { kind: "Cell", digit: from.u8(), guess: from.u8(), tests: from.u32s(), pixels: from.bytes() };
    case 6:
      return { kind: "Attacked", pixels: from.bytes(), change: from.f32s(), before: from.f32s(), after: from.f32s(), steps: from.u32() };
    case 7:
      return { kind: "Exported", rust: from.text() };
    default:
      throw new Error(`DigitsEvent has no variant ${tag}`);
  }
}

/** What is drawn. */
export interface DigitsPicture {
  /** Updates made. */
  step: number;
  /** Pictures seen, those of the validation too. */
  examples: number;
  /** How it learns. */
  options: DigitsOptions;
  /** The network's text. */
  network: string;
  /** Numbers that are learned. */
  parameters: number;
  /** Mean of −ln of the right digit's probability, over the last 100 pictures. */
  loss: (number | null);
  /** What the decay adds. */
  decayLoss: (number | null);
  /** Right answers of the last 100 pictures that were learned from. */
  trainAccuracy: (number | null);
  /** Right answers of the last 100 pictures that were held back. */
  validationAccuracy: (number | null);
  /** Right answers of the last 200 tests. */
  testAccuracy: (number | null);
  /** Curves. */
  curves: DigitsCurves;
  /** The last tests, the newest first. */
  tests: Array<DigitsTested>;
  /** How often digit `i / 10` was taken for `i % 10`, by the last test of each picture. */
  confusion: Uint32Array;
  /** What is looked at: 28 × 28 pixels. */
  shown: Uint8Array;
  /** What it is. */
  shownLabel: number;
  /** Probabilities of what is looked at. */
  shownProbabilities: Float32Array;
  /** Layer by layer, of its middle 24 × 24 pixels. */
  layers: Array<DigitsLayer>;
}

export function writeDigitsPicture(to: Writer, value: DigitsPicture): void {
  to.u32(value.step);
  to.u32(value.examples);
  writeDigitsOptions(to, value.options);
  to.text(value.network);
  to.u32(value.parameters);
  to.maybe(value.loss, (item) => to.f32(item));
  to.maybe(value.decayLoss, (item) => to.f32(item));
  to.maybe(value.trainAccuracy, (item) => to.f32(item));
  to.maybe(value.validationAccuracy, (item) => to.f32(item));
  to.maybe(value.testAccuracy, (item) => to.f32(item));
  writeDigitsCurves(to, value.curves);
  to.list(value.tests, (item) => writeDigitsTested(to, item));
  to.u32s(value.confusion);
  to.bytes(value.shown);
  to.u8(value.shownLabel);
  to.f32s(value.shownProbabilities);
  to.list(value.layers, (item) => writeDigitsLayer(to, item));
}

export function readDigitsPicture(from: Reader): DigitsPicture {
  return {
    step: from.u32(),
    examples: from.u32(),
    options: readDigitsOptions(from),
    network: from.text(),
    parameters: from.u32(),
    loss: from.maybe(() => from.f32()),
    decayLoss: from.maybe(() => from.f32()),
    trainAccuracy: from.maybe(() => from.f32()),
    validationAccuracy: from.maybe(() => from.f32()),
    testAccuracy: from.maybe(() => from.f32()),
    curves: readDigitsCurves(from),
    tests: from.list(() => readDigitsTested(from)),
    confusion: from.u32s(),
    shown: from.bytes(),
    shownLabel: from.u8(),
    shownProbabilities: from.f32s(),
    layers: from.list(() => readDigitsLayer(from)),
  };
}

/** Means over time. */
export interface DigitsCurves {
  /** Pictures seen. */
  examples: Float32Array;
  /** Losses. */
  losses: Float32Array;
  /** Accuracies of training. */
  train: Float32Array;
  /** Accuracies of validation. */
  validation: Float32Array;
}

export function writeDigitsCurves(to: Writer, value: DigitsCurves): void {
  to.f32s(value.examples);
  to.f32s(value.losses);
  to.f32s(value.train);
  to.f32s(value.validation);
}

export function readDigitsCurves(from: Reader): DigitsCurves {
  return {
    examples: from.f32s(),
    losses: from.f32s(),
    train: from.f32s(),
    validation: from.f32s(),
  };
}

/** A picture of the test and what it was taken for. */
export interface DigitsTested {
  /** From 0 to 999. */
  test: number;
  /** What it is. */
  label: number;
  /** 28 × 28. */
  pixels: Uint8Array;
  /** Of each digit. */
  probabilities: Float32Array;
}

export function writeDigitsTested(to: Writer, value: DigitsTested): void {
  to.u32(value.test);
  to.u8(value.label);
  to.bytes(value.pixels);
  to.f32s(value.probabilities);
}

export function readDigitsTested(from: Reader): DigitsTested {
  return {
    test: from.u32(),
    label: from.u8(),
    pixels: from.bytes(),
    probabilities: from.f32s(),
  };
}

/** A layer and what goes through it. */
export interface DigitsLayer {
  /** ConvNetJS's name. */
  name: string;
  /** "24x24x8". */
  size: string;
  /** Filters or windows, and stride: "5x5x1, stride 1"; empty where there are none. */
  windows: string;
  /** "8x5x5x1+8 = 208"; empty where nothing is learned. */
  parameters: string;
  /** Channels. */
  channels: number;
  /** Columns of a channel. */
  columns: number;
  /** What comes out, channel by channel. */
  values: DigitsField;
  /** The loss's gradient there; none of the softmax. */
  gradients: DigitsField;
  /** Pixels along a side of a filter, 0 where there are none. */
  filterSide: number;
  /** Filters, each plane by plane. */
  weights: DigitsField;
  /** Their gradients, of the shown picture alone. */
  weightGradients: DigitsField;
}

export function writeDigitsLayer(to: Writer, value: DigitsLayer): void {
  to.text(value.name);
  to.text(value.size);
  to.text(value.windows);
  to.text(value.parameters);
  to.u32(value.channels);
  to.u32(value.columns);
  writeDigitsField(to, value.values);
  writeDigitsField(to, value.gradients);
  to.u32(value.filterSide);
  writeDigitsField(to, value.weights);
  writeDigitsField(to, value.weightGradients);
}

export function readDigitsLayer(from: Reader): DigitsLayer {
  return {
    name: from.text(),
    size: from.text(),
    windows: from.text(),
    parameters: from.text(),
    channels: from.u32(),
    columns: from.u32(),
    values: readDigitsField(from),
    gradients: readDigitsField(from),
    filterSide: from.u32(),
    weights: readDigitsField(from),
    weightGradients: readDigitsField(from),
  };
}

/** Numbers and the least and the largest of them. */
export interface DigitsField {
  /** Numbers. */
  values: Float32Array;
  /** The least. */
  least: number;
  /** The largest. */
  largest: number;
}

export function writeDigitsField(to: Writer, value: DigitsField): void {
  to.f32s(value.values);
  to.f32(value.least);
  to.f32(value.largest);
}

export function readDigitsField(from: Reader): DigitsField {
  return {
    values: from.f32s(),
    least: from.f32(),
    largest: from.f32(),
  };
}

/** To the page. */
export type PlaygroundEvent =
  /** The newest state. */
  | { kind: "Picture"; value: PlaygroundPicture }
  /** What every unit computes at a place. */
  | { kind: "Probed"; value: PlaygroundProbed }
  /** Small pictures of the data sets. */
  | { kind: "Thumbnails"; value: Array<PlaygroundThumbnail> }
  /** A file. */
  | { kind: "Exported"; format: PlaygroundFormat; name: string; bytes: Uint8Array; remarks: Array<string> };

export function writePlaygroundEvent(to: Writer, value: PlaygroundEvent): void {
  switch (value.kind) {
    case "Picture":
      to.u8(0);
      writePlaygroundPicture(to, value.value);
      break;
    case "Probed":
      to.u8(1);
      writePlaygroundProbed(to, value.value);
      break;
    case "Thumbnails":
      to.u8(2);
      to.list(value.value, (item) => writePlaygroundThumbnail(to, item));
      break;
    case "Exported":
      to.u8(3);
      writePlaygroundFormat(to, value.format);
      to.text(value.name);
      to.bytes(value.bytes);
      to.list(value.remarks, (item) => to.text(item));
      break;
  }
}

export function readPlaygroundEvent(from: Reader): PlaygroundEvent {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Picture", value: readPlaygroundPicture(from) };
    case 1:
      return { kind: "Probed", value: readPlaygroundProbed(from) };
    case 2:
      return { kind: "Thumbnails", value: from.list(() => readPlaygroundThumbnail(from)) };
    case 3:
      return { kind: "Exported", format: readPlaygroundFormat(from), name: from.text(), bytes: from.bytes(), remarks: from.list(() => from.text()) };
    default:
      throw new Error(`PlaygroundEvent has no variant ${tag}`);
  }
}

/** What is drawn. */
export interface PlaygroundPicture {
  /** Epochs learned. */
  epoch: number;
  /** The first epoch to which one can travel. */
  oldest: number;
  /** The last one. */
  newest: number;
  /** One run, or two. */
  runs: Array<PlaygroundRun>;
}

export function writePlaygroundPicture(to: Writer, value: PlaygroundPicture): void {
  to.u32(value.epoch);
  to.u32(value.oldest);
  to.u32(value.newest);
  to.list(value.runs, (item) => writePlaygroundRun(to, item));
}

export function readPlaygroundPicture(from: Reader): PlaygroundPicture {
  return {
    epoch: from.u32(),
    oldest: from.u32(),
    newest: from.u32(),
    runs: from.list(() => readPlaygroundRun(from)),
  };
}

/** A run. */
export interface PlaygroundRun {
  /** All its settings, as an address holds them. */
  settings: string;
  /** Whether the settings and the epoch alone lead here: nothing was edited or changed on the way. */
  isReproducible: boolean;
  /** The rate of the next step, as the schedule has it. */
  learningRate: number;
  /** Mean loss over the training points. */
  trainLoss: number;
  /** Mean loss over the test points; NaN without any. */
  testLoss: number;
  /** What part of the training points is classified rightly; NaN for regression. */
  trainAccuracy: number;
  /** What part of the test points is. */
  testAccuracy: number;
  /** The losses so far. */
  curve: PlaygroundCurve;
  /** The samples, mixed; those of the test part last. */
  points: PlaygroundPoints;
  /** Which of the seven features are used, in the order of `x, y, xSquared, ySquared, xTimesY, sinX, sinY`: 0 or 1. */
  features: Uint8Array;
  /** The layers that have weights; the last gives the outputs. */
  layers: Array<PlaygroundLayer>;
  /** Maps of all seven features, then of every unit, column by column, from above; each a square of `unit_side`, rows from above. A level is 0 for −1 or less, 127 just below 0, 128 at 0, 254 for 1 or more, 255 where it is no number. */
  maps: Uint8Array;
  /** The large map, likewise; for more than two classes, if none is chosen: 32 × the class + how sure, 0 to 31. */
  output: Uint8Array;
  /** Linear regions and lines, if they are wanted. */
  regions: (PlaygroundRegions | null);
  /** The plane as a layer sees it, if it is wanted. */
  warp: (PlaygroundWarp | null);
}

export function writePlaygroundRun(to: Writer, value: PlaygroundRun): void {
  to.text(value.settings);
  to.bool(value.isReproducible);
  to.f64(value.learningRate);
  to.f64(value.trainLoss);
  to.f64(value.testLoss);
  to.f64(value.trainAccuracy);
  to.f64(value.testAccuracy);
  writePlaygroundCurve(to, value.curve);
  writePlaygroundPoints(to, value.points);
  to.bytes(value.features);
  to.list(value.layers, (item) => writePlaygroundLayer(to, item));
  to.bytes(value.maps);
  to.bytes(value.output);
  to.maybe(value.regions, (item) => writePlaygroundRegions(to, item));
  to.maybe(value.warp, (item) => writePlaygroundWarp(to, item));
}

export function readPlaygroundRun(from: Reader): PlaygroundRun {
  return {
    settings: from.text(),
    isReproducible: from.bool(),
    learningRate: from.f64(),
    trainLoss: from.f64(),
    testLoss: from.f64(),
    trainAccuracy: from.f64(),
    testAccuracy: from.f64(),
    curve: readPlaygroundCurve(from),
    points: readPlaygroundPoints(from),
    features: from.bytes(),
    layers: from.list(() => readPlaygroundLayer(from)),
    maps: from.bytes(),
    output: from.bytes(),
    regions: from.maybe(() => readPlaygroundRegions(from)),
    warp: from.maybe(() => readPlaygroundWarp(from)),
  };
}

/** Losses over the epochs, thinned as they grow. */
export interface PlaygroundCurve {
  /** When. */
  epochs: Uint32Array;
  /** Of the training points. */
  train: Float32Array;
  /** Of the test points. */
  test: Float32Array;
}

export function writePlaygroundCurve(to: Writer, value: PlaygroundCurve): void {
  to.u32s(value.epochs);
  to.f32s(value.train);
  to.f32s(value.test);
}

export function readPlaygroundCurve(from: Reader): PlaygroundCurve {
  return {
    epochs: from.u32s(),
    train: from.f32s(),
    test: from.f32s(),
  };
}

/** Samples, one list per coordinate. */
export interface PlaygroundPoints {
  /** To the right. */
  x: Float32Array;
  /** Up. */
  y: Float32Array;
  /** −1 or 1 for two classes, 0, 1, 2… for more; any number for regression. */
  label: Float32Array;
  /** How many are learned from: the first ones. */
  train: number;
}

export function writePlaygroundPoints(to: Writer, value: PlaygroundPoints): void {
  to.f32s(value.x);
  to.f32s(value.y);
  to.f32s(value.label);
  to.u32(value.train);
}

export function readPlaygroundPoints(from: Reader): PlaygroundPoints {
  return {
    x: from.f32s(),
    y: from.f32s(),
    label: from.f32s(),
    train: from.u32(),
  };
}

/** A layer's numbers. */
export interface PlaygroundLayer {
  /** Units. */
  units: number;
  /** Inputs of each. */
  inputs: number;
  /** Weights, unit by unit. */
  weights: Float64Array;
  /** Biases. */
  biases: Float64Array;
  /** Which links are dead, unit by unit: 0 or 1. */
  deadLinks: Uint8Array;
  /** Which units give nothing for any training point (ReLU): 0 or 1. */
  deadUnits: Uint8Array;
  /** Mean gradients of the last update, unit by unit. */
  weightGradients: Float32Array;
  /** Those of the biases. */
  biasGradients: Float32Array;
  /** Length of the layer's gradient. */
  gradientNorm: number;
}

export function writePlaygroundLayer(to: Writer, value: PlaygroundLayer): void {
  to.u8(value.units);
  to.u8(value.inputs);
  to.f64s(value.weights);
  to.f64s(value.biases);
  to.bytes(value.deadLinks);
  to.bytes(value.deadUnits);
  to.f32s(value.weightGradients);
  to.f32s(value.biasGradients);
  to.f64(value.gradientNorm);
}

export function readPlaygroundLayer(from: Reader): PlaygroundLayer {
  return {
    units: from.u8(),
    inputs: from.u8(),
    weights: from.f64s(),
    biases: from.f64s(),
    deadLinks: from.bytes(),
    deadUnits: from.bytes(),
    weightGradients: from.f32s(),
    biasGradients: from.f32s(),
    gradientNorm: from.f64(),
  };
}

/** Where the network is linear, and the lines between. */
export interface PlaygroundRegions {
  /** Whether they are exact: the activation is piecewise linear, the features are X₁ and X₂. Else there are no regions, and lines are where a unit's sum is zero, found on a grid. */
  isExact: boolean;
  /** How many regions are in the square. */
  count: number;
  /** Whether there are more, too many to be drawn. */
  isCutOff: boolean;
  /** The most that so many units in such layers can make. */
  bound: number;
  /** Corners of all regions, x and y by turns. */
  corners: Float32Array;
  /** How many corners each region has. */
  sizes: Uint16Array;
  /** What the output is in the middle of each region. */
  values: Float32Array;
  /** Lines: x and y of the beginning and of the end. */
  lines: Float32Array;
  /** Whose they are: the layer. */
  lineLayers: Uint8Array;
  /** Whose they are: the unit. */
  lineUnits: Uint8Array;
}

export function writePlaygroundRegions(to: Writer, value: PlaygroundRegions): void {
  to.bool(value.isExact);
  to.u32(value.count);
  to.bool(value.isCutOff);
  to.f64(value.bound);
  to.f32s(value.corners);
  to.u16s(value.sizes);
  to.f32s(value.values);
  to.f32s(value.lines);
  to.bytes(value.lineLayers);
  to.bytes(value.lineUnits);
}

export function readPlaygroundRegions(from: Reader): PlaygroundRegions {
  return {
    isExact: from.bool(),
    count: from.u32(),
    isCutOff: from.bool(),
    bound: from.f64(),
    corners: from.f32s(),
    sizes: from.u16s(),
    values: from.f32s(),
    lines: from.f32s(),
    lineLayers: from.bytes(),
    lineUnits: from.bytes(),
  };
}

/** The plane as a layer sees it. */
export interface PlaygroundWarp {
  /** The column: 1 is the first layer. */
  column: number;
  /** Nodes of the grid across. */
  side: number;
  /** Where the nodes lie, row by row from above, x and y by turns. */
  nodes: Float32Array;
  /** Where the samples lie, in their order. */
  points: Float32Array;
  /** What part of the layer's variance the plane shows: 1 for two units; for more units it is the plane of the two principal axes. */
  shown: number;
}

export function writePlaygroundWarp(to: Writer, value: PlaygroundWarp): void {
  to.u8(value.column);
  to.u32(value.side);
  to.f32s(value.nodes);
  to.f32s(value.points);
  to.f64(value.shown);
}

export function readPlaygroundWarp(from: Reader): PlaygroundWarp {
  return {
    column: from.u8(),
    side: from.u32(),
    nodes: from.f32s(),
    points: from.f32s(),
    shown: from.f64(),
  };
}

/** What every unit computes at a place. */
export interface PlaygroundProbed {
  /** Whose. */
  run: number;
  /** To the right. */
  x: number;
  /** Up. */
  y: number;
  /** The features in use. */
  features: Float64Array;
  /** Weighted sums, layer by layer. */
  sums: Array<Float64Array>;
  /** Outputs, layer by layer. */
  outputs: Array<Float64Array>;
}

export function writePlaygroundProbed(to: Writer, value: PlaygroundProbed): void {
  to.u8(value.run);
  to.f64(value.x);
  to.f64(value.y);
  to.f64s(value.features);
  to.list(value.sums, (item) => to.f64s(item));
  to.list(value.outputs, (item) => to.f64s(item));
}

export function readPlaygroundProbed(from: Reader): PlaygroundProbed {
  return {
    run: from.u8(),
    x: from.f64(),
    y: from.f64(),
    features: from.f64s(),
    sums: from.list(() => from.f64s()),
    outputs: from.list(() => from.f64s()),
  };
}

/** A small picture of a data set. */
export interface PlaygroundThumbnail {
  /** The data set, as the address names it. */
  name: string;
  /** 200 samples without noise. */
  points: PlaygroundPoints;
}

export function writePlaygroundThumbnail(to: Writer, value: PlaygroundThumbnail): void {
  to.text(value.name);
  writePlaygroundPoints(to, value.points);
}

export function readPlaygroundThumbnail(from: Reader): PlaygroundThumbnail {
  return {
    name: from.text(),
    points: readPlaygroundPoints(from),
  };
}

/** To the page. */
export type KernelsEvent =
  /** The newest state. */
  | { kind: "Picture"; value: KernelsPicture }
  /** How a pixel is computed. */
  | { kind: "Sum"; value: KernelsSum }
  /** What became of a camera's picture. */
  | { kind: "Filtered"; image: KernelsImage }
  /** Kernels of trained networks. */
  | { kind: "Banks"; banks: Array<KernelsBank> }
  /** Arrays that are kernels. */
  | { kind: "Arrays"; arrays: Array<KernelsArray> };

export function writeKernelsEvent(to: Writer, value: KernelsEvent): void {
  switch (value.kind) {
    case "Picture":
      to.u8(0);
      writeKernelsPicture(to, value.value);
      break;
    case "Sum":
      to.u8(1);
      writeKernelsSum(to, value.value);
      break;
    case "Filtered":
      to.u8(2);
      writeKernelsImage(to, value.image);
      break;
    case "Banks":
      to.u8(3);
      to.list(value.banks, (item) => writeKernelsBank(to, item));
      break;
    case "Arrays":
      to.u8(4);
      to.list(value.arrays, (item) => writeKernelsArray(to, item));
      break;
  }
}

export function readKernelsEvent(from: Reader): KernelsEvent {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Picture", value: readKernelsPicture(from) };
    case 1:
      return { kind: "Sum", value: readKernelsSum(from) };
    case 2:
      return { kind: "Filtered", image: readKernelsImage(from) };
    case 3:
      return { kind: "Banks", banks: from.list(() => readKernelsBank(from)) };
    case 4:
      return { kind: "Arrays", arrays: from.list(() => readKernelsArray(from)) };
    default:
      throw new Error(`KernelsEvent has no variant ${tag}`);
  }
}

/** What is drawn. */
export interface KernelsPicture {
  /** The picture's name, or `own`. */
  taken: string;
  /** Names of pictures. */
  pictures: Array<string>;
  /** Names of kernels. */
  kernels: Array<string>;
  /** What becomes of colours. */
  colour: KernelsColour;
  /** How sums become bytes. */
  shown: KernelsShown;
  /** Whether sums are handed on. */
  exact: boolean;
  /** The chain. */
  stages: Array<KernelsStage>;
  /** The kernel that is looked at. */
  watched: number;
  /** The picture, and what each kernel makes of it. */
  images: Array<KernelsImage>;
  /** What each kernel does, in words. */
  told: Array<string>;
  /** The size after each kernel, by the formula. */
  formulas: Array<string>;
  /** The one kernel that does what the chain does, if there is one that is not too large. */
  equal: (KernelsStage | null);
  /** About it, or why there is none; nothing if the chain is one kernel. */
  aboutEqual: string;
  /** What is learned. */
  learned: (KernelsLearned | null);
  /** Length of a step. */
  rate: number;
  /** How much of a step is taken again. */
  momentum: number;
}

export function writeKernelsPicture(to: Writer, value: KernelsPicture): void {
  to.text(value.taken);
  to.list(value.pictures, (item) => to.text(item));
  to.list(value.kernels, (item) => to.text(item));
  writeKernelsColour(to, value.colour);
  writeKernelsShown(to, value.shown);
  to.bool(value.exact);
  to.list(value.stages, (item) => writeKernelsStage(to, item));
  to.u32(value.watched);
  to.list(value.images, (item) => writeKernelsImage(to, item));
  to.list(value.told, (item) => to.text(item));
  to.list(value.formulas, (item) => to.text(item));
  to.maybe(value.equal, (item) => writeKernelsStage(to, item));
  to.text(value.aboutEqual);
  to.maybe(value.learned, (item) => writeKernelsLearned(to, item));
  to.f64(value.rate);
  to.f64(value.momentum);
}

export function readKernelsPicture(from: Reader): KernelsPicture {
  return {
    taken: from.text(),
    pictures: from.list(() => from.text()),
    kernels: from.list(() => from.text()),
    colour: readKernelsColour(from),
    shown: readKernelsShown(from),
    exact: from.bool(),
    stages: from.list(() => readKernelsStage(from)),
    watched: from.u32(),
    images: from.list(() => readKernelsImage(from)),
    told: from.list(() => from.text()),
    formulas: from.list(() => from.text()),
    equal: from.maybe(() => readKernelsStage(from)),
    aboutEqual: from.text(),
    learned: from.maybe(() => readKernelsLearned(from)),
    rate: from.f64(),
    momentum: from.f64(),
  };
}

/** A picture that is drawn. */
export interface KernelsImage {
  /** Pixels of a row. */
  width: number;
  /** Rows. */
  height: number;
  /** Grey, or red, green and blue. */
  channels: number;
  /** Channel by channel, row by row. */
  bytes: Uint8Array;
}

export function writeKernelsImage(to: Writer, value: KernelsImage): void {
  to.u32(value.width);
  to.u32(value.height);
  to.u32(value.channels);
  to.bytes(value.bytes);
}

export function readKernelsImage(from: Reader): KernelsImage {
  return {
    width: from.u32(),
    height: from.u32(),
    channels: from.u32(),
    bytes: from.bytes(),
  };
}

/** A kernel that is learned. */
export interface KernelsLearned {
  /** It. */
  kernel: KernelsStage;
  /** What it is learned from; none if that is a picture. */
  teacher: (KernelsStage | null);
  /** The largest difference of a number to the one that made the picture after. */
  off: (number | null);
  /** Passes over the picture. */
  passes: number;
  /** The root of the mean squared error, in grey values, pass by pass: every so many. */
  errors: Float32Array;
  /** Every how many. */
  every: number;
  /** Whether it is through. */
  done: boolean;
  /** How it stands, in words. */
  words: string;
}

export function writeKernelsLearned(to: Writer, value: KernelsLearned): void {
  writeKernelsStage(to, value.kernel);
  to.maybe(value.teacher, (item) => writeKernelsStage(to, item));
  to.maybe(value.off, (item) => to.f64(item));
  to.u32(value.passes);
  to.f32s(value.errors);
  to.u32(value.every);
  to.bool(value.done);
  to.text(value.words);
}

export function readKernelsLearned(from: Reader): KernelsLearned {
  return {
    kernel: readKernelsStage(from),
    teacher: from.maybe(() => readKernelsStage(from)),
    off: from.maybe(() => from.f64()),
    passes: from.u32(),
    errors: from.f32s(),
    every: from.u32(),
    done: from.bool(),
    words: from.text(),
  };
}

/** How a pixel is computed. */
export interface KernelsSum {
  /** By which kernel of the chain. */
  stage: number;
  /** The pixel's column. */
  x: number;
  /** Its row. */
  y: number;
  /** What is added, channel by channel, row by row. */
  terms: Array<KernelsTerm>;
  /** The sum of each channel after the kernel; nothing where a pixel that is not there would be needed. */
  sums: Float64Array;
  /** The bytes that are drawn. */
  bytes: Uint8Array;
  /** In words. */
  words: string;
}

export function writeKernelsSum(to: Writer, value: KernelsSum): void {
  to.u32(value.stage);
  to.u32(value.x);
  to.u32(value.y);
  to.list(value.terms, (item) => writeKernelsTerm(to, item));
  to.f64s(value.sums);
  to.bytes(value.bytes);
  to.text(value.words);
}

export function readKernelsSum(from: Reader): KernelsSum {
  return {
    stage: from.u32(),
    x: from.u32(),
    y: from.u32(),
    terms: from.list(() => readKernelsTerm(from)),
    sums: from.f64s(),
    bytes: from.bytes(),
    words: from.text(),
  };
}

/** A product. */
export interface KernelsTerm {
  /** The pixel's column; it may be beyond the border. */
  x: number;
  /** Its row. */
  y: number;
  /** The pixel, or what is taken for it. */
  pixel: (number | null);
  /** The kernel's number. */
  weight: number;
}

export function writeKernelsTerm(to: Writer, value: KernelsTerm): void {
  to.i32(value.x);
  to.i32(value.y);
  to.maybe(value.pixel, (item) => to.f64(item));
  to.f64(value.weight);
}

export function readKernelsTerm(from: Reader): KernelsTerm {
  return {
    x: from.i32(),
    y: from.i32(),
    pixel: from.maybe(() => from.f64()),
    weight: from.f64(),
  };
}

/** Kernels of a network's layer. */
export interface KernelsBank {
  /** The network, the array. */
  name: string;
  /** How it was trained; empty if that is not known. */
  made: string;
  /** Numbers of a row. */
  size: number;
  /** Slices of each kernel. */
  slices: number;
  /** Kernel by kernel. */
  values: Float64Array;
}

export function writeKernelsBank(to: Writer, value: KernelsBank): void {
  to.text(value.name);
  to.text(value.made);
  to.u32(value.size);
  to.u32(value.slices);
  to.f64s(value.values);
}

export function readKernelsBank(from: Reader): KernelsBank {
  return {
    name: from.text(),
    made: from.text(),
    size: from.u32(),
    slices: from.u32(),
    values: from.f64s(),
  };
}

/** To the page. */
export type ConvolutionEvent =
  /** The newest state. */
  | { kind: "Picture"; value: ConvolutionPicture }
  /** How an output is computed, or a gradient. */
  | { kind: "Sum"; value: ConvolutionSum };

export function writeConvolutionEvent(to: Writer, value: ConvolutionEvent): void {
  switch (value.kind) {
    case "Picture":
      to.u8(0);
      writeConvolutionPicture(to, value.value);
      break;
    case "Sum":
      to.u8(1);
      writeConvolutionSum(to, value.value);
      break;
  }
}

export function readConvolutionEvent(from: Reader): ConvolutionEvent {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Picture", value: readConvolutionPicture(from) };
    case 1:
      return { kind: "Sum", value: readConvolutionSum(from) };
    default:
      throw new Error(`ConvolutionEvent has no variant ${tag}`);
  }
}

/** What is drawn. */
export interface ConvolutionPicture {
  /** The layer. */
  layer: ConvolutionLayer;
  /** By which its numbers were drawn. */
  seed: number;
  /** Rows and columns of the output. */
  out: number;
  /** Rows put above and below; columns left and right. */
  around: Uint32Array;
  /** [C, L, L]. */
  input: Float64Array;
  /** [C′, C, K, K]; empty where it is a pool. */
  weights: Float64Array;
  /** [C′]; empty where it is a pool. */
  biases: Float64Array;
  /** [C′, out, out]. */
  output: Float64Array;
  /** How much the loss grows with each output. */
  upstream: Float64Array;
  /** And with each input: [C, L, L]. */
  inputSlopes: Float64Array;
  /** And with each weight. */
  weightSlopes: Float64Array;
  /** And with each bias. */
  biasSlopes: Float64Array;
  /** The formula of sizes, with its numbers. */
  formula: string;
  /** What the padding is. */
  aboutPadding: string;
  /** How many parameters there are, and how many a dense layer would have. */
  parameters: string;
  /** The question that is asked. */
  question: ConvolutionQuestion;
}

export function writeConvolutionPicture(to: Writer, value: ConvolutionPicture): void {
  writeConvolutionLayer(to, value.layer);
  to.u32(value.seed);
  to.u32(value.out);
  to.u32s(value.around);
  to.f64s(value.input);
  to.f64s(value.weights);
  to.f64s(value.biases);
  to.f64s(value.output);
  to.f64s(value.upstream);
  to.f64s(value.inputSlopes);
  to.f64s(value.weightSlopes);
  to.f64s(value.biasSlopes);
  to.text(value.formula);
  to.text(value.aboutPadding);
  to.text(value.parameters);
  writeConvolutionQuestion(to, value.question);
}

export function readConvolutionPicture(from: Reader): ConvolutionPicture {
  return {
    layer: readConvolutionLayer(from),
    seed: from.u32(),
    out: from.u32(),
    around: from.u32s(),
    input: from.f64s(),
    weights: from.f64s(),
    biases: from.f64s(),
    output: from.f64s(),
    upstream: from.f64s(),
    inputSlopes: from.f64s(),
    weightSlopes: from.f64s(),
    biasSlopes: from.f64s(),
    formula: from.text(),
    aboutPadding: from.text(),
    parameters: from.text(),
    question: readConvolutionQuestion(from),
  };
}

/** A question of the lecture. */
export interface ConvolutionQuestion {
  /** Which. */
  question: number;
  /** How many there are. */
  of: number;
  /** With which numbers. */
  seed: number;
  /** It. */
  text: string;
  /** What can be chosen; empty if a number is to be typed. */
  options: Array<string>;
  /** Squares of numbers that are shown with it. */
  grids: Array<ConvolutionGrid>;
  /** Whether the last answer was right; none if there is none yet. */
  right: (boolean | null);
  /** Why. */
  why: string;
  /** Questions answered rightly at the first try. */
  won: number;
  /** Questions tried. */
  tried: number;
}

export function writeConvolutionQuestion(to: Writer, value: ConvolutionQuestion): void {
  to.u32(value.question);
  to.u32(value.of);
  to.u32(value.seed);
  to.text(value.text);
  to.list(value.options, (item) => to.text(item));
  to.list(value.grids, (item) => writeConvolutionGrid(to, item));
  to.maybe(value.right, (item) => to.bool(item));
  to.text(value.why);
  to.u32(value.won);
  to.u32(value.tried);
}

export function readConvolutionQuestion(from: Reader): ConvolutionQuestion {
  return {
    question: from.u32(),
    of: from.u32(),
    seed: from.u32(),
    text: from.text(),
    options: from.list(() => from.text()),
    grids: from.list(() => readConvolutionGrid(from)),
    right: from.maybe(() => from.bool()),
    why: from.text(),
    won: from.u32(),
    tried: from.u32(),
  };
}

/** A square of numbers. */
export interface ConvolutionGrid {
  /** Its name. */
  name: string;
  /** Rows and columns. */
  size: number;
  /** Its numbers, row by row; none where there is a question mark or nothing. */
  values: Array<(number | null)>;
  /** The number that is asked for. */
  marked: (number | null);
}

export function writeConvolutionGrid(to: Writer, value: ConvolutionGrid): void {
  to.text(value.name);
  to.u32(value.size);
  to.list(value.values, (item) => to.maybe(item, (item) => to.f64(item)));
  to.maybe(value.marked, (item) => to.u32(item));
}

export function readConvolutionGrid(from: Reader): ConvolutionGrid {
  return {
    name: from.text(),
    size: from.u32(),
    values: from.list(() => from.maybe(() => from.f64())),
    marked: from.maybe(() => from.u32()),
  };
}

/** How a number is computed. */
export interface ConvolutionSum {
  /** What it is of. */
  of: ConvolutionOf;
  /** Which one. */
  at: number;
  /** What is added. */
  terms: Array<ConvolutionTerm>;
  /** What is added at last. */
  bias: number;
  /** All. */
  value: number;
  /** In words. */
  words: string;
}

export function writeConvolutionSum(to: Writer, value: ConvolutionSum): void {
  writeConvolutionOf(to, value.of);
  to.u32(value.at);
  to.list(value.terms, (item) => writeConvolutionTerm(to, item));
  to.f64(value.bias);
  to.f64(value.value);
  to.text(value.words);
}

export function readConvolutionSum(from: Reader): ConvolutionSum {
  return {
    of: readConvolutionOf(from),
    at: from.u32(),
    terms: from.list(() => readConvolutionTerm(from)),
    bias: from.f64(),
    value: from.f64(),
    words: from.text(),
  };
}

/** What a sum is of. */
export type ConvolutionOf =
  /** An output. */
  | { kind: "Output" }
  /** What the loss gains with an input. */
  | { kind: "Input" }
  /** What the loss gains with a weight. */
  | { kind: "Weight" };

export function writeConvolutionOf(to: Writer, value: ConvolutionOf): void {
  switch (value.kind) {
    case "Output":
      to.u8(0);
      break;
    case "Input":
      to.u8(1);
      break;
    case "Weight":
      to.u8(2);
      break;
  }
}

export function readConvolutionOf(from: Reader): ConvolutionOf {
  const tag = from.u8();
  switch (tag) {
    case 0:
      return { kind: "Output" };
    case 1:
      return { kind: "Input" };
    case 2:
      return { kind: "Weight" };
    default:
      throw new Error(`ConvolutionOf has no variant ${tag}`);
  }
}

/** A product. */
export interface ConvolutionTerm {
  /** The input; none beyond the border. */
  input: (number | null);
  /** The weight; none where it is a pool. */
  weight: (number | null);
  /** The output. */
  output: number;
  /** Row and column, where the input would be. */
  row: number;
  /** Column. */
  column: number;
  /** The first number: the pixel, or the gradient that comes from above. */
  first: number;
  /** The second: the weight, or what stands in its place. */
  second: number;
}

export function writeConvolutionTerm(to: Writer, value: ConvolutionTerm): void {
  to.maybe(value.input, (item) => to.u32(item));
  to.maybe(value.weight, (item) => to.u32(item));
  to.u32(value.output);
  to.i32(value.row);
  to.i32(value.column);
  to.f64(value.first);
  to.f64(value.second);
}

export function readConvolutionTerm(from: Reader): ConvolutionTerm {
  return {
    input: from.maybe(() => from.u32()),
    weight: from.maybe(() => from.u32()),
    output: from.u32(),
    row: from.i32(),
    column: from.i32(),
    first: from.f64(),
    second: from.f64(),
  };
}
