// SPDX-License-Identifier: Apache-2.0
/**
 * GSO frames on tc: the MTU is asked of one segment. To an endpoint of this host only: the
 * kernel does not let a test's GSO frame grow a tunnel header, since it has no type.
 */
import { test } from 'tap';
import { decode, differences } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { isolate, Rig } from '../support/rig.js';
import { fromA4, fromA6, GW, MAC, routed, WORLD } from './world.js';

isolate();

/** c's MTU is 1300: 40 bytes of IPv4 and TCP headers leave this much per segment. */
const FITS = 1260;
const TCP = p.tcp({ sport: 40001, dport: 40002 });
const super4 = p.packet(routed, fromA4('10.2.0.12', { df: true }), TCP, p.raw(2 * FITS));
const super6 = p.packet(routed, fromA6('fd02::12'), TCP, p.raw(2 * FITS));

test('segments that fit pass, on the walk and on the hit path', (t) => {
  const rig = new Rig(WORLD);
  const gso = { size: FITS, segments: 2 };
  const [first, second] = [1, 2].map(() => rig.run('agent', 'tc', 'a', super4, gso));
  t.equal(first!.verdict, 'sent', String(first!.reason));
  t.equal(second!.counts.nodes.FLOW, 1);
  t.same(first!.data, second!.data);
  const out = [
    { layer: 'eth', dst: MAC.c, src: GW },
    { layer: 'ip', length: 40 + 2 * FITS, ttl: 63 },
    { layer: 'tcp' },
  ];
  t.same(differences(decode([first!.data])[0]!, out), []);
  const six = { size: FITS - 20, segments: 2 };
  t.equal(rig.run('agent', 'tc', 'a', super6, six).verdict, 'sent');
  rig.close();
  t.end();
});

test('segments that do not fit are too big', (t) => {
  const rig = new Rig(WORLD);
  rig.inject('agent', 'tc', 'a', super4, { size: FITS, segments: 2 });
  for (const [frame, size] of [
    [super4, FITS + 1],
    [super6, FITS - 19],
  ] as const) {
    const outcome = rig.run('agent', 'tc', 'a', frame, { size, segments: 2 });
    t.equal(outcome.reason, 'TOO_BIG');
    t.equal(outcome.counts.generated, 1);
    const error = decode([outcome.data])[0]!.layers[2]!;
    t.same([error.mtu, error.checksum], [1300, 'good'], error.layer);
  }
  rig.close();
  t.end();
});
