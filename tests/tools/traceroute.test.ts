import { describe, expect, test } from "vitest";
import { parseMac, SimLink, Stack, VirtualClock } from "../../src/index.js";
import { dualHomed, pair } from "./hosts.js";
import { shown } from "./screen.js";

const SEED = [1, 2, 3, 4];

/** h1 192.168.1.2 - r1 - r2 - h2 192.168.3.2, each link 1 ms long. */
async function line() {
  const clock = new VirtualClock();
  const links = [1, 2, 3].map((seed) => new SimLink({ clock, seed, delayUs: 1000 }));
  const make = async (name: string, nets: readonly (readonly [number, string])[]) => {
    const stack = await Stack.create({ clock, name, seed: SEED });
    for (const [net, address] of nets) {
      const [, , third, last] = address.split(/[./]/);
      const mac = parseMac(`02:00:00:00:0${third}:0${last}`);
      stack.addInterface((links[net] as SimLink).nic({ mac }), { address });
    }
    return stack;
  };
  const h1 = await make("h1", [[0, "192.168.1.2/24"]]);
  const r1 = await make("r1", [
    [0, "192.168.1.1/24"],
    [1, "192.168.2.1/24"],
  ]);
  const r2 = await make("r2", [
    [1, "192.168.2.2/24"],
    [2, "192.168.3.1/24"],
  ]);
  const h2 = await make("h2", [[2, "192.168.3.2/24"]]);
  for (const router of [r1, r2]) router.switches.set("IP_FORWARD", 1);
  h1.routes.add({ destination: "default", gateway: "192.168.1.1" });
  r1.routes.add({ destination: "192.168.3.0/24", gateway: "192.168.2.2" });
  r2.routes.add({ destination: "192.168.1.0/24", gateway: "192.168.2.1" });
  h2.routes.add({ destination: "default", gateway: "192.168.3.1" });
  await clock.advance(10_000);
  return { clock, h1, r1, r2, h2 };
}

