// SPDX-License-Identifier: Apache-2.0
/**
 * Random histories of services on the programs and on their model: connections, answers, strangers,
 * and changes between them.
 */
import { test, type Test } from 'tap';
import { BLUE_GW, DROPLET_MAC, GW, MAC, WORLD } from '../bpf/world.js';
import { formatAddress } from '../../src/base/net.js';
import { ServiceModel, type Service, type Tuple, type Verdict } from '../support/model/service.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome } from '../support/rig.js';
import { addServices, serviceKey, writeService, type ServiceSpec } from '../support/service.js';

isolate();

const HISTORIES = Number(process.env['TRANSIT_HISTORIES'] ?? 25);
const STEPS = 60;
const NODES = 4096;
const SEED = Number(process.env['TRANSIT_SEED'] ?? Date.now() % 1_000_000);
const ROUTER = '02:ff:00:00:00:01';
const NUMBER = { tcp: 6, udp: 17 } as const;
const SOURCES = { 4: ['192.0.2.1', '192.0.2.21'], 6: ['2001:db8::1', '2001:db8::21'] } as const;
const SERVERS = {
  4: ['198.51.100.53', '198.51.100.54'],
  6: ['2001:db8:5::53', '2001:db8:5::54'],
} as const;
const ADDRESSES = ['10.1.0.53', 'fd01::53'] as const;
const ENDPOINTS = {
  a: { vni: 100, mac: MAC.a, gw: GW, 4: '10.1.0.10', 6: 'fd01::10' },
  b: { vni: 100, mac: MAC.b, gw: GW, 4: '10.1.0.11', 6: 'fd01::11' },
  x: { vni: 200, mac: MAC.x, gw: BLUE_GW, 4: '10.1.0.10', 6: 'fd01::10' },
} as const;
const WHO = Object.keys(ENDPOINTS) as (keyof typeof ENDPOINTS)[];

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** mulberry32: a history is its seed. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

function specOf(s: Service): ServiceSpec {
  return {
    ...s,
    protocol: NUMBER[s.protocol],
    ports: [s.first, s.count],
  };
}

function frameOf(dst: string, src: string, t: Tuple): Uint8Array {
  const ip =
    familyOf(t.src) === 4 ? p.ip4({ src: t.src, dst: t.dst }) : p.ip6({ src: t.src, dst: t.dst });
  const ports = { sport: t.sport, dport: t.dport };
  const payload = t.protocol === 'tcp' ? [p.tcp({ ...ports, flags: 'S' })] : [p.udp(ports)];
  return p.packet(p.ether({ dst, src }), ip, ...payload, p.raw(8));
}

/** Addresses and ports of a frame without options. */
function tupleOf({ data }: Outcome): Tuple {
  const view = new DataView(data.buffer, data.byteOffset);
  const v6 = view.getUint16(12) === 0x86dd;
  const [at, size, l4] = v6 ? [22, 16, 54] : [26, 4, 34];
  const text = (from: number): string => {
    const bytes = data.slice(from, from + size);
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...bytes);
    return formatAddress(v6 ? { family: 6, bytes } : { family: 4, bytes: mapped });
  };
  return {
    src: text(at),
    sport: view.getUint16(l4),
    dst: text(at + size),
    dport: view.getUint16(l4 + 2),
    protocol: data[v6 ? 20 : 23] === NUMBER.tcp ? 'tcp' : 'udp',
  };
}

/** What histories met: all of it, or they are too short to mean anything. */
const met = new Map<string, number>();
const meet = (what: string): void => {
  met.set(what, (met.get(what) ?? 0) + 1);
};

class History {
  readonly model = new ServiceModel(new Set([SOURCES[4][1], SOURCES[6][1]]), 4789);
  readonly draw: (below: number) => number;
  readonly names = ['one', 'two', 'three', 'four'];

  constructor(
    private readonly rig: Rig,
    private readonly hook: Hook,
    seed: number,
  ) {
    this.draw = generator(seed);
    for (const name of ['flow', 'nat_map', 'service']) {
      const map = rig.map(name);
      for (const key of map.keys()) map.delete(key);
    }
    // what connections of the history before hold: their nodes are given again
    const nat = rig.map('nat');
    for (let i = 0; i < NODES; i++) nat.update(rig.key(i), new Uint8Array(nat.valueSize));
    const use = rig.map('service_use');
    for (let i = 0; i < 8; i++) use.update(rig.key(i), new Uint8Array(use.valueSize));
    addServices(rig, {
      router: { mac: ROUTER, address: '192.0.2.254' },
      mac: DROPLET_MAC,
      gatewayMacs: { 100: GW, 200: BLUE_GW },
      setAside: [SOURCES[4][1], SOURCES[6][1]],
      services: [],
      addresses: [100, 200].flatMap((vni) => ADDRESSES.map((address) => [vni, address] as const)),
    });
    for (const name of this.names) this.change(name);
  }

