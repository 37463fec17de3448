/**
 * The addresses of one interface: list, assign, take away; what becomes of those that are probed first (RFC 5227).
 */
import { CALL_ADDR, CALL_ADDR2 } from "../../assembly/abi/call.js";
import { E_ADDRINUSE, E_ADDRNOTAVAIL, E_BADF } from "../../assembly/abi/errno.js";
import * as NETIF from "../../assembly/abi/netif.js";
import { formatIpv4, formatMac, ipv4, ipv4Prefix, maskOf, readIpv4 } from "../address.js";
import { check, guarded, refuseUnknown, requireBoolean, requireOpen, StackError } from "../errors.js";
import type { Core } from "../wasm/core.js";

/** An address of an interface. */
export interface InterfaceAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly netmask: string;
  /** Undefined where the network has none: /31, /32, loopback, point-to-point. */
  readonly broadcast?: string;
  /** The far end of the link, if one was named. */
  readonly peer?: string;
  /** Undefined when it is in use; "probing" while it is being found out whether another station has it, "conflict" when
   * one does: then it is not used, until the link comes anew. */
  readonly state?: "probing" | "conflict";
}

/** How an address is assigned. */
export interface AddressOptions {
  /** The other end of a point-to-point link, with a /32: the interface leads to it. */
  readonly peer?: string;
  /** Use it only once nobody else turns out to have it (some seconds), and defend it then: RFC 5227. */
  readonly probe?: boolean;
}

/** Another station uses one of our addresses. */
export interface AddressConflict {
  readonly address: string;
  /** Its hardware address, "02:00:00:00:01:02". */
  readonly mac: string;
  /** The address is not ours any more. */
  readonly lost: boolean;
}

/** What the list needs of its interface. */
export interface AddressesHost {
  readonly core: Core;
  /** The stack has ended: nothing is changed any more. */
  readonly closed: boolean;
  tick(): void;
  work(): void;
}

interface Waiting {
  resolve(): void;
  reject(reason: Error): void;
}

interface Entry {
  readonly ip: number;
  readonly prefixLength: number;
  readonly peer: number;
  readonly order: number;
  readonly state: number;
  readonly conflicts: number;
  readonly mac: string;
}

const OPTIONS: ReadonlySet<string> = new Set(["peer", "probe"]);
const STATES = { [NETIF.ADDR_PROBING]: "probing", [NETIF.ADDR_CONFLICT]: "conflict" } as const;

export class Addresses {
  readonly #host: AddressesHost;
  /** ifindex */
  readonly #index: number;
  readonly #waiting = new Map<number, Waiting>();
  /** Conflicts that were told of, by address. */
  #told = new Map<number, number>();
  onconflict: ((conflict: AddressConflict) => void) | undefined;

  constructor(host: AddressesHost, index: number) {
    this.#host = host;
    this.#index = index;
    this.#remember();
  }

  #entries(): Entry[] {
    const { core } = this.#host;
    const found: Entry[] = [];
    for (let i = 0; ; i++) {
      const at = core.exports.addr_record(i);
      if (at < 0) break;
      const word = (offset: number) => core.u32[(at + offset) >> 2] as number;
      if (word(NETIF.ADDR_FAMILY) !== NETIF.FAMILY_IPV4 || word(NETIF.ADDR_NETIF) !== this.#index - 1) continue;
      found.push({
        ip: readIpv4(core.u8, at + NETIF.ADDR_IP),
        prefixLength: word(NETIF.ADDR_PLEN),
        peer: readIpv4(core.u8, at + NETIF.ADDR_PEER),
        order: word(NETIF.ADDR_ORDER),
        state: word(NETIF.ADDR_STATE),
        conflicts: word(NETIF.ADDR_CONFLICTS),
        mac: formatMac(core.u8.subarray(at + NETIF.ADDR_RIVAL, at + NETIF.ADDR_RIVAL + 6)),
      });
    }
    return found.sort((a, b) => a.order - b.order);
  }

