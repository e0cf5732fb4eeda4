/** Dependencies: exact versions, each with a note that says why it is there. */
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
