/**
 * Depth-first over what may happen, each world once: those seen are remembered by the hash of their canonical form and
 * what was left of the bound. There are two bounds. By depth: every order of so many actions, and from each world the
 * loss-free schedule must come to an end with nothing left. By deviations: whole runs from the start to the end, in each
 * of which the loss-free schedule is departed from so many times, whenever and however.
 */
import { type Scenario, scenarioNamed } from "./scenario.js";
import { must, Violation } from "./violation.js";
import { type Action, actionText, parseAction, type Saved, World } from "./world.js";

export type Bound = "depth" | "deviations";

export interface Result {
  readonly scenario: string;
  readonly bound: Bound;
  readonly most: number;
  /** Different worlds, budgets of what may go wrong counted. */
  states: number;
  /** Actions performed. */
  steps: number;
  /** Actions that led where the checker had been. */
  met: number;
  /** Worlds at the depth's end; runs that came to their end. */
  ends: number;
  /** Loss-free schedules that ran; the longest time until all was over. */
  settled: number;
  longestUs: number;
}

/** A violation, with the script that leads to it. */
export class Found extends Error {
  override readonly name = "Found";

  constructor(
    readonly scenario: string,
    readonly script: string,
    cause: unknown,
  ) {
    super(`${(cause as Error).message}\n  RINGSTACK_CHECK_SCRIPT="${scenario}: ${script}"`, { cause });
  }
}

/** From here on, a script says, applications call as soon as they can. */
const EAGER = "~";
/** Actions, and virtual time, that the loss-free schedule may take: two TIME-WAITs of 60 s, and backed-off timers. */
const MOST_STEPS = 400;
const MOST_US = 400_000_000;
const NOT_OVER = "nothing is on its way and no timer runs, but it is not over";

export class Explorer {
  readonly world: World;
  readonly result: Result;
  /** What was left of the bound when a world was met last. */
  readonly #seen = new Map<number, number>();
  /** How long the loss-free schedule takes from a world, µs. */
  readonly #settled = new Map<number, number>();
  readonly #path: Action[] = [];
  readonly #eager: string[] = [];

  constructor(scenario: Scenario, bound: Bound, most: number, fault?: (world: World) => void) {
    // How often something goes wrong is what the bound says, when it is deviations.
    const limits = bound === "deviations" ? { drops: most, duplicates: most, delays: most } : {};
    this.world = new World({ ...scenario, ...limits });
    this.world.fault = fault;
    const none = { states: 1, steps: 0, met: 0, ends: 0, settled: 0, longestUs: 0 };
    this.result = { scenario: scenario.name, bound, most, ...none };
  }

  /** @throws Found */
  run(): Result {
    try {
      this.#explore(this.result.most);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      const script = [...this.#path.map(actionText), ...this.#eager].join(" ");
      throw new Found(this.world.scenario.name, script, error);
    }
    return this.result;
  }

  #explore(left: number): void {
    const { world, result } = this;
    const here = world.save();
    const fair = world.fair();
    must(fair !== undefined || world.isOver, NOT_OVER);
    must(this.#path.length < MOST_STEPS, `it is not over after ${MOST_STEPS} steps`);
    for (const action of world.actions()) {
      const cost = result.bound === "depth" || actionText(action) !== actionText(fair as Action) ? 1 : 0;
      if (cost > left) continue;
      world.load(here);
      this.#path.push(action);
      world.perform(action);
      result.steps++;
      this.#arrive(left - cost, here);
      this.#path.pop();
    }
    if (fair === undefined) this.#end();
    world.load(here);
  }

  /** A world in which nothing is left to happen. */
  #end(): void {
    const { world, result } = this;
    world.checkEnd();
    if (result.bound === "deviations") result.ends++;
    result.longestUs = Math.max(result.longestUs, world.nowUs);
  }

  /** A world that an action has led to. */
  #arrive(left: number, before: Saved): void {
    const { world, result } = this;
    const hash = world.hash();
    const key = world.withBudget(hash);
    const known = this.#seen.get(key);
    if (known !== undefined && known >= left) {
      result.met++;
      return;
    }
    this.#seen.set(key, left);
    if (known === undefined) result.states++;
    const here = world.save();
    if (result.bound === "depth") {
      if (left === 0) result.ends++;
      if (!this.#settled.has(hash)) this.#settle(here);
    }
    if (left > 0 || result.bound === "deviations") this.#explore(left);
    world.release(here, before);
  }

  /** Runs the loss-free schedule to its end, or to a world from which it is known to come there. */
  #settle(here: Saved): void {
    const { world, result } = this;
    const passed: [hash: number, us: number][] = [[world.hash(), world.nowUs]];
    const startUs = world.nowUs;
    let rest: number | undefined;
    this.#eager.push(EAGER);
    world.isEager = true;
    world.wake();
    while (!world.isOver) {
      const hash = world.hash();
      rest = this.#settled.get(hash);
      if (rest !== undefined) break;
      passed.push([hash, world.nowUs]);
      const action = world.fair();
      must(action !== undefined, NOT_OVER);
      must(passed.length < MOST_STEPS, `it is not over after ${MOST_STEPS} steps`);
      this.#eager.push(actionText(action));
      world.perform(action);
    }
    const endUs = world.nowUs + (rest ?? 0);
    must(endUs - startUs <= MOST_US, `it takes ${(endUs - startUs) / 1e6} s to be over`);
    if (rest === undefined) world.checkEnd();
    for (const [hash, us] of passed) this.#settled.set(hash, endUs - us);
    result.settled++;
    result.longestUs = Math.max(result.longestUs, endUs - startUs);
    this.#eager.length = 0;
    world.isEager = false;
    world.load(here);
  }
}

/** "scenario: >B0 xA0 t ~ …", performed step by step and told. @throws Violation */
export function replay(script: string, tell: (text: string) => void, fault?: (world: World) => void): void {
  const [, name, actions] = /^([\w-]+):(.*)$/s.exec(script) ?? [];
  const world = new World(scenarioNamed(name ?? script));
  world.fault = fault;
  tell(world.describe());
  for (const text of (actions ?? "").split(/\s+/)) {
    if (text === "") continue;
    tell(`--- ${text}`);
    if (text === EAGER) {
      world.isEager = true;
      world.wake();
    } else world.perform(parseAction(text));
    tell(world.describe());
  }
  if (world.fair() !== undefined) return;
  must(world.isOver, NOT_OVER);
  world.checkEnd();
}
