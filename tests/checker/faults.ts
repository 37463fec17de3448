/** Faults that are put into worlds, so that the checker shows that it sees them. Each acts after every action. */
import { TCP_ESTABLISHED } from "../../assembly/abi/tcp.js";
import type { Side } from "./pattern.js";
import { withoutByte } from "./segment.js";
import type { TcbView } from "./tcb.js";
import type { World } from "./world.js";

export interface Fault {
  readonly name: string;
  readonly scenario: string;
  readonly fault: (world: World) => void;
  /** What the checker says of it. */
  readonly says: RegExp;
}

/** Acts on the side's connection, once it is established. */
function onTcb(side: Side, act: (tcb: TcbView) => void): (world: World) => void {
  return (world) => {
    const host = world.hosts[side];
    const tcb = host.connections()[0]?.tcb;
    if (tcb === undefined || tcb.get("state") < TCP_ESTABLISHED) return;
    host.touch();
    act(tcb);
  };
}

/** Adds to a sequence number of the record. */
function add(field: Parameters<TcbView["set"]>[0], count: number): (tcb: TcbView) => void {
  return (tcb) => tcb.set(field, tcb.get(field) + count);
}

export const FAULTS: readonly Fault[] = [
  {
    name: "a byte received that never came",
    scenario: "recovery-sack",
    fault: onTcb(1, add("rcvNxt", 1)),
    says: /in the receive ring is wrong/,
  },
  {
    name: "a byte that is received twice",
    scenario: "recovery-sack",
    fault: onTcb(1, add("rcvNxt", -1)),
    says: /more has been read than has come/,
  },
  {
    name: "an acknowledgment that nobody sent",
    scenario: "recovery-sack",
    fault: onTcb(0, (tcb) => tcb.set("sndUna", tcb.get("sndMax"))),
    says: /more is acknowledged than the other end has received/,
  },
  {
    name: "bytes sent that nobody has written",
    scenario: "recovery-sack",
    fault: onTcb(0, add("sndEnd", 1)),
    says: /SND.END is not where/,
  },
  {
    name: "a window that is taken back",
    scenario: "close-one-side",
    fault: onTcb(1, add("rcvAdv", -1)),
    says: /right edge goes back/,
  },
  {
    name: "bytes lost on their way to the application",
    scenario: "zero-window",
    fault: onTcb(1, add("rcvRead", 1)),
    says: /RCV.READ is not where/,
  },
  {
    name: "a timer that is forgotten",
    scenario: "recovery-sack",
    fault: onTcb(0, (tcb) => tcb.disarm("rexmt")),
    says: /no timer runs/,
  },
  {
    name: "a buffer that is not given back",
    scenario: "close-one-side",
    fault: (world) => world.hosts[1].leakBuffer(),
    says: /owner \d holds 1 packet buffers/,
  },
  {
    name: "a byte lost on the wire, with a checksum that is right",
    scenario: "recovery-sack",
    fault: (world) => {
      world.frames = world.frames.map((frame) => (frame.payload.length === 100 ? withoutByte(frame) : frame));
    },
    says: /wrong byte|in the receive ring is wrong/,
  },
  {
    name: "an event that is not told",
    scenario: "half-close",
    fault: (world) => {
      world.apps[1].tell = () => undefined;
    },
    says: /not over/,
  },
];
