// What a xxxCheck or xxxParse of this folder answers: WIRE_OK, or the DROP_… reason of abi/drop.ts. The caller drops.

export const WIRE_OK: u32 = 0;
