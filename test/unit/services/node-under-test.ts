/** Nodes of a small cluster with their processes and services. */
import type { NodeRef } from '../../../src/cluster/ports.ts';
import type { NodeName } from '../../../src/core/names.ts';
import { ProcessTable } from '../../../src/processes/process-table.ts';
import { ServiceRegistry } from '../../../src/services/service-registry.ts';
import { type Member, SmallCluster } from './small-cluster.ts';

export interface NodeUnderTest {
  readonly self: NodeRef;
  readonly member: Member;
  readonly processes: ProcessTable;
  readonly services: ServiceRegistry;
}

export function startNode(cluster: SmallCluster, name: NodeName): NodeUnderTest {
  const member = cluster.start(name);
  const { self, table, links, queries, host } = member;
  const processes: ProcessTable = new ProcessTable({
    host,
    links,
    resolveService: (service) => services.resolve(service),
  });
  const services: ServiceRegistry = new ServiceRegistry({
    self,
    table,
    queries,
    processes,
    elections: () => {
      throw new Error('there are no elections here');
    },
    members: cluster,
    host,
    rttMs: () => undefined,
  });
  return { self, member, processes, services };
}

/** Three nodes that know each other. */
export async function threeNodes(): Promise<{
  readonly a: NodeUnderTest;
  readonly b: NodeUnderTest;
  readonly c: NodeUnderTest;
  readonly cluster: SmallCluster;
  readonly time: SmallCluster['time'];
  /** Lets time pass until the promise settles. */
  readonly within: <T>(promise: Promise<T>) => Promise<T>;
}> {
  const cluster = new SmallCluster();
  const { time } = cluster;
  const [a, b, c] = [
    startNode(cluster, 'a@h'),
    startNode(cluster, 'b@h'),
    startNode(cluster, 'c@h'),
  ];
  await time.advance(10);
  const within = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await time.runUntil(() => isSettled, 60_000);
    return promise;
  };
  return { a, b, c, cluster, time, within };
}
