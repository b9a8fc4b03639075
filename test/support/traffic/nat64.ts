// SPDX-License-Identifier: Apache-2.0
/** What tests of a lab with topology nat64 share: who is there, and IPv4 as each tenant sees it. */
import type { Finished, Lab } from './lab.js';
import { run, ROOT } from './lab.js';

/** IPv4 hosts outside: in o, in o, behind o with a smaller MTU, and one with a global address. */
export const WORLD = '198.51.100.7';
export const OTHER_WORLD = '198.51.100.8';
export const FAR = '198.51.100.130';
export const GLOBAL = '192.175.48.6';

export type Tenant = 'red' | 'blue' | 'green';
/** First addresses of the prefixes in lab/objects/nat64. */
const PREFIX: Record<Tenant, { readonly words: readonly number[]; readonly length: number }> = {
  red: { words: [0x2001, 0xdb8, 0x64], length: 96 },
  blue: { words: [0x2001, 0xdb8, 0, 0x5600], length: 56 },
  green: { words: [0x64, 0xff9b], length: 96 },
};
const RESERVED = 8;

export const tenantOf = (workload: string): Tenant => workload.split('-')[0] as Tenant;

/** An IPv4 address under a tenant's prefix, by the picture in RFC 6052 s2.2, as tools print it. */
export function under(tenant: Tenant, v4: string): string {
  const { words, length } = PREFIX[tenant];
  const bytes = Array.from({ length: 16 }, (_, i) => {
    const word = words[i >> 1] ?? 0;
    return i % 2 ? word & 0xff : word >> 8;
  });
  let at = length / 8;
  for (const byte of v4.split('.').map(Number)) {
    if (at === RESERVED) at++;
    bytes[at++] = byte;
  }
  const hex = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
  ).join(':');
  return new URL(`http://[${hex}]`).hostname.slice(1, -1);
}

/** Of what build/traffic/udpshape prints. */
export interface Shaped {
  readonly sent: number;
  readonly received: number;
  readonly damaged: number;
  /** Who the receiver saw. */
  readonly from: string;
  readonly port: number;
}

/** UDP of some shape for a moment, from one namespace to an address that another listens behind. */
export async function shaped(
  lab: Lab,
  [from, to]: readonly [string, string],
  [address, listen]: readonly [string, string],
  ...shape: readonly string[]
): Promise<Shaped> {
  const ends = ['--from', lab.netns(from), '--to', lab.netns(to)];
  const where = ['-a', address, '--listen', listen, '--listen-port', '80', '-p', '8080'];
  const how = ['-s', '0.4', '-r', '40', '-w', '400', ...shape];
  const done: Finished = await run(`${ROOT}/build/traffic/udpshape`, [...ends, ...where, ...how]);
  if (done.status !== 0) throw new Error(`udpshape: ${done.stderr}`);
  return JSON.parse(done.stdout) as Shaped;
}
