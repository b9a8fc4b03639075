// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runCli } from '../../../src/cli/program.js';
import { fakeView } from '../metrics/fake-view.js';
import { FakeServer, type SomeHandlers } from './fake-server.js';

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly tty?: boolean;
}

async function run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  let out = '';
  let err = '';
  const status = await runCli(args, {
    stdout: { write: (text) => (out += text), isTTY: options.tty },
    stderr: { write: (text) => (err += text) },
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream is async by nature
    stdin: (async function* () {
      yield options.stdin ?? '';
    })(),
    env: options.env ?? {},
    now: () => Date.parse('2026-01-01T05:12:00Z'),
    signal: new AbortController().signal,
  });
  return { status, out, err };
}

const YAML = `
kind: Vpc
metadata: {name: blue, labels: {tier: web}}
spec: {vni: 100}
---
kind: Subnet
metadata: {name: blue-a}
spec: {vpc: blue, ipv4: {prefix: 10.0.0.0/24}}
---
kind: List
items:
  - kind: Endpoint
    metadata: {name: web-1}
    spec: {host: host-a, vpc: blue, subnet: blue-a, addresses: [10.0.0.5]}
`;

async function start(t: Test, handlers?: SomeHandlers) {
  const server = new FakeServer(handlers);
  await server.start();
  t.teardown(() => {
    server.stop();
  });
  const cli = (args: readonly string[], options: RunOptions = {}): Promise<Run> =>
    run(['--server', server.socket, ...args], options);
  return { server, cli };
}

void t.test('apply, get, describe, diff, delete', async (t) => {
  const { cli, server } = await start(t);
  const file = join(t.testdir({ 'a.yaml': YAML }), 'a.yaml');
  t.match(await cli(['apply', '--dry-run', '-f', file]), {
    status: 0,
    out: 'vpc/blue created (dry run)\nsubnet/blue-a created (dry run)\nendpoint/web-1 created (dry run)\n',
  });
  t.equal(server.objects.size, 0);
  t.match(await cli(['apply', '-f', file]), { status: 0, out: /^vpc\/blue created$/m });
  t.match(await cli(['apply', '-f', '-'], { stdin: YAML }), {
    out: /^endpoint\/web-1 unchanged$/m,
  });

  const table = await cli(['get', 'ep']);
  t.equal(
    table.out,
    'NAME    HOST     VPC    SUBNET   ADDRESSES   STATE        AGE\n' +
      'web-1   host-a   blue   blue-a   10.0.0.5    Programmed   5h12m\n',
  );
  t.match((await cli(['get', 'vpcs', '-o', 'wide'])).out, /02:54:00:00:00:64 .* tier=web/);
  t.equal(
    (await cli(['get', 'all', '-o', 'name'])).out,
    'vpc/blue\nsubnet/blue-a\nendpoint/web-1\n',
  );
  t.match((await cli(['get', 'all'])).out, /^vpc\/blue /m);
  t.match(JSON.parse((await cli(['get', 'vpc', 'blue', '-o', 'json'])).out), {
    spec: { vni: 100 },
  });
  t.match(JSON.parse((await cli(['get', 'VPC', '-o', 'json'])).out), { kind: 'List', items: [{}] });
  t.match(await cli(['get', 'vpc/blue', '-o', 'yaml']), { out: /^ {2}vni: 100$/m });
  t.match(await cli(['get', 'vpc', '-l', 'tier!=web']), { out: '', err: 'no objects found\n' });
  t.match(await cli(['describe', 'endpoint', 'web-1']), {
    out: /Name: +web-1\n[^]*addresses:\n[^]*Programmed +True +Programmed +5h12m[^]*ifindex: 7/,
  });

  t.match(await cli(['diff', '-f', file]), { status: 0, out: '' });
  const changed = YAML.replace('10.0.0.5', '10.0.0.6');
  const diff = await cli(['diff', '-f', '-'], { stdin: changed });
  t.same(diff, {
    status: 1,
    out: 'endpoint/web-1 would be updated\n- spec.addresses[0]: 10.0.0.5\n+ spec.addresses[0]: 10.0.0.6\n',
    err: '',
  });
  t.match(await cli(['diff', '-f', '-'], { stdin: 'kind: Vpc' }), { status: 2, err: /^error: / });

  t.match(await cli(['delete', 'ep', 'web-1']), { status: 0, out: 'endpoint/web-1 deleted\n' });
  t.match(await cli(['delete', 'ep/web-1']), {
    status: 1,
    err: 'error: Endpoint/web-1 does not exist\n',
  });
  t.match(await cli(['delete', '--ignore-not-found', 'ep/web-1']), { status: 0, out: '' });
  t.match(await cli(['delete', '-f', file, '--dry-run']), { status: 1 });
});

