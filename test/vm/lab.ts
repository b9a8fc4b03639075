// SPDX-License-Identifier: Apache-2.0
/**
 * Two hosts, a transitd in each, two tenants with the same addresses, real sockets: what
 * `make demo` shows, in few processes. On h1 the droplet is on one hook and on h2 on the other,
 * then they change places. Runs in guests, and on the host for a try:
 *
 * usage: TRANSIT_TEST_ISOLATED=1 unshare --net --mount node build/vm/js/test/vm/lab.js
 */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, cpSync } from 'node:fs';
import { release } from 'node:os';
import { test } from 'tap';
import { Daemon, object, ping, ROOT } from '../topo/daemon-support.js';
import { run } from '../topo/netlink-support.js';

type Hook = 'xdp' | 'tc';

const HOSTS = ['h1', 'h2'] as const;
/** tcx came with 6.6; before, tc programs are filters of clsact. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const TC_KIND = major > 6 || (major === 6 && minor >= 6) ? 'tcx' : 'clsact';

const WORKLOADS = [
  { name: 'red-a1', vpc: 'red', host: 'h1', last: 11, hook: 'tc' },
  { name: 'red-a2', vpc: 'red', host: 'h1', last: 12, hook: 'xdp' },
  { name: 'red-b1', vpc: 'red', host: 'h2', last: 21, hook: 'xdp' },
  { name: 'red-b2', vpc: 'red', host: 'h2', last: 22, hook: 'tc' },
  { name: 'blue-a1', vpc: 'blue', host: 'h1', last: 11, hook: 'tc' },
  { name: 'blue-b1', vpc: 'blue', host: 'h2', last: 21, hook: 'tc' },
] as const;

/** Who talks to whom: on one host, between them, from each hook to each, over both underlays. */
const PAIRS = [
  ['red-a1', 12],
  ['red-b1', 22],
  ['red-a1', 21],
  ['red-a2', 22],
  ['red-b1', 11],
  ['blue-a1', 21],
  ['blue-b1', 11],
] as const;
const TCP_PAIRS = [
  ['red-a1', 'red-a2'],
  ['red-a1', 'red-b1'],
  ['red-b2', 'red-a2'],
  ['blue-a1', 'blue-b1'],
] as const;

const v4 = (last: number): string => `10.0.1.${last}`;
const v6 = (last: number): string => `fd00:1::${last}`;
const lastOf = (name: string): number => WORKLOADS.find((w) => w.name === name)?.last ?? 0;

const network = (vpc: string, vni: number, underlay: string) => [
  object('Vpc', vpc, { vni, underlay }),
  object('Subnet', `${vpc}-1`, {
    vpc,
    ipv4: { prefix: '10.0.1.0/24' },
    ipv6: { prefix: 'fd00:1::/64' },
  }),
];
const droplets = (hooks: readonly Hook[]) =>
  HOSTS.map((host, i) =>
    object('Droplet', host, {
      host,
      device: 'ul0',
      addresses: [`192.0.2.${i + 1}`, `2001:db8::${i + 1}`],
      hook: hooks[i],
    }),
  );
const endpoints = WORKLOADS.map(({ name, vpc, host, last, hook }) =>
  object('Endpoint', name, {
    host,
    vpc,
    subnet: `${vpc}-1`,
    addresses: [v4(last), v6(last)],
    device: { kind: 'veth', netns: name },
    hook,
  }),
);

/** Many commands of ip(8) in one process. */
function ip(netns: string | undefined, lines: readonly string[]): void {
  const where = netns === undefined ? [] : ['-n', netns];
  execFileSync('ip', [...where, '-batch', '-'], { input: lines.join('\n') });
}

