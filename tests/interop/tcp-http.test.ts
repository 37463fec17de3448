// curl and nc at our stack's servers, and our stack at a server beside the kernel's.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { TcpSocket } from "../../src/index.js";
import { interop } from "./need.js";
import { shaOf, site } from "./site.js";
import { bytesOf, hear, heardOf, NOTHING_LOST, until } from "./tcp-peer.js";
import { beside } from "./world.js";

const SIZES = [0, 1, 1447, 1448, 1449, 65536, 1_000_000, 8 << 20];

/** With a folder for the files that programs read and write. */
async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ringstack-tcp-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interop(
  "curl: files of 0 bytes to 8 MiB, HEAD, ranges, what is not there, connections that last",
  ["curl", "tshark"],
  () =>
    beside(async (kernel, { stack }) => {
      const log = await site(stack);
      for (const size of SIZES) {
        expect(await kernel.do(`curl -sSf http://10.9.1.2/${size} | sha256sum`), `${size} bytes`).toContain(
          shaOf(size),
        );
      }
      expect(await kernel.do("curl -sSI http://10.9.1.2/1000000")).toMatch(
        /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 1000000\r\n/i,
      );
      const range = await kernel.do("curl -sSf -r 70000-139999 http://10.9.1.2/1000000 | sha256sum");
      expect(range).toContain(createHash("sha256").update(bytesOf(140_000, "file").subarray(70_000)).digest("hex"));
      expect(await kernel.do("curl -sS -o /dev/null -w '%{http_code}' http://10.9.1.2/none")).toBe("404");
      const before = stack.statistics().counters.TCP_PASSIVE_OPENS;
      const urls = "http://10.9.1.2/1 http://10.9.1.2/65536 http://10.9.1.2/none http://10.9.1.2/1449";
      const text = await kernel.do(
        `curl -sS -w ' %{http_code} %{num_connects}\\n' -o /dev/null -o /dev/null -o /dev/null -o /dev/null ${urls}`,
      );
      expect(text).toBe(" 200 1\n 200 0\n 404 0\n 200 0\n");
      expect(stack.statistics().counters.TCP_PASSIVE_OPENS - before, "one connection for four").toBe(1);
      expect(log).toHaveLength(SIZES.length + 3 + 4);
      expect(stack.statistics().counters).toMatchObject({ ...NOTHING_LOST, TCP_ESTAB_RESETS: 0, TCP_OUT_RSTS: 0 });
    }),
);

interop("50 curls at once, 300,000 bytes each", ["curl", "tshark"], () =>
  beside(
    async (kernel, { stack }) => {
      await site(stack);
      // A packet for each of ours comes back, and the device's own queue is shorter than all of our windows.
      await kernel.do("ip link set tap0 txqueuelen 10000");
      const text = await kernel.do("for i in $(seq 50); do curl -sSf http://10.9.1.2/300000 | sha256sum & done; wait");
      expect(text).toBe(`${shaOf(300_000)}  -\n`.repeat(50));
      expect(stack.statistics().counters).toMatchObject({ TCP_PASSIVE_OPENS: 50, ...NOTHING_LOST });
    },
    { rings64K: 128 },
  ),
);

interop("nc: a file through our echo server and back; nc serves and we connect", ["nc", "cmp", "tshark"], () =>
  beside((kernel, { stack }) =>
    inFolder(async (folder) => {
      const file = join(folder, "file");
      writeFileSync(file, bytesOf(3_000_000, "file"));
      const echo = (socket: TcpSocket) => void socket.readable.pipeTo(socket.writable);
      await stack.tcp.listen({ port: 7, onconnection: echo });
      await kernel.do(`nc -N 10.9.1.2 7 < ${file} > ${file}.back; cmp ${file} ${file}.back`);
      const served = kernel.do(`nc -l -N 5006 < ${file} > ${file}.heard; sha256sum < ${file}.heard`);
      let socket: TcpSocket | undefined;
      const connect = async () => {
        socket = await stack.tcp.connect({ address: "10.9.1.1", port: 5006 }).catch(() => undefined);
      };
      while (socket === undefined) await connect();
      // A nc that listens ends with our FIN, whatever it has to say yet.
      const [heard] = await Promise.all([hear(socket), socket.write(bytesOf(2_000_000, "ours"))]);
      await socket.end();
      expect(heard).toEqual(heardOf(3_000_000, "file"));
      expect(await served).toContain(heardOf(2_000_000, "ours").sha256);
    }),
  ),
);

interop("we fetch files of python's http.server, one after another and ten at once", ["python3", "tshark"], () =>
  beside((kernel, { stack }) =>
    inFolder(async (folder) => {
      for (const size of SIZES) writeFileSync(join(folder, `${size}`), bytesOf(size, "file"));
      const server = kernel.start("sh", "-c", `exec python3 -m http.server -d ${folder} 8000 2> /dev/null`);
      try {
        const fetch = async (size: number) => {
          const socket = await stack.tcp.connect({ address: "10.9.1.1", port: 8000 });
          await socket.write(`GET /${size} HTTP/1.0\r\nHost: 10.9.1.1\r\n\r\n`);
          const chunks: Uint8Array[] = [];
          for await (const chunk of socket) chunks.push(chunk);
          socket.close();
          const all = Buffer.concat(chunks);
          const head = all.indexOf("\r\n\r\n");
          expect(all.subarray(0, 15).toString()).toBe("HTTP/1.0 200 OK");
          expect(
            createHash("sha256")
              .update(all.subarray(head + 4))
              .digest("hex"),
            `${size} bytes`,
          ).toBe(shaOf(size));
        };
        let ready = false;
        const look = () =>
          void stack.tcp.connect({ address: "10.9.1.1", port: 8000 }).then(
            (socket) => {
              ready = true;
              socket.abort();
            },
            () => {},
          );
        await until(() => {
          if (!ready) look();
          return ready;
        }, "http.server");
        for (const size of SIZES) await fetch(size);
        await Promise.all(Array.from({ length: 10 }, () => fetch(65536)));
      } finally {
        server.kill();
      }
    }),
  ),
);
