// SPDX-License-Identifier: Apache-2.0
/** Real sockets and policies: endpoints with labels on two hosts, both families, what changes. */
import { t as suite, test, type Test } from 'tap';
import { serveBlobs, upload } from '../support/traffic/blob.js';
import { EVERY_MS } from '../support/traffic/talker.js';
import { pingWhole, traceroute } from '../support/traffic/world.js';
import {
  ENDPOINTS,
  FAMILIES,
  NAMES,
  object,
  policy,
  PolicyLab,
  ways,
  type Name,
  type Way,
} from './policy-lab.js';

const LIMIT = { timeout: 400_000 };
suite.setTimeout(600_000);

const WEBS: Name[] = ['web-a', 'web-b'];
const DBS: Name[] = ['db-a', 'db-b'];
const CLIENTS: Name[] = ['client-a', 'client-b'];
const GATEWAY = { 4: '10.0.2.1', 6: 'fd00:2::1' } as const;
/** What the tunnel leaves (MTU 1500, VXLAN over IPv4). */
const TUNNEL_MTU = 1450;
/** A connection is cut this long after a change at most, ms. */
const CUT_MS = 1000;

/** Only web servers may ask databases, and only for tcp 5432. */
const DB = policy('db', {
  selector: "role == 'db'",
  ingress: [
    {
      action: 'allow',
      protocol: 'tcp',
      source: { selector: "role == 'web'" },
      destination: { ports: [5432] },
    },
  ],
});

async function ingress(t: Test, lab: PolicyLab): Promise<void> {
  await lab.apply(DB);
  await lab.expect(t, 'databases are closed', {
    open: [
      ...ways(WEBS, DBS, 'tcp 5432'),
      ...ways(DBS, [...WEBS, ...CLIENTS], 'tcp 80', 'udp 53', 'ping'),
      ...ways(CLIENTS, WEBS, 'tcp 80', 'ping'),
    ],
    closed: [
      ...ways(WEBS, DBS, 'tcp 80', 'udp 5432', 'ping'),
      ...ways(CLIENTS, DBS, 'tcp 5432', 'udp 53', 'ping'),
      ...ways(DBS, DBS, 'tcp 5432'),
    ],
  });
  await lab.remove(DB);
  await lab.expect(t, 'and open again', {
    open: ways(NAMES, DBS, 'tcp 5432', 'udp 53', 'ping'),
    closed: [],
  });
}

async function egress(t: Test, lab: PolicyLab): Promise<void> {
  const out = policy('out', {
    selector: "env == 'dev'",
    types: ['egress'],
    egress: [
      {
        action: 'allow',
        protocol: 'tcp',
        destination: { selector: "role == 'web'", ports: ['80-90'] },
      },
      { action: 'allow', protocol: 'icmp', icmp: { type: 8 } },
      { action: 'allow', protocol: 'icmpv6', icmp: { type: 128 } },
      { action: 'allow', protocol: 'udp', destination: { nets: ['10.0.1.0/24', 'fd00:1::/64'] } },
    ],
  });
  await lab.apply(out);
  await lab.expect(t, 'what clients may open', {
    open: [
      ...ways(CLIENTS, WEBS, 'tcp 80'),
      ...ways(CLIENTS, NAMES, 'ping'),
      ...ways(CLIENTS, DBS, 'udp 53'),
      ...ways(WEBS, CLIENTS, 'tcp 8080', 'udp 53'),
    ],
    closed: [
      ...ways(CLIENTS, WEBS, 'tcp 8080'),
      ...ways(CLIENTS, DBS, 'tcp 80'),
      ...ways(CLIENTS, CLIENTS, 'udp 53'),
    ],
  });
  await lab.remove(out);
}

