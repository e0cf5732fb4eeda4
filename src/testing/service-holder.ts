/** Services that are just there, for tests of code that looks services up. */
import type { BarrelNode } from '../barrel-node.ts';
import type { Pid } from '../core/pid.ts';

/**
 * A process that registers `name` and lives until it is stopped. It answers no calls.
 * @throws as `Services.register`; nothing runs then.
 */
export async function startServiceHolder(node: BarrelNode, name: string): Promise<Pid> {
  // It takes nothing out of its mailbox, so it lives until it is told to exit.
  const pid = node.processes.spawn((self) => self.receive({ match: () => false }));
  try {
    await node.services.register(name, pid);
    return pid;
  } catch (error) {
    node.processes.exit(pid, 'shutdown');
    throw error;
  }
}

/** Ends the process, if it runs; resolves when its service is withdrawn on that node. */
export async function stopServiceHolder(node: BarrelNode, pid: Pid): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    node.processes.monitor(pid, () => resolve());
  });
  node.processes.exit(pid, 'shutdown');
  await ended;
}
