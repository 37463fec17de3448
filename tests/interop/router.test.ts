// Our stack as a router between two of the kernel's, and behind a router that is the kernel's.
import { expect } from "vitest";
import { interop } from "./need.js";
import { inWorld, type Kernel, type Ours, type World } from "./world.js";

/** A and B, each the kernel's, and between them a stack of ours that forwards: 10.9.1.2 and 10.9.2.2. */
function between(body: (a: Kernel, b: Kernel, router: Ours) => Promise<void>, mtu?: number): Promise<void> {
  return inWorld(async (world) => {
    const [a, b, router] = await Promise.all([world.kernel(), world.kernel(), world.stack()]);
    router.stack.switches.set("IP_FORWARD", 1);
    await router.join(a, "10.9.1.2/24", "10.9.1.1/24");
    await router.join(b, "10.9.2.2/24", "10.9.2.1/24", mtu === undefined ? {} : { mtu });
    await a.do("ip route add default via 10.9.1.2");
    await b.do("ip route add default via 10.9.2.2");
    await body(a, b, router);
  });
}

interop("a kernel pings another through us, 60,000 bytes too: one hop, in fragments", ["ping", "tshark"], () =>
  between(async (a, b, router) => {
    expect(await a.do("ping -n -c 3 -i 0.1 10.9.2.1")).toMatch(/ttl=63[\s\S]* 3 received/);
    expect(await b.do("ping -n -c 2 -i 0.1 -s 60000 10.9.1.1")).toMatch(/60008 bytes[\s\S]* 2 received/);
    expect(await a.do("ping -n -q -f -c 1000 -w 15 10.9.2.1")).toContain("1000 received, 0% packet loss");
    const { IP_REASM_REQDS, IP_FORW_DATAGRAMS } = router.stack.statistics().counters;
    expect(IP_REASM_REQDS, "a router reassembles nothing").toBe(0);
    expect(IP_FORW_DATAGRAMS).toBeGreaterThanOrEqual(2 * (3 + 2 * 41 + 1000));
  }),
);

interop("traceroute through us, by UDP, ICMP and TCP: we are the first hop", ["traceroute", "tshark"], () =>
  between(async (a) => {
    for (const how of ["-U", "-I", "-T"]) {
      const text = await a.do(`traceroute -n -w 1 ${how} 10.9.2.1`);
      expect(text, how).toMatch(/\n 1 {2}10\.9\.1\.2( {2}[\d.]+ ms){3}\n 2 {2}10\.9\.2\.1( {2}[\d.]+ ms){3}\n$/);
    }
  }),
);

interop("a datagram whose TTL ends here, and one that nothing leads to, are told of", ["ping", "tshark"], () =>
  between(async (a) => {
    const { text } = await a.run("ping -n -c 1 -W 2 -t 1 10.9.2.1");
    expect(text).toContain("From 10.9.1.2 icmp_seq=1 Time to live exceeded");
    const lost = await a.run("ping -n -c 1 -W 2 10.9.77.1");
    expect(lost.text).toContain("From 10.9.1.2 icmp_seq=1 Destination Net Unreachable");
    const nobody = await a.run("ping -n -c 1 -W 6 10.9.2.99");
    expect(nobody.text).toContain("From 10.9.1.2 icmp_seq=1 Destination Host Unreachable");
  }),
);

interop("ping -R and -T pass through us, and we are in them (RFC 791)", ["ping", "tshark"], () =>
  between(async (a) => {
    const route = await a.do("ping -n -c 1 -R 10.9.2.1");
    expect(route).toMatch(
      /RR: \t10\.9\.1\.1\n\t10\.9\.2\.2\n\t10\.9\.2\.1\n\t10\.9\.2\.1\n\t10\.9\.1\.2\n\t10\.9\.1\.1\n/,
    );
    const times = await a.do("ping -n -c 1 -T tsandaddr 10.9.2.1");
    expect(times).toMatch(/TS: \t10\.9\.1\.1\t\d+ absolute\n\t10\.9\.2\.2\t-?\d+\n\t10\.9\.2\.1\t-?\d+\n/);
  }),
);

