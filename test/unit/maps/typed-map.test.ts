// SPDX-License-Identifier: Apache-2.0
/** Typed maps over a map of bytes kept in memory. */
import { test } from 'tap';
import {
  bytesCodec,
  CounterMap,
  encode,
  encodeAll,
  epStatsVal,
  MAPS,
  type RawMap,
  TypedMap,
} from '../../../src/maps/index.js';

/** A map in memory with the kernel's behaviour towards bytes. */
class MemoryMap implements RawMap {
  readonly name = 'memory';
  readonly #entries = new Map<string, Uint8Array>();

  constructor(
    readonly keySize: number,
    readonly valueSize: number,
    readonly perCpu = false,
  ) {}

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(Buffer.from(key).toString('hex'));
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.#entries.set(Buffer.from(key).toString('hex'), value.slice());
  }

  delete(key: Uint8Array): boolean {
    return this.#entries.delete(Buffer.from(key).toString('hex'));
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) {
      this.update(
        keys.subarray(i * this.keySize, (i + 1) * this.keySize),
        values.subarray(i * this.valueSize, (i + 1) * this.valueSize),
      );
    }
  }

  deleteBatch(keys: Uint8Array, count: number): number {
    let n = 0;
    for (let i = 0; i < count; i++) {
      if (this.delete(keys.subarray(i * this.keySize, (i + 1) * this.keySize))) n++;
    }
    return n;
  }

  entries(): { keys: Uint8Array; values: Uint8Array; count: number } {
    return {
      keys: Buffer.concat([...this.#entries.keys()].map((key) => Buffer.from(key, 'hex'))),
      values: Buffer.concat([...this.#entries.values()]),
      count: this.#entries.size,
    };
  }

  count(): number {
    return this.#entries.size;
  }
}

test('values in and out, one by one and many', (t) => {
  const map = new TypedMap(new MemoryMap(16, 4), MAPS.vtep);
  const address = (last: number): Uint8Array => Uint8Array.from({ length: 16 }, () => last);
  t.equal(map.get(address(1)), undefined);
  map.set(address(1), { nh: 7 });
  t.same(map.get(address(1)), { nh: 7 });
  map.setAll([
    [address(2), { nh: 8 }],
    [address(3), { nh: 9 }],
  ]);
  map.setAll([]);
  t.same(map.entries(), [
    [address(1), { nh: 7 }],
    [address(2), { nh: 8 }],
    [address(3), { nh: 9 }],
  ]);
  t.equal(map.deleteAll([address(1), address(4)]), 1);
  t.equal(map.deleteAll([]), 0);
  t.equal(map.delete(address(2)), true);
  t.equal(map.delete(address(2)), false);
  t.equal(map.count(), 1);
  t.end();
});

test('a map of another layout is refused', (t) => {
  t.throws(() => new TypedMap(new MemoryMap(4, 4), MAPS.vtep), { code: 'BAD_LAYOUT' });
  t.throws(() => new TypedMap(new MemoryMap(16, 8), MAPS.vtep), { code: 'BAD_LAYOUT' });
  t.throws(() => new TypedMap(new MemoryMap(4, 96, true), MAPS.ep_stats), { code: 'BAD_LAYOUT' });
  t.throws(() => new CounterMap(new MemoryMap(4, 48), MAPS.ep_stats), { code: 'BAD_LAYOUT' });
  t.throws(() => new CounterMap(new MemoryMap(4, 50, true), MAPS.ep_stats), { code: 'BAD_LAYOUT' });
  t.throws(() => new CounterMap(new MemoryMap(4, 96, true), MAPS.event_limit), {
    code: 'BAD_LAYOUT',
  });
  t.end();
});

test('counters are summed over CPUs', (t) => {
  const raw = new MemoryMap(4, 3 * 48, true);
  const map = new CounterMap(raw, MAPS.ep_stats);
  const value = (n: bigint) => ({
    tx_packets: n,
    tx_bytes: 2n ** 63n,
    rx_packets: 0n,
    rx_bytes: n * 1000n,
    tx_drops: 1n,
    rx_drops: 0n,
  });
  const key = encode(MAPS.ep_stats.key, 5);
  raw.update(key, encodeAll(epStatsVal, [value(1n), value(2n), value(3n)]));
  const sum = { ...value(6n), tx_bytes: 2n ** 63n, tx_drops: 3n };
  t.same(map.sum(5), sum, 'u64 wrap as in the kernel');
  t.same(map.entries(), [[5, sum]]);
  t.same(map.perCpu(5), [value(1n), value(2n), value(3n)]);
  t.equal(map.sum(6), undefined);
  t.equal(map.perCpu(6), undefined);
  t.end();
});

test('plain bytes keep their length', (t) => {
  t.throws(() => encode(bytesCodec(16), new Uint8Array(4)), { code: 'BAD_LAYOUT' });
  t.end();
});