async function tiers(t: Test, lab: PolicyLab): Promise<void> {
  const tier = object('Tier', 'security', { order: 10, defaultAction: 'pass' });
  const guard = policy('guard', {
    tier: 'security',
    ingress: [
      { action: 'deny', protocol: 'tcp', destination: { ports: [8080] } },
      { action: 'pass', protocol: 'tcp', source: { selector: "role == 'web'" } },
      { action: 'allow', protocol: 'udp', destination: { ports: [53] } },
    ],
  });
  const all = policy('all', {
    ingress: [{ action: 'allow', source: { selector: "role in {'web', 'db'}" } }],
  });
  await lab.apply(tier);
  await lab.apply(guard, all);
  await lab.expect(t, 'a tier, then the default one', {
    open: [
      ...ways(WEBS, NAMES, 'tcp 5432'),
      ...ways(DBS, WEBS, 'tcp 80', 'ping'),
      ...ways(CLIENTS, DBS, 'udp 53'),
    ],
    closed: [...ways(WEBS, DBS, 'tcp 8080'), ...ways(CLIENTS, WEBS, 'tcp 80', 'udp 5432', 'ping')],
  });
  await lab.remove(all);
  await lab.expect(t, 'what is passed and said nowhere', {
    open: ways(CLIENTS, DBS, 'udp 53'),
    closed: [...ways(WEBS, DBS, 'tcp 5432', 'ping'), ...ways(DBS, WEBS, 'tcp 80')],
  });
  await lab.remove(guard, tier);
}

/** An endpoint as the lab has it, with more. */
async function endpoint(
  lab: PolicyLab,
  name: Name,
  labels: Readonly<Record<string, string>>,
  more: object = {},
): Promise<void> {
  const path = `/v1/endpoints/${name}`;
  const { spec } = (await lab.lab.call('h1', 'GET', path)) as { spec: object };
  await lab.apply({ kind: 'Endpoint', metadata: { name, labels }, spec: { ...spec, ...more } });
}

async function profiles(t: Test, lab: PolicyLab): Promise<void> {
  const profile = object('Profile', 'served', {
    labels: { exposed: 'yes' },
    ingress: [{ action: 'allow', protocol: 'tcp', source: { selector: "role == 'client'" } }],
    egress: [{ action: 'allow' }],
  });
  await lab.apply(profile);
  await endpoint(lab, 'web-b', { role: 'web', env: 'prod' }, { profiles: ['served'] });
  await lab.expect(t, 'a profile', {
    open: [...ways(CLIENTS, ['web-b'], 'tcp 80'), ...ways(['web-b'], DBS, 'tcp 80', 'udp 53')],
    closed: [...ways(CLIENTS, ['web-b'], 'udp 53', 'ping'), ...ways(DBS, ['web-b'], 'tcp 80')],
  });
  const exposed = policy('exposed', {
    selector: "exposed == 'yes'",
    ingress: [{ action: 'allow', protocol: 'udp', destination: { ports: [53] } }],
  });
  await lab.apply(exposed);
  await lab.expect(t, 'its label is the endpoint’s', {
    open: ways([...CLIENTS, ...DBS], ['web-b'], 'udp 53'),
    closed: ways([...CLIENTS, ...DBS], ['web-b'], 'tcp 80'),
  });
  await lab.remove(exposed);
  await endpoint(lab, 'web-b', { role: 'web', env: 'prod' }, { profiles: [] });
  await lab.remove(profile);
  await lab.expect(t, 'without it', { open: ways(DBS, ['web-b'], 'tcp 80', 'ping'), closed: [] });
}

