// SPDX-License-Identifier: Apache-2.0
/** transitd on the real kernel: what it makes, what a crash leaves, what an end takes away. */
import { spawn } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, readdirSync } from 'node:fs';
import { test } from 'tap';
import { Daemon, endpoint, object, ping, ROOT } from './daemon-support.js';
import { ip, isolated, run } from './netlink-support.js';

interface Link {
  readonly ifname: string;
  readonly ifindex: number;
}

const OBJECTS = [
  object('Vpc', 'v1', { vni: 100 }),
  object('Subnet', 's1', { vpc: 'v1', ipv4: { prefix: '10.0.0.0/24' } }),
  object('Droplet', 'd1', { host: 'h1', device: 'ul', addresses: ['192.0.2.1'] }),
  object('Droplet', 'd2', { host: 'h2', device: 'eth0', addresses: ['192.0.2.2'] }),
  endpoint('e1', 5, 'w1'),
  endpoint('e2', 6, 'w2'),
  object('Endpoint', 'e3', { host: 'h2', vpc: 'v1', subnet: 's1', addresses: ['10.0.0.7'] }),
];

function offload(device: string, feature: string): string {
  return new RegExp(`^${feature}: (on|off)`, 'm').exec(run(`ethtool -k ${device}`))?.[1] ?? '?';
}

