// A lab out of its topology: what is built, what is refused, and that it repeats to the byte.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/index.js";
import { Lab, type LabOptions, TopologyError } from "../../src/lab/index.js";

const SWITCHED = {
  seed: 3,
  links: { trunk: { delay: "100us", jitter: "50us" } },
  switches: { sw1: { ports: ["trunk"], cables: { delay: "10us" } }, sw2: { ports: ["trunk"] } },
  hosts: {
    h1: { interfaces: { eth0: { link: "sw1", address: "10.0.0.1/24" } } },
    h2: { interfaces: { eth0: { link: "sw2", address: "10.0.0.2/24" } } },
    h3: { interfaces: { eth0: { link: "sw2", address: "10.0.0.3/24" } }, routes: ["default via 10.0.0.1"] },
  },
};

/** Runs the topology for a while with some pings; a hash over every frame on every link. */
async function framesOf(options: Partial<LabOptions> = {}): Promise<string> {
  const hash = createHash("sha256");
  const clock = new VirtualClock();
  const onFrame: LabOptions["onFrame"] = (link, frame, { timeUs, end, event }) => {
    hash.update(`${link} ${timeUs} ${end} ${event} ${frame.length}\n`).update(frame);
  };
  const lab = await Lab.create(SWITCHED, { clock, onFrame, ...options });
  for (const target of ["10.0.0.2", "10.0.0.3", "10.0.0.2"]) {
    const pinged = lab.host("h1").ping(target);
    await clock.advance(2e6);
    await pinged;
  }
  lab.close();
  return hash.digest("hex");
}

