// SPDX-License-Identifier: Apache-2.0
/** Real sockets through the gateway: two tenants with the same addresses and the world outside. */
import { t as suite, test } from 'tap';
import { Lab, until } from '../support/traffic/lab.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

const HOST = '198.51.100.7';
const HOST6 = '2001:db8:5::7';
/** Answers with the address and port that it sees, on TCP and UDP. */
const SERVER = `
  const name = process.argv[1];
  require('node:http').createServer((q, r) =>
    r.end([name, q.socket.remoteAddress.replace('::ffff:', ''), q.socket.remotePort].join(' ')),
  ).listen(80, '::');
  const u = require('node:dgram').createSocket('udp6');
  u.on('message', (m, from) =>
    u.send([name, from.address.replace('::ffff:', ''), from.port].join(' '), from.port, from.address));
  u.bind(9999);
  setTimeout(() => process.exit(), 200000);
`;
/** Asks a server by UDP from a port, prints the answer. */
const ASK = `
  const [address, port, from] = process.argv.slice(1);
  const u = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  u.on('message', (m) => { console.log(String(m)); process.exit(); });
  u.bind(Number(from), () => u.send('?', Number(port), address));
  setTimeout(() => process.exit(1), 2000);
`;

interface Seen {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

function seen(text: string): Seen | undefined {
  const [name, address, port] = text.trim().split(' ');
  if (name === undefined || address === undefined) return undefined;
  return { name, address, port: Number(port) };
}

async function get(lab: Lab, from: string, url: string): Promise<Seen | undefined> {
  return seen((await lab.inNs(from, 'curl', '-gs', '--max-time', '5', url)).stdout);
}

async function ask(
  lab: Lab,
  from: string,
  address: string,
  sport: number,
): Promise<Seen | undefined> {
  const { stdout } = await lab.inNs(
    from,
    process.execPath,
    '-e',
    ASK,
    address,
    '9999',
    String(sport),
  );
  return seen(stdout);
}

// @rfc 4787 REQ-1
// @rfc 4787 REQ-2
// @rfc 4787 REQ-4
// @rfc 4787 REQ-9
// @rfc 5382 REQ-8
// @rfc 5508 REQ-1
// @rfc 5508 REQ-10a
// @rfc 6888 REQ-10
test('out, in, between tenants, and after a kill', LIMIT, async (t) => {
  const lab = await Lab.up('nat', {}, 'nat');
  t.teardown(() => lab.down());
  for (const ns of ['o', 'red-a1', 'red-b2'])
    lab.background(ns, process.execPath, '-e', SERVER, ns);
  await until('the way out', 30, async () => await lab.ping('red-a1', HOST, 1));

  for (const who of ['red-a1', 'red-b1', 'blue-a1', 'blue-b1']) {
    t.ok(await lab.ping(who, HOST), `${who} pings IPv4`);
    t.ok(await lab.ping(who, HOST6), `${who} pings IPv6`);
    const v4 = await get(lab, who, `http://${HOST}/`);
    t.match(v4?.address, /^203\.0\.113\.[12]$/, `${who} is seen from the pool`);
    t.equal((await get(lab, who, `http://[${HOST6}]/`))?.address, '2001:db8:f::1');
    const one = await ask(lab, who, HOST, 5001);
    const two = await ask(lab, who, '198.51.100.8', 5001);
    t.equal(one?.address, v4?.address, 'one public address for all of an endpoint');
    t.equal(one?.port, two?.port, 'endpoint-independent mapping');
    t.equal((one?.port ?? 0) % 2, 1, 'parity kept');
  }

  t.equal((await get(lab, 'red-b2', `http://${HOST}/`))?.address, '203.0.113.9', 'PublicIp out');
  t.equal((await get(lab, 'o', 'http://203.0.113.9/'))?.name, 'red-b2', 'PublicIp in');
  t.equal((await get(lab, 'o', 'http://[2001:db8:f::9]/'))?.name, 'red-b2', 'PublicIp in, IPv6');
  t.equal((await get(lab, 'o', 'http://203.0.113.1:8080/'))?.name, 'red-a1', 'PortForward');
  const hairpin = await get(lab, 'blue-b1', 'http://203.0.113.1:8080/');
  t.equal(hairpin?.name, 'red-a1', 'another tenant reaches it by the public address');
  t.match(hairpin?.address, /^203\.0\.113\./, 'and is seen by its own');

  const trace = await lab.inNs('red-a1', 'ping', '-c1', '-W2', '-t2', HOST);
  t.match(trace.stdout, /exceeded/, 'a packet that dies on the gateway is reported');

  const before = await lab.ids('h2');
  const mapped = await ask(lab, 'red-a1', HOST, 5003);
  await lab.kill('h2');
  t.same(await ask(lab, 'red-a1', HOST, 5003), mapped, 'while no daemon runs, the same port');
  t.ok((await get(lab, 'blue-a1', `http://${HOST}/`))?.address, 'and new connections');
  await lab.start('h2');
  t.same(await ask(lab, 'red-a1', HOST, 5003), mapped, 'after its start, too');
  t.same((await lab.ids('h2')).maps, before.maps, 'the same maps');
});