describe("traceroute", () => {
  test.each(["", "-I "])("%sover two routers to a host", async (method) => {
    const { clock, h1 } = await line();
    const { status, out, err } = await shown(clock, h1, `traceroute -n ${method}192.168.3.2`);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toBe(
      [
        "traceroute to 192.168.3.2 (192.168.3.2), 30 hops max, 60 byte packets",
        " 1  192.168.1.1  4.000 ms  4.000 ms  4.000 ms",
        " 2  192.168.2.2  6.000 ms  6.000 ms  6.000 ms",
        " 3  192.168.3.2  8.000 ms  8.000 ms  8.000 ms",
      ].join("\n"),
    );
  });

  test("names: the target's as given, for a router its address", async () => {
    const { clock, h1 } = await line();
    const resolve = (name: string) => (name === "h2" ? "192.168.3.2" : undefined);
    const { out } = await shown(clock, h1, "traceroute -q 1 -w 1 h2 100", { resolve });
    expect(out.split("\n")).toEqual([
      "traceroute to h2 (192.168.3.2), 30 hops max, 100 byte packets",
      " 1  192.168.1.1 (192.168.1.1)  4.000 ms",
      " 2  192.168.2.2 (192.168.2.2)  6.000 ms",
      " 3  h2 (192.168.3.2)  8.000 ms",
    ]);
  });

  test("first and last hop; a network that a router has no route to; one that prohibits", async () => {
    const { clock, h1, r2 } = await line();
    const last = async (text: string) =>
      (await shown(clock, h1, `traceroute -n -q 1 ${text}`)).out.split("\n").slice(1);
    expect(await last("-f 2 -m 2 192.168.3.2")).toEqual([" 2  192.168.2.2  8.000 ms"]);
    expect(await last("10.9.9.9")).toEqual([" 1  192.168.1.1  2.000 ms !N"]);
    r2.interface("eth1").down();
    expect((await last("192.168.3.2")).at(-1)).toMatch(/^ 2 {2}192\.168\.2\.2 {2}4\.000 ms ![NH]$/);
  });

  test("nobody answers", async () => {
    const { clock, h1, r1 } = await line();
    r1.interface("eth0").down();
    const startUs = clock.now();
    const { out } = await shown(clock, h1, "traceroute -n -w 1 -m 2 192.168.3.2");
    expect(out.split("\n").slice(1)).toEqual([" 1  * * *", " 2  * * *"]);
    expect(clock.now() - startUs).toBe(2_000_000);
  });

  test("a service on the port answers, too; own addresses are one hop away", async () => {
    const { clock, a, b } = await pair();
    const echo = await b.udp.bind({ port: 33435 });
    echo.onmessage = (data, info) => echo.trySend(data.slice(), info);
    const { out } = await shown(clock, a, "traceroute -n 192.168.1.2");
    expect(out.split("\n").slice(1)).toEqual([" 1  192.168.1.2  4.000 ms  4.000 ms  4.000 ms"]);
    expect((await shown(clock, a, "traceroute localhost")).out.split("\n").slice(1)).toEqual([
      " 1  localhost (127.0.0.1)  0.000 ms  0.000 ms  0.000 ms",
    ]);
  });

  test("^C ends it with the line begun", async () => {
    const { clock, h1, r1 } = await line();
    r1.interface("eth0").down();
    const over = new AbortController();
    const work = shown(clock, h1, "traceroute -n 192.168.3.2", { signal: over.signal });
    void clock.sleep(1_000_000).then(() => over.abort());
    expect(await work).toMatchObject({ status: 130, out: expect.stringMatching(/\n 1 {2}\* \* \*$/) });
  });

  test("-g: by way of gateways that accept source routes; !S from one that does not", async () => {
    const { clock, h1, r1, r2, h2 } = await line();
    const routed = "traceroute -n -q 1 -g 192.168.2.2 192.168.3.2";
    for (const how of ["", "-I "]) {
      const { out } = await shown(clock, h1, routed.replace("-n ", `-n ${how}`));
      expect(out.split("\n").map((each) => each.replace(/ +[\d.]+ ms/, ""))).toEqual([
        "traceroute to 192.168.3.2 (192.168.3.2), 30 hops max, 68 byte packets",
        " 1  192.168.1.1 !S",
      ]);
    }
    // The answer takes the same way back (RFC 1122 §3.2.1.8): h1 accepts it as routed, too.
    for (const { interfaces } of [h1, r1, r2, h2])
      for (const nif of interfaces) nif.switches.set("ACCEPT_SOURCE_ROUTE", 1);
    for (const how of ["", "-I "]) {
      const { out } = await shown(clock, h1, routed.replace("-n ", `-n ${how}`));
      expect(out.split("\n").map((each) => each.replace(/ +[\d.]+ ms/, ""))).toEqual([
        "traceroute to 192.168.3.2 (192.168.3.2), 30 hops max, 68 byte packets",
        " 1  192.168.1.1",
        " 2  192.168.2.2",
        " 3  192.168.3.2",
      ]);
    }
  });

  test.each([
    ["traceroute -g nosuch 127.0.0.1", 2, "Cannot handle `-g' option with arg `nosuch'"],
    ["traceroute -g 1.1.1.1,1,1,1,1,1,1,1,1 127.0.0.1", 2, "Too many gateways specified."],
    [
      "traceroute nosuch",
      2,
      'nosuch: Name or service not known\nCannot handle "host" cmdline arg `nosuch\' on position 1 (argc 1)',
    ],
    ["traceroute -x h", 2, "Bad option `-x' (argc 1)"],
    ["traceroute -q", 2, "Option `-q' (argc 1) requires an argument"],
    ["traceroute -m 300 127.0.0.1", 2, "max hops cannot be more than 255"],
    ["traceroute -m foo 127.0.0.1", 2, "Cannot handle `-m' option with arg `foo'"],
    ["traceroute -f 5 -m 3 127.0.0.1", 2, "first hop out of range"],
    ["traceroute -q 11 127.0.0.1", 2, "no more than 10 probes per hop"],
    ["traceroute 127.0.0.1 70000", 2, "too big packetlen 70000 specified"],
    ["traceroute 127.0.0.1 60 foo", 2, "Extra arg `foo' (position 3, argc 3)"],
    ["traceroute -i nosuch 127.0.0.1", 1, "setsockopt SO_BINDTODEVICE: No such device"],
    ["traceroute -s 1.2.3.4 127.0.0.1", 1, "bind: Cannot assign requested address"],
  ])("%s", async (text, status, err) => {
    const { clock, stack } = await dualHomed();
    expect(await shown(clock, stack, text)).toMatchObject({ status, err });
  });

  test("no route", async () => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, "traceroute 8.8.8.8")).toEqual({
      status: 1,
      out: "traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 60 byte packets",
      err: "connect: Network is unreachable",
    });
  });
});
