/**
 * A turn of the host's event loop: everything that waits in its microtask queue runs before the turn is over. Nothing
 * here looks at the time; the host's functions are taken at load, so that a faked setImmediate cannot stop a clock.
 */

const host = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Calls back in a macrotask of its own, as soon as the host can. */
export const macrotask: (callback: () => void) => void = host.setImmediate
  ? host.setImmediate.bind(globalThis)
  : typeof MessageChannel === "function"
    ? throughChannel()
    : (callback) => setTimeout(callback, 0);

const SETTLED = Promise.resolve();

/**
 * Calls back in a microtask. It is the cheapest there is: Node's queueMicrotask() makes an object for each. What is
 * thrown there is an unhandled rejection.
 */
export function soon(callback: () => void): void {
  SETTLED.then(callback);
}

/** Settles when the continuations of all promises settled before have run, and those that they settled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => macrotask(resolve));
}

/** Browsers clamp nested timeouts to 4 ms; a message to oneself is not delayed. */
function throughChannel(): (callback: () => void) => void {
  const channel = new MessageChannel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    channel.port2.postMessage(null);
  };
}
