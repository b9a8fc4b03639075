// SPDX-License-Identifier: Apache-2.0
/** Random programs of policies, and packets, that have a chance to meet each other. */
import fc from 'fast-check';
import type {
  ResolvedProgram,
  ResolvedRule,
  ResolvedSide,
} from '../../src/daemon/calc/policy/types.js';
import type { PacketEnd, PolicyPacket } from './interpret.js';

/** Sets of addresses of VNI 100, and its named ports. */
export const SETS = ['100 s a', '100 s b', '100 n 10.0.0.0/8', '100 n ::/0'];
export const NAMES = ['100 p 6 http', '100 p 17 dns', '100 p 6 db'];
/** Few, so that rules and packets meet. */
const port = fc.oneof(fc.nat(12), fc.constantFrom(79, 80, 81, 1023, 1024, 65534, 65535));
const range = fc.oneof(
  port.map((one) => ({ from: one, to: one })),
  fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })),
);
const ports = fc.record({
  ranges: fc.array(range, { maxLength: 3 }),
  named: fc.subarray(NAMES),
});
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

function side(withPorts: boolean): fc.Arbitrary<ResolvedSide> {
  const few = fc.subarray(SETS, { maxLength: 2 });
  return fc
    .record({
      sets: fc.oneof(fc.constant([]), few),
      notSets: fc.oneof(fc.constant([]), few),
      ports: withPorts ? rarely(ports) : fc.constant(undefined),
      notPorts: withPorts ? rarely(ports) : fc.constant(undefined),
    })
    .map(({ ports: some, notPorts: none, ...rest }) => ({
      ...rest,
      ...(some && { ports: some }),
      ...(none && { notPorts: none }),
    }));
}

const icmpType = fc.constantFrom(0, 3, 8, 128, 255);
const icmpMatch = fc
  .record({ type: icmpType, code: fc.option(fc.constantFrom(0, 1, 255), { nil: undefined }) })
  .map(({ type, code }) => (code === undefined ? { type } : { type, code }));
const ipVersion = rarely(fc.constantFrom<4 | 6>(4, 6));
export const PROTOCOLS = [1, 6, 17, 58, 132, 47];

const shape = fc.oneof(
  fc.record({
    ipVersion,
    protocol: fc.constantFrom(6, 17, 132),
    source: side(true),
    destination: side(true),
  }),
  fc.record({
    ipVersion,
    protocol: rarely(fc.constantFrom(1, 58)),
    icmp: rarely(icmpMatch),
    notIcmp: rarely(icmpMatch),
    source: side(false),
    destination: side(false),
  }),
  fc.record({
    ipVersion,
    protocol: rarely(fc.constantFrom(...PROTOCOLS)),
    notProtocol: rarely(fc.constantFrom(...PROTOCOLS)),
    source: side(false),
    destination: side(false),
  }),
);

const action = fc.constantFrom<ResolvedRule['action']>('allow', 'deny', 'pass', 'log');
const rule = fc.tuple(action, shape).map(([does, asked]): ResolvedRule => {
  const asks = Object.entries(asked).filter(([, value]) => value !== undefined);
  return { action: does, identity: '', ...Object.fromEntries(asks) } as unknown as ResolvedRule;
});
/** Of up to three tiers. */
export const program = fc
  .array(fc.array(rule, { maxLength: 6 }), { maxLength: 3 })
  .map((tiers): ResolvedProgram =>
    tiers.map((tier, t) => tier.map((one, i) => ({ ...one, identity: `${t}/${i}` }))),
  );

const end = fc.record({
  port,
  sets: fc.subarray(SETS),
  named: fc.subarray(NAMES),
});
export const packet = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    protocol: fc.constantFrom(...PROTOCOLS, 200),
    type: fc.oneof(icmpType, fc.nat(255)),
    code: fc.constantFrom(0, 1, 2, 255),
    source: end,
    destination: end,
  })
  .map(({ type, code, source, destination, ...rest }): PolicyPacket => {
    const hasPorts = [6, 17, 132].includes(rest.protocol);
    const bare = (one: PacketEnd): PacketEnd =>
      hasPorts ? one : { ...one, port: undefined, named: [] };
    const isIcmp = rest.protocol === (rest.family === 4 ? 1 : 58);
    return {
      ...rest,
      icmp: isIcmp ? { type, code } : undefined,
      source: bare(source),
      destination: bare(destination),
    };
  });
