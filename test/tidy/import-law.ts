/**
 * The import law: which room may import which, which room may name which package, and which may
 * touch `node:` modules. The table is the law; ARCHITECTURE.md gives the motives.
 */
import ts from 'typescript';
import { at, nodesOf, type Rule, type TidyFile } from './tidy-file.ts';

/** Files at the top of `src/` are rooms of their own. */
const LEAVES = ['errors', 'limits'];
const GROUND = [...LEAVES, 'core'];
/** Small files that everything with promises and listeners stands on. */
const TOOLS = [
  'abort',
  'observable',
  'restart-pause',
  'settlement',
  'standard-schema',
  'time-limit',
];
const WORLD = [...GROUND, ...TOOLS, 'host'];
const CLUSTER = [...WORLD, 'transport', 'identity', 'discovery', 'cluster'];
const FEATURES = [
  ...CLUSTER,
  'processes',
  'leaders',
  'shards',
  'services',
  'names',
  'topics',
  'maps',
  'reminders',
  'streams',
  'trust',
  'paths',
];

/** What the composition root is made of. */
const ROOT_PARTS = ['options', 'credentials', 'version', 'barrel-node'];

/** Each room with the rooms that it may import, beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  limits: [],
  core: LEAVES,
  abort: [],
  observable: [...LEAVES, 'abort', 'host', 'settlement'],
  'restart-pause': [...LEAVES, 'abort', 'host', 'settlement'],
  settlement: [...LEAVES, 'abort'],
  'standard-schema': LEAVES,
  'time-limit': [...LEAVES, 'abort', 'host', 'observable', 'settlement'],
  host: GROUND,
  transport: WORLD,
  identity: WORLD,
  discovery: WORLD,
  cluster: CLUSTER,
  processes: CLUSTER,
  leaders: [...CLUSTER, 'processes'],
  shards: CLUSTER,
  services: [...CLUSTER, 'processes', 'leaders'],
  names: [...CLUSTER, 'processes', 'services'],
  topics: CLUSTER,
  maps: CLUSTER,
  reminders: [...CLUSTER, 'processes', 'shards'],
  streams: CLUSTER,
  trust: CLUSTER,
  paths: CLUSTER,
  'option-rules': [...FEATURES, 'options'],
  options: [...FEATURES, 'option-rules'],
  version: [],
  credentials: [...CLUSTER, 'options'],
  'barrel-node': [...FEATURES, 'options'],
  admin: [...GROUND, 'barrel-node'],
  'compose-features': [...FEATURES, ...ROOT_PARTS],
  'running-node': [...FEATURES, ...ROOT_PARTS, 'compose-features'],
  'compose-node': [...FEATURES, ...ROOT_PARTS, 'compose-features', 'running-node'],
  node: [...FEATURES, ...ROOT_PARTS, 'compose-node', 'admin'],
  index: [...FEATURES, ...ROOT_PARTS, 'node'],
  // A fingerprint and a join secret are made in one way; `barrel keys` needs no node for them.
  // `barrel simulate` loads the laboratory, when it is asked for.
  cli: [...GROUND, 'host', 'identity', 'index', 'admin', 'testing'],
  testing: [...FEATURES, ...ROOT_PARTS, 'compose-node', 'index'],
};

/** Packages by the place that may name them. */
const PACKAGE_PLACES: Readonly<Record<string, readonly string[]>> = {
  '@infisical/quic': ['src/transport/quic/'],
  '@peculiar/x509': ['src/identity/'],
  'reflect-metadata': ['src/identity/'],
  'classic-level': ['src/host/'],
  commander: ['src/cli/'],
  croner: ['src/reminders/cron.ts'],
  'd3-scale': ['src/cli/'],
  'd3-shape': ['src/cli/'],
  'multicast-dns': ['src/host/'],
  pino: ['src/cli/'],
  'xxhash-wasm': ['src/host/'],
  valibot: ['src/options.ts', 'src/option-rules.ts', 'src/trust/trust-rules.ts'],
  'pure-rand': ['src/testing/'],
};

/** `node:` modules by the place that may name them; `true` = any. Types are free outside core. */
const NODE_MODULES: readonly (readonly [place: string, modules: readonly string[] | true])[] = [
  ['src/host/', true],
  ['src/admin/', true],
  ['src/cli/', true],
  ['src/identity/', ['node:crypto']],
  ['src/transport/quic/', ['node:crypto', 'node:module']],
  ['src/processes/', ['node:async_hooks']],
  ['src/streams/', ['node:stream']],
  ['src/abort.ts', ['node:events']],
  ['src/node.ts', ['node:path']],
];

export const importLaw: Rule = {
  name: 'import-law',
  check(file) {
    const room = roomOf(file.path);
    if (room === undefined) return [];
    if (MAY_IMPORT[room] === undefined) {
      return [{ path: file.path, line: 1, message: `the import law knows no room ${room}` }];
    }
    return importsOf(file).flatMap(({ node, specifier, isType }) => {
      const message = judge(file.path, specifier, isType);
      return message === undefined ? [] : [at(file, node, message)];
    });
  },
};

/** `core` for `src/core/wire/reader.ts`, `errors` for `src/errors.ts`. */
export function roomOf(path: string): string | undefined {
  const [, folder, file] = /^src\/(?:([^/]+)\/.*|([^/]+)\.ts)$/.exec(path) ?? [];
  return folder ?? file;
}

function judge(path: string, specifier: string, isType: boolean): string | undefined {
  if (specifier.startsWith('.')) return judgeRelative(path, specifier);
  if (specifier.startsWith('node:')) return judgeNodeModule(path, specifier, isType);
  const places = PACKAGE_PLACES[packageOf(specifier)];
  if (places?.some((place) => path.startsWith(place)) === true) return undefined;
  return `imports the package ${specifier}, which is not for this place`;
}

function judgeRelative(path: string, specifier: string): string | undefined {
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  const from = roomOf(path) ?? '';
  const to = roomOf(target);
  if (!target.endsWith('.ts')) return `imports ${specifier} without its .ts ending`;
  if (to === undefined) return `imports ${specifier}, which is outside src/`;
  if (to === from || MAY_IMPORT[from]?.includes(to) === true) return undefined;
  return `${from} may not import ${to} (${specifier})`;
}

function judgeNodeModule(path: string, specifier: string, isType: boolean): string | undefined {
  if (isType && roomOf(path) !== 'core') return undefined;
  const [, modules] = NODE_MODULES.find(([place]) => path.startsWith(place)) ?? [];
  if (modules === true || modules?.includes(specifier) === true) return undefined;
  return `imports ${specifier}: only the host touches the world`;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

interface Import {
  readonly node: ts.Node;
  readonly specifier: string;
  readonly isType: boolean;
}

/** Static imports, re-exports, `import()` with a literal, and `import('x').T` in types. */
export function importsOf(file: TidyFile): readonly Import[] {
  const imports: Import[] = [];
  for (const node of nodesOf(file)) {
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push({ node, specifier, isType: isTypeOnly(node) });
  }
  return imports;
}

function specifierOf(node: ts.Node): string | undefined {
  const source =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : undefined;
  return source !== undefined && ts.isStringLiteralLike(source) ? source.text : undefined;
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  if (!ts.isImportDeclaration(node)) return false;
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  if (clause.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false;
  return names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly);
}
