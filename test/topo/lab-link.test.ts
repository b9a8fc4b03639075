// SPDX-License-Identifier: Apache-2.0
/** Links go and come back, endpoints go and come back: traffic returns by itself, all of it. */
import { t as suite, test } from 'tap';
import { Flow, Lab, until, type UdpResult } from '../support/traffic/lab.js';

// The default of 30 s is for tests without a lab.
const LIMIT = { timeout: 180_000 };
suite.setTimeout(600_000);

test('an underlay link is pulled and put back', LIMIT, async (t) => {
  const lab = await Lab.up('link');
  t.teardown(() => lab.down());
  t.ok(await lab.ping('red-a1', '10.0.1.21'), 'before');
  const before = await lab.ids('h2');
  // the router's end: the host sees its carrier go, as with a pulled cable
  const cable = (state: string): Promise<unknown> =>
    lab.inNs('r', 'ip', 'link', 'set', 'p1', state);
  await cable('down');
  await until('loss', 10, async () => !(await lab.ping('red-a1', '10.0.1.21', 1)));
  t.ok(await lab.ping('red-a1', '10.0.1.12'), 'the same host is not concerned');
  await cable('up');
  for (const [from, to] of [
    ['red-a1', '10.0.1.21'],
    ['red-b1', 'fd00:1::11'],
    ['blue-a1', '10.0.1.21'],
    ['blue-b1', 'fd00:1::11'],
  ] as const) {
    await until(`${from} to ${to}`, 30, () => lab.ping(from, to, 1));
  }
  t.same(await lab.ids('h2'), before, 'nothing was made anew');
  const flow = new Flow<UdpResult>(
    lab,
    ...(['udpflow', 'red-b1', 'red-a2', '-a', 'fd00:1::12', '-r', '2000', '-s', '2'] as const),
  );
  const start = await lab.received('red-a2');
  await until('traffic', 20, async () => (await lab.received('red-a2')) >= start + 2000);
  t.equal((await flow.result()).lost, 0, 'no packet is lost afterwards');
});

test('an endpoint is deleted and made again', LIMIT, async (t) => {
  const lab = await Lab.up('endpoint');
  t.teardown(() => lab.down());
  t.ok(await lab.ping('red-a1', '10.0.2.31'), 'before');
  const other = new Flow<UdpResult>(
    lab,
    ...(['udpflow', 'red-a2', 'red-b1', '-a', '10.0.1.21', '-r', '1000'] as const),
  );
  for (let round = 0; round < 3; round++) {
    for (const host of ['h1', 'h2']) await lab.transit(host, 'delete', 'endpoint', 'red-c1');
    await until('its end', 10, async () => !(await lab.ping('red-a1', '10.0.2.31', 1)));
    const link = await lab.inNs('red-c1', 'ip', 'link', 'show', 'dev', 'eth0');
    t.not(link.status, 0, 'its device is gone');
    const objects = `build/lab/${lab.name}/objects`;
    for (const host of ['h2', 'h1']) await lab.transit(host, 'apply', '-f', objects);
    await until('IPv4', 10, () => lab.ping('red-a1', '10.0.2.31', 1));
    await until('IPv6', 10, () => lab.ping('red-a1', 'fd00:2::31', 1));
    t.ok(await lab.ping('red-c1', '10.0.1.11'), 'and from there');
  }
  const result = await other.result();
  t.ok(result.sent > 0, 'others sent meanwhile');
  t.equal(result.lost, 0, 'and lost nothing');
});
