// SPDX-License-Identifier: Apache-2.0
/** The model against the RFCs themselves: agreement with the programs proves nothing about either. */
import { test } from 'tap';
import { addressOf, isLinkLocal, isMartian, isMulticast } from '../support/model/address.js';
import { onesSum } from '../support/model/bytes.js';
import { FragmentTable } from '../support/model/flows.js';
import { sourcePort } from '../support/model/hash.js';
import { buildError, MAX_QUOTE, mayTell } from '../support/model/icmp-error.js';
import { Host } from '../support/model/index.js';
import { IcmpLimit } from '../support/model/limit.js';
import { readFrame, type Frame } from '../support/model/parse.js';
import { decrementTtl } from '../support/model/rewrite.js';
import { ecnDecapsulated, encapsulate, outerTos } from '../support/model/tunnel.js';
import * as p from '../support/packet/index.js';
import { object } from './scene.js';

const [GATEWAY, WORKLOAD] = ['02:54:00:00:00:64', '02:00:00:00:00:01'];
const eth = p.ether({ dst: GATEWAY, src: WORKLOAD });

function read(...layers: readonly p.Layer[]): Frame {
  const frame = readFrame(p.packet(...layers));
  if (typeof frame === 'string') throw new Error(frame);
  return frame;
}

test('RFC 6040 figure 4: inner field after decapsulation', (t) => {
  const [not, ect1, ect0, ce] = [0, 1, 2, 3];
  // rows: inner; columns: outer Not-ECT, ECT(0), ECT(1), CE
  const table: readonly (readonly [number, readonly (number | undefined)[]])[] = [
    [not, [not, not, not, undefined]],
    [ect0, [ect0, ect0, ect1, ce]],
    [ect1, [ect1, ect1, ect1, ce]],
    [ce, [ce, ce, ce, ce]],
  ];
  for (const [inner, row] of table)
    t.same(
      [not, ect0, ect1, ce].map((outer) => ecnDecapsulated(inner, outer)),
      row,
    );
  t.end();
});

test('RFC 6040 s4.1 and RFC 2983: outer traffic class', (t) => {
  t.equal(outerTos(0xb9, 'copy'), 0xb9, 'uniform model');
  t.equal(outerTos(0xb9, 10), (10 << 2) | 1, 'pipe model: DSCP fixed, ECN copied');
  t.end();
});

test('RFC 7348: the tunnel header', (t) => {
  const inner = p.packet(eth, p.ip4({ src: '10.1.0.2', dst: '10.1.0.3' }), p.raw(30));
  const way = {
    ifindex: 1,
    smac: '02dd00000001',
    dmac: '02dd00000002',
    source: addressOf('192.0.2.1'),
    mtu: 1450,
    ttl: 33,
    dscp: 'copy' as const,
  };
  const header = { vni: 100, vtep: addressOf('192.0.2.2'), sourcePort: 50001, innerTos: 0 };
  t.same(
    encapsulate(inner, header, way),
    p.packet(
      p.ether({ dst: '02:dd:00:00:00:02', src: '02:dd:00:00:00:01' }),
      p.ip4({ src: '192.0.2.1', dst: '192.0.2.2', ttl: 33, df: true }),
      p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: 100 }),
      p.raw(inner),
    ),
  );
  t.equal(sourcePort(0), 49152);
  t.equal(sourcePort(0xffffffff), 65535);
  t.end();
});

test('RFC 1812 s5.3.1 and RFC 1624: one hop less, and the checksum follows', (t) => {
  for (const ttl of [2, 64, 255]) {
    const fields = { src: '10.1.0.2', dst: '10.1.0.3', id: ttl };
    const frame = p.packet(eth, p.ip4({ ...fields, ttl }), p.raw(10));
    decrementTtl(frame, 4);
    t.same(frame, p.packet(eth, p.ip4({ ...fields, ttl: ttl - 1 }), p.raw(10)));
  }
  t.end();
});

