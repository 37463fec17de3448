/** Rings and hand-over at the boundary: what the host sees, and what a hostile host may do. */
import { describe, expect, test } from "vitest";
import * as CALL from "../../assembly/abi/call.js";
import * as NETIF from "../../assembly/abi/netif.js";
import * as RING from "../../assembly/abi/ring.js";
import { POLL_IDLE } from "../../assembly/abi/stack.js";
import { checkBooks, checkPools } from "./harness.js";
import { Host } from "./recording-driver.js";
import { bare, echo, request } from "./ring-view.js";
import { data } from "./wire.js";

describe("an Ethernet's rings", () => {
  test("RX slots are posted, filled, taken and posted anew; TX slots are completed", async () => {
    const { eth, poll, exports, stack } = await bare({ interfaces: 8 });
    const [host, offered] = eth.cursors("rx");
    expect(offered - host).toBe(Math.floor(stack.memory().small.quota.rx / 7));
    for (let cursor = host; cursor !== offered; cursor++) {
      expect(eth.word(eth.desc("rx", cursor) + RING.DESC_LEN)).toBe(1518);
    }
    for (let i = 0; i < 10; i++) eth.fill(echo(i));
    poll();
    const [, offeredAfter] = eth.cursors("rx");
    expect(offeredAfter - offered).toBe(10);
    const [sent, queued] = eth.cursors("tx");
    expect(queued - sent).toBe(10);
    expect(stack.memory().small.held.tx).toBe(10);
    // Completed by parts.
    eth.setHost("tx", sent + 4);
    poll();
    expect(stack.memory().small.held.tx).toBe(6);
    eth.setHost("tx", queued);
    poll();
    expect(stack.memory().small.held.tx).toBe(0);
    expect(exports.stack_poll(0, 0, 0) >>> 0).toBe(POLL_IDLE);
  });

  test("cursors wrap around", async () => {
    const { eth, lo, poll, stack } = await bare({ ringSlots: 8 });
    // 2^32 frames take too long: every cursor is moved on by whole turns of the ring, as if they had been.
    for (const view of [eth, lo]) {
      const turns = 0xffffffff - 7 - 8 * 40;
      for (const which of ["rx", "tx"] as const) {
        const [host, offered] = view.cursors(which);
        view.setHost(which, host + turns - (turns % 8));
        view.set(view.ring(which) + RING.RING_STACK, offered + turns - (turns % 8));
      }
      // The stack's own rxRead and txDone, beside the mask.
      for (const at of [view.record + NETIF.NETIF_MASK + 4, view.record + NETIF.NETIF_MASK + 8]) {
        view.set(at, view.word(at) + turns - (turns % 8));
      }
    }
    const socket = stack.openEcho();
    let replies = 0;
    for (let i = 0; i < 400; i++) {
      eth.fill(echo(i));
      poll();
      const [sent, queued] = eth.cursors("tx");
      expect((queued - sent) >>> 0).toBe(1);
      expect(stack.core.u8[eth.word(eth.desc("tx", sent)) + 34]).toBe(0);
      eth.setHost("tx", queued);
      socket.onmessage = () => void replies++;
      socket.request("127.0.0.1", i, data(32));
      stack.poll(0);
    }
    expect(replies).toBe(400);
    expect(eth.cursors("tx")[0]).toBeLessThan(1000);
    expect(lo.cursors("tx")[0]).toBeLessThan(1000);
    socket.close();
    checkPools(stack);
  });

  test("a larger MTU holds for what is posted already, a smaller one too", async () => {
    const host = await Host.create({ mtu: 1800 });
    host.nif.mtu = 1000;
    host.run();
    host.nif.mtu = 1800;
    expect(host.rx(echo(1, 1750))).toBe(true);
    expect(host.one().ip?.icmp?.data).toHaveLength(1750);
    host.nif.mtu = 1000;
    expect(host.rx(echo(2, 1200))).toBe(false);
    expect(host.nif.counters).toMatchObject({ rxFrame: 1, rxErrors: 0 });
    expect(host.rx(echo(3, 900))).toBe(true);
    expect(host.take()).toHaveLength(1);
  });
});

