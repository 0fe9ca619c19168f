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
