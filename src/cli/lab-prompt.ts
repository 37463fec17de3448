/**
 * The lab's prompt: reads lines and runs them in the machine's time. ^C ends the command that runs; `exit`, or the end of
 * the input, ends the lab.
 */
import type { Lab } from "../lab/lab.js";
import { parseLine, ScriptError } from "../lab/script.js";
import { Session, type SessionOptions } from "../lab/session.js";
import { LinePrompt } from "./line-prompt.js";

const PROMPT = "lab> ";
const OWN_WORDS = ["exit", "help", "hosts", "link", "wait"];
const HELP = `HOST COMMAND...         run a command on a host, such as: h1 ping -c 3 h2
HOST COMMAND... &       run it in the background
HOST COMMAND... <<< X   with a line of standard input; else it is what is typed, until ^D
link NAME up|down       take a link's carrier, or give it back
link NAME loss 1% ...   change conditions: delay jitter rate queue mark loss duplicate reorder reorderDelay corrupt
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
  const lines = new LinePrompt({
    input,
    output,
    prompt: PROMPT,
    completer: (line) => complete(line, session),
    interrupt: () => session.interrupt(),
    hint: "exit ends the lab",
  });
  const { out, isTerminal } = lines;
  const session = new Session(lab, {
    out,
    limitUs: 86_400e6,
    echo: !isTerminal,
    input: () => lines.commandInput(),
    ...captures,
  });
  if (isTerminal) out(`${lab.hosts.size} hosts, ${lab.links.size} links; help tells what can be typed here`);
  await lines.read((line) => runLine(line, session, out));
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
