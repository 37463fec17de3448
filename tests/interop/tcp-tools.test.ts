// What measures, scans and floods: ab, wrk, nmap, hping3 and nc at a server of ours.
import { expect } from "vitest";
import { interop } from "./need.js";
import { site } from "./site.js";
import { beside } from "./world.js";

const AT = "10.9.1.2";
const MANY = { rings64K: 64 };

interop("ab: 1000 connections, then 3000 requests over ten that last: none fails", ["ab", "tshark"], () =>
  beside(async (kernel, { stack }) => {
    await site(stack);
    for (const args of ["-n 1000 -c 10", "-k -n 3000 -c 10"]) {
      const text = await kernel.do(`ab ${args} http://${AT}/1449`);
      const [, complete] = /^Complete requests: +(\d+)$/m.exec(text) ?? [];
      const [, bytes] = /^HTML transferred: +(\d+) bytes$/m.exec(text) ?? [];
      expect(text).toMatch(/^Failed requests: +0$/m);
      expect(text).not.toContain("Non-2xx");
      expect(Number(bytes), args).toBe(Number(complete) * 1449);
      expect(Number(complete), args).toBe(args.startsWith("-k") ? 3000 : 1000);
    }
    const { TCP_PASSIVE_OPENS, TCP_OUT_RSTS } = stack.statistics().counters;
    expect({ TCP_OUT_RSTS }).toEqual({ TCP_OUT_RSTS: 0 });
    expect(TCP_PASSIVE_OPENS, "ab opens some that it does not need").toBeLessThan(1030);
  }, MANY),
);

interop("wrk: two seconds over ten connections, with no error", ["wrk", "tshark"], () =>
  beside(async (kernel, { stack }) => {
    await site(stack);
    const text = await kernel.do(`wrk -t 1 -c 10 -d 2s http://${AT}/1449`);
    expect(text).not.toMatch(/Socket errors|Non-2xx/);
    // An idle machine has thousands; waiting for a delayed ACK each would be 250.
    expect(Number(/^Requests\/sec: +([\d.]+)$/m.exec(text)?.[1])).toBeGreaterThan(300);
  }, MANY),
);

interop("nmap -sS and -sT: the port with a listener is open, the others are closed", ["nmap", "tshark"], () =>
  beside(async (kernel, { stack }) => {
    await site(stack);
    const ports = "-p 1,79,80,81,65535 --reason";
    const halfway = await kernel.do(`nmap -n -Pn -sS ${ports} ${AT}`);
    expect(halfway).toMatch(/^80\/tcp +open +http +syn-ack/m);
    expect(halfway.match(/ closed .* reset /g)).toHaveLength(4);
    const whole = await kernel.do(`nmap -n -Pn -sT ${ports} ${AT}`);
    expect(whole).toMatch(/^80\/tcp +open +http +syn-ack/m);
    expect(whole.match(/ closed .* conn-refused/g)).toHaveLength(4);
  }),
);

interop("nmap -O: sequence numbers are as hard to foretell as it can say", ["nmap", "tshark"], () =>
  beside(async (kernel, { stack }) => {
    await site(stack);
    const text = await kernel.do(`nmap -n -Pn -O --max-os-tries 1 -v -p 80,81 ${AT}`);
    // 256 and more is "Good luck!": the steps from one to the next deviate by 2^32 to the whole.
    const [, difficulty] = /TCP Sequence Prediction: Difficulty=(\d+) \(Good luck!\)/.exec(text) ?? [];
    expect(Number(difficulty), text).toBeGreaterThan(240);
  }),
);

/** Flags of hping3, and what RFC 9293 §3.10.7 has a listener and a closed port answer. */
const SEGMENTS = [
  ["-S", "SA", "RA", "SYN"],
  ["-S -F", "SA", "RA", "SYN and FIN: the SYN is heard"],
  ["-F", "", "RA", "FIN"],
  ["", "", "RA", "none"],
  ["-F -P -U", "", "RA", "FIN, PSH and URG"],
  ["-A", "R", "R", "ACK"],
  ["-F -A", "R", "R", "FIN and ACK"],
  ["-R", "", "", "RST"],
] as const;

interop("hping3: what a listener and a closed port answer to each kind of segment", ["hping3", "tshark"], () =>
  beside(async (kernel, { stack }) => {
    await site(stack);
    for (const [flags, atListener, atClosed, what] of SEGMENTS) {
      for (const [port, answer] of [
        [80, atListener],
        [81, atClosed],
      ] as const) {
        // A second after the last one it has heard nothing, and says so by its status.
        const { text } = await kernel.run(`hping3 -n ${flags} -c 2 -i u20000 -p ${port} ${AT}`);
        const heard = [...text.matchAll(/ flags=(\w+) /g)].map((match) => match[1]);
        expect(heard, `${what} to ${port}`).toEqual(answer === "" ? [] : [answer, answer]);
      }
    }
  }),
);

for (const [who, spoofed] of [
  ["an address that answers", ""],
  ["an address that is silent", "-a 10.9.7.7"],
] as const) {
  interop(`hping3: 20,000 SYNs of ${who}, as fast as they go: live service`, ["hping3", "curl", "tshark"], () =>
    beside(async (kernel, { stack }) => {
      await site(stack, { backlog: 128 });
      stack.routes.add({ destination: "default", gateway: "10.9.1.1" });
      const flood = kernel.run(`hping3 -n -q -i u1 -c 20000 ${spoofed} -S -p 80 ${AT}`);
      for (let i = 0; i < 10; i++) {
        const url = `http://${AT}/5000`;
        expect(await kernel.do(`curl -sS -m 10 -o /dev/null -w '%{http_code} %{size_download}' ${url}`)).toBe(
          "200 5000",
        );
      }
      const { text } = await flood;
      expect(text).toContain("20000 packets transmitted");
      const { TCP_IN_SEGS, TCP_OUT_COOKIES, TCP_IN_COOKIES } = stack.statistics().counters;
      expect(TCP_IN_SEGS).toBeGreaterThan(1000);
      // Resets of the one empty the backlog again; the other leaves only cookies (RFC 4987 §3.6).
      if (spoofed !== "") expect([TCP_OUT_COOKIES > 1000, TCP_IN_COOKIES > 0]).toEqual([true, true]);
    }, MANY),
  );
}

interop("nc -z: open, and refused at once", ["nc", "tshark"], () =>
  beside(async (kernel, { stack }) => {
    await site(stack);
    expect(await kernel.do(`nc -n -z -v -w 5 ${AT} 80`)).toContain("succeeded");
    const { status, text } = await kernel.run(`nc -n -z -v -w 5 ${AT} 81`);
    expect([status, text]).toEqual([1, expect.stringContaining("refused")]);
  }),
);
