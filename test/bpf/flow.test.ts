// SPDX-License-Identifier: Apache-2.0
/** Flow records: who may use them, what makes them old, what happens when there is no room. */
import { test } from 'tap';
import { parseMac } from '../../src/base/net.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Outcome } from '../support/rig.js';
import { fromA4, fromA6, GW, MAC, routed, tunnel4, WORLD } from './world.js';

isolate();

const hit = (o: Outcome): boolean => o.counts.nodes.FLOW === 1;
const walked = (o: Outcome): boolean => o.counts.nodes.WALK === 1;
const port = (frame: Uint8Array): number => (frame[34]! << 8) | frame[35]!;

/** UDP from a to r, and r's answer through the tunnel, by flow number. */
const toR = (n: number): Uint8Array =>
  p.packet(routed, fromA4('10.1.0.20'), p.udp({ sport: 1000 + n, dport: 53 }), p.raw(8));
const fromR = (n: number): Uint8Array =>
  tunnel4([
    p.ether({ dst: MAC.a, src: GW }),
    p.ip4({ src: '10.1.0.20', dst: '10.1.0.10' }),
    p.udp({ sport: 53, dport: 1000 + n }),
    p.raw(8),
  ]);
const toB = (n: number): Uint8Array =>
  p.packet(routed, fromA4('10.1.0.11'), p.udp({ sport: 1000 + n, dport: 53 }), p.raw(8));
const fromB = (n: number): Uint8Array =>
  p.packet(
    p.ether({ dst: GW, src: MAC.b }),
    p.ip4({ src: '10.1.0.11', dst: '10.1.0.10' }),
    p.udp({ sport: 53, dport: 1000 + n }),
    p.raw(8),
  );

test('a walk writes the records of both directions', (t) => {
  const rig = new Rig(WORLD);
  let n = 0;
  for (const hook of HOOKS) {
    for (const other of HOOKS) {
      n++;
      t.ok(walked(rig.run('agent', hook, 'a', toR(n))), `${hook}: the first packet walks`);
      const reply = rig.run('transit', other, 'droplet', fromR(n));
      t.ok(hit(reply), `${other}: the reply through the tunnel finds its record at once`);
      t.equal(reply.endpoints.a?.rx_packets, 1);
      t.ok(walked(rig.run('agent', hook, 'a', toB(n))));
      t.ok(hit(rig.run('agent', other, 'b', fromB(n))), `${other}: so does the neighbour’s`);
      const inbound = rig.run('transit', hook, 'droplet', fromR(100 + n));
      t.ok(walked(inbound), 'a connection from outside walks');
      t.ok(hit(rig.run('agent', other, 'a', toR(100 + n))), 'and its reply does not');
    }
  }
  rig.close();
  t.end();
});

test('there is no reply’s record for what the reply’s walk would refuse', (t) => {
  const rig = new Rig(WORLD);
  // b may send from a prefix that is routed to it; a may not address b's MAC for that prefix
  const routedPrefix = { src: MAC.b, from: '172.16.0.5', to: '10.1.0.10' };
  const toA = p.packet(
    p.ether({ dst: MAC.a, src: routedPrefix.src }),
    p.ip4({ src: routedPrefix.from, dst: routedPrefix.to }),
    p.udp({ sport: 7, dport: 8 }),
    p.raw(8),
  );
  const reply = p.packet(
    p.ether({ dst: MAC.b, src: MAC.a }),
    p.ip4({ src: routedPrefix.to, dst: routedPrefix.from }),
    p.udp({ sport: 8, dport: 7 }),
    p.raw(8),
  );
  // a router elsewhere (RMAC m) sends from a prefix behind it and addresses a directly
  const fromRouter = tunnel4([
    p.ether({ dst: MAC.a, src: MAC.m }),
    p.ip4({ src: '172.17.0.5', dst: '10.1.0.10' }),
    p.udp({ sport: 7, dport: 8 }),
    p.raw(8),
  ]);
  const toRouter = p.packet(
    p.ether({ dst: MAC.m, src: MAC.a }),
    p.ip4({ src: '10.1.0.10', dst: '172.17.0.5' }),
    p.udp({ sport: 8, dport: 7 }),
    p.raw(8),
  );
  for (const hook of HOOKS) {
    rig.raiseGeneration();
    t.equal(rig.run('agent', hook, 'b', toA).verdict, 'sent');
    t.equal(rig.run('agent', hook, 'a', reply).reason, 'UNKNOWN_MAC', `${hook}: to a neighbour`);
    t.equal(rig.run('transit', hook, 'droplet', fromRouter).verdict, 'sent');
    t.equal(rig.run('agent', hook, 'a', toRouter).reason, 'UNKNOWN_MAC', `${hook}: to a router`);
  }
  rig.close();
  t.end();
});

