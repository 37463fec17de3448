/**
 * The world that the checker explores: two stacks, their applications, the frames on their way, and the time. An action
 * is one thing that may happen next; perform() makes it happen and checks what must hold. A world can be copied and gone
 * back to, since a stack is its memory.
 */
import { App, type AppState, parseSteps } from "./app.js";
import { Hash } from "./hash.js";
import { Host } from "./host.js";
import { checkPair, hashObserved, NOTHING_OBSERVED, type Observed, observe } from "./observed.js";
import { distance, NAMES, other, type Side } from "./pattern.js";
import type { Scenario } from "./scenario.js";
import {
  ACK,
  type Bases,
  checkPayload,
  hashSegment,
  RST,
  readSegment,
  type Segment,
  SYN,
  segmentText,
} from "./segment.js";
import { must } from "./violation.js";

export type ActionKind = "deliver" | "drop" | "duplicate" | "call" | "time";

export interface Action {
  readonly kind: ActionKind;
  /** Who receives, or whose application calls. */
  readonly side: Side;
  /** Which of the frames on their way to that side. */
  readonly frame: number;
}

const MARKS: Record<ActionKind, string> = { deliver: ">", drop: "x", duplicate: "+", call: "!", time: "t" };

/** ">B0": deliver the first frame on its way to B; "xB0": lose it; "+B0": deliver it and keep it; "!A"; "t". */
export function actionText({ kind, side, frame }: Action): string {
  if (kind === "time") return "t";
  return `${MARKS[kind]}${NAMES[side]}${kind === "call" ? "" : frame}`;
}

export function parseAction(text: string): Action {
  const [, mark, name, frame] = /^([>x+!t])([AB]?)(\d*)$/.exec(text) ?? [];
  const kind = (Object.keys(MARKS) as ActionKind[]).find((one) => MARKS[one] === mark);
  if (kind === undefined) throw new Error(`"${text}" is no action`);
  return { kind, side: name === "B" ? 1 : 0, frame: Number(frame || 0) };
}

/** A copy of a world. */
export interface Saved {
  readonly images: readonly [Uint8Array, Uint8Array];
  readonly apps: readonly [AppState, AppState];
  readonly seen: readonly [Observed, Observed];
  readonly dueUs: readonly [number, number];
  readonly frames: readonly Segment[];
  readonly nowUs: number;
  readonly drops: number;
  readonly duplicates: number;
  readonly delays: number;
}

const SIDES = [0, 1] as const;
/** More calls at one instant than any script has. */
const MOST_CALLS = 200;

