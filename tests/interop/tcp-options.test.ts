// What our stack and the kernel agree on in the handshake, as both see it, and the path's MTU found on the way.
import { expect } from "vitest";
import { interop } from "./need.js";
import { besidePeer, bytesOf, connected, type Ends, hear, heardOf, Peer } from "./tcp-peer.js";
import { inWorld } from "./world.js";

const NEEDS = ["python3", "ss", "tshark"];
const SIZE = 1 << 20;

/** A connection in each role, with bytes both ways: what `ss -tin` says of it, and what we say. */
async function agreed(ends: Ends, role: "we accept" | "we connect") {
  const { ours, peer, kernel } = ends;
  const listener = await peer.listen(5010);
  const accept = () => connected(ends, {}, { receiveBuffer: SIZE });
  const connect = () =>
    Promise.all([listener.accept(), ours.stack.tcp.connect({ address: "10.9.1.1", port: 5010, receiveBuffer: SIZE })]);
  const [theirs, socket] = await (role === "we accept" ? accept() : connect());
  const [heard] = await Promise.all([theirs.receive(SIZE), socket.write(bytesOf(SIZE, "ours"))]);
  expect(heard, role).toEqual(heardOf(SIZE, "ours"));
  const [got] = await Promise.all([hear(socket, SIZE), theirs.send(SIZE, "theirs")]);
  expect(got, role).toEqual(heardOf(SIZE, "theirs"));
  const ss = await kernel.do("ss -tinoH state established");
  const info = socket.info();
  socket.abort();
  await peer.call(listener.name, "close");
  return { ss, info };
}

const ALL = { sack: true, timestamps: true, windowScaling: true };
/** Our switch and the kernel's of each. */
const SWITCHES = [
  ["sack", "TCP_SACK", "tcp_sack"],
  ["timestamps", "TCP_TIMESTAMPS", "tcp_timestamps"],
  ["windowScaling", "TCP_WINDOW_SCALING", "tcp_window_scaling"],
] as const;

async function expectAgreed(ends: Ends, want: typeof ALL, label: string): Promise<void> {
  for (const role of ["we accept", "we connect"] as const) {
    const { ss, info } = await agreed(ends, role);
    const mss = want.timestamps ? 1448 : 1460;
    const { sack, timestamps, windowScaling } = info;
    expect({ sack, timestamps, windowScaling, mss: info.mss }, `${label}, ${role}`).toEqual({ ...want, mss });
    expect(/ sack /.test(ss), `${label}, ${role}: sack in ${ss}`).toBe(want.sack);
    expect(/ ts /.test(ss), `${label}, ${role}: ts in ${ss}`).toBe(want.timestamps);
    expect(ss).toContain(` mss:${mss} `);
    // The kernel's shift of our window, and of its own.
    const scales = / wscale:(\d+),(\d+) /.exec(ss)?.slice(1).map(Number);
    expect(scales, `${label}, ${role}`).toEqual(want.windowScaling ? [info.rcvShift, info.sndShift] : undefined);
    if (want.windowScaling) expect(info.rcvShift, "1 MiB needs a shift of 4 bits or 5").toBe(4);
  }
}

interop(
  "MSS, window scale, timestamps and SACK are agreed on, as ss has it; each may be missing, at either end",
  NEEDS,
  () =>
    besidePeer(
      async (ends) => {
        const { ours, kernel } = ends;
        await expectAgreed(ends, ALL, "all");
        for (const [option, ourSwitch, sysctl] of SWITCHES) {
          const want = { ...ALL, [option]: false };
          await kernel.do(`echo 0 > /proc/sys/net/ipv4/${sysctl}`);
          await expectAgreed(ends, want, `${sysctl} = 0`);
          await kernel.do(`echo 1 > /proc/sys/net/ipv4/${sysctl}`);
          ours.stack.switches.set(ourSwitch, 0);
          await expectAgreed(ends, want, `${ourSwitch} = 0`);
          ours.stack.switches.set(ourSwitch, 1);
        }
      },
      { rings1M: 8 },
    ),
);

interop(
  "both ends learn on the way that the path takes 600 bytes only, and nothing is lost of what they send (RFC 1191)",
  ["python3", "type veth", "tshark"],
  () =>
    inWorld(async (world) => {
      // Us 10.9.1.2 - near - 600 bytes - middle - far 10.9.4.2
      const [near, middle, far, ours] = await Promise.all([
        world.kernel(),
        world.kernel(),
        world.kernel(),
        world.stack(),
      ]);
      await ours.join(near, "10.9.1.2/24", "10.9.1.1/24");
      await near.do(
        `echo 1 > /proc/sys/net/ipv4/ip_forward; ip link add left mtu 600 type veth peer name right mtu 600 netns ${middle.name}
         ip addr add 10.9.3.1/24 dev left; ip link set left up; ip route add 10.9.4.0/24 via 10.9.3.2`,
      );
      await middle.do(
        `echo 1 > /proc/sys/net/ipv4/ip_forward; ip addr add 10.9.3.2/24 dev right; ip link set right up
         ip link add out type veth peer name far netns ${far.name}; ip addr add 10.9.4.1/24 dev out; ip link set out up
         ip route add 10.9.1.0/24 via 10.9.3.1`,
      );
      await far.do("ip addr add 10.9.4.2/24 dev far; ip link set far up; ip route add default via 10.9.4.1");
      ours.stack.routes.add({ destination: "default", gateway: "10.9.1.1" });
      const peer = new Peer(far);
      try {
        const listener = await peer.listen(5011);
        const [theirs, socket] = await Promise.all([
          listener.accept(),
          ours.stack.tcp.connect({ address: "10.9.4.2", port: 5011 }),
        ]);
        expect(socket.info().mss).toBe(1448);
        const [heard, got] = await Promise.all([
          theirs.receive(SIZE),
          hear(socket, SIZE),
          socket.write(bytesOf(SIZE, "ours")),
          theirs.send(SIZE, "theirs"),
        ]);
        expect([heard, got]).toEqual([heardOf(SIZE, "ours"), heardOf(SIZE, "theirs")]);
        expect(socket.info().mss).toBe(548);
        const { IP_PMTU_LEARNED, TCP_TIMEOUTS } = ours.stack.statistics().counters;
        expect(IP_PMTU_LEARNED, "an error for each segment that was too long").toBeGreaterThan(0);
        expect(TCP_TIMEOUTS).toBe(0);
        expect(await far.do("ss -tinoH state established")).toContain(" mss:548 ");
      } finally {
        peer.end();
      }
    }),
);
