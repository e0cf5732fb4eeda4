/**
 * The house rules, as tests over all files that a commit would hold. The second half shows of each
 * rule that it can fail: a rule that nothing can break protects nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXCEPTIONS } from './exceptions.ts';
import { checkDependencies, checkLock, type Lock, type Manifest } from './package-rules.ts';
import { checkPublicFace } from './public-face.ts';
import { ROOT, repositoryFiles } from './repository.ts';
import { RULES } from './rules.ts';
import { checkScenarios, SCENARIO_TABLE } from './scenario-table.ts';
import { type Finding, tidyFile } from './tidy-file.ts';

const files = repositoryFiles();

describe('the repository', () => {
  test.each(RULES)('keeps the rule $name', (rule) => {
    const findings = files.filter((file) => !isExcepted(rule.name, file.path)).flatMap(rule.check);
    expect(report(findings)).toEqual([]);
  });

  test('needs every exception that it lists', () => {
    const stale = EXCEPTIONS.filter(({ rule, path }) => {
      const file = files.find((one) => one.path === path);
      const judge = RULES.find((one) => one.name === rule);
      return file === undefined || judge === undefined || judge.check(file).length === 0;
    });
    expect(stale).toEqual([]);
  });

  test('has a note and an exact version for every dependency', () => {
    const paths = new Set(files.map(({ path }) => path));
    expect(report(checkDependencies(readManifest(), paths))).toEqual([]);
  });

  test('has a lock file that npm ci takes, whatever the platform', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
    expect(report(checkLock(readManifest(), lock))).toEqual([]);
  });

  test('documents everything that index.ts exports', () => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const index = byPath.get('src/index.ts');
    expect(index).toBeDefined();
    if (index !== undefined) expect(report(checkPublicFace(index, byPath))).toEqual([]);
  });

  test('shows every acceptance scenario', () => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const table = byPath.get(SCENARIO_TABLE);
    expect(table).toBeDefined();
    if (table !== undefined) expect(report(checkScenarios(table, byPath))).toEqual([]);
  });
});

describe('each rule can fail', () => {
  test.each(BAD())('$rule refuses $what', ({ rule, path, text }) => {
    const judge = RULES.find(({ name }) => name === rule);
    expect(judge?.check(tidyFile(path, text)).length).toBe(1);
  });

  test.each(GOOD())('$rule admits $what', ({ rule, path, text }) => {
    const judge = RULES.find(({ name }) => name === rule);
    expect(judge?.check(tidyFile(path, text))).toEqual([]);
  });

  test('every rule has a sample that breaks it', () => {
    const shown = new Set(BAD().map(({ rule }) => rule));
    expect(RULES.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });

  test('a range of versions and a missing note are refused', () => {
    const manifest = { dependencies: { '@a/b': '^1.2.3', c: '1.2.3', d: 'npm:c@2.0.0' } };
    const notes = new Set(['docs/decisions/a-b.md', 'docs/decisions/d.md']);
    expect(checkDependencies(manifest, notes).map(({ message }) => message)).toEqual([
      '@a/b: ^1.2.3 is not an exact version',
      'c: no note docs/decisions/c.md',
    ]);
  });

  test('a lock file without a platform, or of another manifest, is refused', () => {
    const dependencies = { a: '1.0.0' };
    const optionalDependencies = { 'a-linux': '1.0.0', 'a-darwin': '1.0.0' };
    const packages = {
      '': { dependencies },
      'node_modules/a': { optionalDependencies },
      'node_modules/a/node_modules/a-linux': {},
    };
    const found = checkLock({ dependencies: {} }, { packages });
    expect(found.map(({ message }) => message)).toEqual([
      'a-darwin is missing: an optional part of node_modules/a',
      'dependencies differ from those of package.json',
    ]);
  });

  test('a scenario without a row, or without its test, is found', () => {
    const unit = tidyFile('test/unit/x.test.ts', "test('holds (H1, H2) twice', f);\n`of it (C1)`");
    const rows = [
      '| H1 | x.test.ts | holds twice |',
      '| H3 | x.test.ts | holds twice |',
      '| C1 | x.test.ts | of it |',
      '| C2 | y.test.ts | of it |',
      '| G1 | e2e/y.test.ts | from outside |',
      '| G2 | part 2 | never |',
      '| Z1 | x.test.ts | holds twice |',
    ];
    const table = tidyFile(SCENARIO_TABLE, rows.join('\n'));
    const outside = tidyFile('test/e2e/y.test.ts', "test('from outside (G1)', f);");
    const tests = [unit, outside].map((file) => [file.path, file] as const);
    const found = checkScenarios(table, new Map(tests));
    expect(found.slice(0, 4).map(({ line }) => line)).toEqual([2, 4, 6, 7]);
    expect(found[4]?.message).toBe('H2 has no row');
    expect(found).toHaveLength(4 + 260 - 6);
  });

  test('an undocumented export is found through a re-export, and a star is refused', () => {
    const index = tidyFile(
      'src/index.ts',
      "export { a } from './x/y.ts';\nexport * from './z.ts';",
    );
    const between = tidyFile('src/x/y.ts', "export { b as a } from '../z.ts';");
    const target = tidyFile('src/z.ts', '/** Head. */\nimport x from "x";\nexport const b = x;');
    const byPath = new Map([between, target].map((file) => [file.path, file]));
    expect(checkPublicFace(index, byPath).map(({ path, line }) => `${path}:${line}`)).toEqual([
      'src/z.ts:3',
      'src/index.ts:2',
    ]);
  });
});

