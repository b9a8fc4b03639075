// SPDX-License-Identifier: Apache-2.0
/** Policies of a real daemon: what applies and what it decided, questions; and a restart. */
import { readdirSync } from 'node:fs';
import { test } from 'tap';
import type { EndpointPoliciesResponse, PolicyCheckResponse } from '../../src/api/index.js';
import { Daemon, endpoint, object, ping } from './daemon-support.js';
import { isolated, run } from './netlink-support.js';

const LABELS = { metadata: { name: 'e2', labels: { role: 'quiet' } } };
const OBJECTS = [
  object('Vpc', 'v1', { vni: 100 }),
  object('Subnet', 's1', { vpc: 'v1', ipv4: { prefix: '10.0.0.0/24' } }),
  object('Droplet', 'd1', { host: 'h1', device: 'ul', addresses: ['192.0.2.1'] }),
  endpoint('e1', 5, 'w1'),
  { ...endpoint('e2', 6, 'w2'), ...LABELS },
  object('Endpoint', 'e3', { host: 'h2', vpc: 'v1', subnet: 's1', addresses: ['10.0.0.7'] }),
  object('Policy', 'quiet', {
    selector: "role == 'quiet'",
    ingress: [
      { action: 'deny', protocol: 'icmp', source: { nets: ['10.0.0.5/32'] } },
      { action: 'allow' },
      { action: 'deny', protocol: 'udp' },
    ],
  }),
];

if (isolated(import.meta.url)) {
  run('mkdir -p /run/netns');
  run('mount -t bpf bpf /sys/fs/bpf');
  for (const name of ['w1', 'w2', 'far']) run(`ip netns add ${name}`);
  run('ip link add ul type veth peer name ul1 netns far');
  run('ip addr add 192.0.2.1/24 dev ul');
  run('ip link set ul up');
  const daemon = new Daemon({});
  const ready = async (): Promise<void> => {
    for (const name of ['e1', 'e2'])
      await daemon.until(
        `Endpoint ${name} programmed`,
        async () => (await daemon.programmed(`/v1/endpoints/${name}`)) === 'True',
      );
  };
  const packets = async (): Promise<number[]> => {
    const shown = await daemon.get<EndpointPoliciesResponse>('/v1/endpoints/e2/policies');
    return shown?.ingress.rules.map((rule) => rule.packets) ?? [];
  };
  const check = (query: string) =>
    daemon.get<PolicyCheckResponse>(`/v1/policy-check?from=e1&to=e2&${query}`);

  test('policies', async (t) => {
    t.teardown(async () => {
      await daemon.end('SIGKILL');
    });
    await daemon.start();
    await daemon.post('/v1/apply', { objects: OBJECTS });
    await ready();

    await t.test('what a rule decides is counted, and shown', async (t) => {
      t.same(await packets(), [0, 0, 0, 0, 0]);
      t.equal(ping('w1', '10.0.0.6'), 0);
      t.same(await packets(), [2, 0, 0, 0, 0], 'each packet asks again while nothing is let in');
      t.match(await daemon.get('/v1/endpoints/e1/policies'), {
        programmed: true,
        ingress: { open: true },
      });
      t.equal(await daemon.get('/v1/endpoints/e3/policies'), undefined, 'of another host');
    });

    await t.test('a question has the answer of the data path, and counts nothing', async (t) => {
      t.match(await check('protocol=icmp'), {
        agrees: true,
        checks: [
          {
            verdict: 'denied',
            from: { verdict: 'allowed', kernel: { verdict: 'allowed', agrees: true } },
            to: { decidedBy: { by: 'Policy/quiet', rule: 0 }, kernel: { verdict: 'denied' } },
          },
        ],
      });
      t.match(await check('protocol=tcp&port=80'), {
        agrees: true,
        checks: [{ verdict: 'allowed', to: { decidedBy: { rule: 1 } } }],
      });
      t.same(await packets(), [2, 0, 0, 0, 0]);
      const [build = ''] = readdirSync(`${daemon.pinDir}/progs`);
      t.ok(readdirSync(`${daemon.pinDir}/progs/${build}`).includes('judge'), 'loaded for it');
    });

    await t.test('a rule that is not reached is named', async (t) => {
      t.match(await daemon.get('/v1/policies/quiet'), {
        status: {
          conditions: [
            ...[{}, {}],
            {
              type: 'RulesReachable',
              status: 'False',
              message: /spec\.ingress\[2\] \(behind \[1\]/,
            },
          ],
        },
      });
    });

    await t.test('after a change, and another daemon', async (t) => {
      const open = object('Policy', 'quiet', {
        selector: "role == 'quiet'",
        ingress: [{ action: 'allow' }],
      });
      await daemon.post('/v1/apply', { objects: [open] });
      await daemon.until('let in', () => Promise.resolve(ping('w1', '10.0.0.6', 1) === 1));
      t.match(await check('protocol=icmp'), { agrees: true, checks: [{ verdict: 'allowed' }] });
      await daemon.end('SIGTERM');
      await daemon.start();
      await ready();
      t.same(await packets(), [0, 0, 0], 'counters begin with the daemon');
      t.match(await check('protocol=icmp'), { agrees: true, checks: [{ verdict: 'allowed' }] });
    });
  });
}