test('a reply’s record says what its own walk would have said', (t) => {
  const rig = new Rig(WORLD);
  for (const hook of HOOKS) {
    rig.raiseGeneration();
    rig.inject('transit', hook, 'droplet', fromR(1));
    const replayed = rig.run('agent', hook, 'a', toR(1));
    rig.raiseGeneration();
    const fresh = rig.run('agent', hook, 'a', toR(1));
    t.ok(hit(replayed) && walked(fresh));
    t.same(replayed.data, fresh.data, `${hook}: to the tunnel`);
    rig.raiseGeneration();
    rig.inject('agent', hook, 'a', toB(1));
    const back = rig.run('agent', hook, 'b', fromB(1));
    rig.raiseGeneration();
    t.same(back.data, rig.run('agent', hook, 'b', fromB(1)).data, `${hook}: to a neighbour`);
    rig.raiseGeneration();
    rig.inject('agent', hook, 'a', toR(1));
    const decapped = rig.run('transit', hook, 'droplet', fromR(1));
    rig.raiseGeneration();
    t.same(decapped.data, rig.run('transit', hook, 'droplet', fromR(1)).data, `${hook}: from it`);
  }
  rig.close();
  t.end();
});

test('a raised generation walks again and concludes anew', (t) => {
  const rig = new Rig(WORLD);
  const address = { vni: 100, addr: p.concat(new Uint8Array(10), p.u8(255, 255, 10, 1, 0, 11)) };
  const key = { struct: 'addr_key', value: address };
  const before = rig.map('addr').lookup(rig.key(key))!;
  for (const hook of HOOKS) {
    rig.raiseGeneration();
    t.equal(rig.run('agent', hook, 'a', toB(2)).endpoints.b?.rx_packets, 1);
    rig.map('addr').delete(rig.key(key));
    t.ok(hit(rig.run('agent', hook, 'a', toB(2))), 'tables alone change nothing');
    rig.raiseGeneration('blue');
    t.ok(hit(rig.run('agent', hook, 'a', toB(2))), 'nor does another VPC’s generation');
    rig.raiseGeneration('red');
    t.equal(rig.run('agent', hook, 'a', toB(2)).reason, 'HOST_UNREACHABLE', hook);
    rig.map('addr').update(rig.key(key), before);
    t.equal(rig.run('agent', hook, 'a', toB(2)).verdict, 'sent', 'and back');
  }
  rig.close();
  t.end();
});

