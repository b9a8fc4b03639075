// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { test } from 'tap';
import { formatAddress, networkOf } from '../../../src/base/net.js';
import { TABLE_NAMES, type Upsert } from '../../../src/daemon/calc/output.js';
import { encodeValue } from '../../../src/daemon/datapath/encode.js';
import { decodeKey, encodeKey } from '../../../src/daemon/datapath/keys.js';
import { decode, MAPS } from '../../../src/maps/index.js';

const v4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((b) => b.join('.'));
const v6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  // ::ffff:0:0/96 is IPv4
  .filter((bytes) => bytes.subarray(0, 12).some((byte) => byte !== 0 && byte !== 255))
  .map((bytes) => formatAddress({ family: 6, bytes }));
const address = fc.oneof(v4, v6);
// 0 is the outside
const vni = fc.integer({ min: 0, max: 16_777_215 });
const index = fc.nat(0xffffffff);

const prefix = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128), fc.boolean())
  .map(([bytes, length, six]) => {
    const family = six ? 6 : 4;
    if (!six) bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]);
    else bytes[0] = 0x20;
    const bits = six ? length : length % 33;
    return `${formatAddress(networkOf({ address: { family, bytes }, length: bits }))}/${bits}`;
  });

const keys = {
  vpc: vni.map(String),
  ep: index.map(String),
  nh: index.map(String),
  nh_group: index.map(String),
  vtep: address,
  local: address,
  addr: fc.tuple(vni, address).map((parts) => parts.join('/')),
  route: fc.tuple(vni, prefix).map((parts) => parts.join('/')),
  outside: index.map(String),
  timeout: index.map(String),
  limit: index.map(String),
  nat_ext: index.map(String),
  nat_ext_of: index.map(String),
  nat_gw: index.map(String),
  nat_sub: index.map(String),
  nat64: vni.map(String),
  nat_static: fc
    .tuple(vni, address, fc.boolean())
    .map(([net, text, other]) => `${net}/${text}${other ? '/4' : ''}`),
  nat_prefix: fc
    .tuple(vni, vni, fc.constantFrom('source', 'destination'), prefix)
    .map((parts) => parts.join('/')),
  port_fwd: fc
    .tuple(address, fc.constantFrom(6, 17), fc.nat(65535), fc.nat(16))
    .map((parts) => parts.join('/')),
  service: fc
    .tuple(vni, address, fc.constantFrom(6, 17), fc.nat(65535))
    .map((parts) => parts.join('/')),
  service_timeout: index.map(String),
  pol_block: index.map(String),
  pol_prog: index.map(String),
  pol_ep: index.map(String),
  pol_row: fc.tuple(index, fc.nat(6), fc.constantFrom(0, 4, 6), index).map((p) => p.join('/')),
  pol_port: fc
    .tuple(index, fc.constantFrom(1, 2), fc.nat(65535), fc.nat(16))
    .map((parts) => parts.join('/')),
  pol_rule: fc.tuple(index, fc.nat(511)).map((parts) => parts.join('/')),
  pol_host: fc.tuple(vni, address).map((parts) => parts.join('/')),
  pol_net: fc.tuple(vni, prefix).map((parts) => parts.join('/')),
  pol_named: fc
    .tuple(vni, address, fc.constantFrom(6, 17, 132), fc.nat(65535))
    .map((parts) => parts.join('/')),
};

test('keys survive the way into bytes and back', (t) => {
  for (const table of TABLE_NAMES) {
    fc.assert(
      fc.property(keys[table], (key) => {
        const bytes = encodeKey(table, key);
        return bytes.length === MAPS[table].key.size && decodeKey(table, bytes) === key;
      }),
    );
  }
  for (const key of ['7/0.0.0.0/0', '7/::/0'])
    t.equal(decodeKey('route', encodeKey('route', key)), key);
  t.end();
});

