// SPDX-License-Identifier: Apache-2.0
/**
 * Every bad input against a running daemon: each is refused with the object, the field and the
 * rule, and leaves the state, the maps and the traffic as they were. What a request cannot show
 * (files, devices, full maps, programs that the kernel refuses) follows the table.
 */
import { cpSync, writeFileSync } from 'node:fs';
import suite, { test } from 'tap';
import { BAD_INPUTS, type BadInput } from '../unit/model/bad-inputs.js';
import { BAD_NAT_INPUTS } from '../unit/model/bad-inputs-nat.js';
import { BAD_PREFIX_INPUTS, prefixState } from '../unit/model/bad-inputs-prefixes.js';
import { BAD_SERVICE_INPUTS, serviceState } from '../unit/model/bad-inputs-service.js';
import { baseState, natState } from '../unit/model/fixtures.js';
import { Daemon, endpoint, object, ping, ROOT } from './daemon-support.js';
import { isolated, run } from './netlink-support.js';

interface Problem {
  readonly object: string;
  readonly field: string;
  readonly rule: string;
}

/** Names what was refused, and why, somewhere in the answer. */
function finds(problems: readonly Problem[], bad: BadInput): boolean {
  return problems.some(
    ({ object, field, rule }) =>
      object === bad.object && field === bad.field && bad.rule.test(rule),
  );
}

function inputOf(bad: BadInput): unknown {
  if (bad.input !== undefined) return bad.input;
  const [kind, name] = bad.object.split('/');
  return { kind, metadata: { name }, spec: bad.spec };
}

