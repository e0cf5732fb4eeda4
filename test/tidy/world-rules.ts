/**
 * Bans on the world: no clock, timer, randomness or process outside the host, and in `core` no
 * promise either. Judged on the syntax tree, so that words in comments and strings are free and
 * names that a file declares itself are its own.
 */
import ts from 'typescript';
import { judgeNodes, nodesOf, type Rule, type TidyFile } from './tidy-file.ts';

/** Places that are the world's edge. */
const EDGES = ['src/host/', 'src/cli/', 'src/admin/'];

const WORLD_NAMES = new Set([
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'process',
  'console',
  'fetch',
  'globalThis',
]);

/** The simulator lets native promises settle between two steps of virtual time. */
const FREE_NAMES: Readonly<Record<string, readonly string[]>> = {
  'src/testing/': ['setImmediate'],
};

const WORLD_MEMBERS = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout']);
const CORE_NAMES = new Set([...WORLD_NAMES, 'queueMicrotask', 'crypto', 'Promise', 'AbortSignal']);

export const noWorld: Rule = {
  name: 'no-world',
  check(file) {
    if (!file.path.startsWith('src/') || isUnder(file.path, EDGES)) return [];
    const isCore = file.path.startsWith('src/core/');
    const banned = bannedNames(file, isCore ? CORE_NAMES : WORLD_NAMES);
    return judgeNodes(file, (node) => {
      if (isNowOfTheMachine(node)) return 'reads the clock: take the time from the host';
      if (isMemberUse(node)) return `uses ${node.getText()}: take it from the host`;
      if (isRandomOfCrypto(node)) return 'draws from node:crypto: take randomness from the host';
      if (isNameUse(node, banned)) return `uses ${node.text}: only the edge touches the world`;
      return isCore && isAsync(node) ? 'waits in core: decisions are synchronous' : undefined;
    });
  },
};

function bannedNames(file: TidyFile, names: ReadonlySet<string>): ReadonlySet<string> {
  const banned = new Set(names);
  for (const [place, free] of Object.entries(FREE_NAMES)) {
    if (file.path.startsWith(place)) for (const name of free) banned.delete(name);
  }
  for (const node of nodesOf(file)) {
    if (isDeclaredHere(node)) banned.delete(node.name.text);
  }
  return banned;
}

function isDeclaredHere(node: ts.Node): node is ts.Node & { readonly name: ts.Identifier } {
  return (
    (ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isBindingElement(node) ||
      ts.isImportSpecifier(node)) &&
    node.name !== undefined &&
    ts.isIdentifier(node.name)
  );
}

/** `new Date()`, `Date()`: with an argument both are arithmetic. */
function isNowOfTheMachine(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false;
  const isDate = ts.isIdentifier(node.expression) && node.expression.text === 'Date';
  return isDate && (ts.isCallExpression(node) || (node.arguments ?? []).length === 0);
}

function isMemberUse(node: ts.Node): boolean {
  return (
    ts.isPropertyAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    WORLD_MEMBERS.has(`${node.expression.text}.${node.name.text}`)
  );
}

function isRandomOfCrypto(node: ts.Node): boolean {
  if (ts.isImportSpecifier(node)) {
    const source = node.parent.parent.parent;
    const from = ts.isImportDeclaration(source) ? source.moduleSpecifier.getText() : '';
    return from.includes('node:crypto') && /^(random|getRandom)/.test(sourceName(node));
  }
  return (
    ts.isPropertyAccessExpression(node) &&
    /crypto$/i.test(node.expression.getText()) &&
    /^(random|getRandom)/.test(node.name.text)
  );
}

function sourceName(node: ts.ImportSpecifier): string {
  return (node.propertyName ?? node.name).text;
}

/** A use of a global by its bare name, in a value or a type; not a key, member or label. */
function isNameUse(node: ts.Node, names: ReadonlySet<string>): node is ts.Identifier {
  if (!ts.isIdentifier(node) || !names.has(node.text)) return false;
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  const isKey =
    'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent);
  return !isKey;
}

function isAsync(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node);
}

function isUnder(path: string, places: readonly string[]): boolean {
  return places.some((place) => path.startsWith(place));
}
