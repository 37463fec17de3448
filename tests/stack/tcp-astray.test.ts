/** Connections in places where they seldom come: the path is gone, the peer is confused. What the fuzzer has found. */
import { expect, test } from "vitest";
import { CALL_PTR } from "../../assembly/abi/call.js";
import { TCP_ESTABLISHED, TCP_SYN_RECEIVED } from "../../assembly/abi/tcp.js";
import { Host, PEER } from "./recording-driver.js";
import { type TcbRecord, tcbRecords } from "./tcp-records.js";
import { ACK, FIN, readTcp, SYN, type TcpFields, tcp } from "./tcp-wire.js";
import { data, ip4, type ReadIpv4 } from "./wire.js";

const SERVER = 80;
/** The host profile's tcpRanges, beyond which the records end. */
const RANGES = 32;
const CALLER = { srcPort: 40000, dstPort: SERVER, seq: 1000 };

function rx(host: Host, fields: TcpFields, payload: ArrayLike<number> = []): void {
  host.rxIp({ proto: 6 }, tcp({ ...CALLER, ...fields }, payload));
}

/** A connection that the peer has opened and the application accepted: its handle, and our next sequence number. */
function established(host: Host, offers: TcpFields = {}): { handle: number; ack: number } {
  const { core } = host.stack;
  const listener = core.exports.sock_open(6);
  core.putPeer(0, SERVER);
  core.exports.sock_bind(listener);
  core.exports.sock_listen(listener, 5);
  rx(host, { flags: SYN, ...offers });
  const ack = readTcp(host.one().ip as ReadIpv4).seq + 1;
  rx(host, { seq: 1001, ack });
  const handle = core.exports.sock_accept(listener);
  expect(handle).toBeGreaterThan(0);
  core.exports.sock_close(listener);
  return { handle, ack };
}

function record(host: Host, state: number): TcbRecord {
  const found = tcbRecords(host.stack, RANGES).find((t) => t.get("state") === state);
  if (found === undefined) throw new Error(`no connection is in state ${state}`);
  return found;
}

test("an orphan whose path comes back in time says its FIN within a minute", async () => {
  const host = await Host.create();
  const { handle, ack } = established(host);
  rx(host, { seq: 1001, ack, flags: FIN | ACK });
  host.nif.down();
  host.stack.core.exports.sock_close(handle);
  host.run(200e6);
  host.nif.up();
  host.stack.neighbours.add(host.nif, PEER, "02:00:00:00:01:02");
  host.run(60e6);
  const segments = host.take().flatMap(({ ip }) => (ip?.proto === 6 ? [readTcp(ip)] : []));
  expect(segments.map(({ flags, seq }) => [flags & FIN, seq])).toContainEqual([FIN, ack]);
  rx(host, { seq: 1002, ack: ack + 1 });
  expect(tcbRecords(host.stack, RANGES)).toEqual([]);
});

test("a SYN that finds no path is not counted as sent, nor as retransmitted", async () => {
  const host = await Host.create();
  const { core } = host.stack;
  const handle = core.exports.sock_open(6);
  core.putPeer(ip4(PEER), SERVER);
  expect(core.exports.sock_connect(handle)).toBe(0);
  host.nif.down();
  host.run(20e6);
  expect(host.stack.statistics().counters).toMatchObject({ TCP_OUT_SEGS: 1, TCP_RETRANS_SEGS: 0 });
  core.exports.sock_close(handle);
});

test("a connection that is established while there is no way back may send once there is one", async () => {
  const host = await Host.create();
  const { core } = host.stack;
  const listener = core.exports.sock_open(6);
  core.putPeer(0, SERVER);
  core.exports.sock_bind(listener);
  core.exports.sock_listen(listener, 5);
  host.stack.routes.delete({ destination: "192.168.1.0/24" });
  rx(host, { flags: SYN, options: [{ kind: "mss", mss: 1460 }] });
  expect(host.take(), "the SYN-ACK cannot go").toEqual([]);
  rx(host, { seq: 1001, ack: record(host, TCP_SYN_RECEIVED).get("sndMax") });
  const t = record(host, TCP_ESTABLISHED);
  expect([t.get("sndMss"), t.get("cwnd")]).toEqual([536, 5360]);
  host.stack.routes.add({ destination: "192.168.1.0/24", dev: host.nif.name });
  const handle = core.exports.sock_accept(listener);
  expect(core.exports.tcp_send_window(handle)).toBeGreaterThan(3000);
  core.u8.fill(7, core.get(CALL_PTR), core.get(CALL_PTR) + 3000);
  core.exports.tcp_send(handle, 3000, 0);
  host.stack.work();
  host.run();
  const lengths = host.take().map(({ ip }) => readTcp(ip as ReadIpv4).data.length);
  expect(lengths).toEqual([1460, 1460, 80]);
  for (const each of [handle, listener]) core.exports.sock_abort(each);
});

test("a reset without a route back is not counted as sent", async () => {
  const host = await Host.create();
  const stranger = { src: "20.1.1.1" };
  host.rxIp({ proto: 6, ...stranger }, tcp({ ...CALLER, flags: SYN, ...stranger }));
  const { counters, drops } = host.stack.statistics();
  expect([drops.TCP_NO_PORT, drops.OUT_NO_ROUTE, counters.TCP_OUT_RSTS, counters.TCP_OUT_SEGS]).toEqual([1, 1, 0, 0]);
});

test("text from beyond the peer's FIN is forgotten with the FIN, and not reported as received (RFC 2018 §3)", async () => {
  const host = await Host.create();
  const { handle, ack } = established(host, { options: [{ kind: "sackOK" }] });
  rx(host, { seq: 1101, ack }, data(10));
  host.take();
  rx(host, { seq: 1001, ack, flags: FIN | ACK });
  const segment = readTcp(host.one().ip as ReadIpv4);
  expect([segment.ack, segment.options]).toEqual([1002, []]);
  host.stack.core.exports.sock_abort(handle);
});
