/**
 * A TFTP request in words: RFC 1350 §5, with the options of RFC 2347.
 *
 *     2 bytes     string    1 byte  string  1 byte   string   1 byte  string   1 byte
 *   | opcode | file name |   0    |  mode  |  0   |  option |   0   |  value  |   0   | …
 */

const REQUESTS: Record<number, string> = { 1: "read request", 2: "write request" };

/** Undefined where the payload is no request. */
export function tftpRequest(payload: Uint8Array): string | undefined {
  const request = payload[0] === 0 ? REQUESTS[payload[1] ?? 0] : undefined;
  if (request === undefined) return undefined;
  const [file, mode, ...rest] = stringsOf(payload.subarray(2));
  if (file === undefined || mode === undefined) return undefined;
  const options: string[] = [];
  for (let i = 0; i + 1 < rest.length; i += 2) options.push(`${rest[i]} ${rest[i + 1]}`);
  return [`${request} "${file}"`, `mode ${mode}`, ...options].join(", ");
}

/** The strings that are ended by NUL. */
function stringsOf(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let from = 0, end = bytes.indexOf(0); end >= 0; from = end + 1, end = bytes.indexOf(0, from)) {
    found.push(printable(bytes.subarray(from, end)));
  }
  return found;
}

/** What is not a printable ASCII character becomes \xNN: a stranger's bytes must not reach a terminal as they are. */
function printable(bytes: Uint8Array): string {
  const one = (byte: number) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  return Array.from(bytes, one).join("");
}
