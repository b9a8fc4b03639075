// SPDX-License-Identifier: Apache-2.0
/** Who had a public port: the log of port blocks in a daemon that is killed, and started again. */
import { t as suite, test } from 'tap';
import { Lab, until } from '../support/traffic/lab.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

const HOST = '198.51.100.7';
/** Answers UDP with the address and port that it sees. */
const SERVER = `
  const u = require('node:dgram').createSocket('udp4');
  u.on('message', (m, from) => u.send(from.address + ':' + from.port, from.port, from.address));
  u.bind(9999);
  setTimeout(() => process.exit(), 200000);
`;
const ASK = `
  const u = require('node:dgram').createSocket('udp4');
  u.on('message', (m) => { console.log(String(m)); process.exit(); });
  u.bind(5001, () => u.send('?', 9999, '${HOST}'));
  setTimeout(() => process.exit(1), 2000);
`;

interface Who {
  readonly holders: readonly Readonly<Record<string, string | number>>[];
}

test('whose a port was, before and after a kill', LIMIT, async (t) => {
  const lab = await Lab.up('blocks', {}, 'nat');
  t.teardown(() => lab.down());
  lab.background('o', process.execPath, '-e', SERVER);
  await until('the way out', 30, async () => await lab.ping('red-a1', HOST, 1));
  const ask = async (from: string): Promise<string> => {
    let seen = '';
    await until(`an answer to ${from}`, 20, async () => {
      seen = (await lab.inNs(from, process.execPath, '-e', ASK)).stdout.trim();
      return seen !== '';
    });
    return seen;
  };
  const who = async (socket: string, ...at: string[]): Promise<Who> =>
    JSON.parse(await lab.transit('h2', 'nat', 'who', socket, ...at, '-o', 'json')) as Who;
  const whoAt = (socket: string): Promise<Who> => who(socket, '--at', new Date().toISOString());

  const before = new Date().toISOString();
  const socket = await ask('red-a1');
  await until('the event', 20, async () => (await whoAt(socket)).holders.length > 0);
  const [holder] = (await whoAt(socket)).holders;
  t.match(holder, { state: 'held', vpc: 'red', endpoint: 'red-a1', inside: undefined });
  t.match(String(holder?.via), /^NatGateway\//);
  t.equal((await who(socket, '--at', '2020-01-01T00:00:00Z')).holders.length, 0, 'not before');
  t.match(await lab.transit('h2', 'get', 'nat-events'), /taken.*red-a1/);

  await lab.kill('h2');
  const meanwhile = await ask('blue-a1');
  await lab.start('h2');
  await until(
    'what happened meanwhile',
    30,
    async () => (await whoAt(meanwhile)).holders.length > 0,
  );
  const [blue] = (await whoAt(meanwhile)).holders;
  t.match(blue, { state: 'held', vpc: 'blue', endpoint: 'blue-a1' });
  t.ok(String(blue?.since) > before, 'the ring has kept its time');
  t.equal(blue?.after, undefined);
  t.match((await whoAt(socket)).holders, [{ endpoint: 'red-a1', since: holder?.since }], 'kept');
  await t.rejects(lab.transit('h2', 'nat', 'who', socket, '--at', 'yesterday'), /RFC 3339/);
});
