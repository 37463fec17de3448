import { VirtualClock } from "../../src/clock.js";
import { SimLink, type SimLinkOptions } from "../../src/drivers/sim-link.js";
import { type DriverPair, driverSuite } from "./suite.js";

function pairOn(options: Partial<SimLinkOptions>, mtu?: number): DriverPair {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: "sim-nic", ...options });
  return {
    a: link.nic({ mtu }),
    b: link.nic({ mtu }),
    clock,
    settle: async () => {
      await clock.run();
    },
    setCarrier: (up) => (up ? link.up() : link.down()),
    close: () => link.close(),
  };
}

const offers = { carrier: true, snapshot: true };

driverSuite("SimNic", () => pairOn({}), offers);
driverSuite(
  "SimNic, delayed with jitter, 10 Mbit/s",
  () => pairOn({ delayUs: 500, jitterUs: 300, bitRate: 1e7 }),
  offers,
);
driverSuite("SimNic that answers busy", () => pairOn({ bitRate: 1e8, queueFrames: 64, whenFull: "busy" }), {
  ...offers,
  busy: true,
});
driverSuite("SimNic, raw IP, MTU 65,535", () => pairOn({ medium: "ip", bitRate: 1e9 }, 65535), offers);
