// netstat and ss on TCP. The columns are those of net-tools 2.10 and iproute2 6.1.
import { describe, expect, test } from "vitest";
import { during, pair } from "./hosts.js";
import { shown } from "./screen.js";

/** b listens on 7 and has accepted a's connection from 1500; a has written more than b has read. */
async function world() {
  const { clock, link, a, b } = await pair();
  const server = await b.tcp.listen({ port: 7, backlog: 5 });
  const client = await during(clock, a.tcp.connect({ address: "192.168.1.2", port: 7, localPort: 1500 }));
  const socket = await during(clock, server.accept());
  await during(clock, client.write("hello"));
  await clock.advance(1e6);
  return { clock, link, a, b, server, client, socket };
}

const TITLE = "Active Internet connections (w/o servers)";
const COLUMNS = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";

describe("netstat", () => {
  test("-t: connections, and what waits in them", async () => {
    const { clock, link, a, b, client } = await world();
    expect((await shown(clock, b, "netstat -tn")).out).toBe(
      [TITLE, COLUMNS, "tcp        5      0 192.168.1.2:7           192.168.1.1:1500        ESTABLISHED"].join("\n"),
    );
    link.configure({ loss: 1 });
    await during(clock, client.write("lost"));
    expect((await shown(clock, a, "netstat -to")).out).toBe(
      [
        TITLE,
        `${COLUMNS} Timer`,
        "tcp        0      4 192.168.1.1:1500        192.168.1.2:7           ESTABLISHED on (0.22/0/0)",
      ].join("\n"),
    );
    await clock.advance(1.5e6);
    expect((await shown(clock, a, "netstat -to")).out).toMatch(/ on \(1\.72\/1\/0\)$/);
  });

  test("-l: listeners, and how many wait for them; -a: all", async () => {
    const { clock, a, b } = await world();
    await during(clock, a.tcp.connect({ address: "192.168.1.2", port: 7, localPort: 1501 }));
    await clock.advance(1e5);
    await b.udp.bind({ port: 53 });
    const listener = "tcp        1      0 0.0.0.0:7               0.0.0.0:*               LISTEN     ";
    const udp = "udp        0      0 0.0.0.0:53              0.0.0.0:*                          ";
    const first = "tcp        5      0 192.168.1.2:7           192.168.1.1:1500        ESTABLISHED";
    const second = "tcp        0      0 192.168.1.2:7           192.168.1.1:1501        ESTABLISHED";
    const lines = async (line: string) => (await shown(clock, b, line)).out.split("\n");
    expect(await lines("netstat -ln")).toEqual(["Active Internet connections (only servers)", COLUMNS, listener, udp]);
    expect((await lines("netstat -an")).slice(2)).toEqual([listener, first, second, udp]);
    expect((await lines("netstat -atn")).slice(2)).toEqual([listener, first, second]);
    expect((await lines("netstat -n")).slice(2)).toEqual([first, second]);
  });

  test("closing from either side, and TIME_WAIT", async () => {
    const { clock, a, b, client, socket } = await world();
    const state = async (stack: typeof a) => /(\w+) *$/.exec((await shown(clock, stack, "netstat -tn")).out)?.[1];
    await during(clock, client.end());
    expect([await state(a), await state(b)]).toEqual(["FIN_WAIT2", "CLOSE_WAIT"]);
    await during(clock, socket.read());
    socket.close();
    await clock.advance(1e6);
    expect((await shown(clock, a, "netstat -tno")).out.split("\n").slice(2)).toEqual([
      expect.stringMatching(/^tcp {8}0 {6}0 192\.168\.1\.1:1500 .* TIME_WAIT {3}timewait \(5\d\.\d\d\/0\/0\)$/),
    ]);
    expect((await shown(clock, b, "netstat -tn")).out).toBe(`${TITLE}\n${COLUMNS}`);
    await clock.advance(60e6);
    expect((await shown(clock, a, "netstat -tan")).out.split("\n")).toHaveLength(2);
  });

  test("a connection whose application is gone is still there", async () => {
    const { clock, link, a, client } = await world();
    link.configure({ loss: 1 });
    client.close();
    await clock.advance(1e6);
    expect((await shown(clock, a, "netstat -tn")).out).toMatch(/192\.168\.1\.2:7 +FIN_WAIT1/);
    expect(a.sockets()[0]?.orphan).toBe(true);
  });

  test("-s counts segments", async () => {
    const { clock, a } = await world();
    const { out } = await shown(clock, a, "netstat -s");
    expect(out).toContain("Tcp:\n    1 active connection openings\n    0 passive connection openings\n");
    expect(out).toContain("    3 segments sent out\n    0 segments retransmitted\n");
  });
});

