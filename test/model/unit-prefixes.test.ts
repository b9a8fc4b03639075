// SPDX-License-Identifier: Apache-2.0
/** The reference model of translated prefixes against the RFC's own examples, and as properties. */
import fc from 'fast-check';
import { test } from 'tap';
import { addressOf } from '../support/model/address.js';
import { inwards, outwards } from '../support/model/npt.js';
import { across } from '../support/model/peering.js';

// @rfc 6296 s3.4
// @rfc 6296 s3.7
test('RFC 6296 s3.6: its worked example', (t) => {
  const pair = { inside: 'fd01:203:405::/48', outside: '2001:db8:1::/48' };
  const inside = addressOf('fd01:203:405:1::1234');
  const outside = addressOf('2001:db8:1:d550::1234');
  t.equal(outwards(pair, inside), outside);
  t.equal(inwards(pair, outside), inside);
  t.end();
});

const word = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 0xfffe, 0xffff));
const text = (words: readonly number[]): string => words.map((one) => one.toString(16)).join(':');

/** Two prefixes of one length, and an address of the first. */
const cases = fc
  .tuple(
    fc.integer({ min: 16, max: 64 }),
    fc.array(word, { minLength: 8, maxLength: 8 }),
    fc.array(word, { minLength: 8, maxLength: 8 }),
  )
  .map(([length, a, b]) => {
    const cut = (words: readonly number[], first: number): string => {
      const bits = words.map((one) => one.toString(2).padStart(16, '0')).join('');
      const kept = `${bits.slice(0, length)}${'0'.repeat(128 - length)}`;
      const list = Array.from({ length: 8 }, (_, i) =>
        parseInt(kept.slice(16 * i, 16 * i + 16), 2),
      );
      return `${text([first, ...list.slice(1)])}/${length}`;
    };
    const address = addressOf(text([0xfd01, ...a.slice(1)]));
    return { pair: { inside: cut(a, 0xfd01), outside: cut(b, 0x2001) }, address };
  });

const sumOf = (address: string): number => Number(BigInt(`0x${address}`) % 0xffffn);

// @rfc 6296 s2.6
// @rfc 6296 s3.5
test('no sum changes, and the way back leads to where it began', (t) => {
  fc.assert(
    fc.property(cases, ({ pair, address }) => {
      const out = outwards(pair, address);
      if (out === undefined) return true;
      // 0xffff of a word is 0 on the way back: where a word was, it was not 0xffff
      const back = inwards(pair, out);
      return sumOf(out) === sumOf(address) && (back === undefined || back === address);
    }),
    { numRuns: 2000 },
  );
  t.end();
});

test('twice NAT: what comes back is what went', (t) => {
  const red = [{ prefix: '10.0.0.0/24', as: '100.64.1.0/24' }];
  const blue = [{ prefix: '10.0.0.0/25', as: '100.64.2.128/25' }];
  const there = across(red, blue, { src: addressOf('10.0.0.7'), dst: addressOf('100.64.2.130') });
  t.same(there, { src: addressOf('100.64.1.7'), dst: addressOf('10.0.0.2') });
  const answer = { src: addressOf('10.0.0.2'), dst: addressOf('100.64.1.7') };
  const back = across(blue, red, answer);
  t.same(back, { src: addressOf('100.64.2.130'), dst: addressOf('10.0.0.7') });
  const from = (src: string, dst: string) =>
    across(red, blue, { src: addressOf(src), dst: addressOf(dst) });
  t.equal(from('10.0.0.7', '100.64.2.1'), 'NO_ROUTE');
  t.equal(from('10.0.1.7', '100.64.2.130'), 'NOT_EXPOSED');
  t.end();
});
