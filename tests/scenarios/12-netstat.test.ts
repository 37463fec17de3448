/** Scenario 12: netstat -i and -in in SunOS's form, -r as net-tools' route table. */
import { expect, test } from "vitest";
import { World } from "./world.js";

test("scenario 12: netstat -i has names, -in numbers; counters move with the traffic", async () => {
  const world = await World.create("12-netstat");
  await world.say("sun ping -c 2 gw");
  const [header, eth0, lo, ...more] = await world.say("sun netstat -i");
  expect(more).toEqual([]);
  expect(header?.split(/ +/)).toEqual("Name Mtu Net/Dest Address Ipkts Ierrs Opkts Oerrs Collis Queue".split(" "));
  expect(eth0?.split(/ +/)).toEqual("eth0 1500 140.252.13.32 sun 4 0 4 0 0 0".split(" "));
  expect(lo?.split(/ +/)).toEqual("lo 65536 loopback localhost 0 0 0 0 0 0".split(" "));
  // Each value begins where its name does.
  for (const name of ["Mtu", "Net/Dest", "Address", "Ipkts", "Ierrs", "Opkts", "Oerrs", "Collis", "Queue"]) {
    const at = header?.indexOf(name) ?? 0;
    for (const line of [eth0, lo]) expect(line?.slice(at - 1, at + 1), name).toMatch(/^ [^ ]$/);
  }
  await world.say("sun ping -c 3 127.0.0.1");
  expect((await world.say("sun netstat -in")).slice(1).map((line) => line.split(/ +/))).toEqual([
    "eth0 1500 140.252.13.32 140.252.13.33 4 0 4 0 0 0".split(" "),
    "lo 65536 127.0.0.0 127.0.0.1 6 0 6 0 0 0".split(" "),
  ]);
  expect(await world.say("sun netstat -i -n")).toEqual(await world.say("sun netstat -in"));
});

test("scenario 12: netstat -r is net-tools' route table", async () => {
  const world = await World.create("12-netstat");
  expect(await world.say("sun netstat -r")).toEqual([
    "Kernel IP routing table",
    "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface",
    "default         140.252.13.35   0.0.0.0         UG        0 0          0 eth0",
    "127.0.0.0       *               255.0.0.0       U         0 0          0 lo",
    "140.252.13.32   *               255.255.255.224 U         0 0          0 eth0",
  ]);
  expect((await world.say("sun netstat -rn")).slice(2, 4)).toEqual([
    "0.0.0.0         140.252.13.35   0.0.0.0         UG        0 0          0 eth0",
    "127.0.0.0       0.0.0.0         255.0.0.0       U         0 0          0 lo",
  ]);
});