/** The hosts with a wire between them; workloads are empty namespaces. */
function build(): void {
  run('mkdir -p /run/netns');
  const names = [...HOSTS, ...WORKLOADS.map(({ name }) => name)];
  ip(
    undefined,
    names.map((name) => `netns add ${name}`),
  );
  ip(undefined, ['link add ul0 netns h1 type veth peer name ul0 netns h2']);
  HOSTS.forEach((host, i) => {
    ip(host, [
      'link set lo up',
      'link set ul0 up',
      `addr add 192.0.2.${i + 1}/24 dev ul0`,
      `addr add 2001:db8::${i + 1}/64 dev ul0 nodad`,
    ]);
    // as a wire: complete checksums, and NAPI for what XDP sends
    run(`nsenter --net=/run/netns/${host} ethtool -K ul0 tx off gro on`);
  });
}

/** Connections for a second, each with bytes there and back. @returns what went wrong */
function connections(from: string, to: string, address: string): string {
  const tool = `${ROOT}/build/traffic/tcpconn`;
  const text = run(`${tool} --from ${from} --to ${to} -a ${address} -r 10 -s 1 --length 3000`);
  const { opened, completed, failed } = JSON.parse(text) as Record<string, number>;
  return opened !== undefined && opened > 0 && completed === opened && failed === 0 ? '' : text;
}

/** A flow in the background. @returns its end, with what it counted */
function flow(tool: string, from: string, to: string, address: string, rate: number) {
  const words = ['--from', from, '--to', to, '-a', address, '-r', String(rate)];
  const child = spawn(`${ROOT}/build/traffic/${tool}`, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );
  return async (): Promise<Record<string, number>> => {
    child.kill('SIGINT');
    await ended;
    return JSON.parse(out) as Record<string, number>;
  };
}

const received = (netns: string): number => {
  const [link] = JSON.parse(run(`ip -n ${netns} -j -s link show eth0`)) as [
    { stats64: { rx: { packets: number } } },
  ];
  return link.stats64.rx.packets;
};

/** Ids of all maps, programs and links that the daemons have pinned. */
const ids = () =>
  Object.fromEntries(
    ['map', 'prog', 'link'].map((what) => {
      const text = run(`bpftool -j -f ${what} show`);
      const list = JSON.parse(text) as { id: number; pinned?: readonly string[] }[];
      const ours = list.filter(({ pinned }) =>
        pinned?.some((path) => daemons.some(({ pinDir }) => path.startsWith(pinDir))),
      );
      return [what, ours.map(({ id }) => id).sort((a, b) => a - b)];
    }),
  );

run('mount -t bpf bpf /sys/fs/bpf');
run('mount -t tmpfs tmpfs /run');
build();
cpSync(`${ROOT}/build/bpf`, '/run/bpf', { recursive: true, dereference: true });
const daemons = HOSTS.map((host) => new Daemon({ bpfDir: '/run/bpf' }, host));
const [one, two] = daemons as [Daemon, Daemon];

/** What is attached where, in one order. */
const attachments = () =>
  Promise.all(
    daemons.map(async (daemon) => {
      const programs = await daemon.programs();
      return programs.toSorted((a, b) => a.ifindex - b.ifindex || a.hook.localeCompare(b.hook));
    }),
  );

async function settled(hooks: readonly Hook[]): Promise<void> {
  for (const [i, daemon] of daemons.entries()) {
    for (const { name, host } of WORKLOADS) {
      if (host !== HOSTS[i]) continue;
      await daemon.until(
        `Endpoint ${name} programmed`,
        async () => (await daemon.programmed(`/v1/endpoints/${name}`)) === 'True',
      );
    }
    await daemon.until(`Droplet on ${hooks[i] ?? ''}`, async () =>
      (await daemon.programs()).some(
        ({ device, hook }) => device === 'ul0' && hook === `transit-${hooks[i] ?? ''}`,
      ),
    );
  }
  for (const { name } of WORKLOADS) {
    await one.until(`addresses of ${name} are settled`, () =>
      Promise.resolve(run(`ip -n ${name} -6 addr show tentative`) === ''),
    );
  }
}