export class World {
  readonly hosts: readonly [Host, Host];
  readonly apps: readonly [App, App];
  readonly scenario: Scenario;
  /** Applications call as soon as they can, whatever their scripts leave open. */
  isEager = false;
  /** Called after each action: tests of the checker itself put faults in. */
  fault: ((world: World) => void) | undefined;
  /** Frames on their way, in the order in which they were sent. */
  frames: Segment[] = [];
  nowUs = 1_000_000;
  seen: [Observed, Observed] = [NOTHING_OBSERVED, NOTHING_OBSERVED];
  #dueUs: [number, number] = [Infinity, Infinity];
  #drops: number;
  #duplicates: number;
  #delays: number;
  readonly #spare: Uint8Array[] = [];
  readonly #hash = new Hash();
  readonly #frameHash = new Hash();

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.#drops = scenario.drops;
    this.#duplicates = scenario.duplicates;
    this.#delays = scenario.delays;
    const host = (side: Side) => new Host(side, scenario.mtu, scenario.switches);
    this.hosts = [host(0), host(1)];
    const app = (side: Side, script: string) => {
      return new App(this.hosts[side], parseSteps(script), scenario.keepsAlive === true);
    };
    this.apps = [app(0, scenario.a), app(1, scenario.b)];
    for (const side of [1, 0] as const) this.#turn(side);
    this.#check();
    this.#toStart();
  }

  /** What happens before the exploration. */
  #toStart(): void {
    const { from } = this.scenario;
    if (from === undefined) return;
    const isThere = () => SIDES.every((side) => this.apps[side].state.step >= from[side]) && this.frames.length === 0;
    for (let left = 200; !isThere(); left--) {
      must(left > 0, "the scenario does not come to its start");
      this.perform(this.frames.length > 0 ? this.#firstFrame() : { kind: "time", side: 0, frame: 0 });
    }
  }

  #firstFrame(): Action {
    return { kind: "deliver", side: other(this.frames[0].from), frame: 0 };
  }

  // Copies

  save(): Saved {
    return {
      images: [this.hosts[0].save(this.#spare), this.hosts[1].save(this.#spare)],
      apps: [{ ...this.apps[0].state }, { ...this.apps[1].state }],
      seen: [...this.seen],
      dueUs: [...this.#dueUs],
      frames: [...this.frames],
      nowUs: this.nowUs,
      drops: this.#drops,
      duplicates: this.#duplicates,
      delays: this.#delays,
    };
  }

  load(saved: Saved): void {
    for (const side of SIDES) {
      this.hosts[side].load(saved.images[side]);
      this.apps[side].state = { ...saved.apps[side] };
    }
    this.seen = [...saved.seen];
    this.#dueUs = [...saved.dueUs];
    this.frames = [...saved.frames];
    this.nowUs = saved.nowUs;
    this.#drops = saved.drops;
    this.#duplicates = saved.duplicates;
    this.#delays = saved.delays;
  }

  /** Gives back the memory of a copy; what it shares with `kept` stays. */
  release(saved: Saved, kept?: Saved): void {
    for (const side of SIDES) {
      const image = saved.images[side];
      if (image === kept?.images[side]) continue;
      this.hosts[side].forget(image);
      this.#spare.push(image);
    }
  }

  /** Applications that may call at once do (see isEager). */
  wake(): void {
    for (const side of SIDES) this.#turn(side);
    this.#check();
  }

  // What may happen

  /** Everything that may happen next. Of frames that are alike one stands for all. */
  actions(): Action[] {
    const actions: Action[] = [];
    for (const side of SIDES) {
      if (this.apps[side].canStep) actions.push({ kind: "call", side, frame: 0 });
      const coming = this.frames.filter(({ from }) => from !== side);
      const bases = this.#bases();
      const known: number[] = [];
      for (let frame = 0; frame < Math.min(coming.length, this.scenario.reorder); frame++) {
        const hash = this.#hashOf(coming[frame], bases);
        if (known.includes(hash)) continue;
        known.push(hash);
        actions.push({ kind: "deliver", side, frame });
        if (this.#drops > 0) actions.push({ kind: "drop", side, frame });
        if (this.#duplicates > 0) actions.push({ kind: "duplicate", side, frame });
      }
    }
    const isIdle = this.frames.length === 0;
    if (Math.min(...this.#dueUs) < Infinity && (isIdle || this.#delays > 0)) {
      actions.push({ kind: "time", side: 0, frame: 0 });
    }
    return actions;
  }

  /** What happens next if nothing goes wrong; undefined when nothing is left to happen. */
  fair(): Action | undefined {
    const caller = SIDES.find((side) => this.apps[side].canStep);
    if (caller !== undefined) return { kind: "call", side: caller, frame: 0 };
    if (this.frames.length > 0) return this.#firstFrame();
    return Math.min(...this.#dueUs) < Infinity ? { kind: "time", side: 0, frame: 0 } : undefined;
  }

  /** @throws Violation */
  perform(action: Action): void {
    const { kind, side } = action;
    if (kind === "time") this.#passTime();
    else if (kind === "call") {
      must(this.apps[side].canStep, `${NAMES[side]} has nothing to call`);
      this.#call(side);
      this.#turn(side);
    } else this.#frame(action);
    if (this.fault !== undefined) {
      this.fault(this);
      for (const one of SIDES) this.#look(one);
    }
    this.#check();
  }

  #frame({ kind, side, frame }: Action): void {
    let left = frame;
    const index = this.frames.findIndex(({ from }) => from !== side && left-- === 0);
    must(index >= 0, `no frame ${frame} is on its way to ${NAMES[side]}`);
    const segment = this.frames[index];
    if (kind !== "duplicate") this.frames.splice(index, 1);
    if (kind === "drop") this.#drops--;
    if (kind === "duplicate") this.#duplicates--;
    if (kind === "drop") return;
    this.hosts[side].receive(segment.bytes);
    this.#turn(side);
  }

  /** Time goes on to the moment when a timer fires. */
  #passTime(): void {
    if (this.frames.length > 0) this.#delays--;
    const fired = this.hosts[0].timersFired + this.hosts[1].timersFired;
    // A poll may be due only to look at a slot of the wheel once more.
    do {
      const dueUs = Math.min(...this.#dueUs);
      must(dueUs < Infinity, "no timer runs");
      this.nowUs = dueUs;
      for (const side of SIDES) this.#turn(side);
    } while (this.hosts[0].timersFired + this.hosts[1].timersFired === fired);
  }

  /** The stack of a side does what it has to, and so does its application. */
  #turn(side: Side): void {
    this.#run(side);
    const app = this.apps[side];
    for (let left = MOST_CALLS; this.isEager ? app.canStep : app.mustStep; left--) {
      must(left > 0, `the application of ${NAMES[side]} does not come to rest`);
      this.#call(side);
    }
  }

  #call(side: Side): void {
    this.apps[side].try();
    const { state } = this.apps[side];
    const isGood = state.failed === 0 || this.scenario.mayFail === true;
    must(isGood, () => `${NAMES[side]}: the connection ends with error ${state.failed}`);
    this.#run(side);
  }

  #run(side: Side): void {
    const app = this.apps[side];
    const sent: Segment[] = [];
    this.#dueUs[side] = this.hosts[side].run(
      this.nowUs,
      (frame) => void sent.push(readSegment(side, frame)),
      (index, bits) => app.tell(index, bits),
    );
    this.#look(side);
    for (const segment of sent) this.#sent(segment);
  }

  #look(side: Side): void {
    this.seen[side] = observe(this.hosts[side], this.apps[side], this.seen[side]);
  }

  /** What a stack has sent is right, and on its way. */
  #sent(segment: Segment): void {
    this.frames.push(segment);
    const { from, flags } = segment;
    const who = NAMES[from];
    const mine = this.seen[from];
    const its = this.seen[other(from)];
    checkPayload(segment, mine.iss, this.apps[from].state.written);
    if (flags & RST) {
      this.seen[from] = { ...mine, hasReset: true };
      return;
    }
    must((flags & ACK) !== 0 || (flags & SYN) !== 0, `${who} has sent a segment without ACK`);
    if ((flags & ACK) === 0) return;
    must(distance(segment.ack, its.sndMax) >= 0, `${who} acknowledges what was never sent`);
    if (!mine.isLive) return;
    const shift = flags & SYN ? 0 : this.#shiftOf(from);
    const edge = (segment.ack + (segment.window << shift)) >>> 0;
    must(distance(mine.edge, edge) >= 0, `${who} announces a window whose right edge goes back`);
    must(distance(edge, mine.rcvAdv) >= 0, `${who} announces more than RCV.ADV says`);
    this.seen[from] = { ...mine, edge };
  }

  #shiftOf(side: Side): number {
    return this.hosts[side].connections()[0]?.tcb.rcvShift ?? 0;
  }

  #check(): void {
    for (const host of this.hosts) host.checkPools();
    checkPair(this.hosts, this.seen);
    for (const side of SIDES) {
      const { ended, failed, read } = this.apps[side].state;
      const { written } = this.apps[other(side)].state;
      must(read <= written, `${NAMES[side]} has read more than was written`);
      must(
        !ended || failed !== 0 || read === written,
        `${NAMES[side]} has read ${read} of ${written} bytes to the end`,
      );
    }
  }

  // The end

  get isOver(): boolean {
    const isRest = (side: Side) => this.apps[side].isOver && this.hosts[side].connections().length === 0;
    return this.frames.length === 0 && Math.min(...this.#dueUs) === Infinity && isRest(0) && isRest(1);
  }

  /** Everything has come to its end: nothing is left. */
  checkEnd(): void {
    for (const app of this.apps) {
      app.closeListener();
      this.#run(app.host.side);
      app.host.checkEmpty();
    }
  }

  // The canonical form

  /** Hash of the canonical form, but for what may still go wrong. */
  hash(): number {
    const hash = this.#hash;
    const bases = this.#bases();
    hash.reset();
    for (const side of SIDES) {
      this.hosts[side].hash(hash, this.nowUs, bases.iss, bases.tsOffset[other(side)]);
      this.apps[side].hash(hash);
      hashObserved(hash, this.seen[side]);
    }
    // Milliseconds are what timestamps and ages are counted in: where now is in one.
    hash.add(this.nowUs % 1000);
    const frames = this.frames.map((segment) => this.#hashOf(segment, bases)).sort((a, b) => a - b);
    for (const frame of frames) {
      hash.add(frame % 2 ** 32);
      hash.add(Math.floor(frame / 2 ** 32));
    }
    return hash.value;
  }

  /** Mixes in what may still go wrong: two worlds alike in both have the same futures. */
  withBudget(value: number): number {
    const hash = this.#hash;
    hash.reset();
    hash.add(value % 2 ** 32);
    hash.add(Math.floor(value / 2 ** 32));
    hash.add(this.#drops | (this.#duplicates << 8) | (this.#delays << 16));
    return hash.value;
  }

  #bases(): Bases {
    const [a, b] = this.seen;
    return {
      iss: [a.iss, b.iss],
      tsOffset: [a.tsOffset, b.tsOffset],
      nowMs: Math.floor(this.nowUs / 1000),
    };
  }

  #hashOf(segment: Segment, bases: Bases): number {
    this.#frameHash.reset();
    hashSegment(this.#frameHash, segment, bases);
    return this.#frameHash.value;
  }

  /** In a few words, for whoever replays a script. */
  describe(): string {
    const iss = this.#bases().iss;
    const sides = SIDES.map((side) => {
      const { step, done, read, written, failed } = this.apps[side].state;
      const call = this.apps[side].steps[step]?.word ?? "over";
      const text = this.hosts[side].connections().map(({ tcb }) => {
        const snd = [tcb.get("sndUna"), tcb.get("sndMax"), tcb.get("sndEnd")];
        const rcv = [tcb.get("rcvRead"), tcb.get("rcvNxt"), tcb.get("rcvAdv")];
        const timers = (["rexmt", "ack", "life"] as const).filter((timer) => tcb.isArmed(timer)).join("+");
        const from = (base: number, list: number[]) => list.map((seq) => distance(base, seq)).join("/");
        return `state ${tcb.get("state")} snd ${from(tcb.get("iss"), snd)} rcv ${from(tcb.get("irs"), rcv)} ${timers}`;
      });
      const app = `${call}${done ? ` ${done}` : ""} w${written} r${read}${failed ? ` errno ${failed}` : ""}`;
      return `  ${NAMES[side]}: ${app} | ${text.join("; ") || "no connection"}`;
    });
    const frames = this.frames.map((segment) => `  ${segmentText(segment, iss)}`);
    return [`${this.nowUs / 1e6} s`, ...sides, ...frames].join("\n");
  }
}
