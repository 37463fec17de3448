/** IP options as tcpdump -v prints them (RFC 791 §3.1). */
import * as PROTO from "../../assembly/abi/proto.js";
import { formatIpv4 } from "../address.js";
import { u32 } from "./big-endian.js";

const NAMES: Record<number, string> = {
  [PROTO.IPOPT_END]: "EOL",
  [PROTO.IPOPT_NOP]: "NOP",
  [PROTO.IPOPT_TIMESTAMP]: "timestamp",
  [PROTO.IPOPT_SECURITY]: "security",
  [PROTO.IPOPT_RECORD_ROUTE]: "RR",
  [PROTO.IPOPT_SSRR]: "SSRR",
  [PROTO.IPOPT_LSRR]: "LSRR",
  [PROTO.IPOPT_ROUTER_ALERT]: "RA",
};

/** Total: an option that runs past the end is cut there. */
export function optionsText(options: Uint8Array): string {
  const texts: string[] = [];
  for (let at = 0; at < options.length; ) {
    const type = options[at] as number;
    const single = type === PROTO.IPOPT_END || type === PROTO.IPOPT_NOP;
    const length = single ? 1 : (options[at + 1] ?? 0);
    texts.push(`${NAMES[type] ?? `unknown ${type}`}${single ? "" : detail(options.subarray(at, at + length))}`);
    if (type === PROTO.IPOPT_END || (!single && length < 2)) break;
    at += length;
  }
  return texts.join(",");
}

function detail(option: Uint8Array): string {
  switch (option[0]) {
    case PROTO.IPOPT_RECORD_ROUTE:
    case PROTO.IPOPT_SSRR:
    case PROTO.IPOPT_LSRR:
      return route(option);
    case PROTO.IPOPT_TIMESTAMP:
      return timestamps(option);
    default:
      return "";
  }
}

/** The addresses, a comma behind those that are done with. */
function route(option: Uint8Array): string {
  if ((option.length + 1) & 3) return ` [bad length ${option.length}]`;
  const pointer = (option[2] ?? 0) - 1;
  let text = pointer < 3 || (pointer + 1) & 3 ? ` [bad ptr ${option[2]}]` : "";
  for (let at = 3; at + 4 <= option.length; at += 4) {
    text += ` ${formatIpv4(u32(option, at))}${pointer > at ? "," : ""}`;
  }
  return text;
}

const KINDS: Record<number, string> = { 0: "TSONLY", 1: "TS+ADDR", 3: "PRESPEC" };

function timestamps(option: Uint8Array): string {
  if (option.length < 4) return `[bad length ${option.length}]`;
  const flags = option[3] as number;
  const kind = flags & 15;
  const step = kind === 0 ? 4 : 8;
  let text = ` TS{${KINDS[kind] ?? `[bad ts type ${kind}]`}`;
  for (let at = 4; at + step <= option.length; at += step) {
    const mark = option[2] === at + 1 ? " ^ " : " ";
    const [when, where] = step === 8 ? [u32(option, at + 4), formatIpv4(u32(option, at))] : [u32(option, at), ""];
    text += `${mark}${when}@${where}`;
  }
  if (option[2] === option.length + 1) text += " ^ ";
  const missed = flags >> 4;
  return missed === 0 ? `${text}}` : `${text} [${missed} hops not recorded]} `;
}
