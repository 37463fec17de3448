/** Where the checker starts: two applications, and from which moment on everything may happen. */
import { SW_TCP_SACK, SW_TCP_TIMESTAMPS, SW_TCP_WINDOW_SCALING } from "../../assembly/abi/switch.js";

export interface Scenario {
  readonly name: string;
  /** Scripts of the two applications (app.ts). */
  readonly a: string;
  readonly b: string;
  /** Largest datagram, bytes. */
  readonly mtu: number;
  /** Switches of both stacks. */
  readonly switches: readonly (readonly [number, number])[];
  /**
   * What happens without a choice at first, until each application stands at this step of its script: every frame is
   * delivered, in order. Then the exploration starts. Absent: it starts with the first frame.
   */
  readonly from?: readonly [number, number];
  /** How many frames may be lost, doubled, and how often time may go on while frames are on their way. */
  readonly drops: number;
  readonly duplicates: number;
  readonly delays: number;
  /** How many of the frames on their way to one side may come next. */
  readonly reorder: number;
  /** Actions, at most; at each of their ends the loss-free schedule takes over. */
  readonly depth: number;
  /** Departures from the loss-free schedule, at most. */
  readonly deviations: number;
  /** A connection may end badly: by an abort, or by a close with bytes unread. */
  readonly mayFail?: boolean;
  /** Both ends probe a connection that is idle: so that an end whose peer's reset was lost comes to its end, too. */
  readonly keepsAlive?: boolean;
}

const PLAIN = [
  [SW_TCP_TIMESTAMPS, 0],
  [SW_TCP_WINDOW_SCALING, 0],
] as const;
const NO_SACK = [...PLAIN, [SW_TCP_SACK, 0]] as const;

/** MTU with which a full segment has 100 bytes. */
const SHORT = 140;
const USUAL = { mtu: SHORT, switches: PLAIN, drops: 1, duplicates: 1, delays: 1, reorder: 3 };

export const SCENARIOS: readonly Scenario[] = [
  {
    ...USUAL,
    name: "handshake",
    a: "connect; send 10; read 10; close",
    b: "listen; accept; read 10; send 10; read all; close",
    depth: 9,
    deviations: 3,
  },
  {
    ...USUAL,
    name: "simultaneous-open",
    a: "connect; send 10; read 10; shutdown; read all; close",
    b: "connect; send 10; read 10; shutdown; read all; close",
    depth: 7,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "close-one-side",
    a: "connect; send 10; read 10; ?shutdown; read all; ?close",
    b: "listen; accept; read 10; send 10; read all; ?close",
    from: [3, 4],
    depth: 8,
    deviations: 3,
  },
  {
    ...USUAL,
    name: "close-both-sides",
    a: "connect; send 10; read 10; ?close",
    b: "listen; accept; send 10; read 10; ?close",
    from: [3, 4],
    depth: 7,
    deviations: 3,
  },
  {
    ...USUAL,
    name: "half-close",
    a: "connect; send 10; read 10; ?shutdown; read all; close",
    b: "listen; accept; read 10; send 10; read all; ?send 250; ?close",
    from: [3, 4],
    depth: 7,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "recovery-sack",
    a: "connect; send 10; read 10; ?send 620; close",
    b: "listen; accept; read 10; send 10; read all; close",
    from: [3, 4],
    drops: 2,
    depth: 5,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "recovery-newreno",
    switches: NO_SACK,
    a: "connect; send 10; read 10; ?send 620; close",
    b: "listen; accept; read 10; send 10; read all; close",
    from: [3, 4],
    drops: 2,
    depth: 5,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "recovery-timestamps",
    switches: [],
    a: "connect; send 10; read 10; ?send 420; close",
    b: "listen; accept; read 10; send 10; read all; close",
    from: [3, 4],
    drops: 2,
    depth: 5,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "both-ways",
    a: "connect; send 10; read 10; ?send 220; read all; close",
    b: "listen; accept; read 10; send 10; ?send 220; shutdown; read 220; read all; close",
    from: [3, 4],
    mayFail: true,
    keepsAlive: true,
    depth: 5,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "zero-window",
    mtu: 1040,
    a: "connect; send 10; read 10; send 2500; shutdown; read all; close",
    b: "listen; accept; read 10; send 10; ?read 700; ?read 100; ?read all; close",
    from: [3, 4],
    depth: 11,
    deviations: 3,
  },
  {
    ...USUAL,
    name: "zero-windows",
    mtu: 1540,
    a: "connect; send 10; read 10; send 4000; shutdown; ?read all; close",
    b: "listen; accept; read 10; send 10; send 4000; shutdown; ?read all; close",
    from: [3, 4],
    depth: 9,
    deviations: 2,
  },
  {
    ...USUAL,
    name: "abort",
    a: "connect; send 10; read 10; send 120; ?abort",
    b: "listen; accept; read 10; send 10; ?send 120; read all; close",
    from: [3, 4],
    mayFail: true,
    keepsAlive: true,
    depth: 7,
    deviations: 3,
  },
  {
    ...USUAL,
    name: "close-unread",
    a: "connect; send 10; read 10; send 120; shutdown; read all; close",
    b: "listen; accept; read 10; send 10; ?send 120; ?close",
    from: [3, 4],
    mayFail: true,
    keepsAlive: true,
    depth: 7,
    deviations: 3,
  },
];

export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario "${name}"`);
  return scenario;
}
