// SPDX-License-Identifier: Apache-2.0
/** What the graph of policies says, by hand: order, classes, what a change costs, errors. */
import fc from 'fast-check';
import { test } from 'tap';
import { PolicyGraph, type PolicyDelta } from '../../src/daemon/calc/policy/graph.js';
import { Classes } from '../../src/daemon/calc/policy/classes.js';
import { parseNet } from '../../src/daemon/calc/policy/nets.js';
import { PrefixTrie } from '../../src/daemon/calc/policy/prefix-trie.js';
import type { EndpointInput } from '../../src/daemon/calc/policy/inputs.js';
import { STATES } from './policy-states.js';
import { all, isNothing, tell, Walk } from './policy-support.js';

const endpoint = (address: string, more: Partial<EndpointInput> = {}): EndpointInput => ({
  vpc: 'v',
  labels: {},
  profiles: [],
  addresses: [address],
  ports: [],
  local: false,
  ...more,
});

/** A graph in which the class of sets has the same number whenever it comes. */
function graphOf(): PolicyGraph {
  const numbers = new Map<string, number>();
  return new PolicyGraph((key) => {
    const number = numbers.get(key) ?? numbers.size + 1;
    numbers.set(key, number);
    return number;
  });
}

const ANY = { sets: [], notSets: [] };

test('the order of rules', (t) => {
  const graph = graphOf();
  const pass = { action: 'pass' } as const;
  graph.vpc('v', 7);
  graph.endpoint('e', endpoint('10.0.0.1', { local: true, profiles: ['gone', 'p', 'gone'] }));
  graph.profile('p', { ingress: [{ action: 'allow', source: { selector: '' } }] });
  graph.tier('late', { order: 20, defaultAction: 'pass' });
  graph.tier('early', { order: 10 });
  graph.policy('a', { tier: 'late', ingress: [pass] });
  graph.policy('b', { tier: 'early', ingress: [pass, { action: 'log', protocol: 'udp' }] });
  graph.policy('c', { tier: 'early', order: 3, ingress: [pass] });
  graph.policy('d', { ingress: [pass] });
  graph.policy('x', { tier: 'early', egress: [pass] });
  const programs = graph.flush().programs.get('e');
  const identities = programs?.ingress?.map((tier) =>
    tier.map(({ identity, action }) => `${identity} ${action}`),
  );
  t.same(identities, [
    [
      'Policy/c/ingress/0 pass',
      'Policy/b/ingress/0 pass',
      'Policy/b/ingress/1 log',
      'Tier/early/ingress deny',
    ],
    ['Policy/a/ingress/0 pass', 'Tier/late/ingress pass'],
    ['Policy/d/ingress/0 pass', 'Tier/default/ingress deny'],
    ['Profile/gone/missing deny', 'Profile/p/ingress/0 allow', 'Default/ingress deny'],
  ]);
  t.same(programs?.ingress?.at(-1), [
    { action: 'deny', identity: 'Profile/gone/missing', source: ANY, destination: ANY },
    {
      action: 'allow',
      identity: 'Profile/p/ingress/0',
      source: { sets: ['7 s all()'], notSets: [] },
      destination: ANY,
    },
    { action: 'deny', identity: 'Default/ingress', source: ANY, destination: ANY },
  ]);
  t.same(
    programs?.egress?.map((tier) => tier.map(({ identity }) => identity)),
    [
      ['Policy/x/egress/0', 'Tier/early/egress'],
      ['Profile/gone/missing', 'Default/egress'],
    ],
  );
  t.end();
});

test('open, closed, and not there', (t) => {
  const graph = graphOf();
  const local = endpoint('10.0.0.1', { local: true });
  graph.endpoint('e', local);
  t.ok(isNothing(graph.flush()), 'its VPC is not there');
  graph.vpc('v', 7);
  t.same([...graph.flush().programs], [['e', { ingress: undefined, egress: undefined }]], 'open');
  graph.policy('p', {});
  t.same(
    graph
      .flush()
      .programs.get('e')
      ?.ingress?.flat()
      .map(({ identity }) => identity),
    ['Tier/default/ingress', 'Default/ingress'],
    'closed',
  );
  graph.endpoint('e', { ...local, local: false });
  t.same([...graph.flush().programs], [['e', undefined]], 'not local');
  t.end();
});