test('two hosts', async (t) => {
  t.teardown(() => Promise.all(daemons.map((daemon) => daemon.end('SIGKILL'))));
  await Promise.all(daemons.map((daemon) => daemon.start()));
  const apply = (objects: readonly object[]) =>
    Promise.all(daemons.map((daemon) => daemon.post('/v1/apply', { objects })));

  for (const hooks of [
    ['xdp', 'tc'],
    ['tc', 'xdp'],
  ] as const) {
    await t.test(`h1 on ${hooks[0]}, h2 on ${hooks[1]}`, async (t) => {
      const networks = [...network('red', 100, 'ipv4'), ...network('blue', 200, 'ipv6')];
      await apply([...networks, ...droplets(hooks), ...endpoints]);
      await settled(hooks);
      const kinds = new Set((await one.programs()).map(({ kind }) => kind));
      t.same(kinds, new Set(['xdp-native', TC_KIND]));
      for (const [from, to] of PAIRS) {
        for (const address of [v4(to), v6(to)]) {
          await one.until(`${from} reaches ${address}`, () =>
            Promise.resolve(ping(from, address, 1) === 1),
          );
          t.equal(ping(from, address, 3), 3, `${from} to ${address}`);
        }
      }
      for (const [from, to] of TCP_PAIRS) {
        for (const address of [v4(lastOf(to)), v6(lastOf(to))]) {
          t.equal(connections(from, to, address), '', `TCP from ${from} to ${address}`);
        }
      }
    });
  }

  await t.test('tenants do not meet', (t) => {
    t.equal(ping('blue-a1', v4(12), 1), 0, 'an address that only red has');
    t.equal(ping('blue-a1', v6(22), 1), 0, 'the same behind the tunnel, IPv6');
    const before = received('blue-b1');
    t.equal(ping('red-a1', v4(21), 5), 5, 'red talks to an address that blue has, too');
    t.equal(received('blue-b1'), before, 'and blue hears nothing');
    t.end();
  });

  await t.test('killed daemons are not missed, and find everything as it was', async (t) => {
    const before = { ids: ids(), programs: await attachments() };
    t.ok((before.ids.map?.length ?? 0) > 20 && (before.ids.prog?.length ?? 0) > 20);
    const udp = flow('udpflow', 'red-a1', 'red-b1', v4(21), 100);
    const tcp = flow('tcpconn', 'blue-b1', 'blue-a1', v6(11), 10);
    await Promise.all(daemons.map((daemon) => daemon.end('SIGKILL')));
    t.equal(ping('red-a2', v4(22), 5), 5, 'without any daemon');
    await Promise.all(daemons.map((daemon) => daemon.start()));
    const [lost, connected] = [await udp(), await tcp()];
    t.same(ids(), before.ids, 'maps, programs and links');
    t.same(await attachments(), before.programs, 'attachments');
    t.match(lost, { lost: 0, duplicates: 0 }, JSON.stringify(lost));
    t.match(connected, { failed: 0 }, JSON.stringify(connected));
    t.ok(Number(lost.sent) > 50 && Number(connected.opened) > 5, 'there was traffic');
  });

  await t.test('programs are replaced under traffic', async (t) => {
    const before = await attachments();
    const udp = flow('udpflow', 'red-a1', 'red-b1', v6(21), 100);
    const tcp = flow('tcpconn', 'red-b2', 'red-a2', v4(12), 10);
    for (const name of ['agent_tc', 'transit_tc']) appendFileSync(`/run/bpf/${name}.o`, '\0');
    for (const daemon of [one, two]) await daemon.post('/v1/programs/reload', {});
    const [lost, connected] = [await udp(), await tcp()];
    const after = await attachments();
    const links = (all: typeof after) => all.map((list) => list.map(({ linkId }) => linkId));
    const numbers = (all: typeof after) => all.flat().map(({ programId }) => programId);
    t.same(links(after), links(before), 'the links stay');
    const old = new Set(numbers(before));
    t.same(
      numbers(after).filter((id) => old.has(id)),
      [],
      'every program is another',
    );
    t.match(lost, { lost: 0, duplicates: 0 }, JSON.stringify(lost));
    t.match(connected, { failed: 0 }, JSON.stringify(connected));
    t.ok(Number(lost.sent) > 50 && Number(connected.opened) > 5, 'there was traffic');
  });
});