test('RFC 1191 and RFC 4443: too big', (t) => {
  const big4 = read(eth, p.ip4({ src: '10.1.0.2', dst: '10.2.0.2', df: true }), p.raw(1400));
  const big6 = read(eth, p.ip6({ src: 'fd01::2', dst: 'fd02::2' }), p.raw(1400));
  const fields = { gatewayMac: '025400000064', mtu: 1386, mayBeUnfinished: false } as const;
  const four = buildError(big4, big4.ip!, {
    ...fields,
    reason: 'TOO_BIG',
    gateway: addressOf('10.1.0.1'),
  });
  const quote4 = big4.bytes.subarray(14, 14 + MAX_QUOTE[4]);
  t.same(
    four,
    p.packet(
      p.ether({ dst: WORKLOAD, src: GATEWAY }),
      p.ip4({ src: '10.1.0.1', dst: '10.1.0.2', tos: 0xc0, df: true }),
      p.icmp4({ type: 3, code: 4, rest: 1386 }),
      p.raw(quote4),
    ),
  );
  t.equal(four.length - 14, 576, 'RFC 1812 s4.3.2.3');
  const six = buildError(big6, big6.ip!, {
    ...fields,
    reason: 'TOO_BIG',
    gateway: addressOf('fd01::1'),
  });
  t.same(
    six,
    p.packet(
      p.ether({ dst: WORKLOAD, src: GATEWAY }),
      p.ip6({ src: 'fd01::1', dst: 'fd01::2' }),
      p.icmp6({ type: 2, rest: 1386 }),
      p.raw(big6.bytes.subarray(14, 14 + MAX_QUOTE[6])),
    ),
  );
  t.equal(six.length - 14, 1280, 'RFC 4443 s2.4c');
  t.end();
});

// @rfc 5508 REQ-10e
test('RFC 1122 s3.2.2, RFC 1812 s4.3.2.7, RFC 4443 s2.4e: about what no error is sent', (t) => {
  const ends4 = { src: '10.1.0.2', dst: '10.2.0.2' };
  const ends6 = { src: 'fd01::2', dst: 'fd02::2' };
  const may = (...layers: readonly p.Layer[]): boolean => {
    const frame = read(...layers);
    return mayTell('TTL_EXCEEDED', frame, frame.ip!);
  };
  const u = p.udp({ sport: 1, dport: 2 });
  t.ok(may(eth, p.ip4(ends4), u));
  t.ok(may(eth, p.ip4(ends4), p.echo4(1)), 'an echo request is no error');
  t.ok(may(eth, p.ip4({ ...ends4, mf: true }), u), 'the first fragment');
  t.notOk(may(eth, p.ip4({ ...ends4, offset: 80 }), p.raw(8)), 'a later fragment');
  for (const type of [3, 4, 5, 11, 12]) t.notOk(may(eth, p.ip4(ends4), p.icmp4({ type })));
  for (const type of [1, 2, 3, 4, 100, 137]) t.notOk(may(eth, p.ip6(ends6), p.icmp6({ type })));
  t.ok(may(eth, p.ip6(ends6), p.echo6(1)));
  t.notOk(may(p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: WORKLOAD }), p.ip4(ends4), u));
  t.notOk(may(eth, p.ip4({ ...ends4, src: '224.0.0.1' }), u));
  t.end();
});

