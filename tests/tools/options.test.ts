// Options that a tool does not have are refused by their names, before anything is printed.
import { expect, test } from "vitest";
import { ifconfig } from "../../src/tools/ifconfig.js";
import { ping } from "../../src/tools/ping.js";
import { traceroute } from "../../src/tools/traceroute.js";
import { pair } from "./hosts.js";

test("ping, traceroute and ifconfig name the option that they do not have", async () => {
  const { a } = await pair();
  const printed: string[] = [];
  const print = (line: string) => printed.push(line);
  const refused = (name: string) =>
    expect.objectContaining({ message: `${name}: no such option`, code: "ERR_INVALID_ARG_TYPE" });
  const wrong = { interval: 3 } as object;
  await expect(ping(a, "192.168.1.2", print, wrong)).rejects.toEqual(refused("interval"));
  await expect(traceroute(a, "192.168.1.2", print, wrong)).rejects.toEqual(refused("interval"));
  expect(() => ifconfig(a, wrong)).toThrow(refused("interval"));
  expect(printed).toEqual([]);
  a.close();
});

test("every option that traceroute and ping have is none of these", async () => {
  const { a } = await pair();
  const over = AbortSignal.abort();
  const ignored = () => {};
  const asked = { count: 1, intervalUs: 1, size: 1, ttl: 1, timeoutUs: 1, deadlineUs: 1, name: "b", quiet: true };
  const how = { numeric: true, tos: 0, source: "192.168.1.1", device: "eth0", broadcast: false, err: ignored };
  const options = { discover: "want", ipOptions: new Uint8Array(4) } as const;
  expect((await ping(a, "192.168.1.2", ignored, { ...asked, ...how, ...options }, over)).transmitted).toBe(0);
  const traced = { firstHop: 1, maxHops: 2, probes: 1, waitUs: 1, port: 1, length: 60, nameOf: ignored, ifindex: 2 };
  const way = { icmp: true, dontFragment: true, source: "192.168.1.1", numeric: true, name: "b" };
  const { hops } = await traceroute(
    a,
    "192.168.1.2",
    ignored,
    { ...traced, ...way, ipOptions: new Uint8Array(4) } as object,
    over,
  );
  expect(hops).toEqual([]);
  a.close();
});