  /** Another way for a service, another limit, or none of it. */
  change(name: string): void {
    const old = this.model.services.get(name);
    if (old)
      for (const vni of old.vnis)
        this.rig.map('service').delete(this.rig.key(serviceKey(vni, specOf(old))));
    this.model.services.delete(name);
    const index = this.names.indexOf(name);
    if (!old || this.draw(4) > 0) {
      const family = this.draw(4) === 0 ? 6 : 4;
      const service: Service = {
        name,
        vnis: this.draw(3) === 0 ? [100] : [100, 200],
        address: ADDRESSES[index % 2]!,
        protocol: index < 2 ? 'udp' : 'tcp',
        port: 8000,
        server: SERVERS[family][this.draw(2)]!,
        serverPort: 7000 + this.draw(2),
        source: SOURCES[family][this.draw(2)]!,
        // with VXLAN's port in it
        first: 4786 + this.draw(2),
        count: 4 + this.draw(4),
        limit: 1 + this.draw(4),
      };
      this.model.services.set(name, service);
      writeService(this.rig, index + 1, specOf(service));
    }
    this.rig.raiseGeneration();
  }

  /** One step; what is wrong, or undefined. */
  step(): string | undefined {
    const kind = this.draw(10);
    if (kind === 0) {
      this.change(this.names[this.draw(this.names.length)]!);
      return undefined;
    }
    if (kind < 6) return this.out();
    return this.in();
  }

  private out(): string | undefined {
    const who = WHO[this.draw(WHO.length)]!;
    const e = ENDPOINTS[who];
    const dst = ADDRESSES[this.draw(2)]!;
    const tuple: Tuple = {
      src: e[familyOf(dst)],
      sport: 1000 + this.draw(4),
      dst,
      dport: this.draw(12) === 0 ? 8001 : 8000,
      protocol: this.draw(2) === 0 ? 'tcp' : 'udp',
    };
    const wanted = this.model.out(who, e.vni, tuple);
    meet(
      wanted.kind === 'dropped' ? wanted.reason : 'kept' in wanted && wanted.kept ? 'kept' : 'new',
    );
    const o = this.rig.run('agent', this.hook, who, frameOf(e.gw, e.mac, tuple));
    if (wanted.kind !== 'out') return differs(`out ${who} ${JSON.stringify(tuple)}`, wanted, o);
    if (o.reason !== undefined)
      return `out ${who} ${JSON.stringify(tuple)}: ${o.reason}, the model sends it`;
    const found = tupleOf(o);
    const fine = this.model.left(who, e.vni, tuple, found.sport);
    const service = [...this.model.services.values()].find(
      (s) => s.server === found.dst && s.source === found.src && s.serverPort === found.dport,
    );
    return fine && service ? undefined : `out: left as ${JSON.stringify(found)}`;
  }

  private in(): string | undefined {
    const waiting = this.model.replies();
    const base = waiting[this.draw(waiting.length || 1)];
    if (!base) return undefined;
    const odd = this.draw(6);
    const tuple: Tuple = {
      ...base,
      ...(odd === 0 ? { sport: base.sport ^ 1 } : {}),
      ...(odd === 1 ? { dport: base.dport + 100 } : {}),
      ...(odd === 2 ? { src: SERVERS[familyOf(base.src)][this.draw(2)]! } : {}),
    };
    const wanted = this.model.in(tuple);
    meet(wanted.kind === 'dropped' ? wanted.reason : wanted.kind);
    const o = this.rig.run('transit', this.hook, 'droplet', frameOf(DROPLET_MAC, ROUTER, tuple));
    return differs(`in ${JSON.stringify(tuple)}`, wanted, o);
  }

  /** Counters, and that no external tuple has two owners. */
  check(t: Test): void {
    for (const [i, name] of this.names.entries()) {
      const value = this.rig.map('service_use').lookup(this.rig.key(i + 1))!;
      const { used } = this.rig.layouts.decode('service_use_val', value) as { used: number[] };
      t.same(used, [this.model.count(name, 'tcp'), this.model.count(name, 'udp')], name);
    }
  }
}

function differs(what: string, wanted: Verdict, o: Outcome): string | undefined {
  const found = o.reason ?? o.verdict;
  if (wanted.kind === 'dropped')
    return found === wanted.reason ? undefined : `${what}: ${found}, not ${wanted.reason}`;
  if (wanted.kind === 'passed')
    return o.verdict === 'passed' ? undefined : `${what}: ${found}, not passed`;
  if (wanted.kind === 'out' || o.reason !== undefined) return `${what}: ${found}`;
  const tuple = tupleOf(o);
  const to = Object.keys(o.endpoints).join();
  if (to !== wanted.endpoint) return `${what}: to ${to}, not ${wanted.endpoint}`;
  const [a, b] = [JSON.stringify(tuple), JSON.stringify(wanted.tuple)];
  return a === b ? undefined : `${what}: ${a}, not ${b}`;
}

test(`${HISTORIES} histories of services, TRANSIT_SEED=${SEED}`, { timeout: 300_000 }, (t) => {
  const rig = new Rig(WORLD);
  for (const hook of HOOKS)
    for (let n = 0; n < HISTORIES; n++) {
      const history = new History(rig, hook, SEED + n);
      let wrong: string | undefined;
      for (let i = 0; i < STEPS && wrong === undefined; i++) {
        wrong = history.step();
        if (wrong !== undefined) t.fail(`${hook}, seed ${SEED + n}, step ${i}: ${wrong}`);
      }
      if (wrong === undefined) history.check(t);
    }
  t.comment(JSON.stringify(Object.fromEntries(met)));
  for (const what of ['new', 'kept', 'delivered', 'passed', 'NO_MAPPING', 'SERVICE_PORT'])
    t.ok(met.has(what), `${what} was met`);
  for (const what of ['SERVICE_QUOTA', 'SERVICE_EXHAUSTED']) t.ok(met.has(what), `${what} was met`);
  rig.close();
  t.end();
});