async function sets(t: Test, lab: PolicyLab): Promise<void> {
  const trusted = (...nets: string[]) => ({
    kind: 'NetworkSet',
    metadata: { name: 'trusted', labels: { zone: 'trusted' } },
    spec: { vpc: 'shop', nets },
  });
  const named = policy('named', {
    selector: "role == 'db'",
    ingress: [
      {
        action: 'allow',
        protocol: 'tcp',
        source: { selector: "zone == 'trusted'" },
        destination: { ports: ['postgres'] },
      },
    ],
  });
  await lab.apply(trusted('10.0.2.13', 'fd00:2::13'), named);
  await lab.expect(t, 'a set of one client, a named port', {
    open: ways(['client-a'], DBS, 'tcp 5432'),
    closed: [...ways(['client-b', 'web-a'], DBS, 'tcp 5432'), ...ways(['client-a'], DBS, 'tcp 80')],
  });
  await lab.apply(trusted('10.0.2.16/28', 'fd00:2::23'));
  await lab.expect(t, 'of the other one', {
    open: ways(['client-b'], DBS, 'tcp 5432'),
    closed: ways(['client-a', 'web-a'], DBS, 'tcp 5432'),
  });
  const port = (number: number) => [{ name: 'postgres', protocol: 'tcp', port: number }];
  await endpoint(lab, 'db-a', { role: 'db', env: 'prod' }, { ports: port(8080) });
  await lab.expect(t, 'the name means another port of db-a', {
    open: [
      ...ways(['client-b'], ['db-a'], 'tcp 8080'),
      ...ways(['client-b'], ['db-b'], 'tcp 5432'),
    ],
    closed: [
      ...ways(['client-b'], ['db-a'], 'tcp 5432'),
      ...ways(['client-b'], ['db-b'], 'tcp 8080'),
    ],
  });
  await endpoint(lab, 'db-a', { role: 'db', env: 'prod' }, { ports: port(5432) });
  await lab.remove(named);
  await lab.remove(trusted());
}

async function labels(t: Test, lab: PolicyLab): Promise<void> {
  await lab.apply(DB);
  const asks = ways(['client-b'], DBS, 'tcp 5432');
  await lab.expect(t, 'a client', { open: [], closed: asks });
  await endpoint(lab, 'client-b', { role: 'web', env: 'dev' });
  await lab.expect(t, 'becomes a web server', { open: asks, closed: [] });
  await endpoint(lab, 'client-b', { role: 'client', env: 'dev' });
  await lab.expect(t, 'and a client again', { open: [], closed: asks });
  await lab.remove(DB);
}

/** Connections that run while policies come and go. */
async function running(t: Test, lab: PolicyLab): Promise<void> {
  const stay: Way[] = [
    ...ways(WEBS, DBS, 'tcp 5432'),
    ...ways(CLIENTS, WEBS, 'tcp 80', 'udp 53'),
    ...ways(DBS, CLIENTS, 'tcp 80'),
  ];
  const go: Way[] = [
    ...ways(CLIENTS, DBS, 'tcp 5432', 'udp 53'),
    ...ways(WEBS, DBS, 'tcp 80'),
    ...ways(DBS, DBS, 'tcp 5432'),
  ];
  const all = [...stay, ...go].flatMap((way) =>
    FAMILIES.map((family) => ({
      way,
      name: `${way.join(' ')} ${family}`,
      family,
      goes: go.includes(way),
    })),
  );
  for (const {
    way: [from, to, how],
    name,
    family,
  } of all) {
    const [kind, port] = how.split(' ');
    await lab.talkers[from].keep(
      name,
      kind === 'tcp' ? 'tcp' : 'udp',
      ENDPOINTS[to][family],
      Number(port),
    );
  }
  const each = async <T>(job: (one: (typeof all)[number]) => Promise<T>): Promise<T[]> =>
    Promise.all(all.map(job));
  const kept = () => each(async ({ way: [from], name }) => lab.talkers[from].kept(name));
  const forget = () => each(async ({ way: [from], name }) => lab.talkers[from].forget(name));
  const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await pass(1000);
  t.ok(
    (await kept()).every(({ answers }) => answers > 2),
    `${all.length} connections run`,
  );
  await forget();
  const applied = await lab.apply(DB);
  await pass(3000);
  const after = await kept();
  const lasts = after.filter((_, i) => all[i]!.goes).map(({ last }) => last - applied);
  t.ok(Math.max(...lasts) <= CUT_MS, `what is denied: ${Math.max(...lasts)} ms after the change`);
  const gaps = after.filter((_, i) => !all[i]!.goes).map(({ gap }) => gap);
  t.ok(
    Math.max(...gaps) < CUT_MS,
    `what is allowed: at most ${Math.max(...gaps)} ms between answers`,
  );
  const ends = after.filter((_, i) => !all[i]!.goes).map(({ last }) => last - applied);
  t.ok(Math.min(...ends) > 3000 - CUT_MS, `and goes on, sent every ${EVERY_MS} ms`);
  await lab.expect(t, 'new ones', { open: stay, closed: go });
  await forget();
  await lab.remove(DB);
  await lab.expect(t, 'new ones again', { open: [...stay, ...go], closed: [] });
  const again = await kept();
  const udp = again.filter((_, i) => all[i]!.goes && all[i]!.way[2].startsWith('udp'));
  t.ok(
    udp.every(({ last }) => last > 0),
    'and those of UDP that were cut',
  );
}

