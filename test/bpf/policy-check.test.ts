// SPDX-License-Identifier: Apache-2.0
/**
 * `policy check` against the kernel: what is computed from the rules is what program judge says, by
 * the same rule, with nothing counted.
 */
import { test, type Test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { Calculator, TABLE_NAMES } from '../../src/daemon/calc/index.js';
import { askKernel, Driver, PolicyCheck } from '../../src/daemon/datapath/index.js';
import type { BpfProgram } from '../../src/daemon/ports/bpf.js';
import type { PolicyCheckQuery } from '../../src/daemon/ports/datapath-view.js';
import type { StoredObject } from '../../src/model/index.js';
import { allocator, device, DROPLET_MAC } from '../calc/support.js';
import { Choose } from '../model/choose.js';
import { populate } from '../model/configuration.js';
import { port } from '../model/plane.js';
import { populatePolicies } from '../model/policies.js';
import { Scene } from '../model/scene.js';
import { HOST, objectsOf, POLICY_OBJECTS, policyCalculator } from '../support/policy-world.js';
import { Programs } from '../support/programs.js';
import { isolate, objectPath } from '../support/rig.js';

isolate();

const SMALL = 1024;
const ARRAYS = ['pol_ep', 'pol_prog', 'pol_hit'];

/** A calculation's tables in maps of their own, and the program that judges by them. */
class Place {
  readonly programs = new Programs();
  readonly check: PolicyCheck;
  private readonly driver: Driver;

  constructor(
    readonly calculator: Calculator,
    readonly indexes: ReturnType<typeof allocator>,
    objects: readonly StoredObject[],
  ) {
    const maxEntries = Object.fromEntries([...TABLE_NAMES, ...ARRAYS].map((n) => [n, SMALL]));
    this.programs.load(objectPath('judge'), { maxEntries: { ...maxEntries, pol_row: 65536 } });
    const names = [...TABLE_NAMES, 'vpc_gen', 'ep_stats', 'pol_epoch'];
    this.driver = new Driver({
      maps: Object.fromEntries(names.map((n) => [n, port(this.programs.maps.get(n)!)])) as never,
      log: silentLogger(),
      pause: () => Promise.resolve(),
      mark: { left: false, set: () => undefined, clear: () => undefined },
    });
    this.driver.readActual();
    const judge = this.programs.programs.get('judge')!;
    const program: Pick<BpfProgram, 'testRun'> = {
      testRun: ({ data }) => judge.run(data, 0),
    };
    this.check = new PolicyCheck(
      {
        calculator,
        indexes,
        objects: objectsOf(objects),
        ask: (...of) => askKernel(program as BpfProgram, ...of),
        pause: () => Promise.resolve(),
      },
      { host: HOST },
    );
  }

  async flush(): Promise<void> {
    const delta = this.calculator.flush();
    await this.driver.apply(delta);
    if (!this.driver.synced) await this.driver.sync();
  }

  /** Sum of all that rules have counted. */
  hits(): number {
    const values = this.programs.maps
      .get('pol_hit')!
      .entries()
      .map(([, value]) => value);
    return values.reduce((sum, value) => sum + value.reduce((a, b) => a + b, 0), 0);
  }
}

async function world(t: Test, objects = POLICY_OBJECTS): Promise<Place> {
  const { calculator, indexes } = policyCalculator(objects);
  const place = new Place(calculator, indexes, objects);
  t.teardown(() => {
    place.programs.close();
  });
  await place.flush();
  return place;
}

/** "allowed Policy/db 0, agrees" of both ends. */
async function ends(place: Place, query: PolicyCheckQuery): Promise<string[]> {
  const { checks, agrees } = await place.check.check(query);
  if (!agrees) throw new Error(`disagreement: ${JSON.stringify(checks)}`);
  return checks.map(
    ({ family, from, to, verdict }) =>
      `${family} ${verdict}: ` +
      [from, to]
        .map(({ verdict, decidedBy, kernel, logged }) =>
          [
            verdict,
            ...(decidedBy === undefined ? [] : [decidedBy.by, decidedBy.rule ?? '-']),
            ...(logged ?? []).map(({ by, rule }) => `log ${by} ${rule ?? '-'}`),
            ...(kernel === undefined ? [] : [kernel.verdict]),
          ].join(' '),
        )
        .join(', '),
  );
}

test('each end is judged by its rules, where it is', async (t) => {
  const place = await world(t);
  const cases: [PolicyCheckQuery, string[]][] = [
    [
      { from: 'web-1', to: 'db-1', protocol: 'tcp', port: 5432 },
      [
        '4 allowed: allowed allowed, allowed Policy/db 0 allowed',
        '6 allowed: allowed allowed, allowed Policy/db 0 allowed',
      ],
    ],
    [
      { from: '10.0.1.21', to: 'db-1', protocol: 'tcp', port: 23 },
      ['4 denied: allowed allowed, denied Policy/no-telnet 0 denied'],
    ],
    [
      { from: '10.0.1.21', to: '10.0.1.11', protocol: 6, port: 5433, vpc: 'blue' },
      ['4 denied: allowed allowed, denied Tier/default - denied'],
    ],
    [
      { from: 'web-2', to: 'db-1', protocol: 'icmp' },
      ['4 unknown: elsewhere, allowed Policy/db 1 allowed'],
    ],
    [
      { from: 'web-1', to: 'db-1', protocol: 'icmp', icmpType: 13 },
      ['4 denied: allowed allowed, denied Tier/default - denied'],
    ],
    [
      { from: 'web-1', to: 'db-1', protocol: 'icmpv6' },
      ['6 denied: allowed allowed, denied Tier/default - denied'],
    ],
    [
      { from: '203.0.113.9', to: 'db-1', protocol: 'udp', port: 53 },
      ['4 denied: not-judged, denied Tier/default - log Policy/db 2 denied'],
    ],
    [
      { from: 'db-1', to: '192.0.2.99', protocol: 47 },
      ['4 denied: denied Tier/default - denied, not-judged'],
    ],
    [
      { from: 'lost-1', to: '198.51.100.7', protocol: 'sctp', port: 1 },
      ['4 denied: denied Profile/nowhere - denied, not-judged'],
    ],
  ];
  for (const [query, said] of cases) t.same(await ends(place, query), said, JSON.stringify(query));
  t.equal(place.hits(), 0, 'nothing was counted');
});

test('what makes no sense is refused, and says why', async (t) => {
  const place = await world(t);
  const tcp = { protocol: 'tcp', port: 1 } as const;
  const cases: [PolicyCheckQuery, RegExp][] = [
    [{ from: 'no', to: 'db-1', ...tcp }, /"no" is neither an Endpoint that exists nor an address/],
    [{ from: 'red-1', to: 'db-1', ...tcp }, /red-1 is of Vpc red, db-1 of blue/],
    [{ from: '10.0.1.1', to: '10.0.1.2', ...tcp }, /say of which Vpc/],
    [{ from: '10.0.1.1', to: '10.0.1.2', vpc: 'blue', ...tcp }, /neither .* is an endpoint/],
    [{ from: '10.0.1.1', to: '10.0.1.2', vpc: 'no', ...tcp }, /Vpc\/no does not exist/],
    [{ from: 'db-1', to: '10.0.1.2', vpc: 'red', ...tcp }, /of Vpc blue, not of red/],
    [{ from: 'red-1', to: 'fd00::1', ...tcp }, /no addresses of one family/],
    [{ from: 'red-1', to: '10.0.1.1', protocol: 'icmpv6' }, /that icmpv6 belongs to/],
    [{ from: 'web-1', to: 'db-1', protocol: 'udp' }, /udp needs a port/],
    [{ from: 'web-1', to: 'db-1', protocol: 47, port: 1 }, /47 has no ports/],
    [{ from: 'web-1', to: 'db-1', icmpType: 8, ...tcp }, /tcp has no ICMP type/],
    [{ from: 'web-1', to: 'db-1', protocol: 'icmp', icmpType: 3 }, /error about a connection/],
    [{ from: 'web-1', to: 'db-1', protocol: 'icmp', icmpType: 0 }, /answers a request/],
    [{ from: 'web-1', to: 'db-1', protocol: 'icmp', icmpType: 8, icmpCode: 1 }, /code 0 only/],
  ];
  for (const [query, why] of cases) await t.rejects(place.check.check(query), { message: why });
});

test('a data path that does something else is found out', async (t) => {
  const place = await world(t);
  const query = { from: 'web-1', to: 'db-1', protocol: 'tcp', port: 5432 } as const;
  const map = place.programs.maps.get('pol_rule')!;
  const index = place.indexes.peek('rule', 'Policy/db/ingress/0');
  const [key, value] = map
    .entries()
    .find(([, bytes]) => new DataView(bytes.buffer).getUint32(4, true) === index)!;
  const ALLOW = 1;
  const DENY = 2;
  t.equal(value[0], ALLOW);
  map.update(key, Uint8Array.from([DENY, ...value.slice(1)]));
  const { agrees, checks } = await place.check.check(query);
  t.equal(agrees, false);
  t.match(checks[0], {
    verdict: 'denied',
    from: { kernel: { agrees: true } },
    to: {
      verdict: 'allowed',
      kernel: { verdict: 'denied', agrees: false, decidedBy: { by: 'Policy/db', rule: 0 } },
    },
  });
  map.update(key, value);
  t.equal((await place.check.check(query)).agrees, true, 'as it was');
});

/** Repeats itself. */
function chooser(seed: number): Choose {
  let state = seed;
  const nextInt = (min: number, max: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return min + Math.floor((state / 2 ** 32) * (max - min + 1));
  };
  return new Choose({ nextInt } as never);
}

function arbitraryQuery(c: Choose, ends: readonly string[], vpc: string): PolicyCheckQuery {
  const [from, to] = [c.pick(ends), c.pick(ends)];
  const protocol = c.pick(['tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 47, 6] as const);
  const isIcmp = protocol === 'icmp' || protocol === 'icmpv6';
  const ports = [22, 53, 80, 443, 1023, 1024, 8080, 8100, 5353];
  return {
    ...{ from, to, protocol, vpc },
    ...(isIcmp || protocol === 47 ? {} : { port: c.pick(ports), sourcePort: c.pick(ports) }),
    ...(isIcmp && c.chance(50) ? { icmpType: c.pick([8, 13, 128, 130]) } : {}),
  };
}

test('computed and asked are the same, whatever the policies', async (t) => {
  let [judged, denied, scenes] = [0, 0, 0];
  for (let seed = 1; seed <= 30; seed++) {
    const c = chooser(seed * 7919);
    const scene = new Scene();
    populate(c, scene);
    populatePolicies(c, scene);
    const objects = [...scene.objects.values()];
    const indexes = allocator(SMALL - 1);
    const calculator = new Calculator({ indexes }, { host: HOST, vxlanPort: 4789 });
    calculator.objects(
      objects.map((one) => ({ kind: one.kind, name: one.metadata.name, object: one })),
    );
    const link = { ifindex: 2, mtu: 1500, mac: DROPLET_MAC };
    calculator.droplet({ droplet: HOST, device: link });
    const endpoints = scene.all('Endpoint');
    for (const [i, { metadata }] of endpoints.entries()) {
      const fact = device(metadata.name, 10 + i);
      if (fact.type === 'device') calculator.device(fact.fact);
    }
    const place = new Place(calculator, indexes, objects);
    await place.flush();
    scenes++;
    for (const vpc of new Set(endpoints.map(({ spec }) => spec.vpc))) {
      const own = endpoints.filter(({ spec }) => spec.vpc === vpc);
      const ends = [
        ...own.flatMap(({ metadata, spec }) => [metadata.name, ...spec.addresses]),
        ...['203.0.113.5', '198.51.100.9', '10.1.0.11', '10.2.0.7', 'fd01::4', '2001:db8::1'],
      ];
      for (let i = 0; i < 60; i++) {
        const query = arbitraryQuery(c, ends, vpc);
        const answer = await place.check.check(query).catch((error: unknown) => {
          if (error instanceof Error && 'status' in error) return undefined;
          throw error;
        });
        if (answer === undefined) continue;
        if (!answer.agrees)
          t.fail(`seed ${seed}: ${JSON.stringify(query)}`, { answer: JSON.stringify(answer) });
        for (const { from, to } of answer.checks)
          for (const end of [from, to]) {
            if (end.kernel !== undefined) judged++;
            if (end.kernel?.verdict === 'denied') denied++;
          }
      }
    }
    if (place.hits() !== 0) t.fail(`seed ${seed}: counted`);
    place.programs.close();
  }
  t.comment(`${scenes} scenes, ${judged} judgements, ${denied} of them denials`);
  t.ok(judged > 1000 && denied > 200 && judged - denied > 200, 'enough of both');
});
