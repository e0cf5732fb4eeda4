/** Names of nodes and their addresses: the rules, checked wherever a name comes from outside. */
import { ADDRESS_BYTES_MAX, NODE_NAME_BYTES_MAX, NODE_NAME_BYTES_MIN } from '../limits.ts';

/**
 * `name@host`, 3 to 255 bytes, unique in the cluster. Letters, digits and `_ . -`; the host may be
 * an IPv4 address or an IPv6 one in brackets.
 */
export type NodeName = string;

/** `host:port`, IPv6 in brackets. */
export type Address = string;

const LABEL = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const BRACKETED = /^\[[0-9A-Fa-f:.]{2,45}\]$/;

export function isNodeName(text: string): boolean {
  if (text.length < NODE_NAME_BYTES_MIN || text.length > NODE_NAME_BYTES_MAX) return false;
  const at = text.indexOf('@');
  if (at < 1) return false;
  const host = text.slice(at + 1);
  return LABEL.test(text.slice(0, at)) && (LABEL.test(host) || BRACKETED.test(host));
}

export function isAddress(text: string): boolean {
  if (text.length > ADDRESS_BYTES_MAX) return false;
  const { host, port } = splitAddress(text);
  return (
    (LABEL.test(host) || BRACKETED.test(host)) &&
    Number.isInteger(port) &&
    port > 0 &&
    port <= 65_535
  );
}

/** Parts of an address; the host keeps its brackets, the port is NaN when it is no number. */
export function splitAddress(address: Address): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const digits = address.slice(colon + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  return { host: address.slice(0, Math.max(colon, 0)), port };
}
