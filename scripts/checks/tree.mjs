// What holds for the tree as a whole: no word of the place it was written in, a lock file without addresses, sizes.

/** Written so that no line here is what it looks for. */
const PHRASES = [
  { pattern: /\.\.\/shared\b/, why: "names a folder beside the project" },
  { pattern: /(?<![\w.-])\/(work|root)\/[a-z]/, why: "names a path of one machine" },
  { pattern: /\bregistry\.(npmjs|yarnpkg)\b|\bnpmmirror\b|\/artifactory\//, why: "names a package registry" },
];

/**
 * @param {string} path
 * @param {string} text
 * @returns {string[]}
 */
export function phraseFaults(path, text) {
  return text.split("\n").flatMap((line, i) => {
    const found = PHRASES.filter(({ pattern }) => pattern.test(line));
    return found.map(({ why }) => `${path}:${i + 1}: ${why}`);
  });
}

/**
 * A lock file that names no registry works behind any of them.
 * @param {string} text of package-lock.json
 * @returns {string[]}
 */
export function lockFaults(text) {
  const { packages = {} } = JSON.parse(text);
  return Object.entries(packages)
    .filter(([, entry]) => typeof entry.resolved === "string" && !entry.link)
    .map(([name]) => `package-lock.json: "resolved" in ${name || "the root"}`);
}

/** Lines a source file should not exceed. */
const LONG = 400;

/**
 * @param {string} path
 * @param {string} text
 * @returns {string[]}
 */
export function longFiles(path, text) {
  const lines = text.split("\n").length - 1;
  return lines > LONG ? [`${path} has ${lines} lines: one thought a file is rarely over ${LONG}`] : [];
}

/**
 * @param {Readonly<Record<string, number>>} budget bytes by module
 * @param {Readonly<Record<string, number>>} sizes bytes by module
 * @returns {string[]}
 */
export function sizeFaults(budget, sizes) {
  return Object.entries(budget).flatMap(([name, allowed]) => {
    const bytes = sizes[name];
    if (bytes === undefined) return [`build/${name}.wasm is missing`];
    return bytes > allowed ? [`build/${name}.wasm has ${bytes} bytes, ${bytes - allowed} over its budget`] : [];
  });
}
