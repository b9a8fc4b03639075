// SPDX-License-Identifier: Apache-2.0
/** Real sockets: two tenants with the same addresses on two hosts, servers in the underlay. */
import { t as suite, test, type Test } from 'tap';
import { Lab, must, until } from '../support/traffic/lab.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

const WORKLOADS = ['red-a1', 'red-b1', 'blue-a1', 'blue-b1'] as const;
const DNS = '10.0.1.53';
const DNS6 = 'fd00:1::53';
/** What the servers see of each host. */
const SOURCES = {
  a: { 4: '172.16.1.201', 6: 'fd10:1::201' },
  b: { 4: '172.16.2.1', 6: 'fd10:2::1' },
} as const;

/** Answers what it is sent, behind the address and port that it sees, on TCP and UDP. */
const SERVER = `
  const seen = (a, p) => a.replace('::ffff:', '') + ' ' + p + ' ';
  require('node:net').createServer((s) => {
    s.on('error', () => {});
    s.on('data', (d) => s.write(seen(s.remoteAddress, s.remotePort) + d));
  }).listen(7000, '::');
  for (const [type, at] of [['udp4', '10.99.0.53'], ['udp6', 'fd10:99::53']]) {
    const u = require('node:dgram').createSocket(type);
    u.on('message', (m, from) => u.send(seen(from.address, from.port) + m, from.port, from.address));
    u.bind(7000, at);
  }
`;
/** Asks by UDP from a port, prints the answer. */
const ASK = `
  const [address, port, from, bytes] = process.argv.slice(1);
  const u = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  u.on('message', (m) => { console.log(String(m).slice(0, 100), m.length); process.exit(); });
  u.on('error', (e) => { console.log(e.code); process.exit(1); });
  u.bind(Number(from), () => u.connect(Number(port), address, () => u.send('?'.repeat(Number(bytes)))));
  setTimeout(() => process.exit(1), 2000);
`;
/** Says something on one TCP connection, prints the answer. */
const SAY = `
  const [address, port] = process.argv.slice(1);
  const s = require('node:net').connect(Number(port), address, () => s.write('hello'));
  s.on('data', (m) => { console.log(String(m)); process.exit(); });
  s.on('error', (e) => { console.log(e.code); process.exit(1); });
  setTimeout(() => process.exit(1), 2000);
`;
/**
 * Until it is ended: a UDP question each 5 ms on one socket, and one on a new socket each 50 ms; a
 * TCP connection that is kept and used each 20 ms, and a new one each 50 ms. Prints what was not
 * answered within 2 s.
 */
const LOAD = `
  const [v4, v6, port] = process.argv.slice(1);
  const dgram = require('node:dgram'), net = require('node:net');
  const count = { udp: [0, 0], udpNew: [0, 0], tcp: [0, 0], tcpNew: [0, 0] };
  const timers = [];
  let errors = '';
  const fail = (what) => (e) => { errors += what + ' ' + e.code + ' '; };
  const u = dgram.createSocket('udp4');
  u.on('message', () => count.udp[1]++);
  u.on('error', fail('udp'));
  u.bind(0, () => timers.push(setInterval(() => { count.udp[0]++; u.send('x', port, v4); }, 5)));
  timers.push(setInterval(() => {
    const n = dgram.createSocket('udp6');
    n.on('message', () => { count.udpNew[1]++; n.close(); });
    n.on('error', fail('udpNew'));
    count.udpNew[0]++;
    n.send('x', port, v6);
  }, 50));
  const s = net.connect(port, v6, () => {
    let waiting = false;
    s.on('data', () => { count.tcp[1]++; waiting = false; });
    timers.push(setInterval(() => {
      if (waiting) return;
      waiting = true;
      count.tcp[0]++;
      s.write('x');
    }, 20));
  });
  s.on('error', fail('tcp'));
  timers.push(setInterval(() => {
    count.tcpNew[0]++;
    const n = net.connect(port, v4, () => n.write('x'));
    n.on('data', () => { count.tcpNew[1]++; n.destroy(); });
    n.on('error', fail('tcpNew'));
  }, 50));
  process.stdin.on('end', () => {
    timers.forEach(clearInterval);
    setTimeout(() => { console.log(JSON.stringify({ count, errors })); process.exit(); }, 2000);
  }).resume();
`;

/** A service that nobody of the load uses, with another quota each time. */
const METADATA = (round: number): string =>
  JSON.stringify({
    kind: 'VirtualService',
    metadata: { name: 'metadata' },
    spec: {
      vpcs: ['red', 'blue'],
      address: '169.254.169.254',
      protocol: 'tcp',
      port: 80,
      server: { address: '10.99.0.53', port: 7000 },
      connectionsPerEndpoint: 10 + round,
    },
  });
const APPLY = 'node dist/cli/main.js --server "$1" apply -f - <<<"$2"';

interface LoadResult {
  readonly count: Readonly<Record<string, readonly [number, number]>>;
  readonly errors: string;
}

async function node(lab: Lab, from: string, script: string, ...args: string[]): Promise<string> {
  return (await lab.inNs(from, process.execPath, '-e', script, ...args)).stdout.trim();
}

const ask = (lab: Lab, from: string, address: string, port = 5300, sport = 0, bytes = 1) =>
  node(lab, from, ASK, address, String(port), String(sport), String(bytes));
const say = (lab: Lab, from: string, address: string, port = 5300) =>
  node(lab, from, SAY, address, String(port));

