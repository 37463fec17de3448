/**
 * Every frame is explained. With the names of counters and drop reasons standing for their values:
 *
 *   frames that drivers filled in = packets received (not lo's) + RX_BAD_DESCRIPTOR + RX_TOO_LONG
 *   frames over lo:  sent = received + LO_NOT_HANDED_OVER
 *   packets received (lo's too) = RX_IF_DOWN + all ETHER_ + all ARP_ + ARP_IN_REQUESTS + ARP_IN_REPLIES + IP_IN_RECEIVES
 *   IP_IN_RECEIVES = all IP_ but IP_PROTOCOL + all FWD_ + IP_FORW_DATAGRAMS + IP_REASM_REQDS - IP_REASM_OKS + IP_IN_DELIVERS
 *   IP_REASM_REQDS >= all FRAG_ + 2 IP_REASM_OKS
 *   IP_IN_DELIVERS = IP_PROTOCOL + all UDP_ + SOCK_FILTERED + ICMP_SHORT + ICMP_CHECKSUM + ICMP_IN_MSGS
 *     + all IGMP_ + IGMP_IN_QUERIES + IGMP_IN_REPORTS + TCP_IN_SEGS + s
 *   TCP_IN_SEGS    = all TCP_ but TCP_ICMP_SEQUENCE + the segments that were of use
 *   IP_OUT_REQUESTS = TCP_OUT_SEGS + UDP_OUT_DATAGRAMS + RAW_OUT_DATAGRAMS + ICMP_OUT_MSGS + IGMP_OUT_REPORTS +
 *     IGMP_OUT_LEAVES
 *   TCP_OUT_SEGS  >= TCP_OUT_RSTS + TCP_RETRANS_SEGS
 *   ICMP_IN_MSGS   = ICMP_TYPE + ICMP_DEPRECATED + ICMP_IN_ECHOS + ICMP_IN_ECHO_REPS + ICMP_IN_TIMESTAMPS +
 *     ICMP_IN_TIMESTAMP_REPS + ICMP_IN_(DEST_UNREACHS, TIME_EXCDS, PARM_PROBS, REDIRECTS)
 *   those four     = ICMP_QUOTE_SHORT + ICMP_QUOTE_FOREIGN + ICMP_ERROR_UNMATCHED + ICMP_IN_ERRORS_MATCHED + ICMP_PMTU +
 *     TCP_ICMP_SEQUENCE + all ICMP_REDIRECT_ + r
 *   ICMP_IN_ECHOS + ICMP_IN_TIMESTAMPS = ICMP_ECHO_GROUP + ICMP_OUT_ECHO_REPS + ICMP_OUT_TIMESTAMP_REPS + n
 *   UDP_IN_DATAGRAMS + RAW_IN_DATAGRAMS + e = datagrams read + SOCK_CLOSED
 *   s + ICMP_IN_ECHO_REPS + ICMP_IN_TIMESTAMP_REPS - ICMP_REPLY_UNWANTED + c =
 *     UDP_IN_DATAGRAMS + RAW_IN_DATAGRAMS + e + SOCK_QUEUE_FULL + SOCK_QUOTA + SOCK_COPY
 *   what is told: IP_PROTOCOL + UDP_NO_PORT + NEIGH_FAILED + IP_OPTIONS + both IP_SOURCE_ROUTE + t + w +
 *     FWD_(TTL, NEED_FRAGMENT, NO_ROUTE, UNREACHABLE, PROHIBITED) = ICMP_ERROR_(FORBIDDEN, RATE, HOST_RATE) +
 *     ICMP_OUT_(DEST_UNREACHS, TIME_EXCDS, PARM_PROBS, REDIRECTS) + OUT_NO_ROUTE - n - a + b
 *
 * where s are the datagrams that reached sockets of UDP and raw ones, c the copies for further sockets (none where nobody
 * can share), e the echo replies that sockets took, n the queries to where no route was, a (0 .. TCP_NO_PORT + TCP_ACK +
 * TCP_SYN_SENT_ACK + TCP_TIME_WAIT) the segments whose answer had no route, t (0 .. IP_REASM_TIMEOUTS) the
 * datagrams of which fragment zero was there when their time was up, w (0 .. IP_FORW_DATAGRAMS) those whose sender was to
 * be redirected, b (0 .. OUT_NO_BUFFER) the errors for want of a buffer, and r (-ICMP_REDIRECT_OFF .. ICMP_IN_REDIRECTS)
 * the redirects that were followed and no socket asked about, less those not followed that one did; with raw sockets, which
 * all hear of an error, r is any number.
 */
import { expect } from "vitest";
import type { CounterName, DropName, Stack } from "../../src/index.js";

export interface Done {
  /** Frames that drivers have filled in, lo's apart. */
  readonly filled: number;
  /** Datagrams read from sockets of any kind. */
  readonly read: number;
  /** There were sockets that share what comes: raw ones, or several of a port. */
  readonly shared: boolean;
}

