// ECN (RFC 3168) with the kernel, over a line whose queues mark what they would drop later.
import { expect } from "vitest";
import { overLine } from "./line.js";
import { interop } from "./need.js";
import { bytesOf, connected, type Ends, hear, heardOf, NOTHING_LOST } from "./tcp-peer.js";

const SIZE = 1 << 20;
const SLOW = { bitRate: 40_000_000, delayUs: 2000, queueFrames: 400, markFrames: 8 };

async function weConnect({ ours, peer }: Ends) {
  const listener = await peer.listen(5002);
  return Promise.all([listener.accept(), ours.stack.tcp.connect({ address: "10.9.1.1", port: 5002 })]);
}

for (const role of ["we accept", "we connect"] as const) {
  interop(
    `ECN, ${role}: agreed on, heard and said by both ends, and nothing is lost`,
    ["python3", "ss", "tshark"],
    () =>
      overLine(SLOW, async (ends) => {
        const { kernel, ours } = ends;
        const counters = () => ours.stack.statistics().counters;
        await kernel.do(`echo ${role === "we accept" ? 1 : 2} > /proc/sys/net/ipv4/tcp_ecn
        echo reno > /proc/sys/net/ipv4/tcp_congestion_control; echo 0 > /proc/sys/net/ipv4/tcp_early_retrans; ip link set tap0 txqueuelen 10000`);
        if (role === "we connect") ours.stack.switches.set("TCP_ECN", 1);
        const [theirs, socket] = await (role === "we accept" ? connected(ends) : weConnect(ends));
        expect(socket.info().ecn).toBe(true);
        const [heard] = await Promise.all([theirs.receive(SIZE), socket.write(bytesOf(SIZE, "ours"))]);
        expect(heard).toEqual(heardOf(SIZE, "ours"));
        expect(counters().TCP_ECN_REDUCTIONS, "it has said ECE, and we have slowed down").toBeGreaterThan(0);
        const [got] = await Promise.all([hear(socket, SIZE), theirs.send(SIZE, "theirs")]);
        expect(got).toEqual(heardOf(SIZE, "theirs"));
        expect(counters().TCP_IN_CE, "what it sent was marked").toBeGreaterThan(0);
        const said = await kernel.do("ss -tinoH state established");
        expect(said).toMatch(/ ecn .*ecnseen /);
        // It has slowed down for our ECE: its threshold is a number, though nothing was lost.
        expect(said).toMatch(/ ssthresh:\d+ /);
        expect(said).not.toContain(" retrans:");
        expect(counters()).toMatchObject({ ...NOTHING_LOST, TCP_IN_OUT_OF_ORDER: 0 });
      }),
  );
}
