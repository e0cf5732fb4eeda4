/** Names of the domain name system, as far as discovery takes them. */
import type { NodeName } from '../core/names.ts';
import { DNS_LABEL_CHARS_MAX, DNS_NAME_CHARS_MAX } from './discovery-limits.ts';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

/**
 * In lower case and without a dot at its end; undefined for what is no name of a host or service:
 * IP literals, empty or long labels, other characters than letters, digits, `-` and `_`.
 */
export function dnsNameOf(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > DNS_NAME_CHARS_MAX + 1) return undefined;
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name.length > DNS_NAME_CHARS_MAX) return undefined;
  const labels = name.split('.');
  const isSound = labels.every((label) => label.length <= DNS_LABEL_CHARS_MAX && LABEL.test(label));
  return isSound && !/^\d+$/.test(labels.at(-1) ?? '') ? name : undefined;
}

/** What follows the `@`, in lower case; IPv6 without brackets. */
export function hostPart(node: NodeName): string {
  const host = node.slice(node.indexOf('@') + 1).toLowerCase();
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

/** True for a name that ends in `.` and the other. */
export function isNameBelow(name: string, above: string): boolean {
  return name.endsWith(`.${above}`) && dnsNameOf(name) !== undefined;
}
