import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { nodeOptions, startOptions } from '../../../src/cli/node-settings.ts';
import { isNodeName } from '../../../src/core/names.ts';
import { systemHost } from '../../../src/host/system-host.ts';
import { resolveOptions } from '../../../src/options.ts';
import { readYaml, type Yaml } from './plain-yaml.ts';

const FILE = new URL('../../../examples/kubernetes/barrel.yaml', import.meta.url);
const [service, set] = readYaml(readFileSync(FILE, 'utf8'));

describe('the reader of manifests', () => {
  test('reads maps, lists and scalars', () => {
    const text = '# x\na:\n  - b: 1\n    c: "2"\n  - d\ne: $(X)@y.z\n---\nf: true\n';
    expect(readYaml(text)).toEqual([{ a: [{ b: 1, c: '2' }, 'd'], e: '$(X)@y.z' }, { f: true }]);
  });

  test.each(['a:\n   b: 1', 'a: 1\n  b: 2', 'a: [1]', 'a:\n\tb: 1', 'a: 1\na: 2', 'a', 'a: b: c'])(
    'refuses %j',
    (text) => {
      expect(() => readYaml(text)).toThrow();
    },
  );
});

describe('the manifest', () => {
  test('has a headless Service that tells of pods before they are ready', () => {
    expect(service).toMatchObject({
      apiVersion: 'v1',
      kind: 'Service',
      spec: { clusterIP: 'None', publishNotReadyAddresses: true },
    });
    expect(at(service, 'spec', 'ports', 0)).toEqual({
      name: 'barrel',
      protocol: 'UDP',
      port: 4433,
      targetPort: 'barrel',
    });
  });

  test('has a StatefulSet that belongs to it', () => {
    expect(set).toMatchObject({ apiVersion: 'apps/v1', kind: 'StatefulSet' });
    expect(at(set, 'spec', 'serviceName')).toBe(at(service, 'metadata', 'name'));
    const labels = at(set, 'spec', 'template', 'metadata', 'labels');
    expect(at(set, 'spec', 'selector', 'matchLabels')).toEqual(labels);
    expect(at(service, 'spec', 'selector')).toEqual(labels);
    expect(at(container(), 'ports', 0)).toEqual({
      name: 'barrel',
      containerPort: 4433,
      protocol: 'UDP',
    });
    const [mount] = [at(container(), 'volumeMounts', 0, 'name')];
    expect(at(set, 'spec', 'volumeClaimTemplates', 0, 'metadata', 'name')).toBe(mount);
  });

  test('leaves key files to their owner alone at every mount', () => {
    expect(at(set, 'spec', 'template', 'spec', 'securityContext')).toMatchObject({
      runAsNonRoot: true,
      fsGroupChangePolicy: 'OnRootMismatch',
    });
  });

  test('gives a pod longer to end than its node takes to drain', () => {
    const graceSeconds = at(set, 'spec', 'template', 'spec', 'terminationGracePeriodSeconds');
    const drainMs = Number(environment()['BARREL_DRAIN_MS']);

    expect(Number(graceSeconds) * 1_000).toBeGreaterThanOrEqual(2 * drainMs);
  });

  test('starts a node with options that it takes, found by the Service', async () => {
    const env = environment();
    const command = new Command().exitOverride();
    for (const option of startOptions()) command.addOption(option);
    const words = startOptions().flatMap(({ envVar, long }) => {
      const value = env[envVar ?? ''];
      return value === undefined || long === undefined || long === null ? [] : [long, value];
    });
    const known = new Set(['BARREL_SECRET', ...startOptions().map(({ envVar }) => envVar)]);
    const given = Object.keys(env).filter((name) => name.startsWith('BARREL_'));
    expect(given.filter((name) => !known.has(name))).toEqual([]);

    const options = await nodeOptions(command.parse(words, { from: 'user' }).opts(), env);
    const { name, listen, discovery } = resolveOptions(options, systemHost());

    expect(listen).toEqual({ host: '10.1.2.3', port: 4433 });
    expect(isNodeName(name ?? '')).toBe(true);
    expect(name).toBe('barrel-0@barrel-0.barrel.apps.svc.cluster.local');
    expect(discovery.map((each) => each.name)).toEqual(['dns']);
    const below = `.${String(at(service, 'metadata', 'name'))}.apps.svc.cluster.local`;
    expect(name?.endsWith(below)).toBe(true);
    expect(`.${env['BARREL_DISCOVER_DNS']}`).toBe(below);
  });

  test('asks the node itself whether it is ready', () => {
    expect(at(container(), 'readinessProbe', 'exec', 'command')).toEqual([
      'barrel',
      'status',
      '--ready',
    ]);
  });
});

function container(): Yaml | undefined {
  return at(set, 'spec', 'template', 'spec', 'containers', 0);
}

/** As the kubelet makes it for the first pod. */
function environment(): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': 'barrel-0',
    'metadata.namespace': 'apps',
    'status.podIP': '10.1.2.3',
  };
  const entries = at(container(), 'env');
  if (!Array.isArray(entries)) throw new Error('no variables');
  for (const entry of entries) {
    const field = at(entry, 'valueFrom', 'fieldRef', 'fieldPath');
    const secret = at(entry, 'valueFrom', 'secretKeyRef') === undefined ? '' : 's'.repeat(43);
    const value = at(entry, 'value') ?? fields[String(field)] ?? secret;
    // A variable stands for those above it.
    env[String(at(entry, 'name'))] = String(value).replace(
      /\$\((\w+)\)/g,
      (whole, name) => env[name] ?? whole,
    );
  }
  return env;
}

function at(value: Yaml | undefined, ...path: readonly (string | number)[]): Yaml | undefined {
  let found: unknown = value;
  for (const step of path) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, step) : undefined;
  }
  return found as Yaml | undefined;
}
