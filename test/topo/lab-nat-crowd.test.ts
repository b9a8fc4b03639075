// SPDX-License-Identifier: Apache-2.0
/**
 * 200 workloads in VPCs with the very same addresses, behind two public ones: every one of them is
 * served at the same time, by TCP, UDP and ICMP, and no two of them are seen outside as the same.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { t as suite, test } from 'tap';
import { Lab, ROOT, until } from '../support/traffic/lab.js';
import { each, get, HOST, OTHER, serve, type Seen } from '../support/traffic/world.js';

const LIMIT = { timeout: 400_000 };
suite.setTimeout(600_000);

const VPCS = 10;
const MEMBERS = 20;
const POOL = ['203.0.113.1', '203.0.113.2'];
const POOL6 = ['2001:db8:f::1', '2001:db8:f::2'];
/** Commands of the tests that run at a time. */
const AT_A_TIME = 8;
const DNS_PORT = 53;
/** All workloads ask from this one. */
const LOCAL_PORT = 5353;

interface Member {
  readonly name: string;
  readonly vpc: string;
  readonly host: 'h1' | 'h2';
  readonly ipv4: string;
  readonly ipv6: string;
}

const CROWD: readonly Member[] = Array.from({ length: VPCS * MEMBERS }, (_, i) => ({
  name: `v${Math.floor(i / MEMBERS)}-m${i % MEMBERS}`,
  vpc: `v${Math.floor(i / MEMBERS)}`,
  host: i % 2 === 0 ? 'h1' : 'h2',
  ipv4: `10.0.0.${10 + (i % MEMBERS)}`,
  ipv6: `fd00:1::${(10 + (i % MEMBERS)).toString(16)}`,
}));

function objects(): string {
  const vpcs = [...new Set(CROWD.map((m) => m.vpc))];
  const all: object[] = [
    { kind: 'Droplet', name: 'h1', spec: { host: 'h1', device: 'ul0', addresses: ['172.16.1.1'] } },
    { kind: 'Droplet', name: 'h2', spec: { host: 'h2', device: 'ul0', addresses: ['172.16.2.1'] } },
    {
      kind: 'Droplet',
      name: 'h2-outside',
      spec: {
        host: 'h2',
        device: 'out0',
        addresses: ['192.0.2.1', '2001:db8:2::1'],
        outside: true,
      },
    },
    ...vpcs.flatMap((vpc, i) => [
      { kind: 'Vpc', name: vpc, spec: { vni: 100 + i, outside: { host: 'h2' } } },
      {
        kind: 'Subnet',
        name: `${vpc}-1`,
        spec: { vpc, ipv4: { prefix: '10.0.0.0/24' }, ipv6: { prefix: 'fd00:1::/64' } },
      },
    ]),
    ...CROWD.map(({ name, vpc, host, ipv4, ipv6 }) => ({
      kind: 'Endpoint',
      name,
      spec: {
        host,
        vpc,
        subnet: `${vpc}-1`,
        addresses: [ipv4, ipv6],
        device: { kind: 'veth', netns: `tl-demo-${name}` },
      },
    })),
    {
      kind: 'NatGateway',
      name: 'world',
      spec: { sources: vpcs.map((vpc) => ({ vpc })), addresses: [...POOL, ...POOL6] },
    },
  ];
  // JSON is YAML
  return all
    .map((o) => {
      const { kind, name, spec } = o as { kind: string; name: string; spec: object };
      return JSON.stringify({ kind, metadata: { name }, spec });
    })
    .join('\n---\n');
}

interface Asked {
  readonly netns: string;
  readonly seen: readonly ({ readonly address: string; readonly port: number } | null)[];
}

