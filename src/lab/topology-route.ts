/**
 * A route of a topology: a line as `ip route` takes it ("default via 10.0.0.1 dev eth0 metric 5", "unreachable
 * 10.0.0.0/8"), or an object with the same parts.
 */
import { ipv4Prefix, maskOf, parseIpv4 } from "../address.js";
import type { RouteType } from "../control/routes.js";
import type { JsonReader } from "./json-reader.js";

export interface RouteLine {
  /** Where it stands in the file. */
  readonly path: string;
  /** "10.0.0.0/8" or "default" */
  readonly destination: string;
  readonly gateway?: string;
  readonly interface?: string;
  readonly metric?: number;
  readonly source?: string;
  readonly type: RouteType;
}

export const ROUTE_PARTS = ["destination", "gateway", "interface", "metric", "source", "type"] as const;
const TYPES: readonly RouteType[] = ["unicast", "unreachable", "prohibit", "blackhole"];
const MAX_METRIC = 0xfffffffe;
const DESTINATION_FORM = 'a network such as "10.0.0.0/8", an address, or "default"';
const ADDRESS_FORM = 'an address such as "10.0.0.1"';
/** The parts that a line names by a word before them. */
const WORDS: Readonly<Record<string, "gateway" | "interface" | "metric" | "source">> = {
  via: "gateway",
  dev: "interface",
  metric: "metric",
  src: "source",
};

/** The route that stands there; undefined where something is wrong with it, which is noted. */
export function readRoute(reader: JsonReader): RouteLine | undefined {
  return typeof reader.value === "string" ? fromLine(reader, reader.value) : fromObject(reader);
}

function fromObject(reader: JsonReader): RouteLine | undefined {
  if (!reader.object(ROUTE_PARTS)) return undefined;
  const before = reader.faults.length;
  const destination = reader.part("destination");
  if (!destination.isPresent) destination.fault(`missing: ${DESTINATION_FORM}`);
  const line = {
    path: reader.path,
    destination: destination.read(destinationOf, DESTINATION_FORM) ?? "",
    gateway: reader.part("gateway").read(addressOf, ADDRESS_FORM),
    interface: reader.part("interface").text(),
    metric: reader.part("metric").integer(0, MAX_METRIC),
    source: reader.part("source").read(addressOf, ADDRESS_FORM),
    type: reader.part("type").oneOf(TYPES) ?? "unicast",
  };
  return reader.faults.length === before ? checked(reader, line) : undefined;
}

function fromLine(reader: JsonReader, text: string): RouteLine | undefined {
  const words = text.trim().split(/\s+/);
  const type = TYPES.find((name) => name === words[0]);
  if (type !== undefined) words.shift();
  const destination = destinationOf(words.shift());
  if (destination === undefined)
    return refuse(reader, `${JSON.stringify(text)} does not begin with ${DESTINATION_FORM}`);
  const parts: { gateway?: string; interface?: string; metric?: number; source?: string } = {};
  while (words.length > 0) {
    const word = words.shift() as string;
    const part = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
    if (part === undefined) return refuse(reader, `${JSON.stringify(word)} is none of via, dev, metric, src`);
    if (parts[part] !== undefined) return refuse(reader, `${word} stands twice`);
    const value = words.shift();
    if (value === undefined) return refuse(reader, `something is missing after ${word}`);
    if (part === "interface") parts.interface = value;
    else if (part === "metric") {
      if (!/^\d{1,10}$/.test(value) || Number(value) > MAX_METRIC)
        return refuse(reader, `metric ${value} is no whole number`);
      parts.metric = Number(value);
    } else if (addressOf(value) === undefined)
      return refuse(reader, `${word}: ${ADDRESS_FORM}, not ${JSON.stringify(value)}`);
    else parts[part] = value;
  }
  return checked(reader, { path: reader.path, destination, ...parts, type: type ?? "unicast" });
}

/** What no reading of its parts alone can tell. */
function checked(reader: JsonReader, line: RouteLine): RouteLine | undefined {
  const { destination, type } = line;
  const { address, length } = ipv4Prefix(destination);
  if ((address & ~maskOf(length)) !== 0) {
    return refuse(reader, `${destination} has bits set beyond its mask: an address of a network, not a network`);
  }
  const goesOut = line.gateway !== undefined || line.interface !== undefined;
  if (type === "unicast" && !goesOut)
    return refuse(reader, "where does it lead? A gateway (via) or an interface (dev) is needed");
  if (type !== "unicast" && goesOut) return refuse(reader, `an ${type} route leads nowhere: neither via nor dev`);
  return line;
}

function refuse(reader: JsonReader, text: string): undefined {
  reader.fault(text);
  return undefined;
}

function addressOf(value: unknown): string | undefined {
  return typeof value === "string" && parseIpv4(value) !== undefined ? value : undefined;
}

function destinationOf(value: unknown): string | undefined {
  if (typeof value !== "string" || !(value === "default" || /^\d/.test(value))) return undefined;
  try {
    ipv4Prefix(value);
    return value;
  } catch {
    return undefined;
  }
}