void t.test('problems are printed one a line, with object and field', async (t) => {
  const { cli } = await start(t);
  const bad = YAML.replace('10.0.0.5', '10.0.0.300').replace('vni: 100', 'vni: 0');
  t.same(await cli(['apply', '-f', '-'], { stdin: bad }), {
    status: 1,
    out: '',
    err:
      'error: Vpc/blue: spec.vni: 0 is out of range: must be at least 1\n' +
      'error: Endpoint/web-1: spec.addresses[0]: "10.0.0.300" is not an IP address: IPv4 is four decimal numbers 0..255 without leading zeros\n',
  });
});

void t.test('input: directories, JSON, mistakes', async (t) => {
  const { cli } = await start(t);
  const dir = t.testdir({
    'a.json': JSON.stringify([{ kind: 'Vpc', metadata: { name: 'one' }, spec: { vni: 1 } }]),
    'b.yml': 'kind: Vpc\nmetadata: {name: two}\nspec: {vni: 2}\n',
    'c.txt': 'not read',
    bad: { 'x.yaml': 'kind: Vpc\n---\nkind: [\n' },
    empty: { 'x.yaml': '---\n---\n' },
  });
  t.equal((await cli(['apply', '-f', dir])).out, 'vpc/one created\nvpc/two created\n');
  t.match(await cli(['apply', '-f', join(dir, 'bad', 'x.yaml')]), {
    status: 1,
    err: /x\.yaml:[34]: /,
  });
  t.match(await cli(['apply', '-f', join(dir, 'empty')]), {
    status: 1,
    err: /there are no objects/,
  });
  t.match(await cli(['apply', '-f', join(dir, 'none')]), { status: 1, err: /none cannot be read/ });
});

void t.test('usage and reachability have exit statuses of their own', async (t) => {
  const socket = join(t.testdir(), 'none.sock');
  t.match(await run(['--server', socket, 'get', 'vpc']), { status: 3, err: /is transitd running/ });
  t.match(await run(['get', 'vpc'], { env: { TRANSIT_SERVER: socket } }), {
    status: 3,
    err: /none\.sock/,
  });
  t.match(await run(['--instance', 'lab-7', 'get', 'vpc']), {
    status: 3,
    err: /\/run\/transit\/lab-7\/api\.sock/,
  });
  t.match(await run(['--server', 'http://127.0.0.1:1', 'status']), { status: 3 });
  for (const args of [
    ['nonsense'],
    ['get'],
    ['get', 'pods'],
    ['get', 'vpc', '-o', 'xml'],
    ['apply'],
    ['explain', 'vpc.spec.nothing'],
    ['delete'],
    ['--instance', '../x', 'get', 'vpc'],
    ['completion', 'csh'],
  ]) {
    t.match(await run(args), { status: 2, err: /error: / }, args.join(' '));
  }
  t.match(await run(['--help']), { status: 0, out: /Exit status/ });
});

void t.test('TCP takes the token from a file', async (t) => {
  const { server } = await start(t);
  const tokenFile = join(t.testdir({ token: 'secret\n' }), 'token');
  const url = `http://127.0.0.1:${server.port}`;
  t.match(await run(['--server', url, '--token-file', tokenFile, 'get', 'vpc']), { status: 0 });
  t.equal(server.authorization, 'Bearer secret');
});