test('endpoints to which the same applies share their programs', (t) => {
  const graph = graphOf();
  graph.vpc('v', 7);
  graph.policy('p', { selector: '!has(other)' });
  graph.endpoint('a', endpoint('10.0.0.1', { local: true }));
  graph.endpoint('b', endpoint('10.0.0.2', { local: true, labels: { x: 'y' } }));
  graph.endpoint('c', endpoint('10.0.0.3', { local: true, labels: { other: 'y' } }));
  const { programs } = graph.flush();
  t.equal(programs.get('a'), programs.get('b'));
  t.not(programs.get('a'), programs.get('c'));
  t.end();
});

test('a rule with everything', (t) => {
  const graph = graphOf();
  graph.vpc('v', 7);
  graph.endpoint('e', endpoint('10.0.0.1', { local: true }));
  graph.policy('p', {
    ingress: [
      {
        action: 'deny',
        ipVersion: 6,
        protocol: 'sctp',
        notProtocol: 'udp',
        source: {
          nets: ['2001:DB8::/32', '10.0.0.1', '10.0.0.1/32'],
          notNets: ['2001:db8:1::/48'],
          selector: "(a=='b')",
          notSelector: 'has(c)',
          ports: ['http', 443, '80-90', '85-91', 'dns', 'http'],
          notPorts: [92],
        },
      },
    ],
  });
  t.same(graph.flush().programs.get('e')?.ingress?.[0]?.[0], {
    action: 'deny',
    identity: 'Policy/p/ingress/0',
    ipVersion: 6,
    protocol: 132,
    notProtocol: 17,
    source: {
      sets: ['7 s a == "b"', '7 n 10.0.0.1/32,2001:db8::/32'],
      notSets: ['7 s has(c)', '7 n 2001:db8:1::/48'],
      ports: {
        ranges: [
          { from: 80, to: 91 },
          { from: 443, to: 443 },
        ],
        named: ['7 p sctp dns', '7 p sctp http'],
      },
      notPorts: { ranges: [{ from: 92, to: 92 }], named: [] },
    },
    destination: ANY,
  });
  t.end();
});

test('what cannot be parsed is not there', (t) => {
  const graph = graphOf();
  graph.vpc('v', 7);
  graph.endpoint('e', endpoint('10.0.0.1', { local: true }));
  for (const source of [
    { nets: ['10.0.0.1/8'] },
    { notNets: ['nowhere'] },
    { selector: 'a ==' },
    { ports: ['http'] },
  ])
    graph.policy(JSON.stringify(source), { ingress: [{ action: 'allow', source }] });
  for (const ports of [['9-8'], [65536], [-1], [1.5]])
    graph.policy(JSON.stringify(ports), {
      ingress: [{ action: 'allow', protocol: 'tcp', source: { ports } }],
    });
  graph.policy('icmp', {
    ingress: [{ action: 'allow', protocol: 'icmp', source: { ports: ['http'] } }],
  });
  t.same([...graph.flush().programs], [['e', { ingress: undefined, egress: undefined }]]);
  const size = graph.size();
  t.throws(
    () => {
      graph.endpoint('e', endpoint('10.0.0.256', { local: true }));
    },
    { code: 'BAD_ADDRESS' },
  );
  t.throws(
    () => {
      graph.endpoint('f', endpoint('10.0.0.1/32', { local: true }));
    },
    { code: 'BAD_ADDRESS' },
  );
  t.ok(isNothing(graph.flush()));
  t.equal(graph.size(), size);
  t.end();
});

