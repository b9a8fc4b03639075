// SPDX-License-Identifier: Apache-2.0
/** How long a big host's configuration takes. Printed, not asserted: machines differ. */
import { performance } from 'node:perf_hooks';
import { test } from 'tap';
import { Calculator, type ObjectChange } from '../../src/daemon/calc/index.js';
import type { StoredObject } from '../../src/model/index.js';
import { allocator, droplet, HOST, object, PORT, tell } from './support.js';

const VPCS = 100;
const HOSTS = 500;
const ENDPOINTS = 100_000;
const ROUTES = 10_000;

function configuration(): StoredObject[] {
  const all: StoredObject[] = [
    object('Droplet', 'd0', { host: HOST, device: 'eth0', addresses: ['192.0.2.1'] }),
  ];
  for (let h = 1; h <= HOSTS; h++) {
    const addresses = [`192.0.${2 + (h >> 8)}.${h & 255}`];
    all.push(object('Droplet', `d${h}`, { host: `r${h}`, device: 'eth0', addresses }));
  }
  for (let v = 0; v < VPCS; v++) {
    all.push(object('Vpc', `v${v}`, { vni: v + 1 }));
    const ipv4 = { prefix: '10.0.0.0/8' };
    all.push(object('Subnet', `s${v}`, { vpc: `v${v}`, ipv4 }));
  }
  for (let e = 0; e < ENDPOINTS; e++) {
    const v = e % VPCS;
    const n = Math.floor(e / VPCS) + 2;
    all.push(
      object('Endpoint', `e${e}`, {
        host: `r${(e % HOSTS) + 1}`,
        vpc: `v${v}`,
        subnet: `s${v}`,
        addresses: [`10.0.${n >> 8}.${n & 255}`],
      }),
    );
  }
  for (let r = 0; r < ROUTES; r++) {
    const n = Math.floor(r / VPCS);
    const to =
      r % 2
        ? { endpoint: `e${r}` }
        : { nexthops: [{ vtep: '198.51.100.1' }, { vtep: '198.51.100.2' }] };
    all.push(object('Route', `r${r}`, { vpc: `v${r % VPCS}`, prefix: `172.16.${n}.0/24`, ...to }));
  }
  return all;
}

test('speed', (t) => {
  const changes: ObjectChange[] = configuration().map((o) => ({
    kind: o.kind,
    name: o.metadata.name,
    object: o,
  }));
  const calculator = new Calculator({ indexes: allocator() }, { host: HOST, vxlanPort: PORT });
  tell(calculator, droplet('d0', 2));
  const started = performance.now();
  calculator.objects(changes);
  const delta = calculator.flush();
  const bulkMs = performance.now() - started;
  const writes = delta.upserts.length;
  t.equal(delta.findings.length, 0);
  t.ok(writes > ENDPOINTS + ROUTES);
  const times: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const e = 17 * i;
    const changed = object('Endpoint', `e${e}`, {
      host: `r${((e + 1) % HOSTS) + 1}`,
      vpc: `v${e % VPCS}`,
      subnet: `s${e % VPCS}`,
      addresses: [`10.1.${i >> 8}.${i & 255}`],
    });
    const from = performance.now();
    calculator.objects([{ kind: 'Endpoint', name: `e${e}`, object: changed }]);
    const one = calculator.flush();
    times.push(performance.now() - from);
    if (one.upserts.length === 0) t.fail('nothing changed');
  }
  times.sort((a, b) => a - b);
  const [median, slow] = [times[500] ?? 0, times[990] ?? 0];
  t.comment(
    `${ENDPOINTS} endpoints, ${ROUTES} routes: ${bulkMs.toFixed(0)} ms for ${writes} entries`,
  );
  t.comment(`one endpoint: median ${median.toFixed(3)} ms, 99th percentile ${slow.toFixed(3)} ms`);
  t.end();
});
