// SPDX-License-Identifier: Apache-2.0
/**
 * One owner for each public address, port and protocol, whatever happens: random packets of many
 * endpoints, ageing, exhaustion, changes of the configuration, daemons that start again and
 * programs that are replaced. After each step the counters are what the tables hold.
 */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { t as suite, test } from 'tap';
import { addressFromBytes, formatAddress } from '../../src/base/net.js';
import { decode, encode, MAPS, NAT_MAP_FLAGS, type NatMapVal } from '../../src/maps/index.js';
import type { StoredObject } from '../../src/model/index.js';
import {
  DROPLET_MAC,
  droplet,
  HOST,
  kernelRoute,
  neighbour,
  object,
  way,
} from '../calc/support.js';
import { Gateway, u32 } from '../support/gateway.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, makeDevices, type Hook } from '../support/rig.js';

isolate();
suite.setTimeout(600_000);

const RUNS = Number(process.env['TRANSIT_UNIQUE_RUNS'] ?? 1);
const SEED = Number(process.env['TRANSIT_SEED'] ?? Date.now() % 2 ** 31);
const STEPS = 60;
/** Seconds: short, so that ageing is part of a history. */
const TIMEOUT_S = 3;
const QUARANTINE_S = 3;
const BLOCK = 64;
/** Connections that are used again after each change. */
const RECENT = 12;
const DRAIN_MS = 60_000;
const POOL = ['203.0.113.1', '203.0.113.2', '203.0.113.3'] as const;
const DESTINATIONS = ['198.51.100.7', '198.51.100.8', '198.51.100.9'] as const;
const GATEWAY_MAC = '02:54:00:00:00:07';
const VNI = 7;

const DEVICES = makeDevices(['droplet', 'out', 'l0', 'l1']);
const ifindex = (name: string): number => DEVICES.get(name) ?? 0;

/** Two of this host, four behind the tunnel. */
const PEOPLE = ['l0', 'l1', 'r0', 'r1', 'r2', 'r3'] as const;
type Person = (typeof PEOPLE)[number];
const addressOf = (who: Person): string =>
  `10.0.0.${(who.startsWith('l') ? 10 : 20) + Number(who[1])}`;
const macOf = (who: Person): string => `02:00:00:00:01:${who.startsWith('l') ? '1' : '2'}${who[1]}`;

const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, gre: 47 } as const;
type Protocol = keyof typeof PROTOCOLS;

function layer4(protocol: Protocol, sport: number): p.Layer {
  if (protocol === 'tcp') return p.tcp({ sport, dport: 80, flags: 'S' });
  if (protocol === 'udp') return p.udp({ sport, dport: 53 });
  return protocol === 'icmp' ? p.echo4(sport, 1) : p.raw(20);
}

function frameFrom(who: Person, protocol: Protocol, sport: number, dst: string): Uint8Array {
  const inner = [
    p.ip4({ src: addressOf(who), dst, protocol: PROTOCOLS[protocol] }),
    layer4(protocol, sport),
  ];
  if (who.startsWith('l'))
    return p.packet(p.ether({ dst: GATEWAY_MAC, src: macOf(who) }), ...inner);
  return p.packet(
    p.ether({ dst: DROPLET_MAC, src: '02:00:00:00:00:02' }),
    p.ip4({ src: '192.0.2.2', dst: '192.0.2.1', df: true }),
    p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
    p.vxlan({ vni: VNI }),
    p.ether({ dst: GATEWAY_MAC, src: GATEWAY_MAC }),
    ...inner,
  );
}

const entry = (who: Person): { program: 'agent' | 'transit'; ifindex: number } =>
  who.startsWith('l')
    ? { program: 'agent', ifindex: ifindex(who) }
    : { program: 'transit', ifindex: ifindex('droplet') };

interface Tuple {
  readonly address: string;
  /** Port or identifier; of protocols without, the remote address. */
  readonly port: number | string;
  readonly protocol: Protocol;
}
const tupleText = ({ address, port, protocol }: Tuple): string => `${protocol} ${address} ${port}`;