test('a record belongs to where it was made', (t) => {
  const rig = new Rig(WORLD);
  for (const hook of HOOKS) {
    rig.raiseGeneration();
    rig.inject('agent', hook, 'a', toB(3));
    t.equal(rig.run('agent', hook, 'b', toB(3)).reason, 'SPOOFED_MAC', 'the same from b');
    const blue = rig.run('agent', hook, 'x', toB(3));
    t.equal(blue.reason, 'SPOOFED_MAC', 'the same from another VPC');
    const other = p.packet(p.ether({ dst: GW, src: MAC.b }), p.raw(toB(3).slice(14)));
    const spoofed = p.patch(other, 12, [8, 0]);
    t.equal(rig.run('agent', hook, 'b', spoofed).reason, 'SPOOFED_IP', 'with b’s own MAC');
    const mac = p.patch(toB(3), 6, [...parseMac(MAC.c)]);
    t.equal(rig.run('agent', hook, 'a', mac).reason, 'SPOOFED_MAC', 'another MAC from a walks');
    const bridged = p.patch(toB(3), 0, [...parseMac(MAC.b)]);
    t.ok(walked(rig.run('agent', hook, 'a', bridged)), 'bridged instead of routed walks');

    rig.inject('agent', hook, 'a', toR(3));
    const vtep = tunnel4([p.raw(fromR(3).slice(50))], { ip: { src: '192.0.2.66' } });
    t.equal(rig.run('transit', hook, 'droplet', vtep).reason, 'UNKNOWN_VTEP', 'an unknown VTEP');
    const moved = tunnel4([p.raw(fromR(3).slice(50))], { ip: { src: '192.0.2.12' } });
    t.ok(walked(rig.run('transit', hook, 'droplet', moved)), 'another VTEP walks');
    const foreign = tunnel4([p.raw(fromR(3).slice(50))], { ip: { dst: '192.0.2.99' } });
    t.equal(rig.run('transit', hook, 'droplet', foreign).verdict, 'passed', 'not our address');
    const vni = tunnel4([p.raw(fromR(3).slice(50))], { vxlan: { vni: 200 } });
    t.equal(rig.run('transit', hook, 'droplet', vni).reason, 'UNKNOWN_MAC', 'another VNI');
  }
  rig.close();
  t.end();
});

test('a next hop’s change takes effect without a walk', (t) => {
  const rig = new Rig(WORLD);
  for (const hook of HOOKS) {
    rig.raiseGeneration();
    rig.patchNexthop('v1', {});
    const first = rig.run('agent', hook, 'a', toR(4));
    rig.patchNexthop('v1', { dmac: p.u8(2, 9, 9, 9, 9, 9), ttl: 9 });
    const second = rig.run('agent', hook, 'a', toR(4));
    t.ok(hit(second));
    t.same([...second.data.slice(0, 6)], [2, 9, 9, 9, 9, 9]);
    t.same(second.data.slice(42), first.data.slice(42), 'nothing else changed');
    rig.patchNexthop('v1', { flags: 0 });
    t.equal(rig.run('agent', hook, 'a', toR(4)).reason, 'NO_NEXTHOP', 'the neighbour is lost');
    rig.patchNexthop('v1', { mtu: 30 });
    t.equal(rig.run('agent', hook, 'a', toR(4)).reason, 'TOO_BIG', 'the path has shrunk');
  }
  rig.close();
  t.end();
});

test('exceptions of a recorded flow still walk', (t) => {
  const rig = new Rig(WORLD);
  const with4 = (ttl: number, payload: number): Uint8Array =>
    p.packet(routed, fromA4('10.1.0.20', { ttl }), p.udp({ sport: 7, dport: 7 }), p.raw(payload));
  for (const hook of HOOKS) {
    rig.raiseGeneration();
    rig.inject('agent', hook, 'a', with4(64, 8));
    t.equal(rig.run('agent', hook, 'a', with4(1, 8)).reason, 'TTL_EXCEEDED');
    t.equal(rig.run('agent', hook, 'a', with4(64, 1400)).reason, 'TOO_BIG');
    t.ok(hit(rig.run('agent', hook, 'a', with4(2, 8))), 'the record still serves the others');
  }
  rig.close();
  t.end();
});

/** enum conn_state. */
const STATES = ['OTHER', 'OPENING', 'ESTABLISHED', 'FIN', 'FIN_REPLY', 'CLOSED', 'RESET'];