void t.test('watch prints events as they come', async (t) => {
  const { cli, server } = await start(t, {
    watch: async function* ({ query }) {
      await cli(['apply', '-f', '-'], { stdin: YAML });
      const [object] = [...server.objects.values()].filter((o) => o.kind === query.kind);
      yield { type: 'ADDED', object: server.show(object!), revision: 1 };
      yield { type: 'BOOKMARK', revision: 1 };
    },
  });
  const watched = await cli(['watch', 'vpc', '--since', '0']);
  t.equal(watched.out, 'ADDED     1         vpc/blue  Programmed\n');
  t.match(watched, { status: 1, err: 'error: the daemon ended the watch\n' });
  t.ok(server.requests.includes('GET /v1/watch?kind=Vpc&sinceRevision=0'));
  const json = await cli(['watch', 'vpc', '-o', 'json']);
  t.match(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [{ type: 'ADDED' }, { type: 'BOOKMARK', revision: 1 }],
  );
});

void t.test('what the data path shows', async (t) => {
  const flow = {
    vpc: 'blue',
    vni: 100,
    scope: 'web-1',
    family: 6 as const,
    proto: 'tcp',
    source: '2001:db8::5',
    sourcePort: 40000,
    destination: '2001:db8::6',
    destinationPort: 80,
    action: 'encap' as const,
    target: '192.0.2.11',
    reply: false,
    generation: 3,
    current: true,
    idleSeconds: 75,
    routed: false,
    translated: {
      source: '203.0.113.1',
      sourcePort: 512,
      destination: '198.51.100.9',
      destinationPort: 443,
    },
  };
  const program = {
    hook: 'transit-xdp',
    device: 'eth0',
    ifindex: 2,
    kind: 'xdp-native' as const,
    programId: 42,
    programTag: 'abcdef',
    linkId: null,
  };
  const map = { name: 'flow', type: 'hash', entries: 500, maxEntries: 1000, memoryBytes: 1572864 };
  const { cli, server } = await start(t, {
    flows: ({ query }) => ({ flows: query.vpc === 'blue' ? [flow] : [], truncated: true }),
    drops: () => ({
      counts: [{ hook: 'agent-tc', reason: 'SPOOFED_IP', description: 'spoof', packets: 12345 }],
      samples: [],
    }),
    nat: () => fakeView().nat(),
    limits: () => fakeView().limits(),
    policyCheck: async ({ query }) => {
      const value = await fakeView().policyCheck(query);
      if (query.port !== 1) return value;
      const [check] = value.checks;
      const to = {
        ...check!.to,
        kernel: { verdict: 'denied' as const, agrees: false, decidedBy: check!.to.decidedBy },
      };
      return { ...value, checks: [{ ...check!, to, verdict: 'denied' as const }], agrees: false };
    },
    endpointPolicies: ({ params }) => fakeView().endpointPolicies(params.name),
    natWho: ({ query: { address, port, protocol } }) => ({
      holders:
        port === 40211
          ? [
              {
                protocol: protocol ?? 'udp',
                via: `NatGateway/${address}`,
                state: 'quarantined' as const,
                vpc: 'blue',
                endpoint: 'web-1',
                address: '2001:db8::5',
                port: 1234,
                idleSeconds: 75,
              },
            ]
          : [],
    }),
    nodes: () => ({ nodes: [{ hook: 'agent-tc', node: 'ROUTE', description: 'find', visits: 5 }] }),
    maps: () => ({ maps: [map] }),
    counters: () => ({
      hooks: [
        {
          hook: 'agent-tc',
          received: 6,
          receivedBytes: 600,
          sent: 3,
          passed: 2,
          punted: 0,
          dropped: 1,
          generated: 0,
        },
      ],
    }),
    status: () => ({
      version: '9.9.9',
      instance: 'default',
      host: 'host-a',
      uptimeSeconds: 90000,
      revision: 10,
      appliedRevision: 8,
      programs: [program],
      maps: [map],
    }),
    reload: () => ({ replaced: [program] }),
  });
  t.match(await cli(['get', 'flows', '--vpc', 'blue', '--limit', '1']), {
    out: /blue +web-1 +tcp +\[2001:db8::5\]:40000 +\[2001:db8::6\]:80 +encap 192\.0\.2\.11 +1m15s/,
    err: 'there are more flows: see --limit\n',
  });
  t.ok(server.requests.includes('GET /v1/flows?vpc=blue&limit=1'));
  t.match((await cli(['get', 'flows', '--vpc', 'blue'])).out, /203.0.113.1:512 > 198.51.100.9:443/);
  const pools = (await cli(['get', 'nat'])).out;
  t.match(pools, /ng +203\.0\.113\.1 +512 +3\/128 +40 +5 +1 +2\n/);
  t.match(pools, /ng +4 +2 +5 +7\n/);
  t.notMatch(pools, /web-1/, 'endpoints are shown when asked for');
  t.match(
    (await cli(['get', 'nat', '-o', 'wide'])).out,
    /blue +web-1 +ng +203\.0\.113\.1 +512-1023,2048-2559 +30 +12 +2 +1 +0 +7\n/,
  );
  t.match(
    (await cli(['get', 'limits'])).out,
    /HALF-OPEN +REFUSED-C[^]*blue +web-1 +12\/1,000 +3 +2\/1,000 +0 +4 +1 +2 +9s\n/,
  );
  t.match(
    (await cli(['get', 'limits', '-o', 'wide'])).out,
    /9s +50\/s, 100 +CONN_RATE +endpoint\n/,
  );
  const rules = (await cli(['get', 'pol', '--endpoint', 'db-1'])).out;
  t.match(rules, /ingress +default +Policy\/db +0 +allow +1,234 +tcp from \(role == 'web'\) to/);
  t.match(rules, /ingress +- +Default +- +deny +0 +what nothing/);
  t.match(rules, /egress +- +- +- +open +- +nothing applies/);
  t.match((await cli(['get', 'policies', '--endpoint', 'db-1', '-o', 'json'])).out, /"packets": 7/);
  t.match((await cli(['get', 'policies', '--endpoint', 'db-1', '-o', 'yaml'])).out, /open: true/);
  t.match(await cli(['get', 'vpcs', '--endpoint', 'db-1']), { status: 2, err: /get policies/ });
  t.match(await cli(['get', 'policies', 'a', '--endpoint', 'b']), { status: 2, err: /no names/ });
  const check = ['policy', 'check', 'web-2', 'db-1', 'tcp'];
  const judged = await cli([...check, '5432', '--source-port', '9']);
  t.match(judged, { status: 0, err: '' });
  t.match(judged.out, /IPv4 +from +web-2 +10\.0\.1\.22 +egress +judged on host h2 +-/);
  t.match(judged.out, /to +db-1 .* ingress +allowed +default +Policy\/db +0 +tcp from .* agrees\n/);
  t.match(judged.out, /\nIPv4: not known here: the other end has a say\n$/);
  t.ok(
    server.requests.includes(
      'GET /v1/policy-check?from=web-2&to=db-1&protocol=tcp&port=5432&sourcePort=9',
    ),
  );
  const broken = await cli([...check, '1']);
  t.equal(broken.status, 1, 'the data path disagrees');
  t.match(broken.err, /DOES NOT DO WHAT[^]*say allowed by Policy\/db rule 0, the data path denied/);
  t.match(broken.out, /DISAGREES: denied/);
  t.match((await cli([...check, '2', '-o', 'yaml'])).out, /agrees: true/);
  t.match(await cli(['policy', 'check', 'a', 'b', 'icmp', '--icmp', '3/4/5']), { status: 2 });
  t.match(await cli(['policy', 'check', 'a', 'b', 'icmp', '--icmp', '300']), { status: 2 });
  t.match(await cli(['policy', 'check', 'a', 'b', 'ip']), { status: 2, err: /not a protocol/ });
  t.match(await cli([...check, '70000']), { status: 2, err: /not a port/ });
  t.match((await cli(['get', 'nat', '-o', 'json'])).out, /"refusedPool": 2/);
  t.match(
    (await cli(['nat', 'who', '203.0.113.1:40211'])).out,
    /udp +quarantined +blue +web-1 +\[2001:db8::5\]:1234 +NatGateway\/203\.0\.113\.1 +- +1m15s/,
  );
  t.match(
    (await cli(['nat', 'who', '[2001:db8:f::1]:40211', '--protocol', 'tcp'])).out,
    /tcp +quar/,
  );
  t.match(await cli(['nat', 'who', '203.0.113.1:1']), { err: /nobody has 203\.0\.113\.1:1/ });
  t.match(await cli(['nat', 'who', '2001:db8::1']), { status: 2, err: /ADDRESS:PORT/ });
  t.match(await cli(['nat', 'who', '203.0.113.999:1']), { status: 1, err: /address/ });
  t.match(await cli(['nat', 'who', '203.0.113.1:1', '--protocol', 'x']), { status: 2 });
  t.match(await cli(['get', 'drops']), { out: /agent-tc +SPOOFED_IP +12,345 +spoof/ });
  t.match(await cli(['get', 'nodes']), { out: /ROUTE +5 +find/ });
  t.match(await cli(['get', 'maps']), { out: /flow +hash +500 +1,000 +50\.0% +1\.5 MiB/ });
  t.match(await cli(['get', 'counters']), { out: /agent-tc +6 +3 +2 +0 +1 +0/ });
  t.match(await cli(['status']), {
    out: /Up: +1d1h\n[^]*8 \(2 behind\)[^]*eth0 +2 +transit-xdp +xdp-native +42 +abcdef +-/,
  });
  t.match(await cli(['reload']), { out: /xdp-native/ });
  t.match(await cli(['version']), { out: /transitd 9\.9\.9/ });
  t.match(await cli(['get', 'flows', '--limit', '0']), { status: 1, err: /limit/ });
});

