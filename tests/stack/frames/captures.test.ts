/**
 * Frames that others have made (tests/fixtures/frames.ts: Linux's, scapy's) are fed to the very host that they are for;
 * what becomes of each is what tshark says of it, and every one is found again in a counter.
 */
import { describe, expect, test } from "vitest";
import type { DropName } from "../../../src/index.js";
import { VirtualClock } from "../../../src/index.js";
import { FRAMES } from "../../fixtures/frames.js";
import { boot } from "../harness.js";
import { Host, RecordingDriver } from "../recording-driver.js";
import { fromHex, ip4Text } from "../wire.js";

/** The bit of TCP's flags. */
const RST = 4;

interface Capture {
  name: string;
  link: string;
  facts: Map<string, number>;
  bytes: Uint8Array;
}

const CAPTURES: Capture[] = FRAMES.map((line) => {
  const [name = "", link = "", facts = "", hex = ""] = line.split(" | ").map((part) => part.trim());
  const pairs = facts.split(" ").filter((fact) => fact !== "");
  return {
    name,
    link,
    facts: new Map(pairs.map((fact) => [fact.split("=")[0] as string, Number(fact.split("=")[1])])),
    bytes: fromHex(hex),
  };
});

const macOf = (bytes: Uint8Array) => Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, "0")).join(":");

/** The address of the host that the frame is for; some other where it is for all, or for none. */
function addressFor(facts: Map<string, number>): string {
  const arp = facts.get("arp.dst.proto_ipv4");
  if (arp !== undefined && arp !== facts.get("arp.src.proto_ipv4")) return ip4Text(arp);
  const ip = facts.get("ip.dst");
  return ip === undefined || ip >= 0xe0000000 ? "198.51.100.1" : ip4Text(ip);
}

type Outcome = DropName | "held back" | "echo reply" | "ARP reply" | "timestamp reply" | "ARP answer";

/** What tshark's facts make of the frame. */
function outcome({ link, facts, bytes }: Capture): Outcome {
  const is = (name: string, value: number) => facts.get(name) === value;
  const has = (name: string) => facts.has(name);
  const group = link === "ether" && ((bytes[0] as number) & 1) !== 0;
  if (link === "ether") {
    const all = macOf(bytes) === "ff:ff:ff:ff:ff:ff";
    if (!has("eth.type")) return "ETHER_8023_LENGTH";
    if (has("vlan.id") && !is("vlan.id", 0)) return "ETHER_VLAN";
    if (group && !all) return "ETHER_NOT_FOR_US";
    if (is("eth.type", 0x86dd)) return "ETHER_TYPE";
    if (is("arp.opcode", 2)) return "ARP answer";
    if (is("arp.opcode", 1)) {
      return facts.get("arp.src.proto_ipv4") === facts.get("arp.dst.proto_ipv4") ? "ARP_NOT_FOR_US" : "ARP reply";
    }
  }
  if (is("ip.checksum.status", 0)) return "IP_CHECKSUM";
  if (group) return "IP_LINK_BROADCAST";
  if (is("ip.flags.mf", 1) || !is("ip.frag_offset", 0)) return "held back";
  if (is("ip.proto", 17)) return is("udp.checksum.status", 0) ? "UDP_CHECKSUM" : "UDP_NO_PORT";
  if (is("ip.proto", 6)) {
    if (is("tcp.checksum.status", 0)) return "TCP_CHECKSUM";
    return ((facts.get("tcp.flags") ?? 0) & RST) !== 0 ? "TCP_RST_UNMATCHED" : "TCP_NO_PORT";
  }
  if (!is("ip.proto", 1)) return "IP_PROTOCOL";
  if (is("icmp.checksum.status", 0)) return "ICMP_CHECKSUM";
  switch (facts.get("icmp.type")) {
    case 8:
      return "echo reply";
    case 0:
      return "ICMP_REPLY_UNWANTED";
    case 3:
    case 11:
    case 12:
      return "ICMP_ERROR_UNMATCHED";
    case 5:
      return "ICMP_REDIRECT_SENDER";
    case 13:
      return "timestamp reply";
    case 4:
    case 15:
    case 16:
    case 17:
    case 18:
      return "ICMP_DEPRECATED";
    default:
      return "ICMP_TYPE";
  }
}

/** A host that is where the capture is for, with a route to everywhere. */
async function hostFor({ link, facts, bytes }: Capture): Promise<Host> {
  const group = ((bytes[0] as number) & 1) !== 0;
  const address = `${addressFor(facts)}/24`;
  const clock = new VirtualClock();
  const stack = await boot({ clock });
  const driver = new RecordingDriver(
    link === "ip" ? { medium: "ip" } : { mac: group ? "02:00:00:00:01:01" : macOf(bytes) },
  );
  const nif = stack.addInterface(driver, { address });
  stack.routes.add({ destination: "default", dev: nif.name });
  const host = Host.around(stack, clock, driver, nif);
  host.run();
  host.take();
  return host;
}

describe("captures", () => {
  test("there are some, of every kind", () => {
    expect(CAPTURES.length).toBeGreaterThan(40);
    const kinds = new Set(CAPTURES.map(outcome));
    for (const kind of ["echo reply", "ARP reply", "ARP answer", "UDP_NO_PORT", "held back", "ETHER_TYPE"] as const) {
      expect(kinds).toContain(kind);
    }
  });

  test.each(CAPTURES.map((capture) => [capture.name, capture] as const))("%s", async (_, capture) => {
    const host = await hostFor(capture);
    const expected = outcome(capture);
    const { counters, drops } = await host.changes(() => {
      expect(host.rx(capture.bytes)).toBe(true);
    });
    if (expected === "echo reply") expect(counters).toMatchObject({ ICMP_IN_ECHOS: 1, ICMP_OUT_ECHO_REPS: 1 });
    else if (expected === "timestamp reply") expect(counters).toMatchObject({ ICMP_OUT_TIMESTAMP_REPS: 1 });
    else if (expected === "ARP reply") expect(counters).toMatchObject({ ARP_IN_REQUESTS: 1, ARP_OUT_REPLIES: 1 });
    else if (expected === "ARP answer") expect(counters).toMatchObject({ ARP_IN_REPLIES: 1 });
    const dropped = /^[A-Z]+_/.test(expected) ? { [expected]: 1 } : {};
    expect(drops).toEqual(dropped);
    expect(host.nif.counters).toMatchObject({ rxPackets: 1, rxErrors: 0, rxBytes: capture.bytes.length });
  });

  test.each(CAPTURES.map((capture) => [capture.name, capture] as const))("%s, to a stranger", async (_, capture) => {
    const host = await Host.create();
    host.rx(capture.bytes);
    const { drops } = host.stack.statistics();
    expect(Object.values(drops).reduce((sum, count) => sum + count)).toBe(1);
    expect(host.take()).toEqual([]);
  });
});
