/** What the checker finds wrong. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws a Violation unless `condition` holds. */
export function must(condition: boolean, text: string | (() => string)): asserts condition {
  if (!condition) throw new Violation(typeof text === "string" ? text : text());
}