/** What a packet looks like outside. */
function seen(data: Uint8Array, protocol: Protocol): Tuple {
  const text = (at: number): string =>
    formatAddress({
      family: 4,
      bytes: Uint8Array.from([
        ...new Array<number>(10).fill(0),
        255,
        255,
        ...data.slice(at, at + 4),
      ]),
    });
  const view = new DataView(data.buffer, data.byteOffset);
  const port = protocol === 'gre' ? text(30) : view.getUint16(34 + (protocol === 'icmp' ? 4 : 0));
  return { address: text(26), port, protocol };
}

interface Setup {
  readonly pool: readonly number[];
  readonly people: readonly Person[];
  readonly forward: { readonly pool: number; readonly port: number } | undefined;
}
const FIRST: Setup = { pool: [0, 1], people: PEOPLE, forward: undefined };

const fixed: readonly StoredObject[] = [
  object('Droplet', 'd', { host: HOST, device: 'eth0', addresses: ['192.0.2.1'] }),
  object('Droplet', 'a-out', {
    host: HOST,
    device: 'eth1',
    addresses: ['198.51.100.1'],
    outside: true,
  }),
  object('Droplet', 'far', { host: 'h2', device: 'eth0', addresses: ['192.0.2.2'] }),
  object('Vpc', 'v', {
    vni: VNI,
    outside: { host: HOST },
    limits: { connections: 200 },
    icmp: { rate: 0 },
  }),
  object('Subnet', 's', { vpc: 'v', ipv4: { prefix: '10.0.0.0/24' } }),
];
const people = new Map<Person, StoredObject>(
  PEOPLE.map((who) => [
    who,
    object('Endpoint', who, {
      host: who.startsWith('l') ? HOST : 'h2',
      vpc: 'v',
      subnet: 's',
      addresses: [addressOf(who)],
      mac: macOf(who),
      ...(who.startsWith('l') ? { device: { kind: 'existing' as const, name: who } } : {}),
    }),
  ]),
);
const facts = [
  droplet('d', ifindex('droplet')),
  droplet('a-out', ifindex('out')),
  way('192.0.2.2', ifindex('droplet'), '192.0.2.1'),
  ...(['l0', 'l1'] as const).map((who) => ({
    type: 'device' as const,
    fact: { endpoint: who, device: { ifindex: ifindex(who), mtu: 1450, vethPeer: false } },
  })),
  kernelRoute('0.0.0.0/0', ifindex('out'), '198.51.100.254'),
  neighbour(ifindex('out'), '198.51.100.254'),
];

let made: { readonly setup: Setup; readonly objects: readonly StoredObject[] } | undefined;
/** The same objects for what has not changed: as a store would say it. */
function objectsOf(setup: Setup): readonly StoredObject[] {
  const before = made;
  const samePool = before?.setup.pool.join() === setup.pool.join();
  const sameForward = before?.setup.forward === setup.forward;
  const old = (name: string) => before?.objects.find(({ metadata }) => metadata.name === name);
  const gateway =
    (samePool ? old('n') : undefined) ??
    object('NatGateway', 'n', {
      sources: [{ vpc: 'v' }],
      addresses: setup.pool.map((i) => POOL[i]!),
      blockSize: BLOCK,
      blocksPerEndpoint: 2,
      quarantine: QUARANTINE_S,
    });
  const { forward } = setup;
  const forwarding =
    forward &&
    ((sameForward ? old('f') : undefined) ??
      object('PortForward', 'f', {
        address: POOL[forward.pool]!,
        protocol: 'both',
        port: String(forward.port),
        endpoint: 'l0',
      }));
  const objects = [
    ...fixed,
    ...setup.people.map((who) => people.get(who)!),
    gateway,
    ...(forwarding ? [forwarding] : []),
  ];
  made = { setup, objects };
  return objects;
}

/** A gateway and what has been seen of it. */
class History {
  readonly gateway: Gateway;
  setup = FIRST;
  /** Who was seen last with a public tuple, and when. */
  readonly owners = new Map<string, { readonly inside: string; readonly at: number }>();
  private readonly recent: [Person, Protocol, number, string][] = [];
  /** Whose mapping a change has concerned: it may get another. */
  readonly disturbed = new Set<string>();
  /** Refused, sent, kept: what a run has met. */
  readonly met = new Map<string, number>();

