/** Settles as what the promise rejected with. */
export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: { code?: string }) => error.code ?? error,
  );

/** The next uncaught errors of this process, kept from the test runner. */
export function catchUncaught(count: number): Promise<Error[]> {
  const listeners = process.rawListeners("uncaughtException") as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners("uncaughtException");
  const caught: Error[] = [];
  return new Promise((resolve) => {
    const take = (error: Error) => {
      if (caught.push(error) < count) return;
      process.removeListener("uncaughtException", take);
      for (const listener of listeners) process.on("uncaughtException", listener);
      resolve(caught);
    };
    process.on("uncaughtException", take);
  });
}
