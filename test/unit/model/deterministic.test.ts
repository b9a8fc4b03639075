// SPDX-License-Identifier: Apache-2.0
/** Ports by arithmetic: forth and back, whatever the numbers. */
import fc from 'fast-check';
import { test } from 'tap';
import {
  fixedBlocks,
  fixedHolder,
  fixedPlace,
  fixedPlan,
  insideCount,
  servedByAddress,
  type FixedPlan,
} from '../../../src/model/index.js';

const PLAN: FixedPlan = {
  subnets: [
    { vpc: 'red', prefix: '10.0.0.0/24' },
    { vpc: 'blue', prefix: '10.0.0.0/25' },
  ],
  addresses: ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4'],
  blockSize: 256,
  blocks: 2,
  overflow: 0,
};

test('numbers worked out by hand', (t) => {
  t.equal(insideCount(PLAN), 384);
  t.equal(servedByAddress(PLAN), 126, '252 blocks, two for each');
  t.equal(fixedBlocks(PLAN), 252);
  // 10.0.0.130 of red is number 130: the fifth of the second address
  t.same(fixedPlace(PLAN, 'red', '10.0.0.130'), { position: 1, block: 4 + 2 * 4 });
  // 10.0.0.0 of blue is number 256: the fifth of the third
  t.same(fixedPlace(PLAN, 'blue', '10.0.0.0'), { position: 2, block: 4 + 2 * 4 });
  t.same(fixedHolder(PLAN, '203.0.113.2', 3072 + 511), {
    vpc: 'red',
    inside: '10.0.0.130',
    first: 3072,
    last: 3583,
  });
  t.equal(fixedPlace(PLAN, 'red', '10.0.1.0'), undefined, 'of no subnet');
  t.equal(fixedPlace(PLAN, 'green', '10.0.0.1'), undefined, 'of no VPC');
  t.equal(fixedPlace(PLAN, 'red', 'fd00::1'), undefined, 'of no family');
  t.equal(fixedHolder(PLAN, '203.0.113.1', 1023), undefined, 'low ports are nobody’s');
  t.equal(fixedHolder(PLAN, '203.0.113.9', 2000), undefined, 'no address of the pool');
  t.equal(fixedHolder(PLAN, '203.0.113.4', 5000), undefined, 'beyond the last inside address');
  t.equal(fixedPlace({ ...PLAN, addresses: [] }, 'red', '10.0.0.1'), undefined);
  t.equal(fixedPlace({ ...PLAN, overflow: 252 }, 'red', '10.0.0.1'), undefined, 'no ports left');
  t.end();
});

test('what a gateway says', (t) => {
  const spec = {
    sources: [{ vpc: 'red', subnets: ['a', 'six', 'b'] }],
    addresses: ['203.0.113.9', '203.0.113.4/31', '2001:db8::1'],
  };
  const prefixes: Record<string, string> = { a: '10.0.0.0/24', b: '10.0.9.0/30' };
  t.equal(
    fixedPlan(spec, () => '10.0.0.0/8'),
    undefined,
    'not deterministic',
  );
  t.same(
    fixedPlan({ ...spec, deterministic: { overflow: 5 } }, (name) => prefixes[name]),
    {
      subnets: [
        { vpc: 'red', prefix: '10.0.0.0/24' },
        { vpc: 'red', prefix: '10.0.9.0/30' },
      ],
      addresses: ['203.0.113.4', '203.0.113.5', '203.0.113.9'],
      blockSize: 512,
      blocks: 1,
      overflow: 5,
    },
  );
  t.end();
});

const plans: fc.Arbitrary<FixedPlan> = fc
  .record({
    lengths: fc.array(fc.integer({ min: 20, max: 30 }), { minLength: 1, maxLength: 4 }),
    addresses: fc.integer({ min: 1, max: 40 }),
    bits: fc.integer({ min: 6, max: 10 }),
    blocks: fc.integer({ min: 1, max: 5 }),
    overflow: fc.integer({ min: 0, max: 60 }),
  })
  .map(({ lengths, addresses, bits, blocks, overflow }) => ({
    subnets: lengths.map((length, i) => ({ vpc: `v${i % 2}`, prefix: `10.${i}.0.0/${length}` })),
    addresses: Array.from({ length: addresses }, (_, i) => `203.0.113.${i + 1}`),
    blockSize: 2 ** bits,
    blocks,
    overflow,
  }));

test('an address’s ports lead back to it, and no two have the same', (t) => {
  fc.assert(
    fc.property(plans, fc.nat(), fc.nat(), fc.nat(), (plan, s, i, p) => {
      const subnet = plan.subnets[s % plan.subnets.length]!;
      const offset = i % 2 ** (32 - Number(subnet.prefix.split('/')[1]));
      const [a, b] = subnet.prefix.split('.');
      const inside = `${a}.${b}.${offset >> 8}.${offset & 255}`;
      const place = fixedPlace(plan, subnet.vpc, inside);
      if (place === undefined)
        return insideCount(plan) > servedByAddress(plan) * plan.addresses.length;
      const first = place.block * plan.blockSize;
      const ports = plan.blocks * plan.blockSize;
      const back = fixedHolder(plan, plan.addresses[place.position]!, first + (p % ports));
      const limit = 1024 + fixedBlocks(plan) * plan.blockSize;
      return (
        first >= 1024 &&
        first + ports <= limit &&
        limit <= 65536 - plan.overflow * plan.blockSize &&
        back?.inside === inside &&
        back.vpc === subnet.vpc &&
        back.first === first &&
        back.last === first + ports - 1
      );
    }),
    { numRuns: 2000 },
  );
  t.end();
});