describe("ss", () => {
  test("-t: connections; -a: listeners too; -l: only those; -H: no first line", async () => {
    const { clock, b } = await world();
    const head = "State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process";
    const listener = "LISTEN 0      5            0.0.0.0:7          0.0.0.0:*";
    const connection = "ESTAB  5      0        192.168.1.2:7      192.168.1.1:1500";
    const lines = async (line: string) => (await shown(clock, b, line)).out.split("\n");
    expect(await lines("ss -tan")).toEqual([head, listener, connection]);
    expect(await lines("ss -tan -H")).toEqual([
      "LISTEN 0 5     0.0.0.0:7         0.0.0.0:*",
      "ESTAB  5 0 192.168.1.2:7     192.168.1.1:1500",
    ]);
    expect(await lines("ss --tcp -l -H")).toEqual(["LISTEN 0 5 0.0.0.0:7     0.0.0.0:*"]);
    expect(await lines("ss -tnH")).toEqual(["ESTAB 5 0 192.168.1.2:7     192.168.1.1:1500"]);
  });

  test("several kinds have a column for them", async () => {
    const { clock, b } = await world();
    await b.udp.bind({ port: 53 });
    b.openRaw({ protocol: 253 });
    expect((await shown(clock, b, "ss -an")).out).toBe(
      [
        "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process",
        "tcp   LISTEN 0      5            0.0.0.0:7          0.0.0.0:*",
        "tcp   ESTAB  5      0        192.168.1.2:7      192.168.1.1:1500",
        "udp   UNCONN 0      0            0.0.0.0:53         0.0.0.0:*",
        "raw   UNCONN 0      0            0.0.0.0:253        0.0.0.0:*",
      ].join("\n"),
    );
  });

  test("-i -m -o -e: what TCP knows", async () => {
    const { clock, link, a, client } = await world();
    const { rttUs, rttvarUs, cwnd, mss } = client.info();
    const rtt = `${rttUs / 1000}/${rttvarUs / 1000}`;
    const quiet = (await shown(clock, a, "ss -tnimH")).out.split("\n");
    expect(quiet[1]).toBe(
      `\t skmem:(r0,rb65536,t0,tb65536,f0,w0,o0,bl0,d0) ts sack cubic wscale:4,4 rto:1000 rtt:${rtt} mss:${mss} ` +
        `cwnd:${cwnd / mss} bytes_acked:5 segs_out:3 segs_in:2 send ${Math.round((cwnd * 8e6) / rttUs)}bps ` +
        "rcv_wnd:65536 snd_wnd:65520",
    );
    link.configure({ loss: 1 });
    await during(clock, client.write(new Uint8Array(100_000).subarray(0, 50_000)));
    await clock.advance(1.25e6);
    const lost = (await shown(clock, a, "ss -tnioeH")).out;
    expect(lost).toMatch(
      /^ESTAB 0 50000 192\.168\.1\.1:1500 {2}192\.168\.1\.2:7 +timer:\(on,1\.\d{3}ms,1\) sk:[0-9a-f]+\n/,
    );
    expect(lost).toMatch(/ backoff:1 .* cwnd:1 ssthresh:7 .* unacked:11 retrans:1\/1 notsent:\d+ /);
  });

  test("misuse", async () => {
    const { clock, a } = await pair();
    expect((await shown(clock, a, "ss -Q")).err).toMatch(/^ss: invalid option -- 'Q'\nUsage: ss/);
    expect((await shown(clock, a, "ss state established")).err).toMatch(/^ss: there are no filters here/);
    expect((await shown(clock, a, "ss -h")).out).toMatch(/^Usage: ss/);
    expect(await shown(clock, a, "ss -H")).toEqual({ status: 0, out: "", err: "" });
  });
});