void t.test('explain and completion know kinds and fields', async (t) => {
  const { cli } = await start(t);
  await cli(['apply', '-f', '-'], { stdin: YAML });
  t.match(await cli(['explain', 'ep.spec.device.peer']), {
    out: /endpoint\.spec\.device\.peer <string> \(default eth0\)/,
  });
  t.match(await cli(['explain', 'vpc', '-r']), { out: /vni <integer 1\.\.16777215> \(required\)/ });
  for (const shell of ['bash', 'zsh', 'fish'])
    t.match(await cli(['completion', shell]), { status: 0, out: /transit __complete/ });
  const complete = async (...words: string[]) =>
    (await cli(['__complete', '--', ...words])).out.split('\n').filter((line) => line !== '');
  t.same(await complete('des'), ['describe']);
  t.same(await complete('get', 'e'), ['endpoints']);
  t.same(await complete('get', 'endpoints', 'w'), ['web-1']);
  t.same(await complete('get', 'vpc', '-o', 'y'), ['yaml']);
  t.same(await complete('explain', 'route.spec.b'), ['route.spec.blackhole']);
  t.same(await complete('completion', 'z'), ['zsh']);
  t.ok((await complete('apply', '--')).includes('--dry-run'));
});

void t.test('colours only on a terminal and when wanted', async (t) => {
  const { cli } = await start(t);
  await cli(['apply', '-f', '-'], { stdin: YAML });
  t.match((await cli(['get', 'vpc'], { tty: true })).out, '\x1b[32mProgrammed');
  t.notMatch((await cli(['get', 'vpc'], { tty: true, env: { NO_COLOR: '1' } })).out, '\x1b');
  t.notMatch((await cli(['get', 'vpc'])).out, '\x1b');
});
