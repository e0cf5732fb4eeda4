/** One node of a small cluster with its processes and services. */
import type { NodeRef } from '../../../src/cluster/ports.ts';
import type { NodeName } from '../../../src/core/names.ts';
import { ProcessTable } from '../../../src/processes/process-table.ts';
import { ServiceRegistry } from '../../../src/services/service-registry.ts';
import type { Member, SmallCluster } from './small-cluster.ts';

export interface NodeUnderTest {
  readonly self: NodeRef;
  readonly member: Member;
  readonly processes: ProcessTable;
  readonly services: ServiceRegistry;
}

export function startNode(cluster: SmallCluster, name: NodeName): NodeUnderTest {
  const member = cluster.start(name);
  const { self, table, links, host } = member;
  const processes: ProcessTable = new ProcessTable({
    host,
    links,
    resolveService: (service) => services.resolve(service),
  });
  const services: ServiceRegistry = new ServiceRegistry({
    self,
    table,
    processes,
    members: cluster,
    host,
    rttMs: () => undefined,
  });
  return { self, member, processes, services };
}
