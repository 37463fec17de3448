// Each of the kernel's congestion controls, and each of ours, at the ends of a rough line.
import { expect } from "vitest";
import { overLine, ROUGH } from "./line.js";
import { interop } from "./need.js";
import { bytesOf, type Ends, hear, heardOf } from "./tcp-peer.js";

const SIZE = 1 << 19;
const NEEDS = ["python3", "ss", "tshark"];
/** Three times what it takes on an idle machine, at least: no timer of seconds has run. */
const MAX_MS = 20_000;
/** By role. */
const OURS = { "we accept": "reno", "we connect": "cubic" } as const;

/** A connection with bytes both ways at once, and then to the end of both streams: what ss says of it between. */
async function exchanged({ ours, peer, kernel }: Ends, role: "we accept" | "we connect", congestion?: string) {
  const { tcp } = ours.stack;
  const accept = async () => {
    const server = await tcp.listen({ port: 5001, congestion: OURS[role] });
    const ends = await Promise.all([peer.connect("10.9.1.2", 5001, { congestion }), server.accept()]);
    server.close();
    return ends;
  };
  const connect = async () => {
    const listener = await peer.listen(5002, { congestion });
    return Promise.all([listener.accept(), tcp.connect({ address: "10.9.1.1", port: 5002, congestion: OURS[role] })]);
  };
  const begun = performance.now();
  const [theirs, socket] = await (role === "we accept" ? accept() : connect());
  expect(socket.info().congestion).toBe(OURS[role]);
  const [heard, got] = await Promise.all([
    theirs.receive(SIZE),
    hear(socket, SIZE),
    theirs.send(SIZE, "theirs"),
    socket.write(bytesOf(SIZE, "ours")),
  ]);
  const said = await kernel.do("ss -tinoH state established");
  const [more, rest] = await Promise.all([
    theirs.receive(),
    hear(socket),
    theirs.send(SIZE, "rest").then(() => theirs.shutdown()),
    socket.end(bytesOf(SIZE, "more")),
  ]);
  expect([heard, got], role).toEqual([heardOf(SIZE, "ours"), heardOf(SIZE, "theirs")]);
  expect([more, rest], role).toEqual([heardOf(SIZE, "more"), heardOf(SIZE, "rest")]);
  expect(performance.now() - begun, role).toBeLessThan(MAX_MS);
  return said;
}

for (const theirs of ["reno", "cubic", "bbr"]) {
  interop(
    `the kernel's ${theirs}, our reno and cubic: all arrives over a rough line, whoever connects`,
    [...NEEDS, `tcp ${theirs}`],
    () =>
      overLine(ROUGH, async (ends) => {
        const { kernel, ours } = ends;
        ours.stack.switches.set("TCP_RTO_MIN_MS", 200);
        // A namespace may take what the kernel allows to everybody; for the others a socket asks, with root's rights.
        const at = "/proc/sys/net/ipv4";
        const bySocket = !(await kernel.do(`cat ${at}/tcp_allowed_congestion_control`)).split(/\s/).includes(theirs);
        await kernel.do(`echo ${bySocket ? "reno" : theirs} > ${at}/tcp_congestion_control`);
        for (const role of ["we accept", "we connect"] as const) {
          expect(await exchanged(ends, role, bySocket ? theirs : undefined), role).toContain(` ${theirs} `);
        }
        expect(ours.stack.statistics().counters.TCP_SACK_RECOVERIES).toBeGreaterThan(0);
      }),
  );
}
