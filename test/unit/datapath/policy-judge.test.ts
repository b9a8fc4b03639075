// SPDX-License-Identifier: Apache-2.0
/** Rules, one by one, without the kernel: what test/bpf/policy-check.test.ts holds against it. */
import { test } from 'tap';
import { judge, type JudgedPacket, type ResolvedRule } from '../../../src/daemon/calc/index.js';
import { askKernel } from '../../../src/daemon/datapath/index.js';
import { decode, encode, polJudge, REASON } from '../../../src/maps/index.js';

const ANY = { sets: [], notSets: [] };
const rule = (identity: string, more: Partial<ResolvedRule> = {}): ResolvedRule => ({
  ...{ action: 'allow', identity, source: ANY, destination: ANY },
  ...more,
});
const deny = (identity: string): ResolvedRule => rule(identity, { action: 'deny' });
const TCP: JudgedPacket = {
  ...{ family: 4, protocol: 6, source: '10.0.0.1', destination: '10.0.0.2' },
  ports: { source: 1000, destination: 80 },
};
const members = {
  address: (address: string) => new Set(address === '10.0.0.1' ? ['a', 'b'] : ['b']),
  port: (address: string, protocol: number, port: number) =>
    new Set(address === '10.0.0.2' && protocol === 6 && port === 80 ? ['http'] : []),
};
const decided = (rules: readonly (readonly ResolvedRule[])[], packet = TCP) => {
  const { allowed, rule: by, logged } = judge(rules, packet, members);
  return [allowed, by?.identity, ...logged.map(({ identity }) => identity)];
};

test('open; allow, deny, pass, log and the end', (t) => {
  t.same(judge(undefined, TCP, members), { allowed: true, rule: undefined, logged: [] });
  t.same(decided([[rule('a'), deny('b')]]), [true, 'a']);
  t.same(decided([[rule('l', { action: 'log' }), deny('b')]]), [false, 'b', 'l']);
  const pass = rule('p', { action: 'pass' });
  t.same(decided([[pass, rule('not asked')], [deny('d')]]), [false, 'd']);
  t.same(decided([[rule('a', { protocol: 17 })], [rule('next')]]), [true, 'next']);
  t.same(decided([]), [false, undefined]);
  t.end();
});

test('each condition', (t) => {
  const met = (more: Partial<ResolvedRule>, packet = TCP): boolean =>
    judge([[rule('r', more), deny('d')]], packet, members).allowed;
  const source = (more: object) => met({ source: { ...ANY, ...more } });
  const destination = (more: object) => met({ destination: { ...ANY, ...more } });
  t.same([met({ ipVersion: 4 }), met({ ipVersion: 6 })], [true, false]);
  t.same([met({ protocol: 6 }), met({ protocol: 17 })], [true, false]);
  t.same([met({ notProtocol: 6 }), met({ notProtocol: 17 })], [false, true]);
  t.same([source({ sets: ['a', 'b'] }), destination({ sets: ['a', 'b'] })], [true, false]);
  t.same([source({ notSets: ['a'] }), destination({ notSets: ['a'] })], [false, true]);
  const ports = (from: number, to: number, named: string[] = []) => ({
    ranges: [{ from, to }],
    named,
  });
  t.same(
    [destination({ ports: ports(80, 90) }), destination({ ports: ports(81, 90) })],
    [true, false],
  );
  t.ok(destination({ ports: ports(81, 90, ['http']) }), 'or by name');
  t.notOk(destination({ notPorts: ports(81, 90, ['http']) }));
  t.ok(source({ notPorts: ports(1001, 1001) }));
  const { ports: _, ...bare } = TCP;
  t.notOk(met({ destination: { ...ANY, ports: ports(0, 65535) } }, bare), 'no ports');
  const icmp = { ...bare, protocol: 1, icmp: { type: 3, code: 4 } };
  t.same(
    [met({ icmp: { type: 3 } }, icmp), met({ icmp: { type: 3, code: 1 } }, icmp)],
    [true, false],
  );
  t.same([met({ notIcmp: { type: 3 } }, icmp), met({ icmp: { type: 3 } })], [false, false]);
  t.end();
});

test('the question to the data path, and its answer', (t) => {
  const asked: unknown[] = [];
  const program = (verdict: number) => ({
    ...{ name: 'judge', id: 1, tag: '', verifiedInsns: undefined },
    testRun: ({ data }: { readonly data: Uint8Array }) => {
      const question = decode(polJudge, data);
      asked.push(question);
      return { verdict, durationNs: 0, data: encode(polJudge, { ...question, hit: 7 }) };
    },
  });
  t.same(askKernel(program(0), 5, true, TCP), { allowed: true, hit: 7 });
  t.same(askKernel(program(REASON.POLICY), 5, false, TCP), { allowed: false, hit: 7 });
  t.throws(() => askKernel(program(REASON.TRUNCATED), 5, false, TCP), { code: 'JUDGE_FAILED' });
  t.match(asked[0], { ep: 5, sends: 1, reply: 0, key: { sport: 1000, dport: 80, proto: 6 } });
  const icmp = (type: number, code: number, family: 4 | 6 = 4) => {
    askKernel(program(0), 5, true, {
      ...TCP,
      family,
      protocol: 1,
      icmp: { type, code },
      ports: undefined as never,
    });
    const { key } = asked.at(-1) as { key: { sport: number; dport: number } };
    return [key.sport, key.dport];
  };
  t.same(icmp(8, 0), [1, 1], 'an echo has its identifier twice');
  t.same(icmp(128, 0), [0, 128 << 8], 'which is no echo in IPv4');
  t.same(icmp(128, 0, 6), [1, 1]);
  t.same(icmp(13, 1), [0, (13 << 8) | 1]);
  t.end();
});
