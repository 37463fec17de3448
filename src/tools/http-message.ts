/**
 * HTTP/1.1 as a server of files needs it (RFC 9110, RFC 9112): a request's head taken apart, totally, and a response's
 * head written.
 */

export interface HttpRequest {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  readonly minor: number;
  /** By name in lower case; of equal ones the values with ", " between them. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Longest head of a request, bytes. */
export const HEAD_MOST = 8192;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Where the head ends in these bytes: behind its empty line; -1 if it does not. */
export function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
  return -1;
}

/**
 * The request that a head asks for, or the status that refuses it.
 * @param head  with the empty line, in ISO 8859-1
 */
export function parseRequest(head: string): HttpRequest | number {
  const lines = head.split(/\r?\n/);
  // RFC 9112 §2.2: an empty line before the request is passed over.
  if (lines[0] === "") lines.shift();
  const [method = "", target = "", version = "", ...more] = (lines.shift() ?? "").split(" ");
  const minor = /^HTTP\/(\d)\.(\d)$/.exec(version);
  if (more.length > 0 || minor === null || !TOKEN.test(method) || target === "") return 400;
  if (minor[1] !== "1") return 505;
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") break;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    // RFC 9112 §5.1 and §5.2: no blank before the colon; a folded line is refused.
    if (!TOKEN.test(name)) return 400;
    const value = line.slice(colon + 1).trim();
    const key = name.toLowerCase();
    const before = headers.get(key);
    // RFC 9112 §3.2: a second Host is refused.
    if (before !== undefined && key === "host") return 400;
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  if (minor[2] !== "0" && !headers.has("host")) return 400;
  return { method, target, minor: minor[2] === "0" ? 0 : 1, headers };
}

/** Does the connection last beyond this request (RFC 9112 §9.3)? */
export function isKept({ minor, headers }: HttpRequest): boolean {
  const options = (headers.get("connection") ?? "").toLowerCase().split(/\s*,\s*/);
  return minor === 0 ? options.includes("keep-alive") : !options.includes("close");
}

/**
 * The path that a target names, without leading slash; undefined where it leads out of the folder, or is no path.
 */
export function pathOf(target: string): string | undefined {
  const origin = target.replace(/^https?:\/\/[^/?#]*/i, "");
  const raw = origin.split(/[?#]/)[0] as string;
  if (!raw.startsWith("/") && origin !== "") return undefined;
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.some((part) => part === ".." || /[\\\0]/.test(part))) return undefined;
  return `${parts.join("/")}${parts.length > 0 && path.endsWith("/") ? "/" : ""}`;
}

/** First and last byte that a Range of one part asks for; undefined: all of it; null: there are none such. */
export function rangeOf(range: string | undefined, size: number): readonly [number, number] | undefined | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const [first, last] = [match[1] as string, match[2] as string];
  if (first === "") return Number(last) === 0 || size === 0 ? null : [Math.max(0, size - Number(last)), size - 1];
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) return null;
  return [Number(first), Math.min(size - 1, last === "" ? size - 1 : Number(last))];
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  301: "Moved Permanently",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  416: "Range Not Satisfiable",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  505: "HTTP Version Not Supported",
};

export function reasonOf(status: number): string {
  return REASONS[status] ?? "";
}

/** The head of a response. */
export function responseHead(status: number, headers: readonly (readonly [string, string])[]): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines.join("")}\r\n`;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  htm: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  json: "application/json",
  txt: "text/plain; charset=utf-8",
  md: "text/markdown; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  gif: "image/gif",
  ico: "image/x-icon",
  pdf: "application/pdf",
  wasm: "application/wasm",
};

/** The media type of a file's name. */
export function typeOf(path: string): string {
  return TYPES[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ""] ?? "application/octet-stream";
}
