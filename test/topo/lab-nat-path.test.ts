// SPDX-License-Identifier: Apache-2.0
/**
 * What hosts find out about the way through the gateway, with the tools and methods that they use:
 * traceroute, path-MTU discovery in both directions, RFC 5780 for mapping, filtering and
 * hairpinning; and hosts inside that reach each other by public addresses.
 */
import { t as suite, test, type Test } from 'tap';
import { Lab, must, ROOT, until } from '../support/traffic/lab.js';
import type { NatBehaviour } from '../support/traffic/stun-client.js';
import {
  ask,
  BEYOND,
  BEYOND_MTU,
  each,
  forget,
  get,
  HOST,
  OTHER,
  ROUTER,
  serve,
  traceroute,
  type Seen,
} from '../support/traffic/world.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];
const STUN_PORTS = ['3478', '3479'];
/** One workload for each filtering (lab/objects/nat), on both hosts. */
const FILTERING = {
  'red-a1': 'endpoint',
  'blue-b1': 'endpoint',
  'green-a1': 'address',
  'green-b1': 'address-port',
} as const;
/** Larger than any MTU of the way: a transfer of so much needs the right one. */
const MUCH = 300_000;
/** What the tunnel between the hosts leaves (MTU 1500, VXLAN over IPv4). */
const TUNNEL_MTU = 1450;

const url = (address: string): string =>
  `http://${address.includes(':') ? `[${address}]` : address}/`;

/** Sends so many bytes over TCP, answers whether they came whole. */
async function transfer(lab: Lab, from: string, to: string, address: string): Promise<boolean> {
  const six = address.includes(':');
  const kind = six ? 'TCP6' : 'TCP4';
  const file = `${ROOT}/build/lab/${lab.name}/received`;
  const received = lab.inNs(
    to,
    ...[
      'timeout',
      '20',
      'sh',
      '-c',
      `socat -u ${kind}-LISTEN:7000,reuseaddr - | sha256sum >${file}`,
    ],
  );
  await until('the receiver', 10, async () => {
    return (await lab.inNs(to, 'ss', '-Hltn', 'sport = :7000')).stdout !== '';
  });
  const target = `${kind}:${six ? `[${address}]` : address}:7000,connect-timeout=5`;
  const script = `head -c ${MUCH} /dev/zero | socat -u - ${target}`;
  const sent = await lab.inNs(from, 'timeout', '10', 'sh', '-c', script);
  await received;
  const sum = await must('cat', [file]);
  const right = await must('sh', ['-c', `head -c ${MUCH} /dev/zero | sha256sum`]);
  return sent.status === 0 && sum === right;
}

async function traces(t: Test, lab: Lab): Promise<void> {
  const gateway = { 4: '10.0.1.1', 6: 'fd00:1::1' };
  for (const f of FAMILIES) {
    for (const [name, how] of [
      ['UDP', []],
      ['ICMP', ['-I']],
      ['TCP', ['-T', '-p', '80']],
    ] as const) {
      // the endpoint's own host, the gateway's, the router outside, the destination
      const far = [gateway[f], gateway[f], ROUTER[f], BEYOND[f]];
      t.same(await traceroute(lab, 'red-a1', BEYOND[f], ...how), far, `${name}, IPv${f}, h1`);
      const near = [gateway[f], ROUTER[f], BEYOND[f]];
      t.same(await traceroute(lab, 'red-b1', BEYOND[f], ...how), near, `${name}, IPv${f}, h2`);
    }
  }
}

/** A router outside has less MTU than the workload; its error is related to the connection. */
async function mtuOut(t: Test, lab: Lab, f: Family): Promise<void> {
  const ping = (...args: string[]): ReturnType<Lab['inNs']> =>
    lab.inNs('red-b1', 'ping', '-c', '1', '-W', '2', '-M', 'do', ...args, BEYOND[f]);
  await forget(lab, 'red-a1', 'red-b1');
  const headers = f === 4 ? 28 : 48;
  t.match((await ping('-s', String(BEYOND_MTU - headers))).stdout, / 0% packet loss/, 'fits');
  const big = await ping('-s', String(BEYOND_MTU + 1 - headers));
  const said = f === 4 ? /needed and DF set \(mtu = 1400\)/ : /too big: mtu=1400/;
  t.match(big.stdout, said, `IPv${f}: the router outside says what it carries, to an echo`);
  t.match(big.stdout, `From ${ROUTER[f]}`, 'and who it is');
  await forget(lab, 'red-b1');
  t.ok(await transfer(lab, 'red-a1', 'w', BEYOND[f]), `IPv${f}: TCP finds the path's MTU`);
  const route = (await lab.inNs('red-a1', 'ip', 'route', 'get', BEYOND[f])).stdout;
  t.match(route, `mtu ${BEYOND_MTU}`, 'the sender has learned it');
}

/** The gateway itself has less MTU towards the workload: it tells the sender outside. */
async function mtuIn(t: Test, lab: Lab, f: Family): Promise<void> {
  const address = f === 4 ? '203.0.113.20' : '2001:db8:f::20';
  await forget(lab, 'o');
  const size = String(1500 - (f === 4 ? 28 : 48));
  const ping = await lab.inNs('o', 'ping', '-c1', '-W2', '-M', 'do', '-s', size, address);
  const said = f === 4 ? /needed and DF set \(mtu = 1450\)/ : /too big: mtu=1450/;
  t.match(ping.stdout, said, `IPv${f}: the gateway says what the tunnel carries`);
  await forget(lab, 'o');
  t.ok(await transfer(lab, 'o', 'red-a2', address), `IPv${f}: TCP from outside finds the MTU`);
  const route = (await lab.inNs('o', 'ip', 'route', 'get', address)).stdout;
  t.match(route, `mtu ${TUNNEL_MTU}`, 'the sender outside has learned it');
}

