/**
 * A router with the Internet's table: how long it takes to load, and what it says of well-known destinations.
 */
import { formatIpv4, ipv4 } from "../../address.js";
import { VirtualClock } from "../../clock.js";
import { SimLink } from "../../drivers/sim-link.js";
import { Prng } from "../../prng.js";
import type { Stack } from "../../stack.js";
import { thousands } from "../../tools/memory.js";
import { chosen } from "./host-table.js";
import { announcer, find, type PrefixTable, prefixTable } from "./prefix-table.js";
import { demand, durationText, type Facts, type Session, type Step } from "./session.js";

const KNOWN = ["8.8.8.8", "1.1.1.1", "9.9.9.9", "193.0.6.139", "202.10.1.2"];
/** Random destinations, each compared with a search of the prefixes themselves. */
const RANDOM = 100_000;
/** Networks that the router stands on, and neighbours on each that routes lead to. */
const PORTS = 4;
const GATEWAYS = 50;
const TRANSIT = "10.0.0.1";

export const internet: Step = {
  name: "internet",
  title: "A router looks up real destinations in the Internet's table",
  async run(session): Promise<Facts> {
    const table = prefixTable();
    if (table === undefined) {
      session.line(
        "npm's @ip-location-db/asn, whose table this step loads, is not installed: the small table above it is.",
      );
      session.line();
      return { table: "small", reason: "@ip-location-db/asn is not installed" };
    }
    const router = await bootRouter(session);
    const loadMs = load(session, router, table);
    session.line(`table: ${thousands(table.count)} prefixes of npm's ${table.name} ${table.version}`);
    session.line(
      `loaded one by one in ${durationText(loadMs)}: ${thousands(Math.round((table.count / loadMs) * 1000))} routes/s`,
    );
    const choices = KNOWN.map((address) => lookUp(session, router, table, address));
    const random = compare(session, router, table);
    session.line(
      `${thousands(RANDOM)} random destinations by routes.get() in ${durationText(random.lookupMs)}, ${thousands(random.announced)} of them ` +
        `announced: all as a search of the prefixes finds`,
    );
    session.line();
    return { table: table.name, version: table.version, prefixes: table.count, loadMs, choices, random };
  },
};

async function bootRouter(session: Session): Promise<Stack> {
  const clock = new VirtualClock();
  const router = await session.boot({ name: "router", clock, profile: "router" });
  for (let port = 0; port < PORTS; port++) {
    router.addInterface(new SimLink({ clock, seed: port }).nic(), { address: `10.0.${port}.254/24` });
  }
  router.routes.add({ destination: "default", gateway: TRANSIT });
  await clock.advance(1000);
  return router;
}

/** Which neighbour an autonomous system is reached by. */
function gatewayOf(asn: number): string {
  return `10.0.${asn % PORTS}.${2 + (asn % GATEWAYS)}`;
}

/** Adds a route for each prefix; how long it took, ms. */
function load(session: Session, router: Stack, table: PrefixTable): number {
  const start = performance.now();
  for (let i = 0; i < table.count; i++) {
    const asn = table.asn[i] as number;
    router.routes.add({ destination: prefixText(table, i), gateway: gatewayOf(asn), dev: `eth${asn % PORTS}` });
    if (i % 4096 === 0) session.progress(() => `loading routes: ${thousands(i)} of ${thousands(table.count)}`);
  }
  return performance.now() - start;
}

function prefixText({ first, length }: PrefixTable, index: number): string {
  return `${formatIpv4(first[index] as number)}/${length[index]}`;
}

function lookUp(session: Session, router: Stack, table: PrefixTable, address: string): Facts {
  const index = find(table, ipv4(address));
  if (index < 0) return { ...chosen(session, router, address, ", announced by nobody"), announcer: undefined };
  const asn = table.asn[index] as number;
  const name = announcer(table, index);
  const choice = chosen(session, router, address, `, announced by AS${asn} ${name}`);
  demand(choice.gateway === gatewayOf(asn), `${address} goes via ${choice.gateway}, not ${gatewayOf(asn)}`);
  return { ...choice, asn, announcer: name };
}

/** Looks random destinations up in the stack, and compares each with a search of the prefixes. */
function compare(session: Session, router: Stack, table: PrefixTable): { lookupMs: number; announced: number } {
  session.progress(() => "comparing random destinations …");
  const prng = new Prng("destinations");
  const addresses = Array.from({ length: RANDOM }, () => formatIpv4(unicast(prng)));
  const start = performance.now();
  const found = addresses.map((address) => router.routes.get(address).route?.destination);
  const lookupMs = performance.now() - start;
  let announced = 0;
  for (const [i, address] of addresses.entries()) {
    const index = find(table, ipv4(address));
    if (index >= 0) announced++;
    const expected = index < 0 ? "0.0.0.0/0" : prefixText(table, index);
    demand(found[i] === expected, `${address} is routed by ${found[i]}, not ${expected}`);
  }
  return { lookupMs, announced };
}

/** An address that is neither loopback's nor of the router's own networks. */
function unicast(prng: Prng): number {
  for (;;) {
    const address = prng.uint32();
    const top = address >>> 24;
    if (top > 0 && top < 224 && top !== 10 && top !== 127) return address;
  }
}
