// What a page and its worker say to each other: the bytes of `wire.ts`, and what they are.

export interface ToWorker {
  /** `greet` with a `Hello`, `restore` with what `save` gave, `handle` with a `Command`, `save` with nothing. */
  kind: "greet" | "restore" | "handle" | "save";
  bytes: Uint8Array<ArrayBuffer>;
}

export type FromWorker =
  /** A list of `Event`s. */
  | { kind: "events"; bytes: Uint8Array<ArrayBuffer> }
  /** All that the session holds. */
  | { kind: "saved"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "failed"; what: string };
