/** A connection's plain faces: callbacks, and windows into the rings. */
import { describe, expect, test } from "vitest";
import { catchUncaught, failure } from "./failure.js";
import { codeOf } from "./recording-driver.js";
import { Pair, pattern, text } from "./tcp-pair.js";

const utf8 = (words: string) => new TextEncoder().encode(words);

describe("callbacks", () => {
  test("ondata, onend, onclose in their order, also for what came before they were set", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await client.write("first");
    const ended = client.end(" and last");
    await pair.run();
    expect(await failure(ended)).toBe("resolved");
    const heard: string[] = [];
    peer.ondata = (data) => void heard.push(`data ${text(data)}`);
    peer.onend = () => void heard.push("end");
    peer.onclose = (error) => void heard.push(`close ${error}`);
    expect(heard).toEqual([]);
    await pair.run();
    expect(heard).toEqual(["data first and last", "end"]);
    expect([client.state, peer.state]).toEqual(["FIN_WAIT2", "CLOSE_WAIT"]);
    await pair.within(peer.end("bye"));
    expect(heard).toEqual(["data first and last", "end", "close undefined"]);
    expect(text(await client.read())).toBe("bye");
    expect(await client.read()).toBeNull();
    const late: string[] = [];
    client.onend = () => void late.push("end");
    client.onclose = () => void late.push("close");
    await pair.run(0);
    expect(late).toEqual(["end", "close"]);
  });

  test("an echo with callbacks alone; ondata's view is of the ring, and taking ondata away stops it", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    peer.ondata = (data) => void peer.tryWrite(data);
    const heard: Uint8Array[] = [];
    client.ondata = (data) => {
      expect(data.buffer).toBe(pair.a.core.u8.buffer);
      heard.push(data.slice());
    };
    expect(client.tryWrite(utf8("there "))).toBe(6);
    expect(client.tryWrite(utf8("and back"))).toBe(8);
    await pair.run();
    expect(text(Buffer.concat(heard))).toBe("there and back");
    client.ondata = undefined;
    client.tryWrite(utf8("unheard"));
    await pair.run();
    expect(client.info().unread).toBe(7);
    expect(text(await client.read())).toBe("unheard");
  });

  test("callbacks that throw are uncaught, and nothing is lost", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const uncaught = catchUncaught(3);
    const heard: string[] = [];
    peer.ondata = (data) => {
      heard.push(text(data) as string);
      if (heard.length === 1) throw new Error("data");
    };
    peer.onend = () => {
      throw new Error("end");
    };
    peer.onclose = () => {
      throw new Error("close");
    };
    client.tryWrite(utf8("one"));
    await pair.run();
    client.tryWrite(utf8("two"));
    await pair.run();
    const ended = Promise.all([client.end(), peer.end()]);
    await pair.within(ended);
    await pair.within(peer.closed);
    expect((await uncaught).map(({ message }) => message)).toEqual(["data", "end", "close"]);
    expect(heard).toEqual(["one", "two"]);
  });

  test("closing in ondata ends it; reading on in ondata gets what follows", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({}, { receiveBuffer: 2048 });
    let calls = 0;
    peer.ondata = (data) => {
      calls++;
      expect(data.length).toBeGreaterThan(0);
      peer.close();
    };
    client.tryWrite(pattern(2000));
    await pair.run();
    expect(calls).toBe(1);
    expect(codeOf(() => peer.receiveWindow())).toBe("EBADF");
  });

  test("ondrain comes once when a write came short and there is room again", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 });
    let drains = 0;
    client.ondrain = () => void drains++;
    expect(client.tryWrite(pattern(1000))).toBe(1000);
    await pair.run();
    expect(drains).toBe(0);
    expect(client.tryWrite(pattern(5000))).toBe(2048);
    expect(client.tryWrite(pattern(5000))).toBe(0);
    await pair.run();
    expect(drains).toBe(1);
    await pair.run();
    expect(drains).toBe(1);
    expect(peer.info().unread).toBe(3048);
  });

  test("urgent data is announced with how far it goes (RFC 9293 §3.8.5)", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const announced: number[] = [];
    peer.onurgent = (bytes) => void announced.push(bytes);
    await client.write("calm ");
    await pair.run();
    await client.urgent("now!");
    await pair.run();
    expect(announced).toEqual([9]);
    expect(text(await peer.read())).toBe("calm now!");
  });
});

describe("windows", () => {
  test("what is written in the send ring and committed is what stands in the receive ring", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 }, { receiveBuffer: 2048 });
    const window = client.sendWindow();
    expect(window.length).toBeLessThanOrEqual(2048);
    window.set(utf8("no copy"));
    client.commit(4, { more: true });
    client.sendWindow();
    client.commit(3);
    await pair.run();
    expect(text(peer.receiveWindow())).toBe("no copy");
    peer.consume(3);
    expect(text(peer.receiveWindow())).toBe("copy");
    peer.consume(4);
    expect(peer.receiveWindow()).toHaveLength(0);
    expect(codeOf(() => peer.consume(1))).toBe("EINVAL");
    expect(codeOf(() => client.commit(4096))).toBe("EINVAL");
    expect(codeOf(() => client.commit(-1))).toBe("ERR_OUT_OF_RANGE");
    expect(codeOf(() => peer.consume(1.5))).toBe("ERR_OUT_OF_RANGE");
    // Such mistakes leave the connection as it was.
    expect(client.state).toBe("ESTABLISHED");
    await pair.within(client.end());
    expect(peer.receiveWindow()).toBeNull();
  });

  test("rings that wrap: every byte through windows of two pieces", async () => {
    const pair = await Pair.linked({ delayUs: 100 });
    const { client, peer } = await pair.connect({ sendBuffer: 2048 }, { receiveBuffer: 2048 });
    const sent = pattern(50_000);
    let at = 0;
    const fill = () => {
      for (let window = client.sendWindow(); window.length > 0 && at < sent.length; window = client.sendWindow()) {
        const piece = sent.subarray(at, at + Math.min(window.length, 777));
        window.set(piece);
        client.commit(piece.length);
        at += piece.length;
      }
    };
    client.ondrain = fill;
    fill();
    const got: Uint8Array[] = [];
    for (let length = 0; length < sent.length; ) {
      await pair.run(1000);
      const window = peer.receiveWindow() as Uint8Array;
      const piece = window.slice(0, 501);
      got.push(piece);
      length += piece.length;
      peer.consume(piece.length);
    }
    expect(Buffer.concat(got).equals(sent)).toBe(true);
  });
});
