// Who may import whom: a file imports from its own layer or from an earlier one; siblings never from one another;
// nothing in a circle.
import { posix } from "node:path";
import { importsOf } from "./source.mjs";

/**
 * @typedef {object} House a folder with its layers in order. Layers of one entry are siblings. A layer's name is a
 *   folder, or a file of the house's own folder without its ending.
 * @property {string} folder
 * @property {readonly (readonly string[])[]} layers
 * @property {readonly string[]} outside folders of other houses which it may import from
 */

/** @type {readonly House[]} */
export const HOUSES = [
  {
    folder: "assembly",
    layers: [
      ["abi"],
      ["memory"],
      ["wire"],
      ["core"],
      ["route"],
      ["link"],
      ["ip"],
      ["pcb"],
      ["icmp", "udp", "tcp", "igmp", "raw"],
      ["socket"],
      ["dispatch"],
      ["stack"],
      ["index"],
    ],
    outside: [],
  },
  {
    folder: "src",
    layers: [
      ["errors", "clock", "heap", "prng", "address", "text"],
      ["wasm"],
      ["drivers", "sockets"],
      ["control"],
      ["stack"],
      ["capture"],
      ["tools"],
      ["lab"],
      ["index"],
      ["cli"],
    ],
    outside: ["assembly/abi"],
  },
];

/**
 * @typedef {{ path: string, text: string }} Source
 */

/**
 * @param {House} house
 * @param {string} path
 * @returns {{ layer: string, rank: number }}
 */
function placeOf(house, path) {
  const [first = ""] = path.slice(house.folder.length + 1).split("/");
  const layer = first.replace(/\.ts$/, "");
  return { layer, rank: house.layers.findIndex((names) => names.includes(layer)) };
}

/**
 * The file that a relative specifier names: "./pool" and "./pool.js" are both ./pool.ts.
 * @param {string} path
 * @param {string} from
 */
function targetOf(path, from) {
  return `${posix.join(posix.dirname(path), from).replace(/\.(js|ts)$/, "")}.ts`;
}

/**
 * Imports that point the wrong way, of all files of one house.
 * @param {House} house
 * @param {readonly Source[]} files
 * @returns {string[]}
 */
export function wrongImports(house, files) {
  return files.flatMap((file) => {
    const own = placeOf(house, file.path);
    if (own.rank < 0) return [`${file.path}: "${own.layer}" is in no layer; name it in scripts/checks/layers.mjs`];
    return importsOf(file.text).flatMap(({ from, line }) => {
      const wrong = wrongImport(house, file.path, own, from);
      return wrong === "" ? [] : [`${file.path}:${line}: ${wrong}`];
    });
  });
}

/**
 * @param {House} house
 * @param {string} path
 * @param {{ layer: string, rank: number }} own
 * @param {string} from
 */
function wrongImport(house, path, own, from) {
  if (!from.startsWith(".")) return house.folder === "assembly" ? `imports a package: ${from}` : "";
  const target = targetOf(path, from);
  if (!target.startsWith(`${house.folder}/`)) {
    return house.outside.some((folder) => target.startsWith(`${folder}/`)) ? "" : `imports from outside: ${from}`;
  }
  const other = placeOf(house, target);
  if (other.layer === own.layer) return own.layer === "abi" ? `abi/ files import nothing: ${from}` : "";
  if (other.rank > own.rank) return `${own.layer} imports from ${other.layer}, which stands above it`;
  const areSiblings = other.rank === own.rank && other.rank > 0;
  return areSiblings ? `${own.layer} imports from its sibling ${other.layer}` : "";
}

/**
 * Circles of imports, each as "a.ts -> b.ts -> a.ts".
 * @param {readonly Source[]} files
 * @returns {string[]}
 */
export function cycles(files) {
  const paths = new Set(files.map((file) => file.path));
  const edges = new Map(
    files.map(({ path, text }) => [
      path,
      importsOf(text)
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => targetOf(path, from))
        .filter((target) => paths.has(target)),
    ]),
  );
  /** @type {Set<string>} */
  const found = new Set();
  /** @type {Map<string, "open" | "done">} */
  const state = new Map();
  /** @type {string[]} */
  const trail = [];
  /** @param {string} path */
  const visit = (path) => {
    if (state.get(path) === "open") found.add([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (state.has(path)) return;
    state.set(path, "open");
    trail.push(path);
    for (const target of edges.get(path) ?? []) visit(target);
    trail.pop();
    state.set(path, "done");
  };
  for (const path of paths) visit(path);
  return [...found];
}