  #remember(): void {
    this.#told = new Map(this.#entries().map(({ ip, conflicts }) => [ip, conflicts]));
  }

  /** The addresses, the primary one first. @param flags  IFF_… of the interface */
  list(flags: number): InterfaceAddress[] {
    return this.#entries().map(({ ip, prefixLength, peer, state }) => {
      const mask = maskOf(prefixLength);
      const hasBroadcast = prefixLength <= 30 && (flags & NETIF.IFF_BROADCAST) !== 0;
      return {
        address: formatIpv4(ip),
        prefixLength,
        netmask: formatIpv4(mask),
        ...(hasBroadcast ? { broadcast: formatIpv4((ip | ~mask) >>> 0) } : {}),
        ...(peer === 0 ? {} : { peer: formatIpv4(peer) }),
        ...(state === NETIF.ADDR_USABLE ? {} : { state: STATES[state as keyof typeof STATES] }),
      };
    });
  }

  /** Assigns an address; a promise if it is probed. */
  add(prefix: string, options: AddressOptions): Promise<void> | undefined {
    requireOpen(this.#host, "addAddress");
    refuseUnknown(options, OPTIONS);
    const { address, length } = ipv4Prefix(prefix, "address");
    const peer = options.peer === undefined ? undefined : ipv4(options.peer, "peer");
    const probe = options.probe !== undefined && requireBoolean("probe", options.probe);
    const flags = (probe ? NETIF.ADDRF_PROBE : 0) | (peer === undefined ? 0 : NETIF.ADDRF_PEER);
    const { core } = this.#host;
    this.#host.tick();
    core.putIpv4(CALL_ADDR, address);
    if (peer !== undefined) core.putIpv4(CALL_ADDR2, peer);
    check(core.exports.addr_add(this.#index, length, flags), "addAddress", { address: prefix });
    this.#told.set(address, 0);
    this.#host.work();
    if (!probe) return undefined;
    const settled = new Promise<void>((resolve, reject) => this.#waiting.set(address, { resolve, reject }));
    this.#settle();
    return settled;
  }

  /** @throws StackError EADDRNOTAVAIL, EBADF; TypeError */
  remove(text: string): void {
    requireOpen(this.#host, "removeAddress");
    const address = ipv4(text);
    this.#host.tick();
    this.#take(address, text);
    this.#end(address)?.reject(new StackError(E_ADDRNOTAVAIL, "addAddress", { address: text, text: "taken away" }));
    this.#host.work();
  }

  #take(address: number, text: string): void {
    const { core } = this.#host;
    core.putIpv4(CALL_ADDR, address);
    check(core.exports.addr_del(this.#index), "removeAddress", { address: text });
    this.#told.delete(address);
  }

  #end(address: number): Waiting | undefined {
    const waiting = this.#waiting.get(address);
    this.#waiting.delete(address);
    return waiting;
  }

  /** EVENT_ADDRESS has come: settles what waits for it, tells of new conflicts. */
  changed(): void {
    this.#settle();
    for (const { ip, conflicts, mac, state } of this.#entries()) {
      if (this.#told.get(ip) === conflicts) continue;
      this.#told.set(ip, conflicts);
      const conflict = { address: formatIpv4(ip), mac, lost: state === NETIF.ADDR_CONFLICT };
      guarded(() => this.onconflict?.(conflict));
    }
  }

  #settle(): void {
    if (this.#waiting.size === 0) return;
    for (const { ip, state, mac } of this.#entries()) {
      if (state === NETIF.ADDR_PROBING) continue;
      const waiting = this.#end(ip);
      if (waiting === undefined) continue;
      if (state === NETIF.ADDR_USABLE) {
        waiting.resolve();
        continue;
      }
      // The call has failed: the address is not assigned.
      const address = formatIpv4(ip);
      this.#take(ip, address);
      waiting.reject(new StackError(E_ADDRINUSE, "addAddress", { address, text: `${mac} has it` }));
    }
  }

  /** What waits rejects with `reason` (the stack goes back to another state), or EBADF (it is closed). */
  abandon(reason: Error = new StackError(E_BADF, "addAddress")): void {
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
    this.#remember();
  }
}
