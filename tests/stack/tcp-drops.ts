/**
 * What TCP drops, and why: a scenario for each of its reasons (drops.test.ts). The peer is played segment by segment; its
 * sequence numbers begin at PEER_ISS.
 */
import type { DropName } from "../../src/index.js";
import type { Scenario } from "./drops.test.js";
import { type Host, PEER, US } from "./recording-driver.js";
import { ACK, FIN, RST, readTcp, SYN, type TcpFields, type TcpOption, tcp } from "./tcp-wire.js";
import { BROADCAST_MAC, data, ipv4, type ReadIpv4 } from "./wire.js";

const PEER_ISS = 1000;
const SERVER = 80;

/** Next byte that our side expects, and the next that it will send, of the connection a scenario speaks of. */
interface Dialogue {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
}

const dialogues = new WeakMap<Host, Dialogue>();
const dialogue = (host: Host) => dialogues.get(host) as Dialogue;

function rx(host: Host, fields: TcpFields, payload: ArrayLike<number> = []): void {
  host.rxIp({ proto: 6 }, tcp(fields, payload));
}

/** A segment of the connection: in its place, unless said otherwise. */
const says = (fields: (d: Dialogue) => TcpFields, payload: ArrayLike<number> = []) => ({
  act: (host: Host) => rx(host, { ...dialogue(host), ...fields(dialogue(host)) }, payload),
});

/** What our side has sent last. */
function last(host: Host) {
  const frame = host.take().at(-1);
  return readTcp(frame?.ip as ReadIpv4);
}

function syn(host: Host, srcPort = 40000, options: TcpOption[] = []): void {
  rx(host, { srcPort, dstPort: SERVER, seq: PEER_ISS, flags: SYN, options });
}

async function listen(host: Host, backlog = 8): Promise<void> {
  await host.stack.tcp.listen({ port: SERVER, backlog });
}

/** A connection that the peer has opened, and that nobody has accepted yet. */
async function establish(host: Host, options: TcpOption[] = []): Promise<void> {
  await listen(host);
  syn(host, 40000, options);
  const { seq } = last(host);
  const next = { srcPort: 40000, dstPort: SERVER, seq: PEER_ISS + 1, ack: seq + 1 };
  dialogues.set(host, next);
  rx(host, { ...next, options: options.filter(({ kind }) => kind === "TS") });
  host.take();
}

const STAMPED: TcpOption[] = [{ kind: "TS", val: 5000, ecr: 0 }];

/** Likewise, accepted, and closed by its application: our FIN has been acknowledged. */
async function closed(host: Host): Promise<void> {
  const server = await host.stack.tcp.listen({ port: SERVER });
  syn(host);
  const { seq } = last(host);
  const d = { srcPort: 40000, dstPort: SERVER, seq: PEER_ISS + 1, ack: seq + 1 };
  rx(host, d);
  (await server.accept()).close();
  host.run();
  dialogues.set(host, { ...d, ack: d.ack + 1 });
  rx(host, dialogue(host));
}

/** A connection that we open: the SYN is on its way. */
function opening(host: Host): void {
  const connection = host.stack.tcp.connect({ address: PEER, port: SERVER });
  connection.catch(() => undefined);
  host.run();
  const { seq, srcPort } = last(host);
  dialogues.set(host, { srcPort: SERVER, dstPort: srcPort, seq: PEER_ISS, ack: seq + 1 });
}

type TcpDropName = Extract<DropName, `TCP_${string}`>;

export const TCP_SCENARIOS: Record<TcpDropName, Scenario> = {
  TCP_SHORT: { act: (host) => host.rxIp({ proto: 6 }, tcp({ flags: SYN }).slice(0, 19)) },
  TCP_CHECKSUM: { act: (host) => rx(host, { flags: SYN, checksum: 1 }) },
  TCP_GROUP: {
    prepare: (host) => listen(host),
    act: (host) => {
      const to = { dst: "192.168.1.255" };
      host.rxIp({ proto: 6, ...to }, tcp({ dstPort: SERVER, flags: SYN, ...to }), BROADCAST_MAC);
    },
  },
  TCP_PORT: { act: (host) => rx(host, { srcPort: 0, flags: SYN }) },
  TCP_NO_PORT: { act: (host) => syn(host) },
  TCP_RST_UNMATCHED: { prepare: (host) => listen(host), act: (host) => rx(host, { dstPort: SERVER, flags: RST }) },
  // The peer's FIN comes again: it is acknowledged again.
  TCP_TIME_WAIT: {
    prepare: async (host) => {
      await closed(host);
      rx(host, { ...dialogue(host), flags: FIN | ACK });
    },
    ...says(() => ({ flags: FIN | ACK })),
  },
  TCP_BACKLOG: {
    prepare: async (host) => {
      await listen(host, 1);
      syn(host);
    },
    act: (host) => syn(host, 40001),
  },
  TCP_NO_BLOCK: {
    options: { tcpBlocks: 2 },
    prepare: async (host) => {
      await listen(host);
      syn(host);
    },
    act: (host) => syn(host, 40001),
  },
  TCP_SYN_SENT_ACK: { prepare: opening, ...says(({ ack }) => ({ ack: ack + 1, flags: SYN | ACK })) },
  TCP_SYN_SENT_RST: { prepare: opening, ...says(() => ({ ack: 0, flags: RST })) },
  TCP_SEQUENCE: { prepare: establish, ...says(({ seq }) => ({ seq: seq - 100 }), data(100)) },
  TCP_PAWS: {
    prepare: (host) => establish(host, STAMPED),
    ...says(() => ({ options: [{ kind: "TS", val: 4999, ecr: 0 }] }), data(1)),
  },
  TCP_NO_TIMESTAMP: { prepare: (host) => establish(host, STAMPED), ...says(() => ({}), data(1)) },
  TCP_RST_SEQUENCE: { prepare: establish, ...says(({ seq }) => ({ seq: seq + 1, flags: RST })) },
  TCP_SYN: { prepare: establish, ...says(({ seq }) => ({ seq: seq + 1, flags: SYN })) },
  TCP_ACK: { prepare: establish, ...says(({ ack }) => ({ ack: ack + 1 })) },
  TCP_NO_ACK: { prepare: establish, ...says(() => ({ ack: 0, flags: 0 }), data(1)) },
  TCP_CLOSED: { prepare: closed, ...says(() => ({}), data(1)) },
  TCP_HOLES: {
    options: { tcpRanges: 1 },
    prepare: async (host) => {
      await establish(host);
      rx(host, { ...dialogue(host), seq: dialogue(host).seq + 100 }, data(10));
    },
    ...says(({ seq }) => ({ seq: seq + 200 }), data(10)),
  },
  // RFC 5927 §4.1: whoever guesses the ports knows nothing of what is in flight.
  TCP_ICMP_SEQUENCE: {
    prepare: establish,
    act: (host) => {
      const { srcPort, dstPort, ack } = dialogue(host);
      const quoted = tcp({ srcPort: dstPort, dstPort: srcPort, seq: ack + 5000, src: US, dst: PEER });
      host.rxIcmp({ type: 3, code: 1 }, ipv4({ proto: 6, src: US, dst: PEER }, quoted));
    },
  },
  TCP_COOKIE: {
    prepare: async (host) => {
      await listen(host);
      host.stack.switches.set("TCP_SYN_COOKIES", 2);
      syn(host);
    },
    act: (host) => rx(host, { srcPort: 40001, dstPort: SERVER, seq: PEER_ISS + 1, ack: 1 }, data(1)),
  },
};
