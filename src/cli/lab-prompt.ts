/**
 * The lab's prompt: reads lines and runs them in the machine's time. ^C ends the command that runs; `exit`, or the end of
 * the input, ends the lab.
 */
import { createInterface, type Interface } from "node:readline";
import type { Lab } from "../lab/lab.js";
import { parseLine, ScriptError } from "../lab/script.js";
import { Session, type SessionOptions } from "../lab/session.js";

const PROMPT = "lab> ";
const OWN_WORDS = ["exit", "help", "hosts", "link", "wait"];
const HELP = `HOST COMMAND...         run a command on a host, such as: h1 ping -c 3 h2
HOST COMMAND... &       run it in the background
HOST COMMAND... <<< X   with a line of standard input
link NAME up|down       take a link's carrier, or give it back
link NAME loss 1% ...   change conditions: delay jitter rate queue loss duplicate reorder reorderDelay corrupt
wait 5s                 let time pass
hosts                   the hosts and their addresses
help, exit              this text; the end
HOST help               the commands that a host knows`;

/** @returns the exit code */
export async function prompt(
  lab: Lab,
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  captures: Pick<SessionOptions, "files" | "epochMs">,
): Promise<number> {
  const isTerminal = input.isTTY === true && output.isTTY === true;
  // What runs in the background speaks while a line is being typed: the line is drawn again below.
  const out = (text: string) => {
    if (isTerminal) output.write("\r\u001b[K");
    output.write(`${text}\n`);
    if (isTerminal && isReading) lines.prompt(true);
  };
  const session = new Session(lab, { out, limitUs: 86_400e6, echo: !isTerminal, ...captures });
  const lines: Interface = createInterface({
    input,
    output,
    terminal: isTerminal,
    prompt: isTerminal ? PROMPT : "",
    completer: (line: string) => complete(line, session),
  });
  let isReading = true;
  lines.on("SIGINT", () => {
    if (session.interrupt()) return;
    out("exit ends the lab");
  });
  if (isTerminal) out(`${lab.hosts.size} hosts, ${lab.links.size} links; help tells what can be typed here`);
  lines.prompt();
  for await (const line of lines) {
    isReading = false;
    if (line.trim() === "exit" || line.trim() === "quit") break;
    await runLine(line, session, out);
    isReading = true;
    lines.prompt();
  }
  isReading = false;
  lines.close();
  await session.end();
  return 0;
}

async function runLine(line: string, session: Session, out: (text: string) => void): Promise<void> {
  const word = line.trim();
  if (word === "help") return out(HELP);
  if (word === "hosts") return out(hostsText(session.lab));
  try {
    await session.run(parseLine(line, session.names));
  } catch (error) {
    // Whatever it was, the hosts are still there: a person goes on.
    const isOwn = error instanceof ScriptError;
    out(isOwn ? error.message : `${word}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function hostsText({ hosts }: Lab): string {
  const rows = Array.from(hosts, ([name, stack]) => {
    const nifs = stack.interfaces.slice(1).map((nif) => {
      const addresses = nif.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
      return `${nif.name} ${addresses.join(" ") || "without address"}`;
    });
    return `${name}: ${nifs.join(", ") || "no interface"}`;
  });
  return rows.join("\n");
}

/** What could stand in place of the word being typed: readline's completer. */
export function complete(line: string, session: Pick<Session, "names">): [string[], string] {
  const words = line.split(/\s+/);
  const word = words.at(-1) ?? "";
  const { hosts, links, commands } = session.names;
  const known =
    words.length === 1 ? [...hosts, ...OWN_WORDS] : words.length > 2 ? hosts : words[0] === "link" ? links : commands;
  return [[...known].filter((name) => name.startsWith(word)).map((name) => `${name} `), word];
}