interop("with DF a kernel learns from us that the next link takes 600 bytes (RFC 1191)", ["ping", "tshark"], () =>
  between(async (a) => {
    const { text } = await a.run("ping -n -c 1 -W 2 -M do -s 1000 10.9.2.1");
    expect(text).toMatch(/From 10\.9\.1\.2 icmp_seq=1 Frag needed and DF set \(mtu = 600\)/);
    expect(await a.do("ip route get 10.9.2.1")).toMatch(/cache expires \d+sec mtu 600/);
    expect(await a.do("ping -n -c 1 -W 2 -M do -s 572 10.9.2.1"), "600 bytes fit").toContain("1 received");
    expect(await a.do("ping -n -c 1 -W 2 -M want -s 1000 10.9.2.1"), "the kernel cuts it itself").toContain(
      "1 received",
    );
  }, 600),
);

interop("without DF we fragment for the narrow link, fragments too", ["ping", "hping3", "tshark"], () =>
  between(async (a, _b, router) => {
    expect(await a.do("ping -n -c 2 -i 0.1 -W 2 -M dont -s 1400 10.9.2.1")).toContain("2 received");
    expect(await a.do("ping -n -c 1 -W 2 -M dont -s 20000 10.9.2.1")).toContain("1 received");
    const { IP_FRAG_OKS, IP_FRAG_CREATES } = router.stack.statistics().counters;
    expect(IP_FRAG_OKS).toBeGreaterThanOrEqual(2 + 13);
    expect(IP_FRAG_CREATES).toBeGreaterThanOrEqual(2 * 3 + 13 * 3);
    expect(await a.do("hping3 -n -1 -c 2 -i u20000 -f -d 400 10.9.2.1"), "tiny ones pass").toContain(
      "2 packets received",
    );
  }, 600),
);

interop("hping3's UDP through us, and the other kernel's refusals back", ["hping3", "tshark"], () =>
  between(async (a, _b, router) => {
    const before = router.stack.statistics().counters.IP_FORW_DATAGRAMS;
    const { text } = await a.run("hping3 -n -2 -c 3 -i u20000 -p 4000 -d 20 10.9.2.1");
    expect(text.match(/ICMP Port Unreachable from ip=10\.9\.2\.1/g)).toHaveLength(3);
    expect(router.stack.statistics().counters.IP_FORW_DATAGRAMS - before, "three there, three back").toBe(6);
  }),
);

/** Us 10.9.1.2, the kernel as our router 10.9.1.1, and behind it, over a link of 600 bytes, another 10.9.3.2. */
function behind(body: (router: Kernel, far: Kernel, ours: Ours) => Promise<void>): Promise<void> {
  return inWorld(async (world) => {
    const [router, far, ours] = await Promise.all([world.kernel(), world.kernel(), world.stack()]);
    await ours.join(router, "10.9.1.2/24", "10.9.1.1/24");
    await router.do(
      `echo 1 > /proc/sys/net/ipv4/ip_forward; ip link add near mtu 600 type veth peer name far mtu 600 netns ${far.name}
       ip addr add 10.9.3.1/24 dev near; ip link set near up`,
    );
    await far.do("ip addr add 10.9.3.2/24 dev far; ip link set far up; ip route add default via 10.9.3.1");
    ours.stack.routes.add({ destination: "default", gateway: "10.9.1.1" });
    await body(router, far, ours);
  });
}

interop("we ping and trace through the kernel, and it tells us of what is not there", ["type veth", "tshark"], () =>
  behind(async (_router, _far, ours) => {
    expect((await ours.run("ping -c 2 -i 0.1 10.9.3.2")).text).toContain("2 received, 0% packet loss");
    expect((await ours.run("ping -c 1 -t 1 10.9.3.2")).text).toContain(
      "From 10.9.1.1 icmp_seq=1 Time to live exceeded",
    );
    expect((await ours.run("ping -c 1 10.9.77.1")).text).toContain(
      "From 10.9.1.1 icmp_seq=1 Destination Net Unreachable",
    );
    expect((await ours.run("traceroute -n 10.9.3.2")).text).toMatch(
      /\n 1 {2}10\.9\.1\.1( {2}[\d.]+ ms){3}\n 2 {2}10\.9\.3\.2( {2}[\d.]+ ms){3}$/,
    );
  }),
);