test('RFC 3128 and RFC 6946: fragments', (t) => {
  const ends4 = { src: '10.1.0.2', dst: '10.2.0.2' };
  const tcp = p.tcp({ sport: 1, dport: 2 });
  const bytes = (...layers: readonly p.Layer[]): Uint8Array => p.packet(eth, ...layers);
  const tiny = bytes(p.ip4({ ...ends4, mf: true, protocol: 6 }), p.raw(8));
  t.equal(readFrame(tiny), 'FRAG_TINY', 'no room for the header');
  const overlapping = bytes(p.ip4({ ...ends4, offset: 8, protocol: 6 }), p.raw(40));
  t.equal(readFrame(overlapping), 'FRAG_TINY');
  const ends6 = { src: 'fd01::2', dst: 'fd02::2' };
  const atomic = read(eth, p.ip6(ends6), p.fragment({ offset: 0, more: false, id: 1 }), tcp);
  t.equal(atomic.ip?.fragment, undefined, 'an atomic fragment is an ordinary packet');
  t.equal(atomic.ip?.dport, 2);

  const table = new FragmentTable(1);
  const first = read(eth, p.ip4({ ...ends4, mf: true, id: 9 }), p.udp({ sport: 7, dport: 8 })).ip!;
  const later = read(eth, p.ip4({ ...ends4, offset: 80, id: 9, protocol: 17 }), p.raw(8)).ip!;
  t.notOk(table.complete('device 1', later), 'the first was not seen');
  t.ok(table.remember('device 1', first));
  t.notOk(table.complete('device 2', later), 'elsewhere it was not');
  t.ok(table.complete('device 1', later));
  t.equal(later.dport, 8);
  t.end();
});

test('RFC 6890, 5771, 3927: kinds of addresses', (t) => {
  for (const a of ['0.0.0.1', '127.0.0.1', '240.0.0.1', '::', '::1', '::ffff:10.0.0.1'])
    t.ok(isMartian(addressOf(a)), a);
  for (const a of ['10.0.0.1', '223.255.255.1', 'fd00::1', '2001:db8::1'])
    t.notOk(isMartian(addressOf(a)) || isMulticast(addressOf(a)), a);
  for (const a of ['224.0.0.1', '239.1.1.1', '255.255.255.255', 'ff02::1'])
    t.ok(isMulticast(addressOf(a)), a);
  for (const a of ['169.254.1.1', 'fe80::1', 'febf::1']) t.ok(isLinkLocal(addressOf(a)), a);
  t.end();
});

// @rfc 5508 REQ-10f
test('RFC 4443 s2.4f: a token bucket', (t) => {
  const limit = new IcmpLimit();
  const at = (ms: number) => ({ earliestMs: ms, latestMs: ms });
  t.same(
    [1, 2, 3].map(() => limit.take(100, 1, 2, at(0))),
    ['yes', 'yes', 'no'],
  );
  t.equal(limit.take(100, 1, 2, at(1100)), 'perhaps', 'only the program knows its clock');
  t.equal(limit.take(200, 1, 2, at(1100)), 'yes', 'each VPC has its own');
  t.end();
});

test('RFC 4861 s7.2.4: a neighbour advertisement', (t) => {
  const host = new Host({
    name: 'h1',
    hook: 'xdp',
    flows: 9,
    fragments: 9,
    now: () => ({ earliestMs: 0, latestMs: 0 }),
  });
  const endpoint = { host: 'h1', vpc: 'red', subnet: 's', device: { kind: 'existing', name: 'd' } };
  host.configure(
    [
      object('Vpc', 'red', { vni: 100 }),
      object('Subnet', 's', { vpc: 'red', ipv6: { prefix: 'fd01::/64' } }),
      object('Endpoint', 'e', { ...endpoint, addresses: ['fd01::2'], mac: WORKLOAD } as never),
    ],
    { devices: new Map([['e', { ifindex: 5, mtu: 1450, vethPeer: false }]]), ways: new Map() },
  );
  const solicited = p.solicitedNode('fd01::1');
  const asked = p.packet(
    p.ether({ dst: solicited.mac, src: WORKLOAD }),
    p.ip6({ src: 'fd01::2', dst: solicited.ip, hopLimit: 255 }),
    p.neighbourSolicitation({ target: 'fd01::1' }),
  );
  const { verdict, emitted } = host.fromEndpoint(5, asked);
  t.equal(verdict, 'sent');
  const answer = emitted!.bytes;
  t.equal(answer[54], 136);
  t.equal(answer[58], 0xe0, 'router, solicited, override');
  const length = answer.length - 54;
  t.equal(onesSum(answer.subarray(22), length + 58), 0xffff, 'the checksum is right');
  t.end();
});
