// SPDX-License-Identifier: Apache-2.0
/** Generated codecs against the layout data: round trips, offsets, byte order, padding. */
import fc from 'fast-check';
import { test } from 'tap';
import * as maps from '../../../src/maps/index.js';
import type { Codec, FieldLayout, StructLayout } from '../../../src/maps/index.js';

type Value = Record<string, unknown>;

const structs: Readonly<Record<string, StructLayout>> = maps.STRUCTS;

const codecs = new Map<string, Codec<Value>>(
  Object.values(maps).flatMap((value): [string, Codec<Value>][] =>
    typeof value === 'object' && 'write' in value && value.name in structs
      ? [[value.name, value as unknown as Codec<Value>]]
      : [],
  ),
);

/** Of 32 bits or fewer. */
function isSigned(kind: string): boolean {
  return /^[is]\d/.test(kind);
}

function arbitraryField(field: FieldLayout): fc.Arbitrary<unknown> {
  const scalar = (kind: string): fc.Arbitrary<unknown> => {
    const bits = Number(/\d+$/.exec(kind)![0]);
    if (isSigned(kind)) return fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
    return bits === 64 ? fc.bigInt(0n, 2n ** 64n - 1n) : fc.nat(2 ** bits - 1);
  };
  switch (field.kind) {
    case 'bytes':
      return fc.uint8Array({ minLength: field.size, maxLength: field.size });
    case 'struct':
      return arbitraryStruct(structs[field.struct]!);
    case 'array':
      return fc.array(scalar(field.of), { minLength: field.count, maxLength: field.count });
    case 'pad':
      return fc.constant(undefined);
    default:
      return scalar(field.kind);
  }
}

function arbitraryStruct(layout: StructLayout): fc.Arbitrary<Value> {
  return fc.record(
    Object.fromEntries(
      layout.fields.filter((f) => f.kind !== 'pad').map((f) => [f.name, arbitraryField(f)]),
    ),
  );
}

/** Reads one field by the layout, another way than the codecs do. */
function readField(field: FieldLayout, bytes: Uint8Array): unknown {
  const part = bytes.slice(field.offset, field.offset + field.size);
  const number = (data: Uint8Array, kind: string): number | bigint => {
    const ordered = kind.startsWith('be') ? data : data.slice().reverse();
    const value = BigInt(`0x${Buffer.from(ordered).toString('hex')}`);
    if (isSigned(kind)) return Number(BigInt.asIntN(8 * data.length, value));
    return kind.endsWith('64') ? value : Number(value);
  };
  switch (field.kind) {
    case 'bytes':
      return part;
    case 'struct':
      return readStruct(structs[field.struct]!, part);
    case 'array': {
      const step = field.size / field.count;
      return Array.from({ length: field.count }, (_, i) =>
        number(part.subarray(i * step, (i + 1) * step), field.of),
      );
    }
    case 'pad':
      return part.every((byte) => byte === 0) ? undefined : 'padding is not zero';
    default:
      return number(part, field.kind);
  }
}

function readStruct(layout: StructLayout, bytes: Uint8Array): Value {
  const value: Value = {};
  for (const field of layout.fields) {
    const read = readField(field, bytes);
    if (field.kind !== 'pad' || read !== undefined) value[field.name] = read;
  }
  return value;
}

test('every structure has a codec of its size', (t) => {
  t.same([...codecs.keys()].sort(), Object.keys(structs).sort());
  for (const [name, codec] of codecs) t.equal(codec.size, structs[name]!.size, name);
  t.end();
});

for (const [name, codec] of codecs) {
  test(`${name} survives the way to bytes and back`, (t) => {
    fc.assert(
      fc.property(arbitraryStruct(structs[name]!), fc.nat(64), (value, at) => {
        // into memory that is not zero, so that padding must be written
        const bytes = new Uint8Array(at + codec.size + 1).fill(0xff);
        const view = new DataView(bytes.buffer);
        codec.write(value, view, bytes, at);
        t.same(codec.read(view, bytes, at), value);
        const own = bytes.slice(at, at + codec.size);
        t.same(readStruct(structs[name]!, own), value);
        t.equal(bytes[at + codec.size], 0xff, 'nothing is written behind it');
        t.same(maps.decode(codec, maps.encode(codec, value)), value);
      }),
      { numRuns: 20 },
    );
    t.end();
  });
}

test('network order and host order', (t) => {
  const key = maps.encode(maps.flowKey, {
    scope: 0x01020304,
    saddr: new Uint8Array(16).fill(1),
    daddr: new Uint8Array(16).fill(2),
    sport: 0x1234,
    dport: 80,
    proto: 6,
    family: 4,
  });
  t.equal(
    Buffer.from(key).toString('hex'),
    `04030201${'01'.repeat(16)}${'02'.repeat(16)}1234005006040000`,
  );
  t.end();
});

test('byte fields and lists of the wrong length are refused by name', (t) => {
  t.throws(() => maps.encode(maps.addrKey, { vni: 1, addr: new Uint8Array(4) }), {
    code: 'BAD_LAYOUT',
    message: /addr_key\.addr: 16 bytes expected, got 4/,
  });
  t.throws(() => maps.encode(maps.nhGroupVal, { count: 1, nh: [1] }), {
    code: 'BAD_LAYOUT',
    message: /nh_group_val\.nh: 16 items expected, got 1/,
  });
  t.throws(() => maps.decode(maps.addrKey, new Uint8Array(19)), { code: 'BAD_LAYOUT' });
  t.throws(() => maps.decodeAll(maps.u32, new Uint8Array(7), 2), { code: 'BAD_LAYOUT' });
  t.end();
});

test('decoded bytes are copies', (t) => {
  const bytes = Buffer.alloc(20, 1);
  const { addr } = maps.decode(maps.addrKey, bytes);
  bytes.fill(2);
  t.same(addr, new Uint8Array(16).fill(1));
  t.end();
});

test('names of numbers, also of unknown ones', (t) => {
  t.equal(maps.reasonName(maps.REASON.NO_ROUTE), 'NO_ROUTE');
  t.equal(maps.reasonText(maps.REASON.NO_ROUTE), 'no route to the destination in the VPC');
  t.equal(maps.nodeName(maps.NODE.PARSE), 'PARSE');
  t.equal(maps.nodeText(maps.NODE.PARSE), 'read the headers');
  t.equal(maps.hookName(maps.HOOK.AGENT_TC), 'AGENT_TC');
  t.same(
    [maps.reasonName(63), maps.nodeName(39), maps.hookName(9)],
    ['REASON_63', 'NODE_39', 'HOOK_9'],
  );
  t.match([maps.reasonText(63), maps.nodeText(39)], [/not know \(63\)/, /not know \(39\)/]);
  t.equal(maps.ABI.SCOPE_TUNNEL, 2 ** 31);
  t.same(
    maps.REASONS.map(({ name, number }) => [name, number]),
    Object.entries(maps.REASON),
    'the texts and the enum say the same',
  );
  t.same(
    maps.NODES.map(({ name, number }) => [name, number]),
    Object.entries(maps.NODE),
  );
  const layouts: readonly maps.MapLayout[] = Object.values(maps.MAP_LAYOUTS);
  t.ok(layouts.every((map) => map.about !== '' && map.name.length <= 15));
  t.end();
});
