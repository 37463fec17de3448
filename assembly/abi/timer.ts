// What a timer belongs to: dispatch switches on it when the timer expires.

export const TIMER_NEIGH = 0;