async function behaviour(lab: Lab, from: string, f: Family): Promise<NatBehaviour> {
  const client = `${ROOT}/test/support/traffic/stun-client.ts`;
  const args = ['--import', 'tsx', client, HOST[f], STUN_PORTS[0]!];
  const { stdout, stderr } = await lab.inNs(from, process.execPath, ...args);
  if (stdout === '') throw new Error(`${from}: ${stderr}`);
  return JSON.parse(stdout) as NatBehaviour;
}

async function discovery(t: Test, lab: Lab): Promise<void> {
  for (const f of FAMILIES) {
    const server = `${ROOT}/test/support/traffic/stun-server.ts`;
    const args = ['--import', 'tsx', server, HOST[f], OTHER[f], ...STUN_PORTS];
    lab.background('o', process.execPath, ...args);
  }
  const all = Object.entries(FILTERING).flatMap((who) => FAMILIES.map((f) => ({ who, f })));
  const found = await each(all, 4, ({ who: [name], f }) => behaviour(lab, name, f));
  all.forEach(({ who: [name, filtering], f }, i) => {
    const seen = found[i]!;
    t.comment(`${name}, IPv${f}: ${JSON.stringify(seen)}`);
    t.equal(seen.mapping, 'endpoint', `${name}, IPv${f}: endpoint-independent mapping`);
    t.equal(seen.filtering, filtering, `${name}, IPv${f}: filtering by ${filtering}`);
    t.equal(seen.mapped.port % 2, seen.local.port % 2, 'the parity of the port is kept');
    // a peer inside is filtered like one outside, as what it is seen as
    t.equal(seen.hairpin, filtering === 'endpoint', `${name}, IPv${f}: hairpinning`);
    if (seen.hairpin) t.equal(seen.hairpinSource?.address, seen.mapped.address, 'from outside');
  });
}

async function hairpins(t: Test, lab: Lab): Promise<void> {
  // UDP: what a peer has learned of the mapping is enough, for both, on both hosts
  let port = 9100;
  for (const f of FAMILIES) {
    for (const [from, to, other] of [
      ['red-b1', 'blue-a1', 'red-b1 on the gateway, blue-a1 behind the tunnel'],
      ['red-a1', 'blue-b1', 'the other way round'],
      ['red-a1', 'red-b1', 'within a VPC'],
    ] as const) {
      const answer = await hairpinned(lab, from, to, port++, HOST[f]);
      const own = await ask(lab, from, HOST[f], 7001);
      t.equal(answer?.name, to, `UDP, IPv${f}: ${other}`);
      t.same([answer?.address, answer?.port], [own?.address, own?.port], 'seen as from outside');
    }
  }
  // one-to-one addresses, on one host and behind the tunnel
  for (const address of ['203.0.113.9', '2001:db8:f::9', '203.0.113.20', '2001:db8:f::20']) {
    const name = address.endsWith('9') ? 'red-b2' : 'red-a2';
    for (const from of ['blue-a1', 'blue-b1', 'red-a1', 'red-b1'])
      t.ok(await lab.ping(from, address, 1), `ICMP: ${from} to ${name} at ${address}`);
    const seen = await get(lab, 'blue-a1', url(address));
    t.equal(seen?.name, name, `TCP: blue-a1 to ${name} at ${address}`);
    t.match(seen?.address, /^(203\.0\.113\.[12]|2001:db8:f::1)$/, 'seen from the pool');
  }
}

/** Asks a server inside, by what its port is mapped to. */
async function hairpinned(
  lab: Lab,
  from: string,
  to: string,
  port: number,
  host: string,
): Promise<Seen | undefined> {
  const mapped = await ask(lab, to, host, port);
  if (!mapped) return undefined;
  await serve(lab, to, { tcp: 0, udp: port });
  return ask(lab, from, mapped.address, 7001, mapped.port);
}

test('the way through the gateway', LIMIT, async (t) => {
  const lab = await Lab.up('natpath', {}, 'nat');
  t.teardown(() => lab.down());
  for (const ns of ['o', 'w', 'red-a2', 'red-b2']) await serve(lab, ns);
  await until('the way out', 30, async () => await lab.ping('red-a1', BEYOND[4], 1));
  await until('the way out, IPv6', 30, async () => await lab.ping('red-a1', BEYOND[6], 1));

  // @rfc 5508 REQ-4a
  // @rfc 5508 REQ-4b
  // @rfc 5508 REQ-4c
  await t.test('traceroute', (s) => traces(s, lab));
  for (const f of FAMILIES) {
    // @rfc 4787 REQ-12b
    // @rfc 5382 REQ-9
    // @rfc 5508 REQ-4a
    await t.test(`path MTU towards the outside, IPv${f}`, (s) => mtuOut(s, lab, f));
    await t.test(`path MTU from the outside, IPv${f}`, (s) => mtuIn(s, lab, f));
  }
  // @rfc 4787 REQ-1
  // @rfc 4787 REQ-4
  // @rfc 4787 REQ-8
  // @rfc 4787 REQ-8a
  await t.test('mapping and filtering by RFC 5780', (s) => discovery(s, lab));
  // @rfc 4787 REQ-9
  // @rfc 4787 REQ-9a
  // @rfc 5382 REQ-8
  // @rfc 5382 REQ-8a
  // @rfc 5508 REQ-7
  await t.test('inside hosts by public address', (s) => hairpins(s, lab));
});
