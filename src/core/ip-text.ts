/** IP addresses as text, as far as cores look at them. */

const IPV4 = /^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const IPV6 = /^\[(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{2,45}\]$/;
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** An IPv4 address, or what looks like an IPv6 one in brackets: no name that must be looked up. */
export function isIpHost(host: string): boolean {
  return IPV4.test(host) || IPV6.test(host);
}

/** The IPv4 address that a dual-stack socket shows as an IPv6 one; others as they are. */
export function unmapped(host: string): string {
  return MAPPED.exec(host)?.[1] ?? host;
}
