/**
 * Dependencies: exact versions, each with a note that says why it is there; and a lock file that
 * is whole, because `npm ci` refuses one that was made where some platforms' packages are missing.
 */
import type { Finding } from './tidy-file.ts';

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const EXACT = /^(npm:[@\w./-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;

/** `docs/decisions/peculiar-x509.md` for `@peculiar/x509`. */
export function notePath(dependency: string): string {
  return `docs/decisions/${dependency.replace('@', '').replaceAll('/', '-')}.md`;
}

export function checkDependencies(
  manifest: Manifest,
  paths: ReadonlySet<string>,
): readonly Finding[] {
  const all = Object.entries({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  });
  const findings: Finding[] = [];
  for (const [name, version] of all) {
    const complain = (message: string): void =>
      void findings.push({ path: 'package.json', line: 1, message: `${name}: ${message}` });
    if (!EXACT.test(version)) complain(`${version} is not an exact version`);
    if (!paths.has(notePath(name))) complain(`no note ${notePath(name)}`);
  }
  return findings;
}

/** As much of `package-lock.json` as the rule looks at. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface LockedPackage extends Manifest {
  readonly version?: string;
}

export function checkLock(manifest: Manifest, lock: Lock): readonly Finding[] {
  const { packages } = lock;
  const problems = Object.entries(packages).flatMap(([path, locked]) =>
    Object.keys(locked.optionalDependencies ?? {})
      .filter((name) => !isLocked(packages, path, name))
      .map((name) => `${name} is missing: an optional part of ${path}`),
  );
  for (const kind of ['dependencies', 'devDependencies'] as const) {
    const isSame = JSON.stringify(packages['']?.[kind]) === JSON.stringify(manifest[kind]);
    if (!isSame) problems.push(`${kind} differ from those of package.json`);
  }
  return problems.map((message) => ({ path: 'package-lock.json', line: 1, message }));
}

/** Beside the package that asks for it, or in a folder above. */
function isLocked(packages: Lock['packages'], asking: string, name: string): boolean {
  for (let folder = asking; folder !== ''; ) {
    if (packages[`${folder}/node_modules/${name}`] !== undefined) return true;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  }
  return packages[`node_modules/${name}`] !== undefined;
}
