/**
 * Every frame is explained. With the names of counters and drop reasons standing for their values:
 *
 *   frames that drivers filled in = packets received (not lo's) + RX_BAD_DESCRIPTOR + RX_TOO_LONG
 *   frames over lo:  sent = received + LO_NOT_HANDED_OVER
 *   packets received (lo's too) = RX_IF_DOWN + all ETHER_ + all ARP_ + ARP_IN_REQUESTS + ARP_IN_REPLIES + IP_IN_RECEIVES
 *   IP_IN_RECEIVES = all IP_ but IP_PROTOCOL + IP_REASM_REQDS + IP_IN_DELIVERS - IP_REASM_OKS
 *   IP_REASM_REQDS >= all FRAG_ + 2 IP_REASM_OKS
 *   IP_IN_DELIVERS = IP_PROTOCOL + all UDP_ + SOCK_FILTERED + UDP_IN_DATAGRAMS + u + ICMP_SHORT + ICMP_CHECKSUM + ICMP_IN_MSGS
 *     + all IGMP_ + IGMP_IN_QUERIES + IGMP_IN_REPORTS
 *   ICMP_IN_MSGS   = ICMP_TYPE + ICMP_DEPRECATED + ICMP_IN_ECHOS + ICMP_IN_ECHO_REPS + ICMP_IN_TIMESTAMPS +
 *     ICMP_IN_TIMESTAMP_REPS + ICMP_IN_(DEST_UNREACHS, TIME_EXCDS, PARM_PROBS, REDIRECTS)
 *   those four     = ICMP_QUOTE_SHORT + ICMP_QUOTE_FOREIGN + ICMP_ERROR_UNMATCHED + ICMP_IN_ERRORS_MATCHED +
 *     all ICMP_REDIRECT_ + r
 *   ICMP_IN_ECHOS + ICMP_IN_TIMESTAMPS = ICMP_ECHO_GROUP + ICMP_OUT_ECHO_REPS + ICMP_OUT_TIMESTAMP_REPS + n
 *   ICMP_IN_ECHO_REPS + ICMP_IN_TIMESTAMP_REPS = ICMP_REPLY_UNWANTED + i + e
 *   UDP_IN_DATAGRAMS + e = datagrams read + SOCK_CLOSED
 *   IP_PROTOCOL + UDP_NO_PORT + NEIGH_FAILED + IP_OPTIONS + both IP_SOURCE_ROUTE + t =
 *     ICMP_ERROR_FORBIDDEN + ICMP_ERROR_RATE + ICMP_ERROR_HOST_RATE +
 *     ICMP_OUT_(DEST_UNREACHS, TIME_EXCDS, PARM_PROBS) + OUT_NO_ROUTE - n + b
 *
 * where u and i are the UDP and ICMP parts of SOCK_QUEUE_FULL + SOCK_QUOTA, e the echo replies that sockets took, n the
 * queries to where no route was, t (0 .. IP_REASM_TIMEOUTS) the datagrams of which fragment zero was there when their
 * time was up, b (0 .. OUT_NO_BUFFER) the errors for want of a buffer, and r (0 ..
 * ICMP_REDIRECTS_ACCEPTED) the redirects that no socket asked about.
 */
import { expect } from "vitest";
import type { CounterName, DropName, Stack } from "../../src/index.js";

/**
 * Every frame is found again in a counter.
 * @param filled         frames that drivers have filled in, lo's apart
 * @param datagramsRead  from sockets of any kind
 */