interop(
  "we learn from the kernel that the path takes 600 bytes, and then cut to it (RFC 1191)",
  ["type veth", "tshark"],
  () =>
    behind(async (_router, _far, ours) => {
      const { text } = await ours.run("ping -c 1 -M do -s 1400 10.9.3.2");
      expect(text).toMatch(/From 10\.9\.1\.1 icmp_seq=1 Frag needed and DF set \(mtu = 600\)/);
      expect(ours.stack.statistics().counters.IP_PMTU_LEARNED).toBe(1);
      expect((await ours.run("ping -c 1 -M do -s 572 10.9.3.2")).text, "600 bytes fit").toContain("1 received");
      expect((await ours.run("ping -c 2 -i 0.1 -M want -s 1400 10.9.3.2")).text, "in fragments").toContain(
        "2 received",
      );
      const socket = await ours.stack.udp.bind();
      socket.connect({ address: "10.9.3.2", port: 9 });
      expect(socket.mtu).toBe(600);
      // A large one in fragments of 600 from the start, answered in what the kernel makes of it.
      expect((await ours.run("ping -c 1 -s 20000 10.9.3.2")).text).toContain("1 received");
    }),
);

/**
 * A bridge of the kernel's, 10.9.1.1, with two of our stacks on it: us 10.9.1.2, and 10.9.1.9, which has 10.9.4.1 as
 * well and is the way to it.
 */
async function onLan(world: World) {
  const [kernel, ours, other] = await Promise.all([world.kernel(), world.stack(), world.stack()]);
  await kernel.do("ip link add br0 type bridge; ip addr add 10.9.1.1/24 dev br0; ip link set br0 up");
  await ours.join(kernel, "10.9.1.2/24", undefined, { name: "us" });
  const nif = await other.join(kernel, "10.9.1.9/24", undefined, { name: "them" });
  nif.addAddress("10.9.4.1/32");
  await kernel.do("ip link set us master br0; ip link set them master br0");
  return { kernel, ours, other };
}

interop(
  "the kernel redirects us, and the second datagram goes straight (RFC 1122 3.2.2.2)",
  ["type bridge", "nstat", "tshark"],
  () =>
    inWorld(async (world) => {
      const { kernel, ours, other } = await onLan(world);
      await kernel.do("echo 1 > /proc/sys/net/ipv4/ip_forward; ip route add 10.9.4.0/24 via 10.9.1.9");
      ours.stack.routes.add({ destination: "default", gateway: "10.9.1.1" });
      const { text } = await ours.run("ping -c 3 -i 0.3 10.9.4.1");
      expect(text).toMatch(/From 10\.9\.1\.1:? icmp_seq=1 Redirect Host\s?\(New nexthop: 10\.9\.1\.9\)/);
      expect(text).toContain("3 received");
      expect(ours.stack.statistics().counters.ICMP_REDIRECTS_ACCEPTED).toBe(1);
      expect((await ours.run("route -n")).text).toMatch(/^10\.9\.4\.1 +10\.9\.1\.9 +255\.255\.255\.255 +UGHD /m);
      const forwarded = async () =>
        Number(/ForwDatagrams +(\d+)/.exec(await kernel.do("nstat -asz IpForwDatagrams"))?.[1]);
      const before = await forwarded();
      expect((await ours.run("ping -c 2 -i 0.1 10.9.4.1")).text).toContain("2 received");
      expect(await forwarded(), "the kernel has forwarded none of these").toBe(before);
      expect(other.stack.statistics().counters.ICMP_IN_ECHOS).toBe(5);
    }),
);

interop("we redirect the kernel, and it obeys (RFC 1812 5.2.7.2)", ["type bridge", "ping", "tshark"], () =>
  inWorld(async (world) => {
    const { kernel, ours } = await onLan(world);
    ours.stack.switches.set("IP_FORWARD", 1);
    ours.stack.routes.add({ destination: "10.9.4.0/24", gateway: "10.9.1.9" });
    await kernel.do("echo 1 > /proc/sys/net/ipv4/conf/all/accept_redirects; ip route add 10.9.4.0/24 via 10.9.1.2");
    const text = await kernel.do("ping -n -c 3 -i 0.3 10.9.4.1");
    expect(text).toMatch(/From 10\.9\.1\.2:? icmp_seq=1 Redirect Host\s?\(New nexthop: 10\.9\.1\.9\)/);
    expect(text).toContain("3 received");
    expect(await kernel.do("ip route get 10.9.4.1")).toMatch(/via 10\.9\.1\.9 dev br0[\s\S]*redirected/);
    const before = ours.stack.statistics().counters.IP_FORW_DATAGRAMS;
    expect(await kernel.do("ping -n -c 2 -i 0.1 10.9.4.1")).toContain("2 received");
    expect(ours.stack.statistics().counters.IP_FORW_DATAGRAMS, "we have forwarded none of these").toBe(before);
  }),
);
