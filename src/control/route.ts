/**
 * A route, as the table and what is known beside it are listed.
 */

/** A route as it stands in the table. */
export interface Route {
  /** "10.0.0.0/8" */
  readonly destination: string;
  readonly prefixLength: number;
  /** Undefined where directly connected. */
  readonly gateway?: string;
  readonly source?: string;
  readonly dev: string;
  readonly metric: number;
  /** RTF_… of assembly/abi/route.ts. */
  readonly flags: number;
  /** ROUTE_ORIGIN_…: who made it. */
  readonly origin: number;
  /** When a redirect ends to be believed, microseconds of the stack's clock; undefined for other routes. */
  readonly expiresUs?: number;
}
