/**
 * A server of files over HTTP/1.1 (RFC 9110, RFC 9112): GET and HEAD, connections that last, ranges of one part. A folder
 * shows its index.html. What a request has for a body is passed over.
 */
import type { Clock } from "../clock.js";
import type { TcpSocket } from "../sockets/tcp-socket.js";
import {
  endOfHead,
  HEAD_MOST,
  type HttpRequest,
  isKept,
  parseRequest,
  pathOf,
  rangeOf,
  reasonOf,
  responseHead,
  typeOf,
} from "./http-message.js";

export interface HttpSite {
  /** A file's bytes; undefined where there is none. @param path  without leading slash; "" is the folder itself */
  read(path: string): Uint8Array | undefined;
  /** Called with each request that has been answered, as in the common log format but for the time. */
  log?(line: string): void;
  readonly clock: Clock;
}

interface Response {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** How long a connection may be idle, µs, and how large a request's body may be that is passed over. */
const IDLE_US = 15e6;
const BODY_MOST = 1 << 20;
const encoder = new TextEncoder();

/** Answers the requests of a connection, one after another, and closes it. */
export async function serveHttp(socket: TcpSocket, site: HttpSite, signal: AbortSignal): Promise<void> {
  const peer = socket.remoteAddress?.address ?? "-";
  const input = new HttpInput(socket, site.clock, signal);
  try {
    for (;;) {
      const head = await input.head();
      if (head === undefined) break;
      const request = typeof head === "number" ? head : parseRequest(head);
      const response = answer(request, site);
      const isLast = typeof request === "number" || !isKept(request) || !(await input.skip(bodyOf(request)));
      const sent = await send(socket, request, response, isLast);
      const asked = typeof head === "number" ? "-" : (head.trimStart().split(/\r?\n/)[0] as string);
      site.log?.(`${peer} "${asked.replace(/[^\x20-\x7e]/g, "?")}" ${response.status} ${sent}`);
      if (isLast) break;
    }
    await socket.end();
    // What the peer says now is of no use, but unread it would make the end a reset that takes the answer with it.
    await input.drain();
  } finally {
    socket.close();
  }
}

/** Bytes of a request's body; Infinity for one whose end cannot be told here. */
function bodyOf({ headers }: HttpRequest): number {
  if (headers.has("transfer-encoding")) return Infinity;
  const length = headers.get("content-length");
  if (length === undefined) return 0;
  return /^\d{1,9}$/.test(length) ? Number(length) : Infinity;
}

function answer(request: HttpRequest | number, site: HttpSite): Response {
  if (typeof request === "number") return plain(request);
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, [["Allow", "GET, HEAD"]]);
  const path = pathOf(request.target);
  if (path === undefined) return plain(400);
  const isFolder = path === "" || path.endsWith("/");
  let body = site.read(isFolder ? `${path}index.html` : path);
  if (body === undefined && !isFolder) {
    // Links in a folder's page are relative to its slash.
    body = site.read(`${path}/index.html`);
    if (body !== undefined) return plain(301, [["Location", `/${encodeURI(path)}/`]]);
  }
  if (body === undefined) return plain(404);
  const type = typeOf(isFolder ? "index.html" : path);
  const headers: [string, string][] = [
    ["Content-Type", type],
    ["Accept-Ranges", "bytes"],
  ];
  const range = request.method === "GET" ? rangeOf(request.headers.get("range"), body.length) : undefined;
  if (range === null) return plain(416, [["Content-Range", `bytes */${body.length}`]]);
  if (range === undefined) return { status: 200, headers, body };
  const [first, last] = range;
  headers.push(["Content-Range", `bytes ${first}-${last}/${body.length}`]);
  return { status: 206, headers, body: body.subarray(first, last + 1) };
}

function plain(status: number, headers: readonly (readonly [string, string])[] = []): Response {
  const body = encoder.encode(`${status} ${reasonOf(status)}\n`);
  return { status, headers: [...headers, ["Content-Type", "text/plain"]], body };
}

/** @returns bytes of the body that were written */
async function send(
  socket: TcpSocket,
  request: HttpRequest | number,
  { status, headers, body }: Response,
  isLast: boolean,
): Promise<number> {
  const head = responseHead(status, [
    ["Server", "ringstack"],
    ...headers,
    ["Content-Length", String(body.length)],
    ["Connection", isLast ? "close" : "keep-alive"],
  ]);
  const isBare = typeof request !== "number" && request.method === "HEAD";
  const bytes = encoder.encode(head);
  if (isBare || body.length === 0) {
    await socket.write(bytes);
    return 0;
  }
  const whole = new Uint8Array(bytes.length + body.length);
  whole.set(bytes);
  whole.set(body, bytes.length);
  await socket.write(whole);
  return body.length;
}

/** The requests' bytes as they come. */
class HttpInput {
  readonly #socket: TcpSocket;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #rest = new Uint8Array(0);
  #isOver = false;

  constructor(socket: TcpSocket, clock: Clock, signal: AbortSignal) {
    this.#socket = socket;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The next request's head; the status that refuses it; undefined when there is none any more. */
  async head(): Promise<string | number | undefined> {
    for (;;) {
      const end = endOfHead(this.#rest);
      if (end >= 0 && end <= HEAD_MOST) {
        const head = String.fromCharCode(...this.#rest.subarray(0, end));
        this.#rest = this.#rest.slice(end);
        return head;
      }
      if (end >= 0 || this.#rest.length >= HEAD_MOST) return 431;
      if (!(await this.#more())) return this.#rest.length > 0 && !this.#isOver ? 408 : undefined;
    }
  }

  /** Passes over a body; false where that cannot be. */
  async skip(bytes: number): Promise<boolean> {
    if (bytes > BODY_MOST) return false;
    let left = bytes;
    while (left > this.#rest.length) {
      left -= this.#rest.length;
      this.#rest = new Uint8Array(0);
      if (!(await this.#more())) return false;
    }
    this.#rest = this.#rest.slice(left);
    return true;
  }

  async drain(): Promise<void> {
    do this.#rest = new Uint8Array(0);
    while (await this.#more());
  }

  /** Waits for more bytes, within reason; false when none come. */
  async #more(): Promise<boolean> {
    const enough = new AbortController();
    const give = () => enough.abort();
    this.#signal.addEventListener("abort", give, { once: true });
    this.#clock.sleep(IDLE_US, enough.signal).then(give, () => {});
    try {
      this.#signal.throwIfAborted();
      const bytes = await this.#socket.read({ signal: enough.signal });
      if (bytes === null) {
        this.#isOver = true;
        return false;
      }
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      this.#rest = joined;
      return true;
    } catch (error) {
      if (!enough.signal.aborted) throw error;
      return false;
    } finally {
      give();
      this.#signal.removeEventListener("abort", give);
    }
  }
}
