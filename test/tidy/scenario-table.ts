/**
 * The table of acceptance scenarios: each id has a row, and each row names a test that exists under
 * that id: below `test/unit/`, or in `e2e/`.
 */
import type { Finding, TidyFile } from './tidy-file.ts';

export const SCENARIO_TABLE = 'docs/reference/scenarios.md';

/** How many scenarios each group has, numbered from 1. */
const GROUPS: Readonly<Record<string, number>> = {
  H: 11,
  C: 23,
  M: 4,
  P: 10,
  S: 4,
  B: 5,
  D: 10,
  G: 7,
  Q: 6,
  F: 18,
  R: 20,
  V: 12,
  W: 8,
  E: 7,
  X: 9,
  N: 16,
  L: 12,
  K: 10,
  T: 14,
  I: 54,
};

const ROW = /^\| ([A-Z]\d+) \| ([^|]+) \| ([^|]+) \|$/;
/** A statement with its ids, such as `of garbage (N13)`. */
const STATEMENT = /(['`])((?:(?!\1).)+?) \(([A-Z]\d+(?:, [A-Z]\d+)*)\)((?:(?!\1).)*)\1/g;

/** `files` are all of the repository, by path. */
export function checkScenarios(
  table: TidyFile,
  files: ReadonlyMap<string, TidyFile>,
): readonly Finding[] {
  const findings: Finding[] = [];
  const missing = new Set(scenarioIds());
  for (const [index, text] of table.text.split('\n').entries()) {
    const [, id, where, what] = ROW.exec(text) ?? [];
    if (id === undefined || where === undefined || what === undefined) continue;
    missing.delete(id);
    const message = rowFault({ id, where, what }, files);
    if (message !== undefined) findings.push({ path: table.path, line: index + 1, message });
  }
  for (const id of missing) {
    findings.push({ path: table.path, line: 1, message: `${id} has no row` });
  }
  return findings;
}

interface Row {
  readonly id: string;
  readonly where: string;
  readonly what: string;
}

function rowFault(
  { id, where, what }: Row,
  files: ReadonlyMap<string, TidyFile>,
): string | undefined {
  if (!scenarioIds().includes(id)) return `there is no scenario ${id}`;
  const path = where.startsWith('e2e/') ? `test/${where}` : `test/unit/${where}`;
  const file = files.get(path);
  if (file === undefined) return `${id}: no file ${path}`;
  for (const [, , before, ids, after] of file.text.matchAll(STATEMENT)) {
    if (`${before}${after}` === what && ids?.split(', ').includes(id)) return undefined;
  }
  return `${id}: no test "${what} (${id})" in ${where}`;
}

function scenarioIds(): readonly string[] {
  return Object.entries(GROUPS).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, index) => `${group}${index + 1}`),
  );
}
