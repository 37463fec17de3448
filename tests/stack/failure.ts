/** Settles as what the promise rejected with. */
export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: { code?: string }) => error.code ?? error,
  );
