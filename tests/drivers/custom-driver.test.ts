import { MessagePortDriver } from "../../examples/custom-driver.js";
import { RealClock } from "../../src/clock.js";
import { driverSuite } from "./suite.js";

driverSuite("the example: a MessagePort", () => {
  const { port1, port2 } = new MessageChannel();
  return {
    a: new MessagePortDriver(Uint8Array.of(2, 0, 0, 0, 0, 1), port1),
    b: new MessagePortDriver(Uint8Array.of(2, 0, 0, 0, 0, 2), port2),
    clock: new RealClock(),
    settle: async () => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
    close: () => port1.close(),
  };
});
