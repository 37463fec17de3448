/**
 * The filter expressions of pcap-filter(7) that a lab needs: `host`, `net`, `port` with `src` and `dst`, protocols by
 * name, `proto N`, `broadcast`, `multicast`, `less` and `greater`, joined by `and`, `or`, `not` and parentheses.
 *
 *     expression := term { ("or" | "||") term }     term := factor { ["and" | "&&"] factor }
 *     factor := ("not" | "!") factor | "(" expression ")" | primitive
 */
import * as PROTO from "../../assembly/abi/proto.js";
import { ipv4Prefix, maskOf, parseIpv4 } from "../address.js";
import { u32 } from "./big-endian.js";
import { type Packet, portsOf } from "./tcpdump-packet.js";

export type Filter = (packet: Packet) => boolean;

/** The expression does not parse. */
export class FilterError extends Error {}

const PROTOCOLS: Readonly<Record<string, Filter>> = {
  ip: ({ ip }) => ip !== undefined,
  ip6: ({ type }) => type === PROTO.ETHERTYPE_IPV6,
  arp: ({ type }) => type === PROTO.ETHERTYPE_ARP,
  icmp: ({ ip }) => ip?.protocol === PROTO.IPPROTO_ICMP,
  igmp: ({ ip }) => ip?.protocol === PROTO.IPPROTO_IGMP,
  tcp: ({ ip }) => ip?.protocol === PROTO.IPPROTO_TCP,
  udp: ({ ip }) => ip?.protocol === PROTO.IPPROTO_UDP,
  broadcast: ({ frame, linkLength }) => linkLength > 0 && frame.subarray(0, 6).every((byte) => byte === 255),
  multicast: ({ frame, linkLength, ip }) =>
    linkLength > 0 ? ((frame[0] ?? 0) & 1) === 1 : ip !== undefined && ip.destination >>> 28 === 14,
};

/** A filter of the words; everything passes when there are none. @throws FilterError */
export function parseFilter(words: readonly string[], resolve?: (name: string) => string | undefined): Filter {
  const tokens = words
    .join(" ")
    .split(/(\(|\)|!|&&|\|\||\s+)/)
    .filter((token) => token.trim() !== "");
  if (tokens.length === 0) return () => true;
  const parser = new Parser(tokens, resolve);
  return parser.whole();
}

class Parser {
  #at = 0;

  constructor(
    readonly tokens: readonly string[],
    readonly resolve: ((name: string) => string | undefined) | undefined,
  ) {}

  whole(): Filter {
    const filter = this.#expression();
    if (this.#at < this.tokens.length) throw this.#syntax();
    return filter;
  }

  #syntax(): FilterError {
    const token = this.tokens[this.#at];
    return new FilterError(
      `can't parse filter expression: syntax error ${token === undefined ? "at its end" : `near ${JSON.stringify(token)}`}`,
    );
  }

  #peek(): string | undefined {
    return this.tokens[this.#at];
  }

  #take(...words: string[]): boolean {
    const is = words.includes(this.#peek() ?? "");
    if (is) this.#at++;
    return is;
  }

  #value(): string {
    const token = this.tokens[this.#at];
    if (token === undefined || token === "(" || token === ")") throw this.#syntax();
    this.#at++;
    return token;
  }

  #expression(): Filter {
    let left = this.#term();
    while (this.#take("or", "||")) {
      const [a, b] = [left, this.#term()];
      left = (packet) => a(packet) || b(packet);
    }
    return left;
  }

  #term(): Filter {
    let left = this.#factor();
    while (this.#take("and", "&&")) {
      const [a, b] = [left, this.#factor()];
      left = (packet) => a(packet) && b(packet);
    }
    return left;
  }

  #factor(): Filter {
    if (this.#take("not", "!")) {
      const inner = this.#factor();
      return (packet) => !inner(packet);
    }
    if (this.#take("(")) {
      const inner = this.#expression();
      if (!this.#take(")")) throw this.#syntax();
      return inner;
    }
    return this.#primitive();
  }

  #primitive(): Filter {
    const word = this.#peek() ?? "";
    const protocol = PROTOCOLS[word];
    if (protocol !== undefined && this.#take(word)) {
      // "udp port 53", "icmp host h1": the protocol qualifies what follows.
      if (!/^(src|dst|host|net|port|proto)$/.test(this.#peek() ?? "")) return protocol;
      const rest = this.#primitive();
      return (packet) => protocol(packet) && rest(packet);
    }
    if (this.#take("proto")) return this.#proto();
    if (this.#take("less", "greater")) {
      const length = this.#number(65535 + 18);
      return word === "less" ? ({ frame }) => frame.length <= length : ({ frame }) => frame.length >= length;
    }
    const from = this.#take("src");
    const to = this.#take("dst");
    const ends: Ends = from === to ? "both" : from ? "source" : "destination";
    if (this.#take("port")) return portIs(this.#number(65535), ends);
    if (this.#take("net")) return this.#net(ends);
    if (this.#take("host") || from || to || parseIpv4(word) !== undefined || this.resolve?.(word) !== undefined) {
      return addressIn(this.#address(), 0xffffffff, ends);
    }
    throw this.#syntax();
  }

  #proto(): Filter {
    const named = PROTOCOLS[this.#peek() ?? ""];
    if (named !== undefined) {
      this.#at++;
      return named;
    }
    const number = this.#number(255);
    return ({ ip }) => ip?.protocol === number;
  }

  #number(most: number): number {
    const value = this.#value();
    if (!/^\d+$/.test(value) || Number(value) > most) throw new FilterError(`illegal number: ${value}`);
    return Number(value);
  }

  #address(): number {
    const name = this.#value();
    const address = parseIpv4(name) ?? parseIpv4(this.resolve?.(name) ?? "");
    if (address === undefined) throw new FilterError(`unknown host '${name}'`);
    return address;
  }

  #net(ends: Ends): Filter {
    const text = this.#value();
    if (this.#take("mask")) return addressIn(this.#plain(text), this.#plain(this.#value()), ends);
    try {
      const { address, length } = ipv4Prefix(text, "net");
      return addressIn(address, maskOf(length), ends);
    } catch {
      throw new FilterError(`illegal network: ${text}`);
    }
  }

  #plain(text: string): number {
    const address = parseIpv4(text);
    if (address === undefined) throw new FilterError(`illegal address: ${text}`);
    return address;
  }
}

type Ends = "source" | "destination" | "both";

function addressIn(address: number, mask: number, ends: Ends): Filter {
  const is = (other: number) => ((other ^ address) & mask) === 0;
  const one = (source: number, destination: number) =>
    (ends !== "destination" && is(source)) || (ends !== "source" && is(destination));
  return ({ ip, type, body }) => {
    if (ip !== undefined) return one(ip.source, ip.destination);
    // Hosts are named in ARP, too.
    return type === PROTO.ETHERTYPE_ARP && body.length >= PROTO.ARP_LEN && one(u32(body, 14), u32(body, 24));
  };
}

function portIs(port: number, ends: Ends): Filter {
  return ({ ip }) => {
    const ports = ip === undefined ? undefined : portsOf(ip);
    if (ports === undefined) return false;
    return (ends !== "destination" && ports[0] === port) || (ends !== "source" && ports[1] === port);
  };
}