describe("a lab", () => {
  test("an option that there is not is refused by its name", async () => {
    const options = { sed: 1 } as LabOptions;
    await expect(Lab.create(SWITCHED, options)).rejects.toThrow(/^sed: no such option$/);
  });

  test("has the hosts, links and switches of its topology, and answers by name", async () => {
    const lab = await Lab.create(SWITCHED);
    expect([...lab.hosts.keys()]).toEqual(["h1", "h2", "h3"]);
    expect([...lab.links.keys()]).toEqual(["trunk", "h1-eth0", "h2-eth0", "h3-eth0"]);
    expect([...lab.bridges.keys()]).toEqual(["sw1", "sw2"]);
    expect(lab.host("h3").name).toBe("h3");
    expect(lab.resolve("h2")).toBe("10.0.0.2");
    expect(lab.resolve("h9")).toBeUndefined();
    expect(() => lab.host("h9")).toThrow('there is no host "h9"; did you mean h1?');
    expect(() => lab.link("trunc")).toThrow('there is no link "trunc"; did you mean trunk?');
    lab.host("h2").interface("eth0").removeAddress("10.0.0.2");
    expect(lab.resolve("h2")).toBeUndefined();
    lab.close();
  });

  test("carries datagrams through its switches, which learn", async () => {
    const clock = new VirtualClock();
    using lab = await Lab.create(SWITCHED, { clock });
    const pinged = lab.host("h1").ping("10.0.0.3");
    await clock.advance(1e6);
    await expect(pinged).resolves.toMatchObject({ address: "10.0.0.3" });
    const ports = lab.bridges
      .get("sw2")
      ?.stations()
      .map(({ port }) => port);
    expect(ports?.toSorted()).toEqual([0, 1, 2]);
  });

  test("gives the same frames for the same seed, to the byte, and others for another", async () => {
    const first = await framesOf();
    expect(await framesOf()).toBe(first);
    expect(await framesOf({ seed: 3 })).toBe(first);
    expect(await framesOf({ seed: 4 })).not.toBe(first);
  });

  test("sets what the topology says of a host: MAC, MTU, several addresses, routes, down", async () => {
    using lab = await Lab.create({
      links: { lan: { mtu: 1200 } },
      hosts: {
        h1: {
          interfaces: {
            eth0: { link: "lan", address: ["10.0.0.1/24", "10.1.0.1/24"], mac: "2:0:0:0:0:9", mtu: 600 },
            eth1: { link: "lan", up: false },
          },
          routes: [
            "default via 10.0.0.2 metric 3",
            "unreachable 10.2.0.0/16",
            "prohibit 10.4.0.0/16",
            "blackhole 10.5.0.0/16",
            { destination: "10.3.0.0/16", interface: "eth0" },
          ],
        },
      },
    });
    const stack = lab.host("h1");
    const eth0 = stack.interface("eth0");
    expect(eth0.mac).toBe("02:00:00:00:00:09");
    expect(eth0.mtu).toBe(600);
    expect(eth0.addresses.map(({ address }) => address)).toEqual(["10.0.0.1", "10.1.0.1"]);
    expect(stack.interface("eth1")).toMatchObject({ isUp: false, mtu: 1200 });
    const routes = stack.routes.list();
    expect(routes).toContainEqual(
      expect.objectContaining({ destination: "0.0.0.0/0", gateway: "10.0.0.2", metric: 3 }),
    );
    expect(routes).toContainEqual(expect.objectContaining({ destination: "10.3.0.0/16", dev: "eth0" }));
    expect(() => stack.routes.get("10.2.3.4")).toThrow("EHOSTUNREACH");
    expect(() => stack.routes.get("10.4.3.4")).toThrow("EACCES");
    expect(() => stack.routes.get("10.5.3.4")).toThrow("EINVAL");
  });

  test("forwards on routers alone", async () => {
    using lab = await Lab.create({ hosts: { h1: {} }, routers: { r1: {} } });
    expect(lab.host("h1").switches.get("IP_FORWARD")).toBe(0);
    expect(lab.host("r1").switches.get("IP_FORWARD")).toBe(1);
  });

  test("sets switches by their Linux names, and the far end of a point-to-point link", async () => {
    using lab = await Lab.create({
      links: { wire: { type: "ip" } },
      hosts: {
        a: {
          interfaces: { ppp0: { link: "wire", address: "10.0.0.1/32", peer: "10.9.0.2" } },
          sysctl: { "net.ipv4.ip_default_ttl": 128, "net.ipv4.conf.ppp0.rp_filter": "1" },
        },
      },
    });
    const stack = lab.host("a");
    expect(stack.switches.get("IP_DEFAULT_TTL")).toBe(128);
    expect(stack.interface("ppp0").switches.get("RP_FILTER")).toBe(1);
    expect(stack.routes.get("10.9.0.2")).toMatchObject({ dev: "ppp0", nextHop: "10.9.0.2" });
  });

  test("names the part that a stack refuses, and leaves nothing on the clock", async () => {
    const clock = new VirtualClock();
    const refused = (hosts: object) =>
      Lab.create({ links: { lan: { mtu: 9000 } }, hosts }, { clock }).catch((error: unknown) => error);
    const nif = { link: "lan", address: "10.0.0.1/24" };
    const faults = [
      await refused({ h1: { interfaces: { eth0: nif, eth1: { link: "lan", address: "10.0.0.255/24" } } } }),
      await refused({ h1: { boot: { ringSlots: 5 } } }),
      await refused({ h1: { sysctl: { "net.ipv4.ip_forwrad": 1 } } }),
    ];
    for (const fault of faults) expect(fault).toBeInstanceOf(TopologyError);
    expect(faults.map((fault) => (fault as TopologyError).faults[0])).toEqual([
      expect.stringMatching(/^hosts\.h1\.interfaces\.eth0: addInterface EINVAL .*MTU 9000/),
      expect.stringMatching(/^hosts\.h1: boot EINVAL .*ringSlots: 5 is out of range/),
      expect.stringMatching(/^hosts\.h1\.sysctl: sysctl: cannot stat .*ip_forwrad/),
    ]);
    expect(await clock.run()).toBe(true);
  });

  test("boots three hundred hosts behind switches in little time, and they hear each other", async () => {
    const hosts: Record<string, object> = {};
    const switches: Record<string, object> = { root: { ports: Array.from({ length: 10 }, (_, i) => `t${i}`) } };
    const links: Record<string, object> = {};
    for (let i = 1; i <= 300; i++) {
      const edge = i % 10;
      links[`t${edge}`] = { delay: "20us" };
      switches[`sw${edge}`] = { ports: [`t${edge}`], cables: { delay: "5us" } };
      hosts[`h${i}`] = { interfaces: { eth0: { link: `sw${edge}`, address: `10.0.${i >> 8}.${i & 255}/16` } } };
    }
    const clock = new VirtualClock();
    using lab = await Lab.create({ hosts, switches, links }, { clock });
    const pinged = lab.host("h1").ping("10.0.1.44");
    await clock.advance(1e6);
    await expect(pinged).resolves.toMatchObject({ address: "10.0.1.44" });
  });
});
