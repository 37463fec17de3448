// Our stack as a host beside the kernel: its tools, what they find in us, and what we say to the kernel's stack.
import { expect } from "vitest";
import { LINKTYPE_RAW, PcapngWriter } from "../../src/capture/index.js";
import type { Stack } from "../../src/index.js";
import { interop } from "./need.js";
import { beside, judged } from "./world.js";

const drops = (stack: Stack) => stack.statistics().drops;

interop(
  "tshark is a judge: a wrong checksum and a short header are found in what we sent, alone",
  ["tshark"],
  async () => {
    const chunks: Uint8Array[] = [];
    const writer = new PcapngWriter((chunk) => chunks.push(chunk.slice()));
    writer.addInterface({ linkType: LINKTYPE_RAW });
    const good = Uint8Array.from(Buffer.from("4500001c0000000040017cdf7f0000017f0000010800f7ff00000000", "hex"));
    const badIp = good.with(10, 0);
    const badIcmp = good.with(22, 0);
    const short = good.with(0, 0x44);
    for (const direction of ["out", "in"] as const) {
      for (const data of [good, badIp, badIcmp, short]) writer.write({ interface: 0, timeNs: 0n, data, direction });
    }
    const { sent, wrong } = await judged(Buffer.concat(chunks));
    expect(sent).toBe(4);
    expect(wrong.map((line) => Number.parseInt(line, 10))).toEqual([2, 3, 4]);
  },
);

interop("ping: plain, empty, and 60,000 bytes in fragments both ways", ["ping", "tshark"], () =>
  beside(async (kernel) => {
    for (const [size, count] of [
      [56, 3],
      [0, 1],
      [60_000, 2],
    ]) {
      const text = await kernel.do(`ping -n -c ${count} -i 0.1 -W 2 -s ${size} 10.9.1.2`);
      expect(text).toContain(`${count} packets transmitted, ${count} received, 0% packet loss`);
      expect(text).toContain(`${(size as number) + 8} bytes from 10.9.1.2: icmp_seq=1 ttl=64`);
    }
  }),
);

interop("ping -f: 2,000 echoes as fast as they come back", ["ping", "tshark"], () =>
  beside(async (kernel) => {
    expect(await kernel.do("ping -n -q -f -c 2000 -w 15 10.9.1.2")).toContain("2000 received, 0% packet loss");
  }),
);

interop("ping -R and -T: the reply carries the request's route and times (RFC 1122 3.2.2.6)", ["ping", "tshark"], () =>
  beside(async (kernel) => {
    const route = await kernel.do("ping -n -c 1 -R 10.9.1.2");
    expect(route).toMatch(/RR: \t10\.9\.1\.1\n\t10\.9\.1\.2\n\t10\.9\.1\.2\n\t10\.9\.1\.1\n/);
    const only = await kernel.do("ping -n -c 1 -T tsonly 10.9.1.2");
    expect(only).toMatch(/TS: \t\d+ absolute\n\t-?\d+\n\t-?\d+\n\t-?\d+\n/);
    const both = await kernel.do("ping -n -c 1 -T tsandaddr 10.9.1.2");
    expect(both).toMatch(
      /TS: \t10\.9\.1\.1\t\d+ absolute\n\t10\.9\.1\.2\t-?\d+\n\t10\.9\.1\.2\t-?\d+\n\t10\.9\.1\.1\t-?\d+\n/,
    );
    expect(`${only}${both}`).not.toContain("not-standard");
    // Its clock and ours are one machine's: within seconds of one another.
    const [, theirs = "", ours = ""] = /TS: \t(\d+) absolute\n\t(-?\d+)\n/.exec(only) ?? [];
    expect(Number(theirs)).toBeGreaterThan(0);
    expect(Math.abs(Number(ours))).toBeLessThan(5000);
  }),
);

