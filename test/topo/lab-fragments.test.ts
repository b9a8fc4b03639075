// SPDX-License-Identifier: Apache-2.0
/** Datagrams in fragments, the first one last, between real sockets, through every translation. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t as suite, test, type Test } from 'tap';
import { Lab, ROOT, until } from '../support/traffic/lab.js';

const LIMIT = { timeout: 300_000 };
suite.setTimeout(600_000);

const TOOL = `${ROOT}/test/support/traffic/fragments.py`;
const PORT = '7000';
const HOST = '198.51.100.7';
const HOST6 = '2001:db8:5::7';
const HOST64 = '2001:db8:64::c633:6407';
const A1 = { 4: '10.0.1.11', 6: 'fd00:1::11' };
const B1 = { 4: '10.0.1.21', 6: 'fd00:1::21' };

/** The lab's gateway, with IPv4 under a prefix. */
const GATEWAY = `kind: NatGateway
metadata: { name: world }
spec:
  sources: [{ vpc: red }, { vpc: blue }]
  addresses: [203.0.113.1-203.0.113.2, '2001:db8:f::1']
  nat64: { prefix: '2001:db8:64::/96' }
`;

const directory = mkdtempSync(join(tmpdir(), 'transit-frag-'));
suite.teardown(() => {
  rmSync(directory, { recursive: true });
});

interface Answers {
  readonly sent: number;
  readonly answered: number;
}

interface Asked {
  readonly source: string;
  readonly to: string;
  readonly length?: number;
  readonly count?: number;
  readonly order?: 'in-order' | 'reversed' | 'first-last' | 'shuffled';
  readonly pause?: number;
}

let sport = 20_000;

/** Datagrams in fragments, which are answered in fragments. */
async function ask(lab: Lab, who: string, asked: Asked): Promise<Answers> {
  const { source, to, length = 4000, count = 10, order = 'reversed', pause = 0 } = asked;
  const args = [source, ++sport, to, PORT, length, count, 1200, order, pause].map(String);
  const { stdout, stderr } = await lab.inNs(who, TOOL, 'ask', ...args);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Answers;
}

/** Metrics of the fragments that were early. */
async function metrics(lab: Lab, host: string): Promise<Readonly<Record<string, number>>> {
  const text = await lab.text(host, '/metrics');
  return Object.fromEntries(
    [...text.matchAll(/^transit_(fragments_\S+) (\S+)$/gm)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]),
  );
}

async function start(lab: Lab): Promise<void> {
  for (const [ns, addresses] of [
    ['o', [HOST, HOST6]],
    ['red-a1', [A1[4], A1[6]]],
  ] as const)
    for (const address of addresses)
      lab.background(ns, TOOL, 'serve', address, PORT, '1200', 'reversed', '0');
  await until('the way out', 30, async () => await lab.ping('red-a1', HOST, 1));
  for (const [source, to] of [
    [B1[4], HOST],
    [B1[6], HOST6],
    [B1[4], A1[4]],
    [B1[6], A1[6]],
  ] as const)
    await until(`answers of ${to}`, 30, async () => {
      return (await ask(lab, 'red-b1', { source, to, length: 100, count: 1 })).answered === 1;
    });
}