describe("loopback", () => {
  test("hands over without a byte copied: the window that was written is the window that is read", async () => {
    const { stack, exports, lo, poll } = await bare();
    const from = exports.sock_open(17);
    const to = exports.sock_open(17);
    stack.core.putPeer(0x7f000001, 7000);
    expect(exports.sock_bind(to)).toBe(0);
    for (const size of [100, 1800, 65507]) {
      const at = exports.sock_window(from, size);
      stack.core.u8.fill(size & 255, at, at + size);
      stack.core.putPeer(0x7f000001, 7000);
      expect(exports.sock_send(from, size, 1)).toBe(0);
      const [sent] = lo.cursors("tx");
      const [filled] = lo.cursors("rx");
      lo.copyDesc(lo.desc("tx", sent), lo.desc("rx", filled));
      expect(lo.word(lo.desc("rx", filled) + RING.DESC_PTR)).toBe(at - 28);
      lo.setHost("rx", filled + 1);
      lo.setHost("tx", sent + 1);
      poll();
      expect(exports.sock_recv(to)).toBe(size);
      expect(stack.core.get(CALL.CALL_PTR)).toBe(at);
    }
    exports.sock_close(from);
    exports.sock_close(to);
    checkPools(stack);
  });

  test("with RX full TX waits, and nothing is lost", async () => {
    const { stack, exports, lo, poll } = await bare();
    const handle = exports.sock_open(1);
    for (let i = 0; i < 200; i++) request(stack, handle, 20);
    const [sent, queued] = lo.cursors("tx");
    expect(queued - sent).toBe(200);
    const [filled, offered] = lo.cursors("rx");
    expect(offered - filled).toBe(lo.mask + 1);
    // The driver hands over by sevens, whatever the stack takes.
    let rounds = 0;
    for (; lo.cursors("tx")[0] !== lo.cursors("tx")[1] || poll(3) === 0; rounds++) {
      for (let i = 0; i < 7 && lo.cursors("tx")[0] !== lo.cursors("tx")[1]; i++) {
        lo.copyDesc(lo.desc("tx", lo.cursors("tx")[0]), lo.desc("rx", lo.cursors("rx")[0]));
        lo.setHost("rx", lo.cursors("rx")[0] + 1);
        lo.setHost("tx", lo.cursors("tx")[0] + 1);
      }
      poll(4);
      checkBooks(stack);
      expect(rounds).toBeLessThan(1000);
    }
    expect(stack.statistics().counters.ICMP_IN_ECHO_REPS).toBe(200);
    exports.sock_close(handle);
    checkPools(stack);
  });

  test("a driver that completes without handing over loses its frames, and no buffer", async () => {
    const { stack, exports, lo, poll } = await bare();
    const handle = exports.sock_open(1);
    for (let i = 0; i < 5; i++) request(stack, handle, 20);
    lo.setHost("tx", lo.cursors("tx")[1]);
    poll();
    expect(stack.statistics().drops.LO_NOT_HANDED_OVER).toBe(5);
    checkPools(stack);
    // Some lost, some handed over.
    for (let i = 0; i < 6; i++) request(stack, handle, 20);
    for (let i = 0; i < 6; i++) {
      if (i % 2 === 0) {
        lo.copyDesc(lo.desc("tx", lo.cursors("tx")[0]), lo.desc("rx", lo.cursors("rx")[0]));
        lo.setHost("rx", lo.cursors("rx")[0] + 1);
      }
      lo.setHost("tx", lo.cursors("tx")[0] + 1);
    }
    poll();
    poll();
    expect(stack.statistics().drops.LO_NOT_HANDED_OVER).toBe(8);
    expect(stack.statistics().counters.ICMP_IN_ECHOS).toBe(3);
    exports.sock_close(handle);
  });

  test("doubled, invented and altered descriptors are counted, each once", async () => {
    const { stack, exports, lo, poll, eth } = await bare();
    const handle = exports.sock_open(1);
    const bad = () => stack.statistics().drops.RX_BAD_DESCRIPTOR;
    const hand = (change: (at: number) => void) => {
      const [filled] = lo.cursors("rx");
      lo.copyDesc(lo.desc("tx", lo.cursors("tx")[0]), lo.desc("rx", filled));
      change(lo.desc("rx", filled));
      lo.setHost("rx", filled + 1);
    };
    request(stack, handle, 20);
    for (const length of [0, 1, 47, 49, 2048, 2 ** 32 - 1]) hand((at) => lo.set(at + RING.DESC_LEN, length));
    for (const pbuf of [1044, 2 ** 31, 2 ** 32 - 1, 900]) hand((at) => lo.set(at + RING.DESC_PBUF, pbuf));
    // One that is posted on Ethernet's RX ring.
    hand((at) => lo.set(at + RING.DESC_PBUF, eth.word(eth.desc("rx", eth.cursors("rx")[0]) + RING.DESC_PBUF)));
    // A window that a socket still writes to.
    const other = exports.sock_open(17);
    exports.sock_window(other, 20);
    const windows = stack.memory().small.held.tx;
    hand((at) => lo.set(at + RING.DESC_PBUF, lo.word(at + RING.DESC_PBUF) + 1));
    poll();
    expect(bad()).toBe(12);
    expect(stack.memory().small.held.tx).toBe(windows);
    lo.setHost("tx", lo.cursors("tx")[1]);
    poll();
    expect(stack.statistics().drops.LO_NOT_HANDED_OVER).toBe(1);
    // A true one, three times: a datagram that stays in its socket.
    stack.core.putPeer(0x7f000001, 7000);
    expect(exports.sock_bind(other)).toBe(0);
    expect(exports.sock_send(other, 20, 1)).toBe(0);
    for (let i = 0; i < 3; i++) hand(() => {});
    lo.setHost("tx", lo.cursors("tx")[1]);
    poll();
    expect(bad()).toBe(14);
    expect(exports.sock_recv(other)).toBe(20);
    expect(exports.sock_recv(other)).toBe(-11);
    expect(stack.interface("lo").counters.rxErrors).toBe(14);
    exports.sock_close(handle);
    exports.sock_close(other);
  });

  test("a buffer that came by lo and leaves by Ethernet is not taken for lo's again", async () => {
    const { stack, exports, lo, poll, eth, host } = await bare();
    // Our request's own address goes before it is answered: the reply, in the same buffer, leaves by Ethernet. Both
    // rings stand at the same cursor then.
    host.nif.addAddress("192.168.1.5/24");
    host.run();
    stack.core.putIpv4(CALL.CALL_ADDR, 0xc0a80105);
    stack.neighbours.add(host.nif, "192.168.1.1", "02:00:00:00:01:09");
    while (eth.cursors("tx")[1] !== lo.cursors("tx")[1]) {
      if (((eth.cursors("tx")[1] - lo.cursors("tx")[1]) | 0) < 0) host.rxIcmp({}, []);
      else {
        const ping = stack.ping("127.0.0.1");
        host.run();
        await ping;
      }
      host.take();
    }
    const handle = exports.sock_open(1);
    stack.core.putPeer(0xc0a80101, 0);
    expect(exports.sock_bind(handle)).toBe(0);
    const at = exports.sock_window(handle, 28);
    stack.core.u8.fill(0, at, at + 28);
    stack.core.u8[at] = 8;
    stack.core.putPeer(0xc0a80105, 0);
    expect(exports.sock_send(handle, 28, 1)).toBe(0);
    const cursor = lo.cursors("tx")[0];
    expect(eth.cursors("tx")[1]).toBe(cursor);
    host.nif.removeAddress("192.168.1.1");
    const [filled] = lo.cursors("rx");
    lo.copyDesc(lo.desc("tx", cursor), lo.desc("rx", filled));
    lo.copyDesc(lo.desc("tx", cursor), lo.desc("rx", filled + 1));
    lo.setHost("rx", filled + 1);
    // Not yet completed on lo, the reply stands in Ethernet's ring; then the same descriptor comes again.
    poll();
    expect(eth.cursors("tx")[1]).toBe(cursor + 1);
    lo.setHost("rx", filled + 2);
    poll();
    expect(stack.statistics().drops.RX_BAD_DESCRIPTOR).toBe(1);
    lo.setHost("tx", cursor + 1);
    poll();
    expect(stack.statistics().drops.LO_NOT_HANDED_OVER).toBe(0);
    expect(stack.memory().small.held.tx).toBe(1);
    exports.sock_close(handle);
  });
});

