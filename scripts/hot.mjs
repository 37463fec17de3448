// Inlining where it pays. Binaryen inlines by the size of the callee, into whoever calls it: large limits make the packet
// path a tenth faster and everything else a third larger. So, before it optimises, each small function that the packet
// path calls gets a copy for these callers alone, and only copies may be inlined by the large limits (RUNS of build.mjs).

/** The packet path: how the names begin, as asc makes them: folder/file/function. */
const PATH = [
  "stack/stackPoll stack/run stack/reclaim stack/takeBatch stack/inputWaits",
  "index/stack_poll index/sock_send index/sock_recv index/sock_window index/tcp_",
  "dispatch/dispatchFrame dispatch/carryOut dispatch/step",
  "core/event/ core/timer/ memory/pbuf/ memory/ring/",
  "link/ethernet/ link/netif/ link/neigh/neighOutput link/neigh/neighFind route/nexthop/routeMember",
  "ip/input/ ip/forward/ ip/forward-plain/ ip/output/ ip/transmit/ ip/path-cache/",
  "pcb/demux/ pcb/pcb/ pcb/send/ pcb/receive/pcbReceive pcb/receive/pcbNext pcb/room/",
  "udp/ socket/transfer/ socket/stream/ wire/checksum/ wire/udp/ wire/ipv4/ wire/ether/ wire/tcp/",
  "tcp/input/ tcp/arrives/ tcp/ack/ tcp/text/ tcp/output/ tcp/emit/ tcp/segment/ tcp/window/ tcp/transfer/ tcp/path/",
  "tcp/recovery/ tcp/rtt/ tcp/reno/ tcp/sack/",
].flatMap((line) => line.split(" "));

/** Lines of asc's text up to which a function has copies. With 45 the module is 5 % smaller, and UDP slower by as much. */
const SMALL_LINES = 60;

/** What asc puts before the names of our functions, and what takes its place in those of copies. */
const OURS = "assembly/";
const COPY = "hot/";

/** @param {string} name */
function isHot(name) {
  return PATH.some((place) => name.startsWith(OURS + place));
}

/**
 * The text of a module, as asc writes it, with copies of small functions for the packet path.
 * @param {string} wat
 * @returns {string}
 * @throws Error where a name of PATH begins none: it is another now.
 */
export function withHotCopies(wat) {
  const [head = "", ...texts] = wat.slice(0, wat.lastIndexOf(")")).split(/^(?= \(func )/m);
  /** @type {Map<string, string>} */
  const functions = new Map(texts.map((text) => [/^ \(func \$([^\s)]+)/.exec(text)?.[1] ?? "", text]));
  for (const place of PATH) {
    if (![...functions.keys()].some((name) => name.startsWith(OURS + place))) throw new Error(`hot.mjs: no ${place}`);
  }
  const small = new Set(
    [...functions].filter(([, text]) => text.split("\n").length <= SMALL_LINES).map(([name]) => name),
  );
  /** @type {Set<string>} */
  const wanted = new Set();
  /** @param {string} text */
  const callingCopies = (text) =>
    text.replace(/\bcall \$assembly\/([^\s)]+)/g, (call, name) => {
      if (!small.has(OURS + name)) return call;
      wanted.add(name);
      return `call $${COPY}${name}`;
    });
  const result = [...functions].map(([name, text]) => (isHot(name) ? callingCopies(text) : text));
  // A set yields what is added while it is gone through: what copies call.
  for (const name of wanted) {
    const text = functions.get(OURS + name) ?? "";
    result.push(callingCopies(text.replace(`$${OURS}${name}`, `$${COPY}${name}`)));
  }
  return `${head}${result.join("")})\n`;
}
