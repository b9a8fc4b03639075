// SPDX-License-Identifier: Apache-2.0
/** Ageing in the kernel: records go when they are idle, and their nodes are used again. */
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import * as p from '../support/packet/index.js';
import { isolate, Rig } from '../support/rig.js';
import { fromA4, routed, WORLD } from './world.js';

isolate();

const DEADLINE_MS = 25_000;
const POLL_MS = 250;

/** Polls until the condition holds. @returns false when the deadline came first. */
async function until(condition: () => boolean): Promise<boolean> {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > end) return false;
    await delay(POLL_MS);
  }
  return true;
}

const tcp = (sport: number, flags: string): Uint8Array =>
  p.packet(routed, fromA4('10.1.0.20'), p.tcp({ sport, dport: 80, flags }));
const udp = (sport: number): Uint8Array =>
  p.packet(routed, fromA4('10.1.0.20'), p.udp({ sport, dport: 53 }));

test('idle records vanish, used ones stay, nodes return', async (t) => {
  const rig = new Rig(WORLD, {
    rodata: {
      cfg_timeout_udp_s: 2,
      cfg_timeout_tcp_s: 300,
      cfg_timeout_other_s: 2,
      cfg_timeout_closing_s: 1,
      cfg_timeout_fragment_s: 2,
    },
  });
  const zero = rig.key(0);
  const age = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(rig.layouts.decode('age_val', rig.map('age').lookup(zero)!))
        .filter(([, v]) => typeof v !== 'object')
        .map(([name, v]) => [name, Number(v)]),
    );
  const now = (): number =>
    rig.layouts.decode('clock_val', rig.map('clock').lookup(zero)!).now_s as number;
  const ports = (): Set<number> =>
    new Set(
      rig
        .map('flow')
        .keys()
        .map((k) => rig.map('flow').lookup(k))
        // one may go between the list of keys and its own turn
        .filter((record) => record !== undefined)
        .map((record) => rig.layouts.decode('flow_val', record))
        .map((v) => v.key as Record<string, unknown>)
        .filter((k) => (k.scope as number) < 0x80000000)
        .map((k) => k.sport as number),
    );

  const started = now();
  t.ok(started > 0, 'the clock is set');
  t.ok(await until(() => now() > started), 'and goes');

  for (let i = 0; i < 20; i++) rig.inject('agent', 'tc', 'a', udp(100 + i));
  rig.inject('agent', 'xdp', 'a', tcp(1, 'S'));
  rig.inject('agent', 'xdp', 'a', tcp(2, 'S'));
  rig.inject('agent', 'xdp', 'a', tcp(2, 'FA'));
  rig.inject('transit', 'xdp', 'droplet', new Uint8Array(64));
  const fragment = p.packet(
    routed,
    fromA4('10.1.0.20', { id: 9, mf: true }),
    p.udp({ sport: 99, dport: 1, length: 600 }),
    p.raw(232),
  );
  rig.inject('agent', 'tc', 'a', fragment);
  t.equal(rig.map('frag').keys().length, 1);
  const used = age().used!;
  t.equal(used, 23 + 1, 'one node for both directions, one for the fragment');

  const busy = udp(500);
  const gone = await until(() => {
    rig.inject('agent', 'tc', 'a', busy);
    const left = ports();
    return rig.map('frag').keys().length === 0 && ![100, 119, 2, 99].some((x) => left.has(x));
  });
  const left = ports();
  t.ok(gone, 'idle UDP, closed TCP and the fragment are gone');
  t.ok(left.has(1), 'idle TCP within its timeout stays');
  t.ok(left.has(500), 'a flow in use stays');
  t.ok(age().expired_flows! >= 20 + 1, 'counted');
  t.ok(age().expired_frags! === 1, 'counted');

  // a node is left alone for two seconds when its connection has ended
  const ended = now();
  t.ok(await until(() => now() > ended + 4), 'nodes are free');
  const before = age().used!;
  for (let i = 0; i < 10; i++) rig.inject('agent', 'tc', 'a', udp(200 + i));
  t.equal(age().used, before, 'new records take returned nodes');
  rig.close();
});