/** Every frame is found again in a counter. */
export function explain(stack: Stack, done: Done): void {
  const { counters: c, drops: d } = stack.statistics();
  const all = (prefix: string, but?: DropName) =>
    (Object.keys(d) as DropName[])
      .filter((name) => name.startsWith(prefix) && name !== but)
      .reduce((sum, name) => sum + d[name], 0);
  const counted = (...names: CounterName[]) => names.reduce((sum, name) => sum + c[name], 0);
  const [lo, ...others] = stack.interfaces.map((nif) => nif.counters);
  const received = others.reduce((sum, nif) => sum + nif.rxPackets, 0);
  const loReceived = lo?.rxPackets ?? 0;

  expect(done.filled, "frames filled in").toBe(received + d.RX_BAD_DESCRIPTOR + d.RX_TOO_LONG);
  expect(lo?.txPackets, "frames over lo").toBe(loReceived + d.LO_NOT_HANDED_OVER);
  const link = d.RX_IF_DOWN + all("ETHER_") + all("ARP_") + c.ARP_IN_REQUESTS + c.ARP_IN_REPLIES;
  expect(received + loReceived, "packets received").toBe(link + c.IP_IN_RECEIVES);
  const passed = all("FWD_") + c.IP_FORW_DATAGRAMS;
  expect(c.IP_IN_RECEIVES, "IP_IN_RECEIVES").toBe(
    all("IP_", "IP_PROTOCOL") + passed + c.IP_REASM_REQDS - c.IP_REASM_OKS + c.IP_IN_DELIVERS,
  );
  expect(c.IP_REASM_REQDS, "fragments").toBeGreaterThanOrEqual(all("FRAG_") + 2 * c.IP_REASM_OKS);

  const queries = c.ICMP_IN_ECHOS + c.ICMP_IN_TIMESTAMPS;
  const replies = c.ICMP_IN_ECHO_REPS + c.ICMP_IN_TIMESTAMP_REPS;
  const errorsIn = counted("ICMP_IN_DEST_UNREACHS", "ICMP_IN_TIME_EXCDS", "ICMP_IN_PARM_PROBS", "ICMP_IN_REDIRECTS");
  expect(c.ICMP_IN_MSGS, "ICMP_IN_MSGS").toBe(d.ICMP_TYPE + d.ICMP_DEPRECATED + queries + replies + errorsIn);
  const icmp = d.ICMP_SHORT + d.ICMP_CHECKSUM + c.ICMP_IN_MSGS;
  const igmp = all("IGMP_") + c.IGMP_IN_QUERIES + c.IGMP_IN_REPORTS;
  const s = c.IP_IN_DELIVERS - d.IP_PROTOCOL - all("UDP_") - d.SOCK_FILTERED - icmp - igmp - c.TCP_IN_SEGS;
  const e = done.read + d.SOCK_CLOSED - c.UDP_IN_DATAGRAMS - c.RAW_IN_DATAGRAMS;
  const wanted = replies - d.ICMP_REPLY_UNWANTED;
  expect(Math.min(s, e, wanted - e), "datagrams that sockets took and refused").toBeGreaterThanOrEqual(0);
  const taken = c.UDP_IN_DATAGRAMS + c.RAW_IN_DATAGRAMS + e;
  const copies = taken + d.SOCK_QUEUE_FULL + d.SOCK_QUOTA + d.SOCK_COPY - s - wanted;
  if (done.shared) expect(copies, "copies").toBeGreaterThanOrEqual(0);
  else expect(copies, "copies").toBe(0);

  expect(all("TCP_", "TCP_ICMP_SEQUENCE"), "segments dropped").toBeLessThanOrEqual(c.TCP_IN_SEGS);
  const igmpOut = c.IGMP_OUT_REPORTS + c.IGMP_OUT_LEAVES;
  expect(c.IP_OUT_REQUESTS, "IP_OUT_REQUESTS").toBe(
    c.TCP_OUT_SEGS + c.UDP_OUT_DATAGRAMS + c.RAW_OUT_DATAGRAMS + c.ICMP_OUT_MSGS + igmpOut,
  );
  expect(c.TCP_OUT_RSTS + c.TCP_RETRANS_SEGS, "resets and retransmissions").toBeLessThanOrEqual(c.TCP_OUT_SEGS);

  if (!done.shared) {
    const refused =
      d.TCP_ICMP_SEQUENCE + d.ICMP_QUOTE_SHORT + d.ICMP_QUOTE_FOREIGN + d.ICMP_ERROR_UNMATCHED + d.ICMP_PMTU;
    const r = errorsIn - refused - c.ICMP_IN_ERRORS_MATCHED - all("ICMP_REDIRECT_");
    expect(r, "redirects without a socket").toBeGreaterThanOrEqual(-d.ICMP_REDIRECT_OFF);
    expect(r, "redirects without a socket").toBeLessThanOrEqual(c.ICMP_IN_REDIRECTS);
  }

  const n = queries - d.ICMP_ECHO_GROUP - c.ICMP_OUT_ECHO_REPS - c.ICMP_OUT_TIMESTAMP_REPS;
  expect(n, "queries without a route").toBeGreaterThanOrEqual(0);
  const out = counted("ICMP_OUT_DEST_UNREACHS", "ICMP_OUT_TIME_EXCDS", "ICMP_OUT_PARM_PROBS", "ICMP_OUT_REDIRECTS");
  const answered = d.TCP_NO_PORT + d.TCP_ACK + d.TCP_SYN_SENT_ACK + d.TCP_TIME_WAIT;
  const told = all("ICMP_ERROR_", "ICMP_ERROR_UNMATCHED") + out + d.OUT_NO_ROUTE - n;
  const here = d.IP_PROTOCOL + d.UDP_NO_PORT + d.NEIGH_FAILED + d.IP_OPTIONS + all("IP_SOURCE_ROUTE");
  const there = d.FWD_TTL + d.FWD_NEED_FRAGMENT + d.FWD_NO_ROUTE + d.FWD_UNREACHABLE + d.FWD_PROHIBITED;
  expect(told - here - there, "errors sent").toBeLessThanOrEqual(
    c.IP_REASM_TIMEOUTS + c.IP_FORW_DATAGRAMS + Math.min(answered, d.OUT_NO_ROUTE),
  );
  expect(here + there - told, "errors not sent").toBeLessThanOrEqual(d.OUT_NO_BUFFER);
}
