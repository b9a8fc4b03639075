// SPDX-License-Identifier: Apache-2.0
/** Fragments that wait: bounds, order, times, and that none is lost without being counted. */
import fc from 'fast-check';
import { test } from 'tap';
import { bytesOf, FRAGMENT_COUNTS, SharedCounts } from '../../../src/daemon/slowpath/counts.js';
import {
  FragmentHolder,
  HOLD_S,
  isFragment,
  OVERHEAD,
  type HolderBounds,
} from '../../../src/daemon/slowpath/fragment-holder.js';
import { ABI, encode, heldTag } from '../../../src/maps/index.js';

const TAG = heldTag.size;
const BOUNDS: HolderBounds = { bytes: 20_000, bytesOfSource: 8000, ofDatagram: 5 };

function frameOf(id: number, source: number, number: number, length = 100): Uint8Array {
  const tag = encode(heldTag, {
    magic: ABI.HELD_MAGIC,
    ifindex: 7,
    source,
    type: 0x0800,
    side: 0,
    ep: 1,
    id: BigInt(id),
  });
  const frame = new Uint8Array(TAG + length);
  frame.set(tag);
  new DataView(frame.buffer).setUint32(TAG, number);
  return frame;
}

class Scene {
  readonly counts = new SharedCounts(new ArrayBuffer(bytesOf(FRAGMENT_COUNTS)), FRAGMENT_COUNTS);
  readonly known = new Set<bigint>();
  /** Numbers of what was given back, in order. */
  readonly back: number[] = [];
  readonly holder: FragmentHolder;

  constructor(bounds = BOUNDS) {
    this.holder = new FragmentHolder(
      {
        counts: this.counts,
        passed: (id) => this.known.has(id),
        giveBack: (frame) => {
          const view = new DataView(frame.buffer, frame.byteOffset);
          this.back.push(view.getUint32(TAG));
        },
      },
      bounds,
    );
  }

  /** As the worker: whenever there is something to do. */
  until(now: number): void {
    while (this.holder.next <= now) this.holder.look(this.holder.next);
    this.holder.look(now);
  }
}

test('a fragment is told by its tag', (t) => {
  t.ok(isFragment(frameOf(1, 1, 1)));
  t.notOk(isFragment(frameOf(1, 1, 1).slice(0, TAG)), 'nothing behind it');
  t.notOk(isFragment(new Uint8Array(60)));
  t.end();
});

// @rfc 4787 REQ-14
// @rfc 6146 s3.4a
test('they wait for their first one, and go in order of arrival', (t) => {
  const s = new Scene();
  const buffer = frameOf(5, 1, 10);
  s.holder.take(buffer, 0);
  buffer.fill(0); // the next batch is read into it
  s.holder.take(frameOf(6, 1, 20), 0);
  s.holder.take(frameOf(5, 1, 11), 0.4);
  s.until(1);
  t.same(s.back, [], 'nothing has passed');
  s.known.add(5n);
  s.until(1.07);
  t.same(s.back, [10, 11], 'within 64 ms');
  s.until(HOLD_S - 0.001);
  t.same(s.back, [10, 11], 'the other one waits for two seconds');
  s.until(HOLD_S);
  t.same(s.back, [10, 11, 20]);
  t.match(s.counts.read(), { taken: 3, released: 2, timedOut: 1, held: 0, heldBytes: 0 });
  t.equal(s.holder.next, Infinity, 'nothing to do');
  t.end();
});

test('one whose first has passed meanwhile does not wait', (t) => {
  const s = new Scene();
  s.known.add(1n);
  s.holder.take(frameOf(1, 1, 1), 3);
  t.equal(s.holder.next, 3);
  s.holder.look(3);
  t.same(s.back, [1]);
  t.end();
});

test('each waits for its own two seconds', (t) => {
  const s = new Scene();
  s.holder.take(frameOf(1, 1, 1), 0);
  s.holder.take(frameOf(1, 1, 2), 1.9);
  s.until(3.8);
  t.same(s.back, [1]);
  s.until(3.9);
  t.same(s.back, [1, 2]);
  t.end();
});

// @rfc 4787 REQ-14a
// @rfc 6146 s5.3
test('whoever holds most makes room for others', (t) => {
  const s = new Scene({ bytes: 4 * (TAG + 100 + OVERHEAD), bytesOfSource: 1e6, ofDatagram: 5 });
  for (const id of [1, 2, 3, 4, 5]) s.holder.take(frameOf(id, 1, id), 0);
  t.match(s.counts.read(), { held: 4, refusedRoom: 1 }, 'not for himself');
  s.holder.take(frameOf(6, 2, 6), 0);
  s.holder.take(frameOf(7, 2, 7), 0);
  t.match(s.counts.read(), { held: 4, refusedRoom: 3 }, 'his oldest go');
  s.holder.take(frameOf(8, 2, 8), 0);
  t.match(s.counts.read(), { held: 4, refusedRoom: 4 }, 'not beyond an equal share');
  for (const id of [3, 4, 6, 7]) s.known.add(BigInt(id));
  s.until(1);
  t.same(s.back, [3, 4, 6, 7]);
  t.end();
});

test('when nobody will wait any more, all go back', (t) => {
  const s = new Scene();
  s.holder.take(frameOf(1, 1, 1), 0);
  s.holder.take(frameOf(2, 1, 2), 0);
  s.known.add(2n);
  s.holder.close();
  t.same(s.back, [1, 2]);
  t.match(s.counts.read(), { released: 1, timedOut: 1, held: 0, heldBytes: 0 });
  t.end();
});

// @rfc 6146 s3.4a
test('any history: never beyond bounds, each given back once or counted', (t) => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ id: fc.nat(30), length: fc.integer({ min: 4, max: 3000 }) }),
    },
    { weight: 2, arbitrary: fc.record({ passes: fc.nat(30) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.double({ min: 0, max: 1.5, noNaN: true }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const s = new Scene();
      let now = 1;
      const arrived: { at: number; id: number }[] = [];
      const given = new Map<number, number>();
      const last = new Map<number, number>();
      for (const what of steps) {
        if ('id' in what) {
          // a datagram has one source
          s.holder.take(frameOf(what.id, what.id % 4, arrived.length, what.length), now);
          arrived.push({ at: now, id: what.id });
        } else if ('passes' in what) s.known.add(BigInt(what.passes));
        else now += what.wait;
        s.until(now);
        for (const number of s.back.splice(0)) {
          if (given.has(number)) return false;
          given.set(number, now);
          const { at, id } = arrived[number]!;
          // of one datagram, in order of arrival
          if (number < (last.get(id) ?? -1)) return false;
          last.set(id, number);
          if (!s.known.has(BigInt(id)) && at + HOLD_S > now) return false;
        }
        const c = s.counts.read();
        const refused = c.refusedDatagram + c.refusedSource + c.refusedRoom;
        if (c.heldBytes > BOUNDS.bytes || c.held * OVERHEAD > c.heldBytes) return false;
        if (c.taken !== c.held + c.released + c.timedOut + refused) return false;
        if (given.size !== c.released + c.timedOut || arrived.length !== c.taken) return false;
      }
      s.until(now + HOLD_S + 0.1);
      const { held, heldBytes } = s.counts.read();
      return held === 0 && heldBytes === 0 && s.holder.next === Infinity;
    }),
    { numRuns: 1000 },
  );
  t.end();
});