/** Every member asks two servers from the same port, all at the same time. */
function whoami(lab: Lab, family: 4 | 6): Promise<Asked[]> {
  const child = spawn(
    `${ROOT}/build/traffic/whoami`,
    [lab.netns('o'), HOST[family], OTHER[family], String(DNS_PORT), String(LOCAL_PORT)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.end(CROWD.map((m) => `${lab.netns(m.name)}\n`).join(''));
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  return new Promise((resolve) => {
    child.on('close', () => {
      const lines = text.trimEnd().split('\n');
      resolve(lines.slice(0, CROWD.length).map((line) => JSON.parse(line) as Asked));
    });
  });
}

/** Each member's address and port by UDP, the same for both servers. */
function mappings(asked: readonly Asked[]): {
  served: number;
  independent: number;
  tuples: string[];
} {
  const tuples: string[] = [];
  let served = 0;
  let independent = 0;
  for (const { seen } of asked) {
    const [one, two] = seen;
    if (!one || !two) continue;
    served++;
    if (one.address === two.address && one.port === two.port) independent++;
    tuples.push(`${one.address} ${one.port}`);
  }
  return { served, independent, tuples };
}

test(`${CROWD.length} workloads behind two addresses`, LIMIT, async (t) => {
  const directory = `${ROOT}/build/lab-crowd`;
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await mkdir(directory, { recursive: true });
  await writeFile(`${directory}/crowd.yaml`, objects());
  const lab = await Lab.up('crowd', { LAB_OBJECTS: directory }, 'nat');
  t.teardown(() => lab.down());
  await serve(lab, 'o');
  await until('the way out', 30, async () => await lab.ping('v0-m0', HOST[4], 1));
  await until('the way out, IPv6', 30, async () => await lab.ping('v0-m0', HOST[6], 1));

  let asked4: Asked[] = [];
  for (const [family, pool] of [
    [4, POOL],
    [6, POOL6],
  ] as const) {
    const asked = await whoami(lab, family);
    if (family === 4) asked4 = asked;
    const { served, independent, tuples } = mappings(asked);
    t.equal(served, CROWD.length, `UDP, IPv${family}: all are answered, by both servers`);
    // @rfc 4787 REQ-1
    t.equal(independent, CROWD.length, 'as the same address and port: endpoint-independent');
    // @rfc 4787 REQ-3
    t.equal(new Set(tuples).size, CROWD.length, 'no two have the same');
    const strays = asked.flatMap((a) => a.seen).filter((s) => !s || !pool.includes(s.address));
    t.same(strays, [], 'and all of the pool');
    // @rfc 4787 REQ-4
    t.ok(
      asked.every((a) => a.seen[0]!.port % 2 === LOCAL_PORT % 2),
      'parity kept',
    );
    t.same([...new Set(asked.map((a) => a.seen[0]!.address))].sort(), pool, 'both are used');

    const url = `http://${family === 4 ? HOST[4] : `[${HOST[6]}]`}/`;
    const byTcp = await each(CROWD, AT_A_TIME, (m) => get(lab, m.name, url));
    t.equal(byTcp.filter((s) => s !== undefined).length, CROWD.length, 'curl: all are answered');
    // @rfc 4787 REQ-2
    const unpaired = byTcp.filter((s, i) => s?.address !== asked[i]!.seen[0]!.address);
    t.same(unpaired, [], 'TCP is seen from the address that UDP is: paired pooling');
    // @rfc 5382 REQ-7
    t.equal(new Set(byTcp.map(told)).size, CROWD.length, 'no two connections are the same');

    const pings = await each(CROWD, AT_A_TIME, (m) => lab.ping(m.name, HOST[family], 1));
    t.equal(pings.filter((ok) => ok).length, CROWD.length, `ping, IPv${family}: all are answered`);
  }

  // what an operator sees of it
  const shown = await lab.transit('h2', 'get', 'nat');
  t.comment(shown.split('\n').slice(0, 8).join('\n'));
  for (const address of [...POOL, ...POOL6]) t.match(shown, address, `${address} is shown`);
  const sample = asked4[0]!.seen[0]!;
  const who = await lab.transit('h2', 'nat', 'who', `${sample.address}:${sample.port}`);
  t.match(who, CROWD[0]!.name, 'and whose a port is');
});

function told(seen: Seen | undefined): string {
  return seen ? `${seen.address} ${seen.port}` : '-';
}