test('classes: of an address with the nets around it, of a net, of a named port', (t) => {
  const graph = graphOf();
  const wide = '7 n 10.0.0.0/8';
  const [web, http] = ['7 s role == "web"', '7 p tcp http'];
  graph.vpc('v', 7);
  graph.endpoint('here', endpoint('192.0.2.1', { local: true }));
  graph.endpoint('web', {
    ...endpoint('10.0.0.1', { labels: { role: 'web' } }),
    ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
  });
  graph.endpoint('other', endpoint('10.0.0.2'));
  graph.networkSet('n', { labels: { role: 'web' }, nets: ['10.1.0.0/16', '198.51.100.1/32'] });
  graph.policy('p', {
    egress: [
      {
        action: 'allow',
        protocol: 'tcp',
        destination: { selector: 'role == "web"', ports: ['http'] },
      },
    ],
  });
  const names = new Map<number, string>();
  const shown = (delta: PolicyDelta): unknown => {
    for (const { id, sets } of delta.appeared) names.set(id, sets.join(' + '));
    const of = (id: number | undefined): string => (id === undefined ? 'gone' : names.get(id)!);
    return [
      ...delta.hosts.map((e) => `${e.vni} ${e.address}: ${of(e.class)}`),
      ...delta.nets.map((e) => `${e.vni} ${e.prefix}: ${of(e.class)}`),
      ...delta.named.map((e) => `${e.vni} ${e.address} ${e.protocol} ${e.port}: ${of(e.class)}`),
      ...delta.vanished.map(({ sets }) => `no ${sets.join(' + ')}`),
    ];
  };
  t.same(shown(graph.flush()), [
    `7 10.0.0.1: ${web}`,
    `7 198.51.100.1: ${web}`,
    `7 10.1.0.0/16: ${web}`,
    `7 10.0.0.1 6 8080: ${http}`,
  ]);
  graph.policy('q', { egress: [{ action: 'deny', destination: { nets: ['10.0.0.0/8'] } }] });
  t.same(shown(graph.flush()), [
    `7 10.0.0.1: ${wide} + ${web}`,
    `7 10.0.0.0/8: ${wide}`,
    `7 10.1.0.0/16: ${wide} + ${web}`,
  ]);
  graph.networkSet('n', { labels: {}, nets: ['10.1.0.0/16', '198.51.100.1/32'] });
  t.same(
    shown(graph.flush()),
    ['7 198.51.100.1: gone', '7 10.1.0.0/16: gone', `no ${web}`],
    'the wide net is found without the narrow one',
  );
  graph.endpoint('here', endpoint('192.0.2.1'));
  t.same(shown(graph.flush()), [
    '7 10.0.0.1: gone',
    '7 10.0.0.0/8: gone',
    '7 10.0.0.1 6 8080: gone',
    `no ${wide}`,
    `no ${wide} + ${web}`,
    `no ${http}`,
  ]);
  t.end();
});

test('a class that nothing has at a drain is not kept, and has no number', (t) => {
  const asked: string[] = [];
  const classes = new Classes((key) => asked.push(key));
  classes.set('host', 7, '10.0.0.1', ['7 s a', '7 s b']);
  classes.set('host', 7, '10.0.0.1', ['7 s a']);
  classes.set('named', 7, '2001:db8::1/6/80', ['7 p tcp http']);
  t.same(classes.drain(), {
    appeared: [
      { id: 1, key: '7|7 p tcp http', sets: ['7 p tcp http'] },
      { id: 2, key: '7|7 s a', sets: ['7 s a'] },
    ],
    vanished: [],
    hosts: [{ vni: 7, address: '10.0.0.1', class: 2 }],
    nets: [],
    named: [{ vni: 7, address: '2001:db8::1', protocol: 6, port: 80, class: 1 }],
  });
  classes.set('host', 7, '10.0.0.1', ['7 s b']);
  classes.set('host', 7, '10.0.0.1', undefined);
  classes.set('named', 7, '2001:db8::1/6/80', undefined);
  t.same(
    classes.drain().vanished.map(({ id }) => id),
    [1, 2],
  );
  t.same(asked, ['7|7 p tcp http', '7|7 s a']);
  t.equal(classes.size, 0);
  t.end();
});

test('flushes are in an order that the way does not change', (t) => {
  const world = STATES.get('all kinds at once')!;
  const said = (steps: ReturnType<typeof all>): string => {
    const graph = new PolicyGraph((key) => key.length * 1000 + key.charCodeAt(key.length - 2));
    for (const step of steps) tell(graph, step);
    const delta = graph.flush();
    return JSON.stringify({ ...delta, programs: [...delta.programs] });
  };
  t.equal(said(all(world)), said(all(world).reverse()));
  t.end();
});

