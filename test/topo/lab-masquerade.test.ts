// SPDX-License-Identifier: Apache-2.0
/**
 * Real sockets behind a pool in a peered VPC: gold's workloads, on two hosts and with blue's own
 * addresses, share a few at blue.
 */
import { t as suite, test, type Test } from 'tap';
import { Lab, until } from '../support/traffic/lab.js';
import { ask, get, pingWhole, serve, traceroute } from '../support/traffic/world.js';

const LIMIT = { timeout: 400_000 };
suite.setTimeout(600_000);

/** Of blue, as gold sees it. */
const BLUE = { 4: '100.64.2.', 6: 'fd64:2::' } as const;
/** The pool, as blue sees gold. */
const POOL = { 4: /^100\.64\.9\.[0-3]$/, 6: /^fd64:9::[1-3]?$/ } as const;
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

const url = (address: string): string =>
  `http://${address.includes(':') ? `[${address}]` : address}/`;
const socket = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** From and to each of the two hosts; connections are kept on h2. */
async function reach(t: Test, lab: Lab, f: Family): Promise<void> {
  const own = new Map<string, string>();
  for (const from of ['gold-a1', 'gold-b1'])
    for (const [to, n] of [
      ['blue-a1', 11],
      ['blue-b1', 21],
    ] as const) {
      const there = `${BLUE[f]}${n}`;
      const what = `IPv${f}: ${from} to ${to}`;
      t.ok(await lab.ping(from, there), `${what}: ping`);
      const seen = await get(lab, from, url(there));
      t.equal(seen?.name, to, `${what}: TCP`);
      t.match(seen?.address, POOL[f], `${what}: from the pool`);
      own.set(from, own.get(from) ?? seen?.address ?? '');
      t.equal(seen?.address, own.get(from), `${what}: one address whatever the peer`);
      const udp = await ask(lab, from, there, 5003);
      t.same([udp?.name, udp?.address], [to, own.get(from)], `${what}: UDP`);
      t.ok((udp?.port ?? 0) % 2 === 1, `${what}: parity of the port`);
    }
}

/** Only one side opens connections. */
async function oneWay(t: Test, lab: Lab, f: Family): Promise<void> {
  const mapped = await ask(lab, 'gold-a1', `${BLUE[f]}21`, 5005);
  if (mapped === undefined) throw new Error('no answer');
  t.notOk(await lab.ping('blue-b1', mapped.address, 1), `IPv${f}: no ping to the pool`);
  t.equal(await ask(lab, 'blue-b1', mapped.address, 7007, mapped.port), undefined);
  t.equal(await get(lab, 'blue-b1', url(mapped.address)), undefined);
  t.notOk(await lab.ping('green-a1', `${BLUE[f]}21`, 1), `IPv${f}: and nobody else at all`);
}

async function errors(t: Test, lab: Lab, f: Family): Promise<void> {
  for (const from of ['gold-a1', 'gold-b1']) {
    const closed = await lab.inNs(
      from,
      process.execPath,
      '-e',
      `const u = require('node:dgram').createSocket('udp${f}');
       u.on('error', (e) => { console.log(e.code); process.exit(); });
       u.connect(7, '${BLUE[f]}21', () => { u.send('?'); setInterval(() => u.send('?'), 300); });
       setTimeout(() => process.exit(1), 4000);`,
    );
    t.match(closed.stdout, 'ECONNREFUSED', `IPv${f}: ${from}: port unreachable`);
  }
  // what blue-b2 takes is told by its host, of what the pool sent
  const far = await pingWhole(lab, 'gold-b1', `${BLUE[f]}22`, 1400);
  t.match(far, f === 4 ? /mtu = 1300/ : /mtu=1300/, `IPv${f}: too big for the receiver`);
  const hops = await traceroute(lab, 'gold-a1', `${BLUE[f]}21`);
  t.equal(hops[0], f === 4 ? '10.0.1.1' : 'fd00:1::1', `IPv${f}: the gateway`);
  t.equal(hops.at(-1), `${BLUE[f]}21`, `IPv${f}: the peer, by the address that gold knows`);
}

async function shown(t: Test, lab: Lab): Promise<void> {
  const mapped = await ask(lab, 'gold-a1', `${BLUE[4]}21`, 5007);
  if (mapped === undefined) throw new Error('no answer');
  const at = socket(mapped.address, mapped.port);
  const who = await lab.transit('h2', 'nat', 'who', at, '--protocol', 'udp');
  t.match(who, /mapped +gold +gold-a1 +10\.0\.1\.11:5007 +Peering\/gold-blue +1/, 'nat who');
  const at6 = await ask(lab, 'gold-b1', `${BLUE[6]}21`, 5007);
  const who6 = await lab.transit('h2', 'nat', 'who', socket(at6!.address, at6!.port));
  t.match(who6, /gold-b1 +\[fd00:1::21\]:5007 +Peering\/gold-blue/, 'of IPv6');
  const nat = await lab.transit('h2', 'get', 'nat', '-o', 'wide');
  t.match(nat, /Peering\/gold-blue +100\.64\.9\.0 +512/, 'get nat: the pool');
  t.match(nat, /gold +gold-a1 +Peering\/gold-blue +100\.64\.9\./, 'and who has blocks of it');
  t.match(
    nat,
    /10\.0\.1\.0\/24 +blue +100\.64\.2\.0\/24 +gold +Peering\/gold-blue/,
    'prefixes of Peerings',
  );
  t.match(nat, /fd00:1::\/48 +red +2001:db8:f1::\/48 +outside +NatGateway\/world/, 'and outside');
  const events = await lab.transit('h2', 'get', 'nat-events');
  t.match(events, /taken +100\.64\.9\.\d +\S+ +gold +gold-a1 .*Peering\/gold-blue/, 'nat-events');
  const flows = await lab.transit('h2', 'get', 'flows', '--limit', '1000');
  t.match(
    flows,
    new RegExp(`10\\.0\\.1\\.11:5007 .*${mapped.address}:${mapped.port} > 10\\.0\\.1\\.21:9999`),
    'both tuples',
  );
}

/** A connection goes on while the daemon is not there, and another finds its mapping after. */
async function killed(t: Test, lab: Lab): Promise<void> {
  const before = await ask(lab, 'gold-a1', `${BLUE[4]}21`, 5009);
  const { maps } = await lab.ids('h2');
  await lab.kill('h2');
  t.same(await ask(lab, 'gold-a1', `${BLUE[4]}21`, 5009), before, 'while none runs');
  t.same((await ask(lab, 'gold-a1', `${BLUE[4]}11`, 5009))?.port, before?.port, 'also new ones');
  await lab.start('h2');
  t.same(await ask(lab, 'gold-a1', `${BLUE[4]}21`, 5009), before, 'the mapping is the same');
  t.same((await lab.ids('h2')).maps, maps);
}

test('behind a few addresses in a peered VPC', LIMIT, async (t) => {
  const lab = await Lab.up('masq', {}, 'prefixes');
  t.teardown(() => lab.down());
  for (const ns of ['blue-a1', 'blue-b1']) await serve(lab, ns);
  await until('the way', 30, async () => await lab.ping('gold-a1', `${BLUE[4]}21`, 1));
  for (const f of FAMILIES) {
    await t.test(`to each host from each, IPv${f}`, (s) => reach(s, lab, f));
    await t.test(`only from one side, IPv${f}`, (s) => oneWay(s, lab, f));
    await t.test(`errors, IPv${f}`, (s) => errors(s, lab, f));
  }
  await t.test('what is shown', (s) => shown(s, lab));
  await t.test('a killed daemon', (s) => killed(s, lab));
});