interop("ping -M do: what fits is answered, what does not never leaves the kernel", ["ping", "tshark"], () =>
  beside(async (kernel, ours) => {
    expect(await kernel.do("ping -n -c 1 -M do -s 1472 10.9.1.2")).toContain("1 received");
    const before = ours.stack.interface("tap0").counters.rxPackets;
    const { status, text } = await kernel.run("ping -n -c 1 -W 1 -M do -s 1473 10.9.1.2");
    expect(status).not.toBe(0);
    expect(text).toMatch(/message too long, mtu=1500/i);
    expect(ours.stack.interface("tap0").counters.rxPackets).toBe(before);
  }),
);

interop("fping", ["fping", "tshark"], () =>
  beside(async (kernel) => {
    expect(await kernel.do("fping -c 10 -p 20 10.9.1.2")).toContain("xmt/rcv/%loss = 10/10/0%");
  }),
);

interop("arping: a reply to each request, from one station", ["arping", "tshark"], () =>
  beside(async (kernel, ours) => {
    const text = await kernel.do("arping -c 3 -W 0.1 -i tap0 10.9.1.2");
    expect(text).toContain("3 packets transmitted, 3 packets received");
    expect(text).toContain(`from ${ours.stack.interface("tap0").mac} (10.9.1.2)`);
  }),
);

interop("traceroute -U and -I end here after one hop", ["traceroute", "tshark"], () =>
  beside(async (kernel) => {
    for (const how of ["-U", "-I", ""]) {
      const text = await kernel.do(`traceroute -n -w 1 ${how} 10.9.1.2`);
      expect(text, how).toMatch(/\n 1 {2}10\.9\.1\.2 {2}[\d.]+ ms {2}[\d.]+ ms {2}[\d.]+ ms\n$/);
    }
  }),
);

interop("nmap -sU: a port with a socket is open, the others are closed", ["nmap", "tshark"], () =>
  beside(async (kernel, ours) => {
    const { stack } = ours;
    const echo = await stack.udp.bind({
      port: 7,
      onmessage: (data, { address, port }) => void echo.trySend(data.slice(), { address, port }),
    });
    const text = await kernel.do("nmap -n -Pn --max-retries 2 -sU -p 7,9,69,33434 --reason 10.9.1.2");
    expect(text).toMatch(/^7\/udp +open +echo +udp-response/m);
    for (const port of [9, 69, 33434])
      expect(text).toMatch(new RegExp(`^${port}/udp +closed +\\S+ +port-unreach`, "m"));
  }),
);

interop("nmap -sO: ICMP, IGMP and UDP are there, a protocol that is not is refused (3/2)", ["nmap", "tshark"], () =>
  beside(async (kernel) => {
    const text = await kernel.do("nmap -n -Pn --max-retries 1 -sO -p 1,2,17,132,200 --reason 10.9.1.2");
    expect(text).toMatch(/^1 +open +icmp/m);
    expect(text).toMatch(/^17 +open +udp/m);
    for (const protocol of [132, 200])
      expect(text).toMatch(new RegExp(`^${protocol} +closed +\\S+ +proto-unreach`, "m"));
    expect(text).not.toMatch(/^2 +closed/m);
  }),
);

interop("hping3 -f: an echo request in fragments of 16 bytes is answered", ["hping3", "tshark"], () =>
  beside(async (kernel, ours) => {
    const text = await kernel.do("hping3 -n -1 -c 3 -i u50000 -f -d 400 10.9.1.2");
    expect(text).toContain("3 packets transmitted, 3 packets received, 0% packet loss");
    expect(ours.stack.statistics().counters.IP_REASM_OKS).toBe(3);
  }),
);

interop(
  "hping3 -x: a datagram whose end never comes is not answered, and is held within bounds",
  ["hping3", "tshark"],
  () =>
    beside(async (kernel, ours) => {
      const { text } = await kernel.run("hping3 -n -1 -c 40 -i u5000 -x -d 64 10.9.1.2");
      expect(text).toContain("0 packets received, 100% packet loss");
      const { held, quota } = ours.stack.memory().large;
      expect(held.reassembly).toBeLessThanOrEqual(quota.reassembly);
      expect(await kernel.do("ping -n -c 1 10.9.1.2")).toContain("1 received");
      expect(await kernel.do("ping -n -c 1 -s 20000 10.9.1.2")).toContain("1 received");
    }),
);