/** ICMP errors are about connections: they come back whatever the policies say of ICMP. */
async function errors(t: Test, lab: PolicyLab): Promise<void> {
  const closed = policy('web', {
    selector: "role == 'web'",
    types: ['ingress', 'egress'],
    ingress: [
      { action: 'allow', protocol: 'tcp', destination: { ports: [8000] } },
      { action: 'allow', protocol: 'udp' },
    ],
    egress: [
      { action: 'allow', protocol: 'tcp', destination: { ports: [8000] } },
      { action: 'allow', protocol: 'udp' },
      { action: 'allow', protocol: 'icmp', icmp: { type: 8 } },
      { action: 'allow', protocol: 'icmpv6', icmp: { type: 128 } },
    ],
  });
  const out = policy('dev', {
    selector: "env == 'dev'",
    types: ['ingress', 'egress'],
    egress: [{ action: 'allow', protocol: 'udp' }],
  });
  await serveBlobs(lab.lab, 'web-b');
  await lab.apply(closed, out);
  await lab.expect(t, 'little is open', {
    open: ways(WEBS, DBS, 'udp 53', 'ping'),
    closed: [...ways(WEBS, CLIENTS, 'udp 53'), ...ways(CLIENTS, WEBS, 'tcp 80', 'ping')],
  });
  for (const f of FAMILIES) {
    const big = await pingWhole(lab.lab, 'web-a', ENDPOINTS['db-b'][f], 1500);
    t.match(big, f === 4 ? `mtu = ${TUNNEL_MTU}` : `mtu=${TUNNEL_MTU}`, `IPv${f}: too big`);
    const { whole } = await upload(lab.lab, 'web-a', ENDPOINTS['web-b'][f], 2 << 20);
    t.ok(whole, `IPv${f}: TCP finds the path MTU`);
    const hops = await traceroute(lab.lab, 'client-a', ENDPOINTS['web-b'][f]);
    t.same(hops, [GATEWAY[f], ENDPOINTS['web-b'][f]], `IPv${f}: traceroute, with its last error`);
  }
  await lab.remove(closed, out);
}

async function drops(t: Test, lab: PolicyLab): Promise<void> {
  await lab.apply(DB);
  const before = await lab.lab.dropped('h1', 'POLICY');
  await lab.expect(t, 'a client', { open: [], closed: ways(['client-a'], ['db-a'], 'tcp 80') });
  t.ok((await lab.lab.dropped('h1', 'POLICY')) > before, 'counted');
  t.match(await lab.lab.transit('h1', 'get', 'drops'), /POLICY/, 'transit get drops shows it');
  await lab.remove(DB);
}

test('policies between real sockets', LIMIT, async (t) => {
  const lab = await PolicyLab.up('policy');
  t.teardown(() => lab.lab.down());
  await lab.expect(t, 'without policies', {
    open: ways(NAMES, NAMES, 'tcp 80', 'udp 53', 'ping'),
    closed: [],
  });
  await t.test('ingress', (s) => ingress(s, lab));
  await t.test('egress', (s) => egress(s, lab));
  await t.test('tiers', (s) => tiers(s, lab));
  await t.test('profiles', (s) => profiles(s, lab));
  await t.test('sets and named ports', (s) => sets(s, lab));
  await t.test('labels change', (s) => labels(s, lab));
  await t.test('connections that run', (s) => running(s, lab));
  await t.test('ICMP errors', (s) => errors(s, lab));
  await t.test('drops', (s) => drops(s, lab));
});
