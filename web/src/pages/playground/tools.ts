// What a pointer does on the plane.

export type Tool =
  /** It shows what each unit computes there. */
  | { kind: "look" }
  /** It adds points of a label, and moves those that it takes hold of. */
  | { kind: "draw"; label: number }
  /** It takes points away. */
  | { kind: "erase" };