if (isolated(import.meta.url)) {
  // It starts a dozen daemons, which takes its time beside others.
  suite.setTimeout(120_000);
  run('mkdir -p /run/netns');
  run('mount -t bpf bpf /sys/fs/bpf');
  for (const name of ['w1', 'w2']) run(`ip netns add ${name}`);
  run('ip link add ul type veth peer name ul1');
  run('ip addr add 192.0.2.1/24 dev ul');
  for (const name of ['ul', 'ul1']) run(`ip link set ${name} up`);
  cpSync(`${ROOT}/build/bpf`, '/run/bpf', { recursive: true });
  const daemon = new Daemon({ bpfDir: '/run/bpf' });
  const traffic = [
    object('Vpc', 'v1', { vni: 1000 }),
    object('Subnet', 's1', { vpc: 'v1', ipv4: { prefix: '10.0.0.0/24' } }),
    object('Droplet', 'd1', { host: 'h1', device: 'ul', addresses: ['192.0.2.1'] }),
    endpoint('e1', 5, 'w1'),
    endpoint('e2', 6, 'w2'),
  ];
  const state = async (): Promise<string> =>
    JSON.stringify({
      status: (await daemon.get<{ revision: number }>('/v1/status'))?.revision,
      addr: daemon.map('addr'),
      route: daemon.map('route'),
      generations: daemon.map('vpc_gen'),
      programs: await daemon.programs(),
    });
  const refused = async (input: unknown): Promise<string> => {
    try {
      await daemon.post('/v1/apply', { objects: [input] });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return 'accepted';
  };

  test('bad input', async (t) => {
    t.teardown(async () => {
      await daemon.end('SIGKILL');
    });
    await daemon.start();
    const base = [...baseState(), ...natState(), ...serviceState(), ...prefixState()].map(
      ({ kind, metadata, spec }) => object(kind, metadata.name, spec),
    );
    await daemon.post('/v1/apply', { objects: [...traffic, ...base] });
    for (const name of ['e1', 'e2']) {
      await daemon.until(
        name,
        async () => (await daemon.programmed(`/v1/endpoints/${name}`)) === 'True',
      );
    }

    const bads = [...BAD_INPUTS, ...BAD_NAT_INPUTS, ...BAD_SERVICE_INPUTS, ...BAD_PREFIX_INPUTS];
    await t.test(`${bads.length} objects, each refused by name`, async (t) => {
      const before = await state();
      for (const bad of bads) {
        const answer = await refused(inputOf(bad));
        const json = answer.slice(answer.indexOf('{'));
        const problems = answer.includes('{')
          ? ((JSON.parse(json) as { problems?: Problem[] }).problems ?? [])
          : [];
        t.ok(finds(problems, bad), `${bad.object}: ${bad.field}: ${bad.rule.source}`, { answer });
      }
      t.equal(await state(), before, 'nothing has changed');
      t.equal(ping('w1', '10.0.0.6'), 2, 'packets flow');
    });

    await t.test('one bad object refuses all of a request', async (t) => {
      const before = await state();
      const answer = await daemon
        .post('/v1/apply', {
          objects: [object('Vpc', 'good', { vni: 77 }), object('Vpc', 'bad', { vni: 1000 })],
        })
        .catch((error: unknown) => String(error));
      t.match(answer, /Vpc\/bad.*vni/s);
      t.equal(await daemon.get('/v1/vpcs/good'), undefined);
      t.equal(await state(), before);
    });

    await t.test('requests that are no requests', async (t) => {
      t.match(await daemon.post('/v1/nothing', {}).catch(String), /40[45]/);
      t.match(await daemon.post('/v1/apply', { things: [] }).catch(String), /objects/);
      t.match(await daemon.post('/v1/apply', 'text').catch(String), /400/);
    });

    await t.test('a device that is missing', async (t) => {
      const away = endpoint('e9', 9, 'w1', { device: { kind: 'existing', name: 'tap9' } });
      await daemon.post('/v1/apply', { objects: [away] });
      await daemon.until(
        'status says so',
        async () => (await daemon.programmed('/v1/endpoints/e9')) === 'False DeviceMissing',
      );
      const shown = JSON.stringify(await daemon.get('/v1/endpoints/e9'));
      t.match(shown, /tap9/);
      t.equal(ping('w1', '10.0.0.6'), 2);
      await daemon.post('/v1/delete', { objects: [{ kind: 'Endpoint', name: 'e9' }] });
    });

    await t.test('a map that is full', async (t) => {
      // 256 addresses fit, those of what is there among them; a subnet has a gateway and a broadcast
      const before = daemon.map('addr').length;
      const many = Array.from({ length: 300 }, (_, i) =>
        object('Endpoint', `m${i}`, {
          host: 'h2',
          vpc: 'v1',
          subnet: 'big',
          addresses: [`10.9.${i >> 7}.${(i & 127) + 2}`],
        }),
      );
      await daemon.post('/v1/apply', {
        objects: [
          object('Subnet', 'big', { vpc: 'v1', ipv4: { prefix: '10.9.0.0/16' } }),
          object('Droplet', 'd9', { host: 'h2', device: 'eth0', addresses: ['192.0.2.9'] }),
          ...many,
        ],
      });
      let complaint = '';
      await daemon.until('an object says that it did not fit', async () => {
        const list = await daemon.get<{ items: { metadata: { name: string } }[] }>('/v1/endpoints');
        complaint = JSON.stringify(
          list?.items.filter((item) => /full|maxAddresses/.test(JSON.stringify(item))),
        );
        return complaint.length > 2;
      });
      t.match(complaint, /addr/, 'the map is named');
      t.equal(ping('w1', '10.0.0.6'), 2, 'what fits goes on');
      await daemon.post('/v1/delete', {
        objects: many.map((m) => ({ kind: 'Endpoint', name: m.metadata.name })),
      });
      await daemon.until('room again', () =>
        Promise.resolve(daemon.map('addr').length <= before + 2),
      );
    });

    await t.test('programs that the kernel refuses', async (t) => {
      const before = await daemon.programs();
      writeFileSync('/run/bpf/agent_tc.o', 'not an object');
      t.match(await daemon.post('/v1/programs/reload', {}).catch(String), /agent_tc/);
      t.same(await daemon.programs(), before, 'the old ones run on');
      cpSync('/run/bpf/transit_xdp.o', '/run/bpf/agent_tc.o');
      t.match(await daemon.post('/v1/programs/reload', {}).catch(String), /agent_tc/);
      t.same(await daemon.programs(), before, 'the old ones run on');
      t.equal(ping('w1', '10.0.0.6'), 2);
      cpSync(`${ROOT}/build/bpf/agent_tc.o`, '/run/bpf/agent_tc.o');
    });

    await t.test('a second daemon', (t) => {
      const { status, stderr, stdout } = daemon.once([]);
      t.equal(status, 1);
      t.match(stderr + stdout, /STORE_LOCKED|in use|locked/);
      t.end();
    });

    await t.test('settings that make no sense', async (t) => {
      await daemon.end('SIGTERM');
      const cases: [Record<string, unknown>, RegExp][] = [
        [{ maxFlows: 'many' }, /datapath\.maxFlows/],
        [{ maxFlows: -1 }, /datapath\.maxFlows/],
        [{ vxlanPort: 70000 }, /datapath\.vxlanPort/],
        [{ maxFlow: 10 }, /maxFlow/],
        [{ bpfDir: '/nowhere' }, /\/nowhere/],
      ];
      for (const [datapath, rule] of cases) {
        const { status, stderr, stdout } = daemon.once([], datapath);
        t.not(status, 0);
        t.match(stderr + stdout, rule);
      }
      t.equal(ping('w1', '10.0.0.6'), 2, 'the data path does not care');
    });

    await t.test('an address that is taken', (t) => {
      run(`mkdir -p ${daemon.dir}/run/api.sock`); // a directory where the socket should be
      const { status, stderr, stdout } = daemon.once([]);
      t.equal(status, 1);
      t.match(stderr + stdout, /api\.sock/);
      run(`rmdir ${daemon.dir}/run/api.sock`);
      t.end();
    });

    await t.test('a store that is damaged', async (t) => {
      run(`cp -a ${daemon.dir}/data ${daemon.dir}/data.good`);
      for (const file of run(`find ${daemon.dir}/data -type f -size +8k`).trim().split('\n')) {
        writeFileSync(file, Buffer.alloc(65536, 0x5a));
      }
      const { status, stderr, stdout } = daemon.once([]);
      t.equal(status, 1);
      t.match(stderr + stdout, /STORE_CORRUPT|corrupt|damaged/);
      t.equal(ping('w1', '10.0.0.6'), 2, 'the data path goes on');
      run(`rm -rf ${daemon.dir}/data`);
      run(`mv ${daemon.dir}/data.good ${daemon.dir}/data`);
      await daemon.start();
      await daemon.until(
        'nothing was lost',
        async () => (await daemon.programmed('/v1/endpoints/e1')) === 'True',
      );
    });
  });
}