if (isolated(import.meta.url)) {
  run('mkdir -p /run/netns');
  run('mount -t bpf bpf /sys/fs/bpf');
  for (const name of ['w1', 'w2', 'far']) run(`ip netns add ${name}`);
  run('ip link add ul type veth peer name ul1 netns far');
  run('ip addr add 192.0.2.1/24 dev ul');
  run('ip link set ul up');
  run('ip -n far addr add 192.0.2.2/24 dev ul1');
  run('ip -n far link set ul1 up');
  cpSync(`${ROOT}/build/bpf`, '/run/bpf', { recursive: true });
  const daemon = new Daemon({ bpfDir: '/run/bpf' });
  /** The slow path's device, which goes and comes with the daemon. */
  const isTap = ({ ifname }: Link): boolean => /^ta[0-9a-f]{10}$/.test(ifname);
  const devices = (): Link[] => ip<Link>('link show').filter((link) => !isTap(link));
  /** What forwards, which a daemon leaves as it was. */
  const programs = async () => (await daemon.programs()).filter(({ hook }) => hook !== 'alg-tc');
  const links = (): string[] => {
    const tap = ip<Link>('link show').find(isTap)?.ifindex;
    return readdirSync(`${daemon.pinDir}/links`).filter((pin) => !pin.startsWith(`${tap}_`));
  };
  /** Objects of the pinned build. */
  const loaded = (): string[] => {
    const [build = ''] = readdirSync(`${daemon.pinDir}/progs`);
    return readdirSync(`${daemon.pinDir}/progs/${build}`).sort();
  };
  const ready = (name: string) =>
    daemon.until(
      `Endpoint ${name} programmed`,
      async () => (await daemon.programmed(`/v1/endpoints/${name}`)) === 'True',
    );

  test('transitd', async (t) => {
    t.teardown(async () => {
      await daemon.end('SIGKILL');
    });
    await daemon.start();
    await daemon.post('/v1/apply', { objects: OBJECTS });
    await ready('e1');
    await ready('e2');

    await t.test('maps hold what was applied, and packets flow', async (t) => {
      await daemon.until('the VTEP is resolved', () =>
        Promise.resolve(
          daemon.map('nh').some(({ value }) => ((value as { flags: number }).flags & 1) === 1),
        ),
      );
      t.equal(daemon.map('vpc').length, 1);
      t.equal(daemon.map('ep').length, 2);
      t.equal(daemon.map('addr').length, 5, 'three endpoints, the gateway, the broadcast address');
      t.equal(daemon.map('vtep').length, 1);
      t.equal(daemon.map('local').length, 1);
      t.equal(ping('w1', '10.0.0.6'), 2);
      t.equal(ping('w1', '10.0.0.1'), 2, 'the gateway answers');
      t.equal((await programs()).length, 3);
      t.equal(offload('ul', 'tx-checksumming'), 'off', 'XDP cannot complete checksums');
      t.same(loaded(), ['age', 'agent_tc', 'alg', 'transit_xdp'], 'nothing that is not attached');
    });

    await t.test('a killed daemon finds everything as it was', async (t) => {
      const before = {
        programs: await programs(),
        maps: daemon.mapIds(),
        generations: daemon.map('vpc_gen'),
        links: devices().map(({ ifindex }) => ifindex),
      };
      await daemon.end('SIGKILL');
      t.equal(ping('w1', '10.0.0.6', 5), 5, 'packets flow without a daemon');
      await daemon.start();
      t.same(await programs(), before.programs, 'same programs and links');
      t.same(daemon.mapIds(), before.maps);
      t.same(daemon.map('vpc_gen'), before.generations, 'nothing had to walk again');
      t.same(
        devices().map(({ ifindex }) => ifindex),
        before.links,
      );
    });

    await t.test('programs are replaced without losing a packet', async (t) => {
      const before = await programs();
      const pinger = spawn('ip', 'netns exec w1 ping -q -i0.002 -c800 10.0.0.6'.split(' '), {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      pinger.stdout.on('data', (data: Buffer) => (output += data.toString()));
      const ended = new Promise((resolve) => pinger.once('exit', resolve));
      appendFileSync('/run/bpf/agent_tc.o', '\0'); // another build
      await daemon.post('/v1/programs/reload', {});
      const after = await programs();
      await ended;
      t.match(output, /800 received/);
      t.same(
        after.map(({ linkId }) => linkId),
        before.map(({ linkId }) => linkId),
        'the links stay',
      );
      t.notOk(after.some((now, i) => now.programId === before[i]?.programId));
      t.equal(readdirSync(`${daemon.pinDir}/progs`).length, 1, 'the old build is unpinned');
      t.equal(loaded().length, 7, 'what replaces another build is loaded whole');
    });

    await t.test('a build that lacks a program changes nothing', async (t) => {
      const before = { programs: await programs(), loaded: loaded() };
      cpSync('/run/bpf/agent_xdp.o', '/run/agent_xdp.o');
      cpSync('/run/bpf/age.o', '/run/bpf/agent_xdp.o');
      await t.rejects(daemon.post('/v1/programs/reload', {}), /agent_xdp/);
      t.same(await programs(), before.programs);
      t.equal(readdirSync(`${daemon.pinDir}/progs`).length, 1);
      t.same(loaded(), before.loaded);
      t.equal(ping('w1', '10.0.0.6'), 2);
      cpSync('/run/agent_xdp.o', '/run/bpf/agent_xdp.o');
    });

    await t.test('an upgrade between two runs', async (t) => {
      const before = await programs();
      await daemon.end('SIGKILL');
      appendFileSync('/run/bpf/agent_tc.o', '\0');
      const pinger = spawn('ip', 'netns exec w1 ping -q -i0.005 -c400 10.0.0.6'.split(' '), {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      pinger.stdout.on('data', (data: Buffer) => (output += data.toString()));
      const ended = new Promise((resolve) => pinger.once('exit', resolve));
      await daemon.start();
      const after = await programs();
      await ended;
      t.match(output, /400 received/);
      t.same(
        after.map(({ linkId }) => linkId),
        before.map(({ linkId }) => linkId),
      );
      t.notOk(after.some((now, i) => now.programId === before[i]?.programId));
      t.equal(readdirSync(`${daemon.pinDir}/progs`).length, 1);
    });

    await t.test('a namespace that comes late', async (t) => {
      await daemon.post('/v1/apply', { objects: [endpoint('e4', 8, 'late')] });
      await daemon.until(
        'status says so',
        async () => (await daemon.programmed('/v1/endpoints/e4')) === 'False NamespaceMissing',
      );
      run('ip netns add late');
      await ready('e4');
      t.equal(ping('late', '10.0.0.5'), 2);
    });

    await t.test('a workload that goes and comes back', async (t) => {
      run('ip netns del late');
      await daemon.until(
        'status says so',
        async () => (await daemon.programmed('/v1/endpoints/e4')) !== 'True',
      );
      await daemon.until('its entry is gone', () => Promise.resolve(daemon.map('ep').length === 2));
      run('ip netns add late');
      await ready('e4');
      t.equal(ping('late', '10.0.0.5'), 2);
      t.equal(links().length, 4);
    });

    await t.test('another hook', async (t) => {
      await daemon.post('/v1/apply', { objects: [endpoint('e2', 6, 'w2', { hook: 'xdp' })] });
      await daemon.until('XDP', async () =>
        (await programs()).some(({ hook }) => hook === 'agent-xdp'),
      );
      await ready('e2');
      t.equal(ping('w1', '10.0.0.6'), 2);
      t.equal(ping('w2', '10.0.0.5'), 2);
    });

    await t.test('objects deleted while the daemon is away', async (t) => {
      await daemon.end('SIGTERM');
      run('ip netns del late');
      await daemon.start();
      t.equal(await daemon.programmed('/v1/endpoints/e4'), 'False NamespaceMissing');
      t.equal(daemon.map('ep').length, 2);
      t.equal(links().length, 3);
    });

    await t.test('incompatible settings', async (t) => {
      await daemon.end('SIGTERM');
      const { status, stderr } = daemon.once([], { maxFlows: 2048 });
      t.equal(status, 1);
      t.match(stderr, /map flow: maxEntries is 1024 in the pinned map, but 2048 is needed/);
      t.match(stderr, /datapath\.maxFlows/);
      t.equal(ping('w1', '10.0.0.6'), 2, 'the data path goes on');
      await daemon.start();
    });

    await t.test('all deleted', async (t) => {
      const names = [
        ...['e1', 'e2', 'e3', 'e4'].map((name) => ({ kind: 'Endpoint', name })),
        { kind: 'Droplet', name: 'd1' },
        { kind: 'Droplet', name: 'd2' },
        { kind: 'Subnet', name: 's1' },
        { kind: 'Vpc', name: 'v1' },
      ];
      await daemon.post('/v1/delete', { objects: names });
      await daemon.until('no device is left', () =>
        Promise.resolve(ip<Link>('link show').length === 2),
      );
      await daemon.until('nothing is attached', async () => (await daemon.programs()).length === 0);
      for (const name of ['vpc', 'vtep', 'local', 'ep', 'addr', 'route'])
        t.same(daemon.map(name), [], name);
      t.notOk(
        daemon.map('nh').some(({ value }) => (value as { port: number }).port !== 0),
        'nh',
      );
      t.same(readdirSync(`${daemon.pinDir}/links`), []);
      t.equal(offload('ul', 'tx-checksumming'), 'on', 'the droplet is as it was');
    });

    await t.test('purge', async (t) => {
      await daemon.post('/v1/apply', { objects: OBJECTS });
      await ready('e1');
      t.equal(daemon.once(['--purge']).status, 1, 'refused while the daemon runs');
      t.equal(await daemon.end('SIGTERM'), 0);
      const { status, stderr } = daemon.once(['--purge']);
      t.equal(status, 0, stderr);
      t.notOk(existsSync(daemon.pinDir));
      t.same(
        ip<Link>('link show').map(({ ifname }) => ifname),
        ['lo', 'ul'],
      );
      t.notMatch(run('ip -d link show ul'), /prog\/xdp/);
      t.equal(offload('ul', 'tx-checksumming'), 'on');
    });
  });
}