test('what a change costs', (t) => {
  const walk = new Walk();
  const { graph } = walk;
  const count = 3000;
  graph.vpc('v', 7);
  for (let i = 0; i < count; i++)
    graph.endpoint(
      `e${i}`,
      endpoint(`10.${i >> 8}.${i & 255}.1`, { labels: { app: `a${i % 300}` }, local: i === 0 }),
    );
  for (let i = 0; i < 300; i++)
    graph.policy(`p${i}`, {
      selector: 'app == "a0"',
      ingress: [{ action: 'allow', source: { selector: `app == "a${i}"` } }],
    });
  walk.flush();
  t.ok(graph.evaluations() < 3 * count, `${graph.evaluations()} evaluations at the start`);
  let before = graph.evaluations();
  graph.endpoint('e1', endpoint('10.0.1.1', { labels: { app: 'a7', more: 'x' } }));
  t.equal(walk.flush().hosts.length, 1);
  t.ok(graph.evaluations() - before <= 2, 'another label: what it had, what it has');
  before = graph.evaluations();
  graph.policy('q', {
    selector: 'app == "a0"',
    ingress: [{ action: 'allow', source: { selector: 'app == "a7" && more == "x"' } }],
  });
  t.equal(walk.flush().hosts.length, 1);
  t.ok(graph.evaluations() - before <= 2, 'a new selector: what has its rarest label');
  graph.policy('q', {
    selector: 'app == "a0"',
    ingress: [{ action: 'allow', source: { nets: ['10.1.0.0/16'] } }],
  });
  t.equal(walk.flush().hosts.length, 256 + 1, 'a wide net: what is inside; and who was in the set');
  t.end();
});

test('a trie of prefixes is a list of prefixes', (t) => {
  const byte = fc.constantFrom(0, 1, 2, 127, 128, 255);
  const net = fc
    .tuple(
      byte,
      byte,
      byte,
      byte,
      fc.constantFrom(0, 1, 7, 8, 9, 15, 16, 17, 24, 30, 31, 32),
      fc.boolean(),
    )
    .map(([a, b, c, d, length, six]) => {
      const value = BigInt(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
      const kept = (value >> BigInt(32 - length)) << BigInt(32 - length);
      const parts = [24n, 16n, 8n, 0n].map((shift) => Number((kept >> shift) & 255n));
      const [w = 0, x = 0, y = 0, z = 0] = parts;
      return six
        ? parseNet(`${((w << 8) | x).toString(16)}:${((y << 8) | z).toString(16)}::/${length}`)
        : parseNet(`${parts.join('.')}/${length}`);
    });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(net, fc.boolean()), { maxLength: 40, size: 'max' }),
      net,
      (changes, asked) => {
        const trie = new PrefixTrie<string>();
        const list = new Map<string, ReturnType<typeof parseNet>>();
        const mine = changes.filter(([{ family }]) => family === asked.family);
        for (const [one, there] of mine) {
          trie.set(one, there ? one.text : undefined);
          if (there) list.set(one.text, one);
          else list.delete(one.text);
        }
        const bits = ({ bytes, length }: typeof asked): string =>
          [...bytes]
            .map((b) => b.toString(2).padStart(8, '0'))
            .join('')
            .slice(0, length);
        const texts = [...list.values()].sort((a, b) => (bits(a) < bits(b) ? -1 : 1));
        const inside = texts.filter((one) => bits(one).startsWith(bits(asked)));
        const around = texts.filter(
          (one) => one.text !== asked.text && bits(asked).startsWith(bits(one)),
        );
        const text = (found: typeof texts): string => found.map((one) => one.text).join();
        if (trie.inside(asked).join() !== text(inside)) throw new Error('inside');
        if (trie.around(asked).join() !== text(around)) throw new Error('around');
        if (trie.get(asked) !== list.get(asked.text)?.text) throw new Error('get');
        if (trie.all().join() !== text(texts)) throw new Error('all');
        for (const one of list.values()) trie.set(one, undefined);
        if (trie.size !== 0) throw new Error('left');
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
  t.end();
});
