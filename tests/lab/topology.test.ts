// What a topology's file may say, and what is said of one that is wrong: whole texts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTopology, TopologyError } from "../../src/lab/index.js";

function faults(source: string | object): readonly string[] {
  try {
    readTopology(source);
  } catch (error) {
    if (error instanceof TopologyError) return error.faults;
    throw error;
  }
  return [];
}

const LAN = { links: { lan: {} } };
const host = (nif: object, rest: object = {}) => ({
  ...LAN,
  hosts: { h1: { interfaces: { eth0: { link: "lan", ...nif } }, ...rest } },
});

describe("a topology is read", () => {
  test("with everything that it may say", () => {
    const topology = readTopology({
      $schema: "./topology.schema.json",
      name: "two networks",
      seed: 7,
      links: {
        lan: { mtu: 9000, delay: "1.5ms", jitter: "20us", rate: "10Mbit", queue: 5, loss: "1%", duplicate: 0.5 },
        wire: { type: "ip", mark: 20, reorder: "100%", reorderDelay: "1s", corrupt: 0, rate: "unlimited" },
      },
      switches: { sw1: { ports: ["lan"], ageing: "10s", stations: 16, cables: { delay: "5us" } } },
      hosts: {
        h1: {
          interfaces: { eth0: { link: "sw1", address: ["10.0.0.1/24", "10.0.1.1/24"], mac: "2:0:0:0:0:1", mtu: 600 } },
          routes: ["default via 10.0.0.2 metric 5", { destination: "10.9.0.0/16", interface: "eth0" }],
          boot: { sockets: 8 },
        },
      },
      routers: { r1: { interfaces: { ppp0: { link: "wire", up: false } }, routes: ["unreachable 10.0.0.0/8"] } },
    });
    expect(topology).toEqual({
      name: "two networks",
      seed: 7,
      hosts: [
        {
          name: "h1",
          path: "hosts.h1",
          isRouter: false,
          interfaces: [
            {
              name: "eth0",
              path: "hosts.h1.interfaces.eth0",
              link: "h1-eth0",
              addresses: ["10.0.0.1/24", "10.0.1.1/24"],
              mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
              mtu: 600,
              up: true,
            },
          ],
          routes: [
            { path: "hosts.h1.routes[0]", destination: "default", gateway: "10.0.0.2", metric: 5, type: "unicast" },
            { path: "hosts.h1.routes[1]", destination: "10.9.0.0/16", interface: "eth0", type: "unicast" },
          ],
          sysctl: [],
          boot: { sockets: 8 },
        },
        {
          name: "r1",
          path: "routers.r1",
          isRouter: true,
          interfaces: [{ name: "ppp0", path: "routers.r1.interfaces.ppp0", link: "wire", addresses: [], up: false }],
          routes: [{ path: "routers.r1.routes[0]", destination: "10.0.0.0/8", type: "unreachable" }],
          sysctl: [],
          boot: {},
        },
      ],
      links: [
        {
          name: "lan",
          path: "links.lan",
          medium: "ethernet",
          mtu: 9000,
          conditions: { delayUs: 1500, jitterUs: 20, bitRate: 1e7, queueFrames: 5, loss: 0.01, duplicate: 0.5 },
        },
        {
          name: "wire",
          path: "links.wire",
          medium: "ip",
          mtu: 1500,
          conditions: { markFrames: 20, reorder: 1, reorderUs: 1e6, corrupt: 0, bitRate: Infinity },
        },
        {
          name: "h1-eth0",
          path: "switches.sw1.cables",
          medium: "ethernet",
          mtu: 1500,
          conditions: { delayUs: 5 },
        },
      ],
      switches: [{ name: "sw1", path: "switches.sw1", ports: ["lan", "h1-eth0"], ageingUs: 10e6, stations: 16 }],
    });
    expect(readTopology(topology)).toBe(topology);
  });

  test.each<[string, string | object, string[]]>([
    ["no JSON", "{", [expect.stringMatching(/^not JSON: /) as unknown as string]],
    ["no object", "[]", ["an object, not a list"]],
    ["an unknown part, a known one near", { link: {} }, ['no such part as "link"; did you mean "links"?']],
    [
      "an unknown part, none near",
      { links: { lan: { colour: "red" } } },
      [
        'links.lan: no such part as "colour"; there are type, mtu, delay, jitter, rate, queue, mark, loss, duplicate, ' +
          "reorder, reorderDelay, corrupt",
      ],
    ],
    [
      "conditions that are none",
      { links: { lan: { loss: "x", delay: "5", rate: "0bit", queue: -1, mtu: 67, type: "token ring" } } },
      [
        'links.lan.type: "ethernet" or "ip", not "token ring"',
        "links.lan.mtu: a whole number from 68 to 65535, not 67",
        'links.lan.delay: a time such as "250us", "10ms" or "1.5s", an hour at most, not "5"',
        'links.lan.rate: bits per second such as "64kbit", "10Mbit" or "1Gbit", or "unlimited", not "0bit"',
        "links.lan.queue: a whole number of frames from 0 to 1000000, not -1",
        'links.lan.loss: a number from 0 to 1, or "1%", not "x"',
      ],
    ],
    [
      "a loss of more than all",
      { links: { lan: { loss: 1.5 } } },
      ['links.lan.loss: a number from 0 to 1, or "1%", not 1.5'],
    ],
    [
      "a name",
      { links: { "1": {} } },
      ["links.1: a name begins with a letter and goes on with at most 62 letters, digits, dots, dashes"],
    ],
    ["a script's own word", { hosts: { wait: {} } }, ["hosts.wait: a script's own word; choose another name"]],
    [
      "an interface without a link",
      { hosts: { h1: { interfaces: { eth0: {} } } } },
      ["hosts.h1.interfaces.eth0.link: which link or switch is it on?"],
    ],
    [
      "a link that is not there",
      { ...LAN, hosts: { h1: { interfaces: { eth0: { link: "lam" } } } } },
      ['hosts.h1.interfaces.eth0.link: there is no link "lam"; did you mean "lan"?'],
    ],
    [
      "an address",
      host({ address: "10.0.0.256/24" }),
      ['hosts.h1.interfaces.eth0.address: an address such as "192.168.1.2/24", not "10.0.0.256/24"'],
    ],
    [
      "a list of addresses",
      host({ address: ["10.0.0.1/24", 7] }),
      ['hosts.h1.interfaces.eth0.address[1]: an address such as "192.168.1.2/24", not 7'],
    ],
    [
      "a group's MAC",
      host({ mac: "01:00:5e:00:00:01" }),
      ['hosts.h1.interfaces.eth0.mac: a station\'s address such as "00:0c:29:c2:8d:7e", not "01:00:5e:00:00:01"'],
    ],
    [
      "an MTU above the link's",
      host({ mtu: 1501 }),
      ["hosts.h1.interfaces.eth0.mtu: 1501 is more than the 1500 of link lan"],
    ],
    [
      "lo",
      { ...LAN, hosts: { h1: { interfaces: { lo: { link: "lan" } } } } },
      ["hosts.h1.interfaces.lo: an interface's name has 1 to 15 letters, digits and _.:- and is not lo"],
    ],
    [
      "one address twice",
      {
        ...LAN,
        hosts: { h1: { interfaces: { eth0: { link: "lan", address: "10.0.0.1/24" } } } },
        routers: { r1: { interfaces: { eth0: { link: "lan", address: "10.0.0.1/24" } } } },
      },
      ["routers.r1.interfaces.eth0.address: 10.0.0.1 is h1 eth0's already"],
    ],
    [
      "an ip link with three ends",
      {
        links: { wire: { type: "ip" } },
        hosts: Object.fromEntries(["a", "b", "c"].map((name) => [name, { interfaces: { ppp0: { link: "wire" } } }])),
      },
      ["links.wire: 3 ends; an ip link has 2 at most"],
    ],
    [
      "a switch on an ip link",
      { links: { wire: { type: "ip" } }, switches: { sw1: { ports: ["wire"] } } },
      ["switches.sw1.ports: wire is an ip link; a switch joins Ethernet links only"],
    ],
    [
      "a switch's ageing",
      { switches: { sw1: { ageing: "1ms" } } },
      ['switches.sw1.ageing: a time such as "250us", "10ms" or "1.5s", 1s or more, not "1ms"'],
    ],
    [
      "a switch's cables, once",
      {
        switches: { sw1: { cables: { loss: 2 } } },
        hosts: { a: { interfaces: { e: { link: "sw1" } } }, b: { interfaces: { e: { link: "sw1" } } } },
      },
      ['switches.sw1.cables.loss: a number from 0 to 1, or "1%", not 2'],
    ],
    [
      "names given twice",
      { ...LAN, hosts: { a: {} }, routers: { a: {} }, switches: { lan: {} } },
      ["routers.a: there is a host of that name already", "switches.lan: there is a link of that name already"],
    ],
    [
      "routes",
      host(
        { address: "10.0.0.1/24" },
        {
          routes: [
            "defualt via 10.0.0.2",
            "default over 10.0.0.2",
            "default via",
            "10.0.0.5/8 via 10.0.0.2",
            "10.0.0.0/8",
            "unreachable 10.0.0.0/8 dev eth0",
            { destination: "default", gateway: "me" },
            {},
            7,
          ],
        },
      ),
      [
        'hosts.h1.routes[0]: "defualt via 10.0.0.2" does not begin with a network such as "10.0.0.0/8", an address, or "default"',
        'hosts.h1.routes[1]: "over" is none of via, dev, metric, src',
        "hosts.h1.routes[2]: something is missing after via",
        "hosts.h1.routes[3]: 10.0.0.5/8 has bits set beyond its mask: an address of a network, not a network",
        "hosts.h1.routes[4]: where does it lead? A gateway (via) or an interface (dev) is needed",
        "hosts.h1.routes[5]: an unreachable route leads nowhere: neither via nor dev",
        'hosts.h1.routes[6].gateway: an address such as "10.0.0.1", not "me"',
        'hosts.h1.routes[7].destination: missing: a network such as "10.0.0.0/8", an address, or "default"',
        "hosts.h1.routes[8]: an object, not 7",
      ],
    ],
    [
      "routes that lead off the host",
      host({ address: "10.0.0.1/24" }, { routes: ["default via 10.0.1.2", "default dev eth1"] }),
      [
        "hosts.h1.routes[0]: gateway 10.0.1.2 is on none of the host's networks; name the interface with dev",
        'hosts.h1.routes[1]: there is no interface "eth1"; there are lo, eth0',
      ],
    ],
    [
      "boot options",
      host({}, { boot: { sokets: 1, sockets: -1, profile: "huge" } }),
      [
        'hosts.h1.boot: no such part as "sokets"; did you mean "sockets"?',
        "hosts.h1.boot.sockets: a whole number from 0 to 4294967295, not -1",
        'hosts.h1.boot.profile: "host" or "tiny" or "router", not "huge"',
      ],
    ],
  ])("faults: %s", (_, source, expected) => {
    expect(faults(source)).toEqual(expected);
  });

  test("whatever it is: read, or refused with faults", () => {
    const names = [
      "links",
      "hosts",
      "routers",
      "switches",
      "interfaces",
      "eth0",
      "link",
      "lan",
      "address",
      "routes",
      "ports",
    ];
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom(null, 0, 1, -1, true, "lan", "10.0.0.1/24", "default via 10.0.0.2", "1%", "sw", "__proto__"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names, "__proto__", "constructor"), tie("value"), { maxKeys: 6 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        expect(faults(JSON.stringify(value)).length).toBeLessThanOrEqual(50);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});
