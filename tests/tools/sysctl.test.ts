import { describe, expect, test } from "vitest";
import { INTERFACE_SWITCH_NAMES, SWITCH_NAMES } from "../../src/index.js";
import { run } from "../../src/tools/command.js";
import { runSysctl, sysctl } from "../../src/tools/sysctl.js";
import { dualHomed } from "./hosts.js";

describe("sysctl", () => {
  test("prints name = value, -n the value, -N the name, and takes slashes for dots", async () => {
    const { stack } = await dualHomed();
    expect(sysctl(stack, ["net.ipv4.ip_forward"])).toBe("net.ipv4.ip_forward = 0");
    expect(sysctl(stack, ["-n", "net.ipv4.ip_default_ttl"])).toBe("64");
    expect(sysctl(stack, ["-N", "net/ipv4/ip_default_ttl"])).toBe("net.ipv4.ip_default_ttl");
    expect(sysctl(stack, ["net/ipv4/ip_local_port_range"])).toBe("net.ipv4.ip_local_port_range = 32768\t60999");
  });

  test("-a prints every switch, in order, with what it is at boot", async () => {
    const { stack } = await dualHomed();
    const lines = sysctl(stack, ["-a"]).split("\n");
    expect(lines).toEqual([...lines].sort());
    expect(lines.filter((line) => !line.includes(".conf."))).toEqual([
      "net.ipv4.icmp_echo_ignore_all = 0",
      "net.ipv4.icmp_echo_ignore_broadcasts = 1",
      "net.ipv4.icmp_msgs_burst = 50",
      "net.ipv4.icmp_msgs_per_sec = 1000",
      "net.ipv4.igmp_max_memberships = 20",
      "net.ipv4.ip_default_ttl = 64",
      "net.ipv4.ip_forward = 0",
      "net.ipv4.ip_local_port_range = 32768\t60999",
      "net.ipv4.ip_no_pmtu_disc = 0",
      "net.ipv4.ipfrag_time = 60",
      "net.ipv4.neigh.default.base_reachable_time_ms = 30000",
      "net.ipv4.neigh.default.delay_first_probe_time = 5",
      "net.ipv4.neigh.default.gc_stale_time = 60",
      "net.ipv4.neigh.default.mcast_solicit = 3",
      "net.ipv4.neigh.default.retrans_time_ms = 1000",
      "net.ipv4.neigh.default.ucast_solicit = 3",
      "net.ipv4.neigh.default.unres_qlen = 48",
      "net.ipv4.route.min_pmtu = 552",
      "net.ipv4.route.mtu_expires = 600",
      "net.ipv4.tcp_congestion_control = cubic",
      "net.ipv4.tcp_ecn = 2",
      "net.ipv4.tcp_fin_timeout = 60",
      "net.ipv4.tcp_max_orphans = 64",
      "net.ipv4.tcp_moderate_rcvbuf = 1",
      "net.ipv4.tcp_mtu_probing = 1",
      "net.ipv4.tcp_sack = 1",
      "net.ipv4.tcp_syncookies = 1",
      "net.ipv4.tcp_timestamps = 1",
      "net.ipv4.tcp_window_scaling = 1",
      "net.ringstack.addr_follows_carrier = 0",
      "net.ringstack.icmp_host_msgs_burst = 20",
      "net.ringstack.icmp_host_msgs_per_sec = 100",
      "net.ringstack.redirect_expires_ms = 300000",
      "net.ringstack.routes_follow_carrier = 1",
      "net.ringstack.tcp_ack_delay_ms = 40",
      "net.ringstack.tcp_challenge_acks_per_sec = 10",
      "net.ringstack.tcp_pacing = 0",
      "net.ringstack.tcp_r2_ms = 300000",
      "net.ringstack.tcp_receive_buffer = 65536",
      "net.ringstack.tcp_rto_min_ms = 1000",
      "net.ringstack.tcp_send_buffer = 65536",
      "net.ringstack.tcp_syn_r2_ms = 180000",
      "net.ringstack.tcp_time_wait_ms = 60000",
    ]);
    // "all", eth0, eth1, lo.
    expect(lines.filter((line) => line.includes(".conf.")).length).toBe(INTERFACE_SWITCH_NAMES.length * 4);
    expect(lines.filter((line) => line.includes(".conf.eth1."))).toEqual([
      "net.ipv4.conf.eth1.accept_local = 0",
      "net.ipv4.conf.eth1.accept_redirects = 1",
      "net.ipv4.conf.eth1.accept_source_route = 0",
      "net.ipv4.conf.eth1.arp_ignore = 0",
      "net.ipv4.conf.eth1.bc_forwarding = 0",
      "net.ipv4.conf.eth1.force_igmp_version = 0",
      "net.ipv4.conf.eth1.forwarding = 0",
      "net.ipv4.conf.eth1.proxy_arp = 0",
      "net.ipv4.conf.eth1.rp_filter = 0",
      "net.ipv4.conf.eth1.send_redirects = 1",
      "net.ringstack.conf.eth1.local_route = 1",
    ]);
  });

  test("every switch of the stack stands under some name: setting it through sysctl changes it", async () => {
    const { stack } = await dualHomed();
    const before = new Map(SWITCH_NAMES.map((name) => [name, stack.switches.get(name)]));
    const changed = (name: string, value: string) => `${name}=${value}`;
    const settings = sysctl(stack, ["-a"])
      .split("\n")
      .filter((line) => !line.includes(".conf."))
      .map((line) => line.split(" = ") as [string, string])
      .map(([name, value]) => {
        if (name.endsWith("port_range")) return changed(name, "40000 50000");
        if (value === "cubic") return changed(name, "reno");
        if (name.endsWith("tcp_ecn")) return changed(name, "0");
        return changed(name, value === "0" ? "1" : value === "1" ? "0" : String(Number(value) + 1));
      });
    expect(runSysctl(stack, settings)).toMatchObject({ err: [], status: 0 });
    for (const [name, value] of before) expect(stack.switches.get(name), name).not.toBe(value);
  });

  test("sets, of one interface or of all and those to come; ip_forward is forwarding of all", async () => {
    const { stack } = await dualHomed();
    expect(sysctl(stack, ["-w", "net.ipv4.ip_forward=1"])).toBe("net.ipv4.ip_forward = 1");
    expect(sysctl(stack, ["-n", "net.ipv4.conf.eth1.forwarding", "net.ipv4.conf.all.forwarding"])).toBe("1\n1");
    sysctl(stack, ["net.ipv4.conf.eth0.forwarding=0", "net.ipv4.conf.all.rp_filter = 2"]);
    expect(stack.interface("eth0").switches.get("FORWARDING")).toBe(0);
    expect(stack.interface("eth1").switches.get("FORWARDING")).toBe(1);
    for (const nif of stack.interfaces) expect(nif.switches.get("RP_FILTER")).toBe(2);
    sysctl(stack, ["net.ipv4.ip_forward=0", "net.ipv4.ip_local_port_range=10000 20000"]);
    expect(stack.interface("eth1").switches.get("FORWARDING")).toBe(0);
    expect([stack.switches.get("IP_PORT_FIRST"), stack.switches.get("IP_PORT_LAST")]).toEqual([10000, 20000]);
    sysctl(stack, ["net.ipv4.icmp_echo_ignore_broadcasts=0", "net.ipv4.ipfrag_time=30", "net.ipv4.ip_no_pmtu_disc=1"]);
    expect(stack.switches.get("ICMP_ECHO_BROADCASTS")).toBe(1);
    expect(stack.switches.get("IP_REASSEMBLY_MS")).toBe(30000);
    expect(stack.switches.get("IP_MTU_DISCOVER")).toBe(0);
  });

  test.each([
    [["net.ipv4.nothing"], "sysctl: cannot stat /proc/sys/net/ipv4/nothing: No such file or directory", 255],
    [
      ["net.ipv4.conf.eth9.rp_filter=1"],
      "sysctl: cannot stat /proc/sys/net/ipv4/conf/eth9/rp_filter: No such file or directory",
      255,
    ],
    [["net.ipv4.ip_forward=2"], 'sysctl: setting key "net.ipv4.ip_forward": Invalid argument', 255],
    [["net.ipv4.ip_forward=-1"], 'sysctl: setting key "net.ipv4.ip_forward": Invalid argument', 255],
    [["net.ipv4.ip_default_ttl=256"], 'sysctl: setting key "net.ipv4.ip_default_ttl": Invalid argument', 255],
    [
      ["net.ipv4.icmp_echo_ignore_broadcasts=7"],
      'sysctl: setting key "net.ipv4.icmp_echo_ignore_broadcasts": Invalid argument',
      255,
    ],
    [["net.ipv4.ip_local_port_range=9 8"], 'sysctl: setting key "net.ipv4.ip_local_port_range": Invalid argument', 255],
    [
      ["net.ipv4.tcp_congestion_control=bbr"],
      'sysctl: setting key "net.ipv4.tcp_congestion_control": Invalid argument',
      255,
    ],
    [["net.ipv4.ip_forward="], 'sysctl: malformed setting "net.ipv4.ip_forward="', 255],
    [["-w", "net.ipv4.ip_forward"], 'sysctl: "net.ipv4.ip_forward" must be of the form name=value', 255],
    [["-z"], "sysctl: invalid option -- 'z'\nUsage:\n sysctl [-n] [-N] [-w] [variable[=value] ...]\n sysctl -a", 1],
  ])("%j fails as sysctl(8) does, and changes nothing", async (args, text, status) => {
    const { stack } = await dualHomed();
    const before = sysctl(stack, ["-a"]);
    const result = runSysctl(stack, args);
    expect([result.out, result.err.join("\n"), result.status]).toEqual([[], text, status]);
    expect(sysctl(stack, ["-a"])).toBe(before);
  });

  test("what goes wrong with one name does not keep the others; as a command too", async () => {
    const { stack } = await dualHomed();
    const out: string[] = [];
    const err: string[] = [];
    const context = {
      stack,
      out: (text: string) => out.push(text),
      err: (text: string) => err.push(text),
      signal: AbortSignal.timeout(1000),
    };
    const status = await run("sysctl net.ipv4.a net.ipv4.ip_forward=1 net.ipv4.b", context);
    expect(out).toEqual(["net.ipv4.ip_forward = 1"]);
    expect(err).toHaveLength(2);
    expect(status).toBe(255);
  });

  test("an interface with a dot in its name is written with a slash", async () => {
    const { stack } = await dualHomed();
    const { SimLink } = await import("../../src/index.js");
    stack.addInterface(new SimLink({ clock: stack.clock }).nic(), { name: "eth0.5" });
    expect(sysctl(stack, ["net.ipv4.conf.eth0/5.proxy_arp=1"])).toBe("net.ipv4.conf.eth0/5.proxy_arp = 1");
    expect(sysctl(stack, ["net/ipv4/conf/eth0.5/proxy_arp"])).toBe("net.ipv4.conf.eth0/5.proxy_arp = 1");
    expect(stack.interface("eth0.5").switches.get("PROXY_ARP")).toBe(1);
  });
});
