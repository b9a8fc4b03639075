// SPDX-License-Identifier: Apache-2.0
/** Load-time settings (bpf/include/transit/config.h) as values to load the programs with. */
import { readFileSync } from 'node:fs';
import { programConstants } from '../../src/daemon/datapath/settings.js';

/** Values of .rodata variables by name; what is not named keeps its default. */
export type Rodata = Readonly<Record<string, number>>;

export interface Setting {
  readonly name: string;
  /** On or off: what is off is no part of the program. */
  readonly isSwitch: boolean;
  readonly low: number;
  readonly high: number;
}

const unused = { bpfDir: '', pinDir: '', maxVpcs: 0, maxEndpoints: 0, maxAddresses: 0 };
const limits = { connections: 0, halfOpen: 0, newPerSecond: 0, burst: 0 };
const tables = { maxPrograms: 0, maxBlocks: 0, maxRows: 0, maxRules: 0 };
const policy = { ...tables, maxAddresses: 0, maxNets: 0, maxNamedPorts: 0 };
const sizes = { ...unused, limits, policy, maxRoutes: 0, maxVteps: 0, maxGroups: 0 };
const seconds = (n: number) => ({ tcp: n, udp: n, other: n, opening: n, closing: n, fragment: n });
/** Sizes and timeouts of translation. */
const nat = (size: number, n: number) => ({
  maxGateways: size,
  maxAddresses: size,
  maxEndpoints: size,
  maxMappings: size,
  maxPublicIps: size,
  maxPortForwards: size,
  maxServices: size,
  maxServicePorts: size,
  maxPrefixes: size,
  timeouts: { tcpEstablished: n, tcpTransitory: n, udp: n, icmp: n, other: n },
});

/** The ends of what the daemon's configuration accepts, src/daemon/config/schema.ts. */
const LOW = programConstants({
  ...sizes,
  vxlanPort: 1,
  maxFlows: 16,
  timeouts: seconds(1),
  nat: nat(16, 60),
  dropEvents: { enabled: false, perSecond: 1 },
});
const HIGH = programConstants({
  ...sizes,
  vxlanPort: 65_535,
  maxFlows: 2 ** 24,
  timeouts: seconds(86_400),
  nat: nat(2 ** 24, 604_800),
  dropEvents: { enabled: true, perSecond: 100_000 },
});

/**
 * Every setting that the header declares, with its ends.
 * @throws Error when one is not varied here: it would go untested
 */
export function readSettings(header: string): Setting[] {
  const text = readFileSync(header, 'utf8');
  return [...text.matchAll(/const volatile __u(\d+) (cfg_\w+)/g)].map(([, bits, name = '']) => {
    const [low, high] = [LOW[name], HIGH[name]];
    if (low === undefined || high === undefined || low === high) {
      throw new Error(`test/vm/settings.ts does not vary ${name}`);
    }
    return { name, isSwitch: bits === '8', low, high };
  });
}

/**
 * Every combination of switches; with each, the numbers at their defaults, all at their low and
 * all at their high ends, since the verifier knows their values, too.
 */
export function combinations(settings: readonly Setting[]): Rodata[] {
  const numbers = settings.filter((setting) => !setting.isSwitch);
  const all = (which: 'low' | 'high'): Rodata =>
    Object.fromEntries(numbers.map((setting) => [setting.name, setting[which]]));
  return settings
    .filter((setting) => setting.isSwitch)
    .reduce<Rodata[]>(
      (some, { name, low, high }) =>
        some.flatMap((one) => [
          { ...one, [name]: high },
          { ...one, [name]: low },
        ]),
      [{}, all('low'), all('high')],
    );
}