async function everyWay(t: Test, lab: Lab): Promise<void> {
  for (const [who, addresses] of [
    ['red-a1', A1],
    ['red-b1', B1],
  ] as const) {
    // @rfc 4787 REQ-14
    // @rfc 6146 s3.4
    for (const [what, source, to] of [
      ['NAT44', addresses[4], HOST],
      ['NAT66', addresses[6], HOST6],
      ['NAT64', addresses[6], HOST64],
    ] as const)
      for (const order of ['reversed', 'first-last', 'shuffled'] as const) {
        const { sent, answered } = await ask(lab, who, { source, to, order });
        t.equal(answered, sent, `${who}: ${what}, ${order}`);
      }
  }
  for (const [family, source, to] of [
    ['IPv4', B1[4], A1[4]],
    ['IPv6', B1[6], A1[6]],
  ] as const) {
    const { sent, answered } = await ask(lab, 'red-b1', { source, to });
    t.equal(answered, sent, `through the tunnel and back, ${family}`);
  }
  const most = { source: A1[4], to: HOST, length: 60_000, count: 5 };
  t.same(await ask(lab, 'red-a1', most), { sent: 5, answered: 5 }, '51 fragments');
  const late = { source: A1[4], to: HOST, pause: 1.5, count: 2 };
  t.same(
    await ask(lab, 'red-a1', late),
    { sent: 2, answered: 2 },
    'the first one comes 1.5 s late',
  );
  t.ok((await metrics(lab, 'h2'))['fragments_held_total{result="released"}'], 'counted');
  const before = await metrics(lab, 'h1');
  const never = { source: A1[4], to: HOST, pause: 3.5, count: 1 };
  t.same(await ask(lab, 'red-a1', never), { sent: 1, answered: 0 }, 'nobody waits that long');
  await until('all have been given back', 10, async () => {
    return (await metrics(lab, 'h1')).fragments_held === 0;
  });
  const after = await metrics(lab, 'h1');
  const timedOut = 'fragments_held_total{result="timed-out"}';
  t.equal((after[timedOut] ?? 0) - (before[timedOut] ?? 0), 3, 'three waited in vain');
}

/** One endpoint sends what never ends while others, here and there, do as before. */
async function flooded(t: Test, lab: Lab): Promise<void> {
  const flood = lab.inNs('red-b1', TOOL, 'flood', B1[4], HOST, '20');
  await until('the flood', 10, async () => {
    return ((await metrics(lab, 'h2'))['fragments_held'] ?? 0) > 400;
  });
  // @rfc 4787 REQ-14a
  for (const who of ['blue-b1', 'blue-a1'] as const) {
    const source = who === 'blue-b1' ? B1[4] : A1[4];
    const { sent, answered } = await ask(lab, who, { source, to: HOST });
    t.equal(answered, sent, `${who}, reversed, beside a flood`);
  }
  const { fragments_held_bytes: bytes = 0 } = await metrics(lab, 'h2');
  t.ok(bytes > 0 && bytes <= (1 << 20) + 100_000, `${bytes} bytes are held: its share`);
  const { sent } = JSON.parse((await flood).stdout) as { sent: number };
  const rated = await lab.dropped('h2', 'FRAG_RATE');
  t.ok(sent > rated && rated > 0, `${sent} were sent, ${rated} not even handed over`);
  await until('none is left', 10, async () => (await metrics(lab, 'h2')).fragments_held === 0);
}

async function killed(t: Test, lab: Lab): Promise<void> {
  const asked = { source: B1[4], to: HOST, count: 2 };
  await lab.kill('h2');
  // answers come reversed: only what is in order both ways can arrive
  const alone = await ask(lab, 'red-b1', { ...asked, length: 1000, order: 'in-order' });
  t.same(alone, { sent: 2, answered: 2 }, 'while no daemon runs, datagrams that are whole arrive');
  t.same(await ask(lab, 'red-b1', asked), { sent: 2, answered: 0 }, 'early fragments do not');
  await until('a reason of their own', 20, async () => {
    await ask(lab, 'red-b1', { ...asked, count: 1 });
    return (await lab.dropped('h2', 'FRAG_UNHELD')) > 0;
  });
  await lab.start('h2');
  await until('it holds again', 20, async () => {
    return (await ask(lab, 'red-b1', { ...asked, count: 1 })).answered === 1;
  });
}

test('early fragments arrive', LIMIT, async (t) => {
  const lab = await Lab.up('frag', {}, 'nat');
  t.teardown(() => lab.down());
  const file = join(directory, 'gateway.yaml');
  writeFileSync(file, GATEWAY);
  for (const host of ['h1', 'h2']) await lab.transit(host, 'apply', '-f', file);
  await start(lab);
  await everyWay(t, lab);
  await flooded(t, lab);
  await killed(t, lab);
});