async function reach(t: Test, lab: Lab, who: (typeof WORKLOADS)[number]): Promise<void> {
  const source = SOURCES[who.includes('-a') ? 'a' : 'b'];
  for (const [family, address] of [
    [4, DNS],
    [6, DNS6],
  ] as const) {
    const own = source[family].replaceAll('.', '\\.');
    t.match(
      await ask(lab, who, address),
      new RegExp(`^${own} [0-9]+ \\?`),
      `${who}: UDP ${family}`,
    );
    t.match(
      await say(lab, who, address),
      new RegExp(`^${own} [0-9]+ hello`),
      `${who}: TCP ${family}`,
    );
    t.ok(await lab.ping(who, address, 1), `${who} pings ${address}`);
    t.match(await ask(lab, who, address, 5399), 'ECONNREFUSED', `${who}: another port is closed`);
    // the server's first large answer teaches it the workload's MTU
    await until(`${who}: fragments both ways, IPv${family}`, 20, async () =>
      / \?+ 40[12][0-9]$/.test(await ask(lab, who, address, 5300, 0, 4000)),
    );
  }
  for (const [address, family] of [
    ['10.0.1.64', 6],
    ['fd00:1::46', 4],
  ] as const) {
    const own = source[family].replaceAll('.', '\\.');
    const seen = new RegExp(`^${own} [0-9]+ `);
    t.match(await ask(lab, who, address), seen, `${who}: UDP to a server of IPv${family} only`);
    t.match(await say(lab, who, address), seen, `${who}: TCP to a server of IPv${family} only`);
  }
  t.notOk(await lab.ping(who, '10.99.0.53', 1), `${who} does not reach the underlay`);
  t.notOk(await lab.ping(who, 'fd10:99::53', 1), `${who} does not reach the underlay`);
}

test('servers of the underlay at addresses of tenants', LIMIT, async (t) => {
  const lab = await Lab.up('services', {}, 'services');
  t.teardown(() => lab.down());
  lab.background('r', process.execPath, '-e', SERVER);
  await until('the servers', 30, async () => (await ask(lab, 'red-a1', DNS)) !== '');
  await until('the servers on h2', 30, async () => (await say(lab, 'red-b1', DNS6)) !== '');
  for (const who of WORKLOADS) await reach(t, lab, who);

  t.match(await say(lab, 'red-a1', '169.254.169.254', 80), /^172\.16\.1\.201 /, 'metadata');
  t.equal(await say(lab, 'blue-a1', '169.254.169.254', 80), '', 'not for blue');

  const ports = new Set<string>();
  for (const who of ['red-a1', 'blue-a1'])
    ports.add((await ask(lab, who, DNS, 5300, 4000)).split(' ')[1] ?? '');
  t.equal(ports.size, 2, 'the same inside address and port: two source ports');

  for (let sport = 6001; sport <= 6003; sport++)
    t.match(await ask(lab, 'red-a1', DNS, 5301, sport), /^172/);
  t.match(await ask(lab, 'red-a1', DNS, 5301, 6004), /EHOSTUNREACH|EACCES/, 'its share is used up');
  t.match(await ask(lab, 'red-a1', DNS, 5301, 6001), /^172/, 'what there is goes on');
  const shown = await lab.transit('h1', 'get', 'nat', '-o', 'wide');
  t.match(shown, /narrow +172\.16\.1\.201 +1024-65535 +0 +3 +1 +[1-9]/, 'transit get nat');
  t.match(
    await lab.transit('h1', 'get', 'virtualservices'),
    /dns +red,blue +10\.0\.1\.53 .*Programmed/,
  );
  const flows = await lab.transit('h1', 'get', 'flows', '-o', 'json');
  t.match(flows, /"destination": "10\.99\.0\.53"/, 'transit get flows shows the server');
});

test('kill -9 under load loses nothing', LIMIT, async (t) => {
  const lab = await Lab.up('svckill', {}, 'services');
  t.teardown(() => lab.down());
  lab.background('r', process.execPath, '-e', SERVER);
  await until('the servers', 30, async () => (await ask(lab, 'red-a1', DNS)) !== '');
  await until('the servers on h2', 30, async () => (await say(lab, 'blue-b1', DNS6)) !== '');
  const before = { h1: await lab.ids('h1'), h2: await lab.ids('h2') };
  const loads = ['red-a1', 'blue-b1'].map((who) =>
    lab.asked(who, process.execPath, '-e', LOAD, DNS, DNS6, '5300'),
  );
  for (let round = 0; round < 4; round++) {
    const host = round % 2 === 0 ? 'h1' : 'h2';
    await lab.kill(host);
    t.match(await ask(lab, 'red-a1', DNS), /^172/, 'new ones while no daemon runs');
    await lab.start(host);
    // a change while there is load: records are made anew, for packets of either side
    await must('bash', ['-c', APPLY, '-', lab.socket(host), METADATA(round)]);
  }
  for (const load of loads) {
    const { count, errors } = JSON.parse(await load.end()) as LoadResult;
    t.comment(JSON.stringify(count));
    t.equal(errors, '', 'no error');
    for (const [what, [sent, answered]] of Object.entries(count)) {
      t.ok(sent > 20, `${what}: ${String(sent)} sent`);
      t.equal(answered, sent, `${what}: all answered`);
    }
  }
  t.same((await lab.ids('h1')).maps, before.h1.maps, 'the same maps');
  t.same((await lab.ids('h2')).maps, before.h2.maps, 'the same maps');
});
