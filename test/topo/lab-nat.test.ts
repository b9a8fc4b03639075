// SPDX-License-Identifier: Apache-2.0
/** Real sockets through the gateway: two tenants with the same addresses and the world outside. */
import { t as suite, test } from 'tap';
import { Lab, until } from '../support/traffic/lab.js';
import { ask, get, HOST, OTHER, serve } from '../support/traffic/world.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

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
  for (const ns of ['o', 'red-a1', 'red-b2']) await serve(lab, ns);
  await until('the way out', 30, async () => await lab.ping('red-a1', HOST[4], 1));

  for (const who of ['red-a1', 'red-b1', 'blue-a1', 'blue-b1']) {
    t.ok(await lab.ping(who, HOST[4]), `${who} pings IPv4`);
    t.ok(await lab.ping(who, HOST[6]), `${who} pings IPv6`);
    const v4 = await get(lab, who, `http://${HOST[4]}/`);
    t.match(v4?.address, /^203\.0\.113\.[12]$/, `${who} is seen from the pool`);
    t.equal((await get(lab, who, `http://[${HOST[6]}]/`))?.address, '2001:db8:f::1');
    const one = await ask(lab, who, HOST[4], 5001);
    const two = await ask(lab, who, OTHER[4], 5001);
    t.equal(one?.address, v4?.address, 'one public address for all of an endpoint');
    t.equal(one?.port, two?.port, 'endpoint-independent mapping');
    t.equal((one?.port ?? 0) % 2, 1, 'parity kept');
  }

  t.equal((await get(lab, 'red-b2', `http://${HOST[4]}/`))?.address, '203.0.113.9', 'PublicIp out');
  t.equal((await get(lab, 'o', 'http://203.0.113.9/'))?.name, 'red-b2', 'PublicIp in');
  t.equal((await get(lab, 'o', 'http://[2001:db8:f::9]/'))?.name, 'red-b2', 'PublicIp in, IPv6');
  t.equal((await get(lab, 'o', 'http://203.0.113.1:8080/'))?.name, 'red-a1', 'PortForward');
  const hairpin = await get(lab, 'blue-b1', 'http://203.0.113.1:8080/');
  t.equal(hairpin?.name, 'red-a1', 'another tenant reaches it by the public address');
  t.match(hairpin?.address, /^203\.0\.113\./, 'and is seen by its own');

  const trace = await lab.inNs('red-a1', 'ping', '-c1', '-W2', '-t2', HOST[4]);
  t.match(trace.stdout, /exceeded/, 'a packet that dies on the gateway is reported');

  const before = await lab.ids('h2');
  const mapped = await ask(lab, 'red-a1', HOST[4], 5003);
  await lab.kill('h2');
  t.same(await ask(lab, 'red-a1', HOST[4], 5003), mapped, 'while no daemon runs, the same port');
  t.ok((await get(lab, 'blue-a1', `http://${HOST[4]}/`))?.address, 'and new connections');
  await lab.start('h2');
  t.same(await ask(lab, 'red-a1', HOST[4], 5003), mapped, 'after its start, too');
  t.same((await lab.ids('h2')).maps, before.maps, 'the same maps');
});