test('flags move a TCP connection from state to state, for both directions at once', (t) => {
  const rig = new Rig(WORLD);
  const segment = (flags: string): Uint8Array =>
    p.packet(routed, fromA6('fd01::11'), p.tcp({ sport: 5, dport: 6, flags }));
  const answer = (flags: string): Uint8Array =>
    p.packet(
      p.ether({ dst: GW, src: MAC.b }),
      p.ip6({ src: 'fd01::11', dst: 'fd01::10' }),
      p.tcp({ sport: 6, dport: 5, flags }),
    );
  const records = (): Record<string, unknown>[] =>
    rig
      .map('flow')
      .keys()
      .map((k) => rig.layouts.decode('flow_val', rig.map('flow').lookup(k)!));
  const state = (): string | undefined => {
    const nodes = new Set(records().map((v) => v.node as number));
    t.equal(nodes.size, 1, 'both records have one connection');
    const [node = 0] = nodes;
    const bytes = rig.map('age_node').lookup(rig.key(node))!;
    return STATES[rig.layouts.decode('age_node_val', bytes).state as number];
  };
  // who sends what, and the state after it
  const ways: readonly (readonly ['a' | 'b', string, string])[][] = [
    [
      ['a', 'S', 'OPENING'],
      ['a', 'S', 'OPENING'],
      ['b', 'SA', 'ESTABLISHED'],
      ['a', 'A', 'ESTABLISHED'],
      ['a', 'FA', 'FIN'],
      ['b', 'A', 'FIN'],
      ['b', 'FA', 'CLOSED'],
      ['a', 'A', 'CLOSED'],
      ['a', 'S', 'OPENING'],
    ],
    [
      ['a', 'S', 'OPENING'],
      ['b', 'S', 'ESTABLISHED'], // both at once, RFC 9293 s3.5
      ['b', 'FA', 'FIN_REPLY'],
      ['a', 'FA', 'CLOSED'],
    ],
    [
      ['a', 'S', 'OPENING'],
      ['b', 'RA', 'RESET'],
      ['a', 'S', 'OPENING'],
      ['b', 'SA', 'ESTABLISHED'],
      ['a', 'R', 'RESET'],
      ['a', 'R', 'RESET'],
      ['b', 'A', 'ESTABLISHED'], // the reset was not believed, RFC 7857 s2.2
      ['b', 'A', 'ESTABLISHED'],
    ],
  ];
  for (const hook of HOOKS) {
    for (const way of ways) {
      for (const key of rig.map('flow').keys()) rig.map('flow').delete(key);
      way.forEach(([who, flags, then], i) => {
        rig.inject('agent', hook, who, who === 'a' ? segment(flags) : answer(flags));
        t.equal(state(), then, `${hook}: ${i + 1}. ${flags} from ${who}`);
      });
      t.equal(rig.map('flow').keys().length, 2);
    }
  }
  rig.close();
  t.end();
});

test('no room: the new connection is refused, the old ones go on', (t) => {
  const rig = new Rig(WORLD, { maxEntries: { flow: 8 } });
  for (const hook of HOOKS) {
    for (const key of rig.map('flow').keys()) rig.map('flow').delete(key);
    const outcomes = Array.from({ length: 8 }, (_, n) => rig.run('agent', hook, 'a', toR(n)));
    // the refused ones are told, so something is sent for each of them, too
    const accepted = outcomes.filter((o) => o.reason === undefined).length;
    t.equal(accepted, 4, `${hook}: two records each`);
    t.ok(
      outcomes.slice(4).every((o) => o.reason === 'FLOW_TABLE_FULL'),
      hook,
    );
    t.ok(hit(rig.run('agent', hook, 'a', toR(0))), 'an old one hits');
    t.ok(rig.map('flow').keys().length <= 8);
  }
  rig.close();
  t.end();
});

test('a name that another flow has taken', (t) => {
  const rig = new Rig(WORLD);
  const flow = rig.map('flow');
  for (const hook of HOOKS) {
    for (const key of flow.keys()) flow.delete(key);
    rig.inject('agent', hook, 'a', toR(1));
    const mine = (value: Uint8Array): boolean =>
      (rig.layouts.decode('flow_val', value).key as Record<string, number>).scope! < 0x80000000;
    const name = flow.keys().find((key) => mine(flow.lookup(key)!))!;
    const other = flow.lookup(name)!;
    other[36] = other[36]! ^ 1; // a bit of the source port
    flow.update(name, other);
    const outcome = rig.run('agent', hook, 'a', toR(1));
    t.notOk(hit(outcome), `${hook}: its record is not used`);
    t.equal(outcome.reason, 'FLOW_TABLE_FULL', hook);
    t.same(flow.lookup(name), other, `${hook}: nor overwritten`);
  }
  rig.close();
  t.end();
});