function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

interface Sample {
  readonly rule: string;
  readonly what: string;
  readonly path: string;
  readonly text: string;
}

/** Each breaks its rule exactly once. Words that other checks look for are put together. */
function BAD(): readonly Sample[] {
  const core = 'src/core/x.ts';
  const cluster = 'src/cluster/x.ts';
  const unit = 'test/unit/x.test.ts';
  return [
    bad('import-law', 'core that imports host', core, "import { a } from '../host/a.ts';"),
    bad('import-law', 'a type of host in core', core, "import type { A } from '../host/a.ts';"),
    bad(
      'import-law',
      'a feature that imports another',
      'src/processes/x.ts',
      "import '../services/a.ts';",
    ),
    bad('import-law', 'a dynamic import upwards', cluster, "await import('../node.ts');"),
    bad('import-law', 'a re-export upwards', cluster, "export { a } from '../index.ts';"),
    bad('import-law', 'node: in core', core, "import { sep } from 'node:path';"),
    bad(
      'import-law',
      'the disk outside the host',
      'src/identity/x.ts',
      "import fs from 'node:fs';",
    ),
    bad('import-law', 'a package out of its place', cluster, "import * as v from 'valibot';"),
    bad('import-law', 'a room that is not in the law', 'src/shed/x.ts', ''),
    bad('import-law', 'the command line at work inside', 'src/cli/x.ts', "import '../node.ts';"),
    bad('no-world', 'the wall clock', cluster, 'const t = Date.now();'),
    bad('no-world', 'a date of this moment', cluster, 'const t = new Date();'),
    bad('no-world', 'the monotonic clock', cluster, 'const t = performance.now();'),
    bad('no-world', 'a timer', cluster, 'setTimeout(() => 1, 10);'),
    bad('no-world', 'a timer by the global object', cluster, "globalThis['setTimeout'](f, 1);"),
    bad('no-world', 'a real deadline', cluster, 'const s = AbortSignal.timeout(10);'),
    bad('no-world', 'chance', cluster, 'const r = Math.random();'),
    bad(
      'no-world',
      'chance of crypto',
      'src/identity/x.ts',
      "import { randomBytes } from 'node:crypto';",
    ),
    bad('no-world', 'chance of the global crypto', cluster, 'crypto.randomUUID();'),
    bad('no-world', 'the process', cluster, 'const p = process.pid;'),
    bad('no-world', 'a promise in core', core, 'const p = Promise.resolve(1);'),
    bad('no-world', 'an async function in core', core, 'async function f() {}'),
    bad('file-size', 'a long file', core, '// a\n'.repeat(401)),
    bad('file-size', 'a very long test file', unit, '// a\n'.repeat(801)),
    bad('paper-size', 'a longer file than any paper needs', core, '// a\n'.repeat(501)),
    bad('function-size', 'a long function', core, `function f() {${'\n  g();'.repeat(70)}\n}`),
    bad('parameter-count', 'four parameters', core, 'const f = (a, b, c, d) => a;'),
    bad('line-length', 'a wide line', core, `// ${'a'.repeat(98)}`),
    bad('file-head', 'a file without a head', core, 'export const a = 1;'),
    bad('file-names', 'a drawer', 'src/core/string-utils.ts', ''),
    bad('file-names', 'a folder that is a drawer', 'src/core/helpers/x.ts', ''),
    bad('file-names', 'a file in camel case', 'src/core/someThing.ts', ''),
    bad('type-names', 'an empty last word', core, 'class LinkManager {}'),
    bad('type-names', 'a prefix', core, 'interface ILink {}'),
    bad('no-loose-types', 'any', unit, 'const a: any = 1;'),
    bad('no-loose-types', 'a non-null assertion', unit, 'const a = b!.c;'),
    bad('no-loose-types', 'a definite assignment', unit, 'class A { b!: string; }'),
    bad('no-banned-syntax', 'an enum', core, 'enum A { B }'),
    bad('no-banned-syntax', 'a default export', core, 'export default 1;'),
    bad('no-banned-syntax', 'a default function', core, 'export default function f() {}'),
    bad(
      'no-banned-syntax',
      'a parameter property',
      core,
      'class A { constructor(readonly b: 1) {} }',
    ),
    bad('no-banned-syntax', 'a namespace', core, 'namespace A { export const b = 1; }'),
    bad('no-empty-catch', 'a swallowed error', core, 'try { f(); } catch {}'),
    bad('no-skipped-tests', 'a focused test', unit, `${'test'}.only('a', f);`),
    bad('no-skipped-tests', 'a skipped group', unit, `${'describe'}.skip('a', f);`),
    bad('no-skipped-tests', 'a test skipped here and there', unit, 'test.skipIf(x)("a", f);'),
    bad('no-loose-ends', 'work for nobody', core, `// ${'TO'}DO: later`),
    bad('no-machine-paths', 'a home folder', 'README.md', `cd ${['', 'home', 'me'].join('/')}`),
    bad('no-silenced-compiler', 'a silenced error', unit, `// @${'ts'}-ignore`),
  ];
}

