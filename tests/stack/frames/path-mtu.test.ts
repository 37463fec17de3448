/** Don't Fragment and the path MTU: RFC 1191; the four ways of a socket are Linux's IP_MTU_DISCOVER. */
import { describe, expect, test } from "vitest";
import type { UdpSocket } from "../../../src/index.js";
import { codeOf, Host, PEER } from "../recording-driver.js";
import { data, type ReadIpv4 } from "../wire.js";

/** Totals and flags of what a datagram of `total` bytes became; or the error. */
function sends(host: Host, socket: UdpSocket, total: number, address = PEER): string {
  const code = codeOf(() => expect(socket.trySend(data(total - 28), { address, port: 9 })).toBe(true));
  host.run();
  const parts = host.take().map((frame) => frame.ip as ReadIpv4);
  for (const ip of parts) expect(ip.good).toBe(true);
  if (code !== "none") return code;
  return parts.map((ip) => `${ip.totalLen}${ip.flagsOffset & 0x4000 ? " DF" : ""}`).join(", ");
}

describe("what a socket asks for", () => {
  test.each([
    ["dont", "1500", "1500, 520"],
    ["want", "1500 DF", "1500, 520"],
    ["do", "1500 DF", "EMSGSIZE"],
    ["probe", "1500 DF", "EMSGSIZE"],
  ] as const)("%s", async (how, fits, long) => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    socket.setPathMtuDiscovery(how);
    expect(sends(host, socket, 1500)).toBe(fits);
    expect(sends(host, socket, 2000)).toBe(long);
  });

  test("new sockets are as the switch says; what is none of the four is refused", async () => {
    const host = await Host.create();
    host.stack.switches.set("IP_MTU_DISCOVER", 0);
    const socket = await host.stack.udp.bind();
    expect(sends(host, socket, 100)).toBe("100");
    expect(() => socket.setPathMtuDiscovery("x" as "do")).toThrow(RangeError);
  });

  test("the MTU of a connected socket's path is the interface's, while nothing less is known", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    expect(codeOf(() => socket.mtu)).toBe("ENOTCONN");
    socket.connect({ address: PEER, port: 9 });
    expect(socket.mtu).toBe(1500);
    host.nif.mtu = 1000;
    expect(socket.mtu).toBe(1000);
  });
});
