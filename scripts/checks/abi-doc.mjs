// docs/ABI.md against the module. In its section "## Exports" each row of a table that starts with "| `name" documents
// one export: | `stack_poll(nowLo, nowHi, budget)` | … |, | `memory` | … |. The section ends at the next "## ".

/**
 * Names that the page documents, in order.
 * @param {string} page
 * @returns {string[]}
 */
export function documentedExports(page) {
  const section = page.split(/^## /m).find((part) => /^Exports\s*$/m.test(part.split("\n", 1)[0] ?? ""));
  return [...(section ?? "").matchAll(/^\| *`([A-Za-z_]\w*)/gm)].map((match) => match[1] ?? "");
}

/**
 * @param {string | undefined} page undefined = there is none
 * @param {readonly string[]} exports of the module
 * @returns {string[]}
 */
export function exportFaults(page, exports) {
  if (page === undefined) return ["docs/ABI.md is missing"];
  const documented = documentedExports(page);
  if (documented.length === 0) return ['docs/ABI.md has no rows "| `name(…)` |" in a section "## Exports"'];
  const twice = documented.filter((name, i) => documented.indexOf(name) !== i);
  return [
    ...exports.filter((name) => !documented.includes(name)).map((name) => `${name} is exported, not documented`),
    ...documented.filter((name) => !exports.includes(name)).map((name) => `${name} is documented, not exported`),
    ...twice.map((name) => `${name} is documented twice`),
  ];
}