test('values of policies', (t) => {
  const bits = new Uint32Array(16);
  bits.set([1, 0x80000000], 0);
  bits.set([0, 0x80000000], 14);
  const row = encodeValue({ table: 'pol_row', key: '1/0/4/6', value: { bits } });
  const words = [0x8000000000000001n, 0n, 0n, 0n, 0n, 0n, 0n, 0x8000000000000000n];
  t.same(decode(MAPS.pol_row.value, row), { w: words });
  const other = Array.from({ length: 8 }, (_, i) => new Uint32Array(16).fill(i));
  const block = encodeValue({ table: 'pol_block', key: '1', value: { dims: 0x20001, other } });
  const read = decode(MAPS.pol_block.value, block);
  t.equal(read.dims, 0x20001);
  t.equal(read.other[7 * 8], 0x700000007n, 'by dimension, eight words each');
  const blocks = [
    { block: 5, first: true },
    { block: 6, first: false },
  ];
  const prog = encodeValue({ table: 'pol_prog', key: '1', value: { vni: 100, blocks } });
  const program = decode(MAPS.pol_prog.value, prog);
  t.match(program, { vni: 100, count: 2 });
  t.same(program.block.slice(0, 3), [0x80000005, 6, 0]);
  const rule = encodeValue({ table: 'pol_rule', key: '1/0', value: { action: 'pass', hit: 9 } });
  t.same(decode(MAPS.pol_rule.value, rule), { action: 3, hit: 9 });
  const ep = encodeValue({ table: 'pol_ep', key: '3', value: { ingress: 7, egress: 8 } });
  t.same(decode(MAPS.pol_ep.value, ep), { of: [0x800000007n, 0x800000007n] });
  const host = encodeValue({ table: 'pol_host', key: '100/10.0.0.1', value: { class: 4 } });
  t.same(decode(MAPS.pol_host.value, host), { class: [4, 4] });
  t.end();
});

test('values', (t) => {
  const mac = '02:00:00:00:00:01';
  const bytes = (upsert: Upsert): Uint8Array => encodeValue(upsert);
  const hop = {
    resolved: true,
    dmac: mac,
    smac: '02:00:00:00:00:02',
    ifindex: 7,
    src: '192.0.2.1',
    dst: '192.0.2.2',
    mtu: 1450,
    ttl: 64,
    dscp: 46,
    port: 4789,
  } as const;
  t.match(decode(MAPS.nh.value, bytes({ table: 'nh', key: '1', value: hop })), {
    ifindex: 7,
    mtu: 1450,
    flags: 1,
    ttl: 64,
    tos: 46 << 2,
    port: 4789,
  });
  const six = { ...hop, src: '2001:db8::1', dst: '2001:db8::2', dscp: 'copy' } as const;
  t.match(decode(MAPS.nh.value, bytes({ table: 'nh', key: '1', value: six })), {
    flags: 7,
    tos: 0,
  });
  const lost = decode(
    MAPS.nh.value,
    bytes({ table: 'nh', key: '1', value: { ...hop, resolved: false, dmac: '' } }),
  );
  t.match(lost, { flags: 0 });
  t.same([...lost.dst.subarray(12)], [192, 0, 2, 2], 'the VTEP of an unresolved one is known');
  t.same(
    decode(MAPS.nh_group.value, bytes({ table: 'nh_group', key: '1', value: { nh: [3, 1] } })),
    { count: 2, nh: [3, 1, ...new Array<number>(14).fill(0)] },
  );
  const local = { kind: 'local', peer: true, mac, ep: 4, ifindex: 9, mtu: 1400, sub: 8 } as const;
  t.match(decode(MAPS.addr.value, bytes({ table: 'addr', key: '1/10.0.0.1', value: local })), {
    kind: 1,
    flags: 1,
    ep: 4,
    ifindex: 9,
    mtu: 1400,
    sub: 8,
  });
  const group = { kind: 'remote', mac, nh: 5, group: true, sub: 0 } as const;
  t.match(decode(MAPS.route.value, bytes({ table: 'route', key: '1/10.0.0.0/8', value: group })), {
    kind: 3,
    flags: 2,
    nh: 5,
  });
  t.end();
});