export function explain(stack: Stack, filled: number, datagramsRead: number): void {
  const { counters: c, drops: d } = stack.statistics();
  const all = (prefix: string, but?: DropName) =>
    (Object.keys(d) as DropName[])
      .filter((name) => name.startsWith(prefix) && name !== but)
      .reduce((sum, name) => sum + d[name], 0);
  const [lo, ...others] = stack.interfaces.map((nif) => nif.counters);
  const received = others.reduce((sum, nif) => sum + nif.rxPackets, 0);
  const loReceived = lo?.rxPackets ?? 0;

  expect(filled, "frames filled in").toBe(received + d.RX_BAD_DESCRIPTOR + d.RX_TOO_LONG);
  expect(lo?.txPackets, "frames over lo").toBe(loReceived + d.LO_NOT_HANDED_OVER);
  const link = d.RX_IF_DOWN + all("ETHER_") + all("ARP_") + c.ARP_IN_REQUESTS + c.ARP_IN_REPLIES;
  expect(received + loReceived, "packets received").toBe(link + c.IP_IN_RECEIVES);
  expect(c.IP_IN_RECEIVES, "IP_IN_RECEIVES").toBe(
    all("IP_", "IP_PROTOCOL") + c.IP_REASM_REQDS + c.IP_IN_DELIVERS - c.IP_REASM_OKS,
  );
  expect(c.IP_REASM_REQDS, "fragments").toBeGreaterThanOrEqual(all("FRAG_") + 2 * c.IP_REASM_OKS);

  const udp = all("UDP_") + d.SOCK_FILTERED + c.UDP_IN_DATAGRAMS;
  const igmp = all("IGMP_") + c.IGMP_IN_QUERIES + c.IGMP_IN_REPORTS;
  const u = c.IP_IN_DELIVERS - d.IP_PROTOCOL - udp - igmp - d.ICMP_SHORT - d.ICMP_CHECKSUM - c.ICMP_IN_MSGS;
  const i = d.SOCK_QUEUE_FULL + d.SOCK_QUOTA - u;
  const queries = c.ICMP_IN_ECHOS + c.ICMP_IN_TIMESTAMPS;
  const replies = c.ICMP_IN_ECHO_REPS + c.ICMP_IN_TIMESTAMP_REPS;
  const e = replies - d.ICMP_REPLY_UNWANTED - i;
  expect(Math.min(u, i, e), "datagrams that sockets refused and took").toBeGreaterThanOrEqual(0);
  expect(c.UDP_IN_DATAGRAMS + e, "datagrams in sockets").toBe(datagramsRead + d.SOCK_CLOSED);

  const errors: CounterName[] = [
    "ICMP_IN_DEST_UNREACHS",
    "ICMP_IN_TIME_EXCDS",
    "ICMP_IN_PARM_PROBS",
    "ICMP_IN_REDIRECTS",
  ];
  const errorsIn = errors.reduce((sum, name) => sum + c[name], 0);
  expect(c.ICMP_IN_MSGS, "ICMP_IN_MSGS").toBe(d.ICMP_TYPE + d.ICMP_DEPRECATED + queries + replies + errorsIn);
  const unmatched = d.ICMP_QUOTE_SHORT + d.ICMP_QUOTE_FOREIGN + d.ICMP_ERROR_UNMATCHED;
  const r = errorsIn - unmatched - c.ICMP_IN_ERRORS_MATCHED - all("ICMP_REDIRECT_");
  expect(r, "redirects without a socket").toBeGreaterThanOrEqual(0);
  expect(r, "redirects without a socket").toBeLessThanOrEqual(c.ICMP_REDIRECTS_ACCEPTED);

  const n = queries - d.ICMP_ECHO_GROUP - c.ICMP_OUT_ECHO_REPS - c.ICMP_OUT_TIMESTAMP_REPS;
  const limited = d.ICMP_ERROR_RATE + d.ICMP_ERROR_HOST_RATE;
  const out = c.ICMP_OUT_DEST_UNREACHS + c.ICMP_OUT_TIME_EXCDS + c.ICMP_OUT_PARM_PROBS;
  const told = d.ICMP_ERROR_FORBIDDEN + limited + out + d.OUT_NO_ROUTE - n;
  const sourceRoutes = d.IP_SOURCE_ROUTE + d.IP_SOURCE_ROUTE_FAILED;
  const b = d.IP_PROTOCOL + d.UDP_NO_PORT + d.NEIGH_FAILED + d.IP_OPTIONS + sourceRoutes - told;
  expect(n, "queries without a route").toBeGreaterThanOrEqual(0);
  expect(b, "errors without a buffer").toBeGreaterThanOrEqual(-c.IP_REASM_TIMEOUTS);
  expect(b, "errors without a buffer").toBeLessThanOrEqual(d.OUT_NO_BUFFER);
}
