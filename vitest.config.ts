// Six projects: what runs against the stack itself runs on its release, scalar, debug and size modules; the rest runs once.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Two tests side by side on the smallest machine that this runs on; differential tests take their seconds. */
const testTimeout = 60_000;

/** What runs against the stack itself: its tests, and the scenarios. */
const MODULE_TESTS = ["tests/stack/**/*.test.ts", "tests/scenarios/**/*.test.ts"];

/** What runs against the kernel of the machine: by itself, as it goes by real time. */
const INTEROP_TESTS = "tests/interop/**/*.test.ts";

/** A project whose tests find the module under test in RINGSTACK_WASM (an absolute path). */
function onModule(name: string) {
  const path = fileURLToPath(new URL(`build/${name}.wasm`, import.meta.url));
  return { test: { name, testTimeout, include: MODULE_TESTS, env: { RINGSTACK_WASM: path } } };
}

export default defineConfig({
  test: {
    projects: [
      onModule("release"),
      onModule("scalar"),
      onModule("debug"),
      onModule("size"),
      {
        test: {
          name: "plain",
          testTimeout,
          include: ["tests/**/*.test.ts"],
          exclude: [...MODULE_TESTS, INTEROP_TESTS],
        },
      },
      { test: { name: "interop", testTimeout, include: [INTEROP_TESTS] } },
    ],
  },
});
