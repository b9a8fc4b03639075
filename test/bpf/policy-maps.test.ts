// SPDX-License-Identifier: Apache-2.0
/** Tables of policies in the kernel's maps: written, turned, cut short, taken over and removed. */
import { compile, loader, PINS } from './fixtures/adapter.js';
import { test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { IndexAllocator, TABLE_NAMES, type Delta } from '../../src/daemon/calc/index.js';
import { PolicyTables, type PolicyDelta } from '../../src/daemon/calc/policy/tables.js';
import type { ResolvedRule } from '../../src/daemon/calc/policy/types.js';
import { Driver, driverMaps } from '../../src/daemon/datapath/driver.js';
import { encodeKey } from '../../src/daemon/datapath/keys.js';
import { decode, MAPS } from '../../src/maps/index.js';
import { limits } from '../calc/support.js';

const object = loader.load({
  path: compile('abi', 'tools/abi.bpf.c'),
  pinDir: `${PINS}/policy`,
  maxEntries: { flow: 1024, age_node: 2048 },
});
const map = (name: string) => object.maps.get(name)!;

function driver(): Driver {
  const out = new Driver({
    maps: driverMaps(map),
    log: silentLogger(),
    pause: () => Promise.resolve(),
    mark: { left: false, set: () => undefined, clear: () => undefined },
  });
  out.readActual();
  return out;
}

const delta = ({ upserts, removals }: Pick<PolicyDelta, 'upserts' | 'removals'>): Delta => ({
  ...{ upserts, removals, touchedVpcs: [1], findings: [], released: [] },
  ...{ devices: new Map(), droplets: new Map(), vteps: new Map() },
});

const set = '100 n 10.0.0.0/8';
const side = { sets: [], notSets: [] };
const rule: ResolvedRule = {
  action: 'allow',
  identity: 'Policy/p/ingress/0',
  protocol: 6,
  source: { ...side, sets: [set] },
  destination: { ...side, ports: { ranges: [{ from: 1000, to: 2000 }], named: [] } },
};
const epoch = (): number =>
  decode(MAPS.pol_epoch.value, map('pol_epoch').lookup(new Uint8Array(4))!);
const classOf = (table: 'pol_host' | 'pol_net' | 'pol_named', key: string) => {
  const value = map(table).lookup(encodeKey(table, key));
  return value && decode(MAPS[table].value, value).class;
};

test('tables of policies', async (t) => {
  const tables = new PolicyTables(
    { indexes: new IndexAllocator({ limits: limits(1000) }) },
    { closed: 4096 },
  );
  const id = tables.classIndex(`100|${set}`);
  const first = tables.flush({
    endpoints: new Map([['a', { vni: 100, index: 5, ingress: [[rule]], egress: undefined }]]),
    classes: {
      appeared: [{ id, key: `100|${set}`, sets: [set] }],
      vanished: [],
      hosts: [{ vni: 100, address: '10.0.0.9', class: id }],
      nets: [{ vni: 100, prefix: '10.0.0.0/8', class: id }],
      named: [{ vni: 100, address: '10.0.0.9', protocol: 6, port: 80, class: id }],
    },
  });
  const one = driver();
  await one.sync();
  await one.apply(delta(first));
  t.same(one.missing(), []);
  t.equal(epoch(), 1);
  const programs = decode(MAPS.pol_ep.value, map('pol_ep').lookup(encodeKey('pol_ep', '5'))!);
  t.same(programs.of, [1n, 1n]);
  t.same(classOf('pol_host', '100/10.0.0.9'), [id, id]);
  t.same(classOf('pol_net', '100/10.0.0.0/8'), [id, id]);
  t.same(classOf('pol_net', '100/10.1.2.3/32'), [id, id], 'the longest match');
  const range = map('pol_port').lookup(encodeKey('pol_port', '1/2/1500/16'))!;
  t.equal(decode(MAPS.pol_port.value, range).class, 1);
  t.equal(map('pol_port').lookup(encodeKey('pol_port', '1/2/2001/16')), undefined);

  const same = driver();
  await same.apply(delta(first));
  await same.sync();
  t.equal(epoch(), 1, 'nothing to turn');
  // as if the one before had been killed before the turn
  const torn = map('pol_host');
  const bytes = new Uint8Array(Uint32Array.of(id + 1, id).buffer);
  torn.update(encodeKey('pol_host', '100/10.0.0.9'), bytes);
  const next = driver();
  t.same(classOf('pol_host', '100/10.0.0.9'), [id, id], 'what is in force');
  await next.apply(delta({ upserts: [], removals: [] }));
  await next.sync();
  for (const table of TABLE_NAMES.filter((name) => name.startsWith('pol_')))
    t.equal(next.entries(table), 0, table);
  t.equal(epoch(), 0);
  t.equal(map('pol_net').count() + map('pol_port').count() + map('pol_row').count(), 0);
});
