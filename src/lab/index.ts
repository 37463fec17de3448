/**
 * Many hosts on one clock, out of a topology's file: `ringstack/lab`.
 */
export { Bridge, type BridgeCounters, type BridgeOptions, type Station } from "./bridge.js";
export { Lab, type LabOptions } from "./lab.js";
export { readTopology } from "./read-topology.js";
export { parseLine, parseScript, ScriptError, type ScriptNames, type Step } from "./script.js";
export { Session, type SessionOptions } from "./session.js";
export {
  type HostSpec,
  type InterfaceSpec,
  type LinkSpec,
  type SwitchSpec,
  type Topology,
  TopologyError,
} from "./topology.js";
export type { RouteLine } from "./topology-route.js";