/** What looks like a fault and is none. */
function GOOD(): readonly Sample[] {
  const cluster = 'src/cluster/x.ts';
  return [
    bad('import-law', 'a leaf in core', 'src/core/x/y.ts', "import { E } from '../../errors.ts';"),
    bad('import-law', 'the world in host', 'src/host/x.ts', "import fs from 'node:fs';"),
    bad('import-law', 'a type of Node', cluster, "import type { Duplex } from 'node:stream';"),
    bad('import-law', 'files outside src', 'test/x.ts', "import '../src/node.ts';"),
    bad('no-world', 'words in comments and strings', cluster, "// Date.now()\nf('setTimeout');"),
    bad('no-world', 'a date of a number', cluster, 'const d = new Date(wallMs);'),
    bad('no-world', 'a member of that name', cluster, 'const x = { process: 1 }; x.process;'),
    bad('no-world', 'a parameter of that name', cluster, 'function f(process) { process.exit(); }'),
    bad('no-world', 'the edge', 'src/host/x.ts', 'setTimeout(() => Date.now(), 10);'),
    bad('no-world', 'a settling simulator', 'src/testing/x.ts', 'setImmediate(f);'),
    bad('no-banned-syntax', 'a config file', 'x.config.ts', 'export default 1;'),
    bad('parameter-count', 'a callback of others', cluster, 'on((a, b, c, d) => a);'),
    bad('parameter-count', 'options at the end', cluster, 'const f = (a, b, c, options) => a;'),
    bad('line-length', 'a statement that names a test', 'test/x.ts', `test('${'a'.repeat(99)}');`),
    bad('no-empty-catch', 'a reason', cluster, 'try { f(); } catch { /* gone already */ }'),
    bad('no-loose-ends', 'work with its issue', cluster, `// ${'TO'}DO(#12): later`),
    bad('type-names', 'a message of the paper', cluster, 'interface IHave {}'),
  ];
}

function bad(rule: string, what: string, path: string, text: string): Sample {
  return { rule, what, path, text };
}

function isExcepted(rule: string, path: string): boolean {
  return EXCEPTIONS.some((one) => one.rule === rule && one.path === path);
}

function report(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`);
}