describe("a hostile driver", () => {
  test("wrong buffers, lengths and cursors are counted; nothing leaks, nothing stops for good", async () => {
    const { eth, poll, stack } = await bare();
    const drops = () => stack.statistics().drops;
    eth.fill(echo(1), 60, 3000);
    eth.fill(echo(2), 60, 2 ** 32 - 1);
    eth.fill(echo(3), 0);
    eth.fill(echo(4), 1519);
    eth.fill(echo(5), 2 ** 32 - 1);
    const [host] = eth.cursors("rx");
    eth.copyDesc(eth.desc("rx", host - 1), eth.desc("rx", host));
    eth.setHost("rx", host + 1);
    poll();
    expect(drops()).toMatchObject({ RX_BAD_DESCRIPTOR: 4, RX_TOO_LONG: 2 });
    expect(stack.interfaceAt(2)?.counters.rxErrors).toBe(6);
    checkBooks(stack);
    // Cursors beyond what there is, or backwards: the ring stands still, and that is counted; then it goes on.
    const [filled, offered] = eth.cursors("rx");
    const [, queued] = eth.cursors("tx");
    for (const [which, right, wrong] of [
      ["rx", filled, offered + 1],
      ["rx", filled, filled - 1],
      ["rx", filled, filled + 2 ** 31],
      ["tx", queued, queued + 1],
      ["tx", queued, queued - 1],
    ] as const) {
      const errors = () => stack.interfaceAt(2)?.counters[which === "rx" ? "rxErrors" : "txErrors"] as number;
      const before = errors();
      eth.setHost(which, wrong);
      poll();
      expect(errors(), `${which} ${wrong - right}`).toBe(before + 1);
      checkBooks(stack);
      eth.setHost(which, right);
    }
    eth.fill(echo(6));
    poll();
    expect(stack.statistics().counters.ICMP_OUT_ECHO_REPS).toBe(1);
    // Pointers in descriptors are the stack's word to the host, not the host's to the stack.
    const next = eth.desc("rx", eth.cursors("rx")[0]);
    const ptr = eth.word(next + RING.DESC_PTR);
    eth.fill(echo(7));
    eth.set(next + RING.DESC_PTR, 0xffffff00);
    poll();
    expect(ptr).toBeGreaterThan(0);
    expect(stack.statistics().counters.ICMP_OUT_ECHO_REPS).toBe(2);
  });
});