interop(
  "hping3 -b: datagrams with bad checksums are dropped and counted, and nothing is said",
  ["hping3", "tshark"],
  () =>
    beside(async (kernel, ours) => {
      let heard = 0;
      await ours.stack.udp.bind({ port: 4000, onmessage: () => void heard++ });
      await kernel.do("hping3 -n -2 -c 2 -i u20000 -d 32 -p 4000 10.9.1.2 || true");
      expect(heard).toBe(2);
      const before = ours.stack.statistics();
      await kernel.do("hping3 -n -2 -c 5 -i u20000 -d 32 -b -p 4000 10.9.1.2 || true");
      await kernel.do("hping3 -n -2 -c 5 -i u20000 -d 32 -b -p 4001 10.9.1.2 || true");
      expect(heard).toBe(2);
      const { UDP_CHECKSUM, IP_CHECKSUM } = drops(ours.stack);
      expect(UDP_CHECKSUM + IP_CHECKSUM - before.drops.UDP_CHECKSUM - before.drops.IP_CHECKSUM).toBe(10);
      expect(ours.stack.statistics().counters.ICMP_OUT_MSGS).toBe(before.counters.ICMP_OUT_MSGS);
    }),
);

interop("we ping the kernel, 60,000 bytes too, with the route recorded, and trace it", ["tshark"], () =>
  beside(async (kernel, ours) => {
    expect(kernel.name).toMatch(/^ringstack-/);
    const small = await ours.run("ping -c 3 -i 0.1 10.9.1.1");
    expect(small).toMatchObject({
      status: 0,
      text: expect.stringContaining("3 packets transmitted, 3 received, 0% packet loss"),
    });
    const large = await ours.run("ping -c 1 -s 60000 10.9.1.1");
    expect(large.text).toContain("60008 bytes from 10.9.1.1: icmp_seq=1 ttl=64");
    expect((await ours.run("ping -c 1 -R 10.9.1.1")).text).toMatch(
      /RR:\s+10\.9\.1\.2\n\s+10\.9\.1\.1\n\s+10\.9\.1\.1\n\s+10\.9\.1\.2/,
    );
    for (const how of ["", "-I "]) {
      expect((await ours.run(`traceroute -n ${how}10.9.1.1`)).text).toMatch(/\n 1 {2}10\.9\.1\.1 {2}[\d.]+ ms/);
    }
  }),
);

interop("UDP with nc, whole and in fragments, both ways; a port that nobody has is refused", ["nc", "tshark"], () =>
  beside(async (kernel, ours) => {
    const nc = kernel.start("nc", "-u", "-l", "-n", "10.9.1.1", "7000");
    try {
      let said = "";
      nc.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
      const socket = await ours.stack.udp.bind();
      const until = async (done: () => boolean) => {
        for (let i = 0; i < 100 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
      };
      for (let i = 0; i < 60 && !said.startsWith("hello"); i++) {
        await socket.send("hello\n", { address: "10.9.1.1", port: 7000 });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const greeted = said.length;
      await socket.send(`${"x".repeat(9000)}\n`, { address: "10.9.1.1", port: 7000 });
      await until(() => said.length >= greeted + 9001);
      expect(said.slice(greeted)).toBe(`${"x".repeat(9000)}\n`);
      for (const size of [5, 9000]) {
        nc.stdin.write(`${"y".repeat(size - 1)}\n`);
        const { data, address, port } = await socket.receive({ signal: AbortSignal.timeout(5000) });
        expect({ size: data.length, address, port }).toEqual({ size, address: "10.9.1.1", port: 7000 });
      }
      const lonely = await ours.stack.udp.bind();
      lonely.connect({ address: "10.9.1.1", port: 7999 });
      await lonely.send("anybody?");
      await expect(lonely.receive({ signal: AbortSignal.timeout(5000) })).rejects.toMatchObject({
        code: "ECONNREFUSED",
      });
    } finally {
      nc.kill();
    }
  }),
);
