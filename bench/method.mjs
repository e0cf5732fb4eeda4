/**
 * How things are measured: a closed loop with a number of callers, a warm-up that is not counted,
 * the time of each call, and the CPU of both processes.
 */
import { readFileSync } from 'node:fs';

/** What every call and small message carries. */
export const PAYLOAD_BYTES = 64;

/** The value below which the share `q` (0 to 1) of the samples lies. */
export function percentile(samples, q) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export function median(samples) {
  return percentile(samples, 0.5);
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Milliseconds on the machine's monotonic clock, which all its processes share. */
export function machineMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Microseconds of CPU that a process has used; NaN where there is no /proc. */
export function cpuMicros(pid) {
  const ticksPerSecond = 100;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
  } catch {
    return Number.NaN;
  }
}

/**
 * Runs `call` with `concurrency` callers at once for `ms` milliseconds, after a warm-up of a third
 * of that. `pids` are the processes whose CPU counts.
 */
export async function measureCalls(call, { concurrency, ms, pids }) {
  const latencies = [];
  let isRecording = false;
  let isOver = false;
  const caller = async () => {
    while (!isOver) {
      const begin = performance.now();
      await call();
      if (isRecording) latencies.push(performance.now() - begin);
    }
  };
  const callers = Array.from({ length: concurrency }, caller);
  await Promise.race([sleep(ms / 3), ...callers]);
  isRecording = true;
  const cpuBefore = sum(pids.map(cpuMicros));
  const begin = performance.now();
  await Promise.race([sleep(ms), ...callers]);
  const seconds = (performance.now() - begin) / 1000;
  const cpu = sum(pids.map(cpuMicros)) - cpuBefore;
  isOver = true;
  await Promise.all(callers);
  return {
    callsPerSecond: latencies.length / seconds,
    p50Micros: percentile(latencies, 0.5) * 1000,
    p99Micros: percentile(latencies, 0.99) * 1000,
    cpuMicros: cpu / latencies.length,
  };
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