test('names are secret: each instance has its own', (t) => {
  const names = [new Rig(WORLD), new Rig(WORLD)].map((rig) => {
    rig.inject('agent', 'tc', 'a', toR(1));
    const found = rig.map('flow').keys();
    rig.close();
    return found.map((key) => Buffer.from(key).toString('hex'));
  });
  t.equal(new Set(names.flat()).size, 4, 'two directions, two instances');
  t.end();
});

test('ECMP and the outer source port follow the flow', (t) => {
  const rig = new Rig(WORLD);
  const flow = (n: number, six: boolean): Uint8Array =>
    p.packet(
      routed,
      six ? fromA6('fd18::9') : fromA4('172.18.0.9'),
      p.udp({ sport: 2000 + n, dport: 53 }),
    );
  for (const six of [false, true]) {
    const chosen = new Map<number, number>();
    const ports = new Set<number>();
    let stable = true;
    for (let n = 0; n < 300; n++) {
      const frames = HOOKS.map((hook) => {
        rig.raiseGeneration('red');
        return rig.inject('agent', hook, 'a', flow(n, six)).data;
      });
      stable &&= Buffer.from(frames[0]!).equals(frames[1]!);
      const vtep = frames[0]![33]!;
      chosen.set(vtep, (chosen.get(vtep) ?? 0) + 1);
      ports.add(port(frames[0]!));
    }
    t.ok(stable, 'every walk on either hook chooses the same');
    t.same([...chosen.keys()].sort(), [11, 12, 13], 'all members are used');
    t.ok(
      [...chosen.values()].every((n) => n > 60),
      `evenly: ${[...chosen.values()].join()}`,
    );
    t.ok(
      [...ports].every((x) => x >= 49152),
      'ports are of the dynamic range (RFC 7348 s5)',
    );
    t.ok(ports.size > 250, `${ports.size} source ports of 300 flows`);
  }
  const labels = HOOKS.map((hook) => {
    const frame = p.packet(routed, fromA6('fd02::21'), p.udp({ sport: 1, dport: 2 }));
    const { data } = rig.inject('agent', hook, 'a', frame);
    return ((data[15]! & 0xf) << 16) | (data[16]! << 8) | data[17]!;
  });
  t.ok(labels[0] !== 0 && labels[0] === labels[1], 'the flow label is set (RFC 6438)');
  rig.close();
  t.end();
});

test('ICMP errors are limited per VPC', (t) => {
  const rig = new Rig(WORLD);
  const lost = (src: string, mac: string): Uint8Array =>
    p.packet(p.ether({ dst: GW, src: mac }), p.ip4({ src, dst: '203.0.113.1' }), p.echo4(1));
  const outcomes = Array.from({ length: 20 }, (_, i) =>
    rig.run('agent', HOOKS[i % 2]!, 'z', lost('10.3.0.10', MAC.z)),
  );
  const made = outcomes.reduce((sum, o) => sum + o.counts.generated, 0);
  t.ok(made >= 2 && made <= 4, `${made} errors of 20 drops, burst 2`);
  t.ok(outcomes.every((o) => o.reason === 'NO_ROUTE' && o.counts.dropped === 1));
  t.equal(outcomes[0]!.verdict, 'sent');
  t.equal(outcomes.at(-1)!.verdict, 'dropped');
  const red = rig.run('agent', 'xdp', 'a', lost('10.1.0.10', MAC.a));
  t.equal(red.counts.generated, 1, 'another VPC has its own bucket');
  rig.close();
  t.end();
});
