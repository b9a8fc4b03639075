// SPDX-License-Identifier: Apache-2.0
/** Every row of corpus.ts through both hooks, either one first: all invariants hold. */
import { test } from 'tap';
import { isolate } from '../support/rig.js';
import { Balance } from './balance.js';
import { topology } from './check/topology.js';
import { CORPUS } from './corpus.js';
import { Machine } from './machine.js';
import { bothOrders, observe } from './observe.js';
import { DROPLET_MTU, WORLD } from './world.js';

isolate();

const bytes = (frame: string | Uint8Array): Uint8Array =>
  typeof frame === 'string' ? Uint8Array.from(Buffer.from(frame, 'hex')) : frame;

test(`${CORPUS.length} packets that were treated wrongly once`, (t) => {
  const machine = new Machine(WORLD);
  const topo = topology(WORLD, DROPLET_MTU);
  for (const row of CORPUS) {
    for (const order of bothOrders) {
      machine.reset();
      for (const b of row.before ?? [])
        observe(machine, topo, { ...b, frame: bytes(b.frame) }, order);
      const balance = new Balance(machine);
      const { seen, problem } = observe(machine, topo, { ...row, frame: bytes(row.frame) }, order);
      balance.add(row.program, seen);
      const kinds = seen.map((s) => s.judgement.kind);
      const wrong = row.kind ? kinds.filter((k) => k !== row.kind) : [];
      t.same([problem, balance.problem(), ...wrong], ['', ''], `${row.name} (${order[0]!} first)`);
      t.ok(seen.length > 0, 'it ran');
    }
  }
  machine.close();
  t.end();
});
