// SPDX-License-Identifier: Apache-2.0
/** Connections that proposed policies would cut. */
import t from 'tap';
import { parseObjects, type Flow } from '../../../src/api/index.js';
import { policyDiff } from '../../../src/daemon/rest/policy-diff.js';
import type { StoredObject } from '../../../src/model/index.js';
import { startFixture } from './fixture.js';

function stored(...inputs: unknown[]): readonly StoredObject[] {
  const { objects, problems } = parseObjects(inputs);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return objects.map(({ object }) => object);
}

const endpoint = (name: string, addresses: string[], more: object = {}) => ({
  kind: 'Endpoint',
  metadata: { name, labels: { role: name } },
  spec: { vpc: 'blue', subnet: 's', host: 'h1', addresses, ...more },
});

const policy = (name: string, spec: object) => ({ kind: 'Policy', metadata: { name }, spec });

const HERE = stored(
  { kind: 'Vpc', metadata: { name: 'blue' }, spec: { vni: 100 } },
  endpoint('web', ['10.0.0.1', '2001:db8::1']),
  endpoint('db', ['10.0.0.2'], { ports: [{ name: 'pg', protocol: 'tcp', port: 5432 }] }),
  endpoint('far', ['10.0.0.3'], { host: 'h2' }),
);

const flow = (more: Partial<Flow> = {}): Flow => ({
  vpc: 'blue',
  vni: 100,
  scope: 'web',
  family: 4,
  proto: 'tcp',
  source: '10.0.0.1',
  sourcePort: 40000,
  destination: '10.0.0.2',
  destinationPort: 5432,
  action: 'deliver',
  target: 'db',
  reply: false,
  generation: 1,
  current: true,
  idleSeconds: 3,
  routed: false,
  ...more,
});

const answer = flow({
  scope: 'db',
  source: '10.0.0.2',
  sourcePort: 5432,
  destination: '10.0.0.1',
  destinationPort: 40000,
  target: 'web',
  reply: true,
});

async function cut(flows: Flow[], proposed: readonly unknown[], before = HERE): Promise<string[]> {
  const after = [...before, ...stored(...proposed)];
  const said = await policyDiff({ revision: 7, before, after }, { flows, truncated: false }, 'h1');
  return said.connections.map((one) => `${one.endpoint} ${one.direction} ${one.rule}`);
}

await t.test('each end by its own policies, the answers of a connection by none', async (t) => {
  const flows = [flow(), answer];
  const closed = policy('closed', { selector: "role == 'db'" });
  t.same(await cut(flows, [closed]), ['db ingress Tier/default/ingress']);
  const out = policy('out', { selector: "role == 'web'", egress: [{ action: 'deny' }] });
  t.same(await cut(flows, [out]), ['web egress Policy/out/egress/0']);
  t.same(await cut(flows, [closed, out]), [
    'web egress Policy/out/egress/0',
    'db ingress Tier/default/ingress',
  ]);
  t.same(await cut(flows, []), []);
  // a policy of db's egress is not asked about what it answers
  t.same(await cut(flows, [policy('e', { selector: "role == 'db'", types: ['egress'] })]), []);
});

await t.test('rules by selector, named port, net', async (t) => {
  const only = (source: object, ports: unknown[]) =>
    policy('only', {
      selector: "role == 'db'",
      ingress: [{ action: 'allow', protocol: 'tcp', source, destination: { ports } }],
    });
  const db = "role == 'db'";
  t.same(await cut([flow()], [only({ selector: "role == 'web'" }, ['pg'])]), []);
  t.same(await cut([flow()], [only({ selector: db }, ['pg'])]), [
    'db ingress Tier/default/ingress',
  ]);
  t.same(await cut([flow()], [only({ nets: ['10.0.0.0/31'] }, ['5000-6000'])]), []);
  t.same((await cut([flow()], [only({ nets: ['10.0.0.2/31'] }, ['pg'])])).length, 1);
  t.same((await cut([flow()], [only({}, ['other'])])).length, 1);
});

await t.test('what is denied already is not said', async (t) => {
  const before = [...HERE, ...stored(policy('closed', { selector: "role == 'db'" }))];
  t.same(await cut([flow()], [policy('more', { selector: "role == 'db'" })], before), []);
});

await t.test('endpoints of other hosts, tunnels and devices have no policies here', async (t) => {
  const all = policy('all', { types: ['ingress', 'egress'] });
  const from = flow({ scope: 'tunnel', source: '10.0.0.3' });
  t.same(await cut([from], [all]), ['db ingress Tier/default/ingress']);
  const to = flow({ destination: '10.0.0.3', action: 'encap', target: '192.0.2.2' });
  t.same(await cut([to], [all]), ['web egress Tier/default/egress']);
  t.same(await cut([{ ...to, scope: 'far' }], [all]), []);
  const tunnel = stored(endpoint('tunnel', ['10.0.0.9']));
  t.equal((await cut([from], [all], [...HERE, ...tunnel])).length, 1);
});

await t.test('the receiver sees what translation made of it, also of ICMP', async (t) => {
  const translated = {
    source: '198.51.100.9',
    sourcePort: 7,
    destination: '10.0.0.2',
    destinationPort: 7,
  };
  const ping = flow({
    family: 6,
    proto: 'icmpv6',
    source: '2001:db8::1',
    sourcePort: 5,
    destination: '64:ff9b::1',
    destinationPort: 5,
    translated,
  });
  const icmp = (type: number, net: string) =>
    policy('icmp', {
      selector: "role == 'db'",
      ingress: [{ action: 'allow', protocol: 'icmp', icmp: { type }, source: { nets: [net] } }],
    });
  t.same(await cut([ping], [icmp(8, '198.51.100.9')]), []);
  t.equal((await cut([ping], [icmp(0, '198.51.100.9')])).length, 1);
  t.equal((await cut([ping], [icmp(8, '198.51.100.8')])).length, 1);
  const web = (type: number) =>
    policy('web', {
      selector: "role == 'web'",
      egress: [{ action: 'allow', protocol: 'icmpv6', icmp: { type } }],
    });
  t.same(await cut([ping], [web(128)]), []);
  t.equal((await cut([ping], [web(8)])).length, 1);
  // anything but an echo: type and code stand where the destination's port does
  const stamp = flow({ proto: 'icmp', sourcePort: 0, destinationPort: (13 << 8) | 1 });
  t.same(await cut([stamp], [icmp(13, '10.0.0.1')]), []);
});

await t.test('over HTTP: objects are judged as by apply, and nothing is stored', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const send = (body: unknown) => f.send({ method: 'POST', path: '/v1/policy-diff', body });
  const good = await send({ objects: [policy('p', { selector: 'all()' })] });
  t.same(JSON.parse(good.text), { revision: 0, connections: [], truncated: false });
  t.match(await send({ objects: [policy('p', { vpc: 'none' })] }), { status: 422 });
  t.match(await f.send({ path: '/v1/policies/p' }), { status: 404 });
});