  constructor(readonly hook: Hook) {
    this.gateway = new Gateway(hook, facts, {
      rodata: Object.fromEntries(
        ['tcp_established', 'tcp_transitory', 'udp', 'icmp', 'other'].map((name) => [
          `cfg_nat_${name}_s`,
          TIMEOUT_S,
        ]),
      ),
      maxEntries: { flow: 2048, nat_map: 1024, frag: 16 },
    });
  }

  /** The last ones again: what a change does not concern stays as it was. */
  again(): void {
    for (const args of [...this.recent]) this.send(...args);
  }

  count(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  /** Outside entries of map nat_map. */
  mappings(): NatMapVal[] {
    const map = this.gateway.map('nat_map');
    return map.keys().flatMap((key) => {
      const bytes = map.lookup(key);
      if (bytes === undefined) return [];
      const value = decode(MAPS.nat_map.value, bytes);
      return value.flags === NAT_MAP_FLAGS.OUTSIDE ? [value] : [];
    });
  }

  private mapped(who: Person, protocol: Protocol, sport: number, dst: string): Tuple | undefined {
    const found = this.mappings().find(
      ({ key, addr, port, refs }) =>
        refs > 0 &&
        key.proto === PROTOCOLS[protocol] &&
        addressText(addr) === addressOf(who) &&
        (protocol === 'gre' ? addressText(key.saddr) === dst : port === sport),
    );
    if (found === undefined) return undefined;
    const port = protocol === 'gre' ? dst : found.key.dport;
    return { address: addressText(found.key.daddr), port, protocol };
  }

  private isForwarded({ address, port, protocol }: Tuple): boolean {
    const { forward } = this.setup;
    return (
      forward !== undefined &&
      (protocol === 'tcp' || protocol === 'udp') &&
      POOL[forward.pool] === address &&
      forward.port === port
    );
  }

  send(who: Person, protocol: Protocol, sport: number, dst: string): void {
    const inside = `${protocol} ${who} ${protocol === 'gre' ? dst : sport}`;
    const before = this.mapped(who, protocol, sport, dst);
    this.recent.push([who, protocol, sport, dst]);
    if (this.recent.length > RECENT) this.recent.shift();
    const { program, ifindex: from } = entry(who);
    const { verdict, data } = this.gateway.run(program, from, frameFrom(who, protocol, sport, dst));
    const tuple = verdict === 'sent' ? seen(data, protocol) : undefined;
    // what an ICMP error says comes from the VPC's gateway
    const left = tuple && POOL.some((address) => address === tuple.address) ? tuple : undefined;
    if (!this.setup.people.includes(who)) {
      if (left) throw new Error(`${who} is gone and sends`);
      return;
    }
    const inPool = before && this.setup.pool.some((i) => POOL[i] === before.address);
    const kept =
      before !== undefined &&
      inPool === true &&
      !this.isForwarded(before) &&
      !this.disturbed.has(inside);
    if (left === undefined) {
      this.count('refused');
      // unless it has aged in between
      if (kept && this.mapped(who, protocol, sport, dst) !== undefined)
        throw new Error(`${inside} had ${tupleText(before)} and was refused`);
      return;
    }
    const text = tupleText(left);
    this.count('sent');
    this.disturbed.delete(inside);
    if (kept) {
      this.count('kept');
      if (text !== tupleText(before)) {
        const again = this.mappings().some(
          ({ key }) => addressText(key.daddr) === before.address && key.dport === before.port,
        );
        if (again) throw new Error(`${inside} had ${tupleText(before)} and became ${text}`);
      }
    } else if (before === undefined && this.isForwarded(left)) {
      throw new Error(`${inside} got ${text}, which is forwarded`);
    }
    const owner = this.owners.get(text);
    const now = Date.now();
    if (owner !== undefined && owner.inside !== inside) {
      this.count('another owner');
      // timeout and quarantine, less a second for the clock that steps
      const passed = now - owner.at;
      if (passed < 1000 * (TIMEOUT_S + QUARANTINE_S - 2))
        throw new Error(`${text} of ${owner.inside} went to ${inside} after ${passed} ms`);
    }
    this.owners.set(text, { inside, at: now });
  }

  /** Notes whom a change concerns: those of an address that leaves the pool. */
  change(next: Setup): void {
    const gone = POOL.filter((_, i) => !next.pool.includes(i));
    for (const [text, { inside }] of this.owners)
      if (gone.some((address) => text.includes(` ${address} `))) this.disturbed.add(inside);
    this.setup = next;
  }

  /** Counters are what is there; ageing may be at work, so several looks. */
  async check(): Promise<void> {
    const end = Date.now() + 5000;
    for (;;) {
      const problem = this.disagreement();
      if (problem === undefined) return;
      if (Date.now() > end) throw new Error(problem);
      await delay(20);
    }
  }

  private disagreement(): string | undefined {
    const blocks = new Map<number, number>();
    const subs = new Map<number, number>();
    const pairs = new Map<number, number>();
    const tuples = new Set<string>();
    for (const { key, block, sub } of this.mappings()) {
      const remote = block === 0 ? addressText(key.saddr) : '';
      const text = `${key.proto} ${addressText(key.daddr)} ${key.dport} ${remote}`;
      if (tuples.has(text)) return `two entries of ${text}`;
      tuples.add(text);
      if (block === 0) pairs.set(sub, (pairs.get(sub) ?? 0) + 1);
      else blocks.set(block, (blocks.get(block) ?? 0) + 1);
      subs.set(sub, (subs.get(sub) ?? 0) + 1);
    }
    const blockMap = this.gateway.map('nat_block');
    for (let ext = 0; ext < POOL.length; ext++)
      for (let number = 0; number < 65536 / BLOCK; number++) {
        const index = 1 + ext * 1024 + number;
        const { lease, used } = decode(MAPS.nat_block.value, blockMap.lookup(u32(index))!);
        const held = Number(lease & 0xffffffffn);
        const sum = used.reduce((a, b) => a + b, 0);
        const there = blocks.get(index) ?? 0;
        if (held !== there || sum !== there)
          return `block ${index} has ${there} mappings, its lease says ${held}, its counters ${sum}`;
        if (held === 0 && lease !== 0n) return `block ${index} is empty and not free`;
      }
    for (let sub = 1; sub < 60; sub++) {
      const { v4 } = decode(MAPS.nat_lease.value, this.gateway.map('nat_lease').lookup(u32(sub))!);
      const [there, without] = [subs.get(sub) ?? 0, pairs.get(sub) ?? 0];
      if (v4.mappings !== there || v4.pairs !== without)
        return `endpoint ${sub} has ${there} mappings, ${without} without ports; counted ${v4.mappings}, ${v4.pairs}`;
    }
    return this.chargesDisagree();
  }

  /** Accounts count the connections that are charged to them. */
  private chargesDisagree(): string | undefined {
    const flows = this.gateway.map('flow');
    const nodes = new Set<number>();
    for (const key of flows.keys()) {
      const bytes = flows.lookup(key);
      if (bytes) nodes.add(decode(MAPS.flow.value, bytes).node);
    }
    const charged = new Map<number, number>();
    for (const node of nodes) {
      const { charge } = decode(
        MAPS.age_node.value,
        this.gateway.map('age_node').lookup(u32(node))!,
      );
      const account = charge & 0x3fffffff;
      if (account !== 0) charged.set(account, (charged.get(account) ?? 0) + 1);
    }
    for (let account = 2; account < 120; account++) {
      const bytes = this.gateway.map('limit_use').lookup(u32(account))!;
      const { opened, accepted } = decode(MAPS.limit_use.value, bytes);
      const [counted, there] = [
        opened.connections + accepted.connections,
        charged.get(account) ?? 0,
      ];
      if (counted !== there)
        return `account ${account} has ${there} connections, counted ${counted}`;
      if (opened.half_open > opened.connections) return `account ${account}: half-open ones`;
    }
    return undefined;
  }

  /**
   * An index whose endpoint went and came back under a new daemon has no gateway any more, so its
   * mappings wait for the default's 120 seconds: they are made older.
   */
  private makeOld(): void {
    const map = this.gateway.map('nat_map');
    for (const key of map.keys()) {
      const bytes = map.lookup(key);
      if (bytes === undefined) continue;
      const value = decode(MAPS.nat_map.value, bytes);
      if (value.flags !== NAT_MAP_FLAGS.OUTSIDE || value.refs !== 0) continue;
      const idle_since = Math.max(0, this.gateway.now() - 200);
      map.update(key, encode(MAPS.nat_map.value, { ...value, idle_since }));
    }
  }

  /** Everything ends: connections, quarantine, indexes. */
  async drain(): Promise<void> {
    const end = Date.now() + DRAIN_MS;
    const left = (): number =>
      this.gateway.map('flow').keys().length + this.gateway.map('nat_map').keys().length;
    while (left() > 0) {
      if (Date.now() > end) throw new Error(`${left()} records and mappings are left`);
      await delay(500);
      this.makeOld();
      await this.gateway.turn();
    }
    await this.check();
    for (let account = 0; account < 128; account++) {
      const bytes = this.gateway.map('limit_use').lookup(u32(account))!;
      const { opened, accepted } = decode(MAPS.limit_use.value, bytes);
      if (opened.connections + opened.half_open + accepted.connections + accepted.half_open !== 0)
        throw new Error(`account ${account} is not empty`);
    }
    if (this.gateway.waiting() !== 0) throw new Error('indexes wait for nothing');
    this.owners.clear();
  }
}

function addressText(bytes: Uint8Array): string {
  return formatAddress(addressFromBytes(bytes));
}

const who = fc.constantFrom(...PEOPLE);
const protocol = fc.constantFrom<Protocol>('tcp', 'udp', 'udp', 'icmp', 'gre');
const destination = fc.constantFrom(...DESTINATIONS);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      who,
      protocol,
      sport: fc.integer({ min: 2000, max: 2011 }),
      dst: destination,
    }),
  },
  // more than an endpoint's blocks of that parity hold
  { weight: 2, arbitrary: fc.record({ do: fc.constant('many' as const), who, dst: destination }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pool' as const),
      pool: fc.subarray([0, 1, 2], { minLength: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forward' as const),
      forward: fc.option(
        fc.record({ pool: fc.nat(2), port: fc.integer({ min: 1024, max: 65535 }) }),
        { nil: undefined },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('toggle' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('age' as const), ms: fc.nat(2500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function play(h: History, one: Step): Promise<void> {
  h.count(one.do);
  switch (one.do) {
    case 'send':
      h.send(one.who, one.protocol, one.sport, one.dst);
      return;
    case 'many':
      for (let i = 0; i < 80; i++) h.send(one.who, 'udp', 4000 + 2 * i, one.dst);
      return;
    case 'pool':
      h.change({ ...h.setup, pool: one.pool });
      break;
    case 'forward': {
      // its address must be of the pool, or of its own; its endpoint must be there
      const { forward } = one;
      if (forward && !h.setup.people.includes('l0')) return;
      h.change({ ...h.setup, forward });
      break;
    }
    case 'toggle': {
      const there = h.setup.people.includes(one.who);
      if (there && one.who === 'l0' && h.setup.forward) return;
      const people = PEOPLE.filter((name) =>
        name === one.who ? !there : h.setup.people.includes(name),
      );
      h.change({ ...h.setup, people });
      break;
    }
    case 'age':
      await delay(one.ms);
      await h.gateway.turn();
      return;
    case 'restart':
      await h.gateway.restart();
      h.again();
      return;
  }
  await h.gateway.configure(objectsOf(h.setup));
  h.again();
}

for (const hook of HOOKS) {
  // @rfc 4787 REQ-3
  // @rfc 5382 REQ-7
  // @rfc 6888 REQ-11d
  test(`${hook}: one owner, seed ${SEED}`, async (t) => {
    const h = new History(hook);
    made = undefined;
    await h.gateway.restart();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
        h.setup = FIRST;
        await h.gateway.configure(objectsOf(h.setup));
        for (const one of steps) {
          await play(h, one);
          await h.check();
        }
        // of an endpoint that has gone the quarantine is the default's: let all be there
        h.change(FIRST);
        await h.gateway.configure(objectsOf(h.setup));
        await h.drain();
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    h.gateway.load();
    await h.gateway.restart();
    h.send('r0', 'udp', 2000, DESTINATIONS[0]);
    await h.check();
    t.comment(JSON.stringify(Object.fromEntries(h.met)));
    for (const what of ['sent', 'kept'])
      t.ok((h.met.get(what) ?? 0) > 0, `${what}: ${h.met.get(what) ?? 0}`);
    h.gateway.close();
  });
}
