// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { inTurn, ownSummary, ratioSummary, type Figure } from '../../../bench/lib/figure.js';
import { ratios, shortNumber, shortSummary, summarize } from '../../../bench/lib/stats.js';

test('a summary of an odd and of an even number of rounds', (t) => {
  t.same(summarize([3, 1, 2]), { min: 1, p10: 1, median: 2, max: 3 });
  t.same(summarize([4, 1, 3, 2]), { min: 1, p10: 1, median: 2.5, max: 4 });
  t.same(summarize([7]), { min: 7, p10: 7, median: 7, max: 7 });
  const many = Array.from({ length: 100 }, (_, i) => 100 - i);
  t.same(summarize(many), { min: 1, p10: 10, median: 50.5, max: 100 });
  t.end();
});

test('a summary does not change what it sums up', (t) => {
  const values = [3, 1, 2];
  summarize(values);
  t.same(values, [3, 1, 2]);
  t.end();
});

test('nothing, and what is not a number, has no summary', (t) => {
  t.throws(() => summarize([]), RangeError);
  t.throws(() => summarize([1, NaN]), RangeError);
  t.throws(() => summarize([1, Infinity]), RangeError);
  t.end();
});

test('ratios pair rounds, and take off what both carry', (t) => {
  t.same(ratios([10, 30], [5, 10]), [2, 3]);
  t.same(ratios([110, 60], [60, 35], [10, 10]), [2, 2]);
  t.throws(() => ratios([1, 2], [1]), RangeError);
  t.throws(() => ratios([1], [1], [1, 2]), RangeError);
  t.end();
});

test('numbers for people have three digits', (t) => {
  t.equal(shortNumber(1.23456), '1.23');
  t.equal(shortNumber(99.96), '100');
  t.equal(shortNumber(123456), '123456');
  t.equal(shortSummary({ min: 1, p10: 1, median: 2, max: 3 }), '2.00 (1.00–3.00)');
  t.end();
});

test('a figure is summed up by its series', (t) => {
  const figure: Figure = {
    id: 'part/x',
    unit: 'ns',
    better: 'smaller',
    series: { own: [30, 60], base: [20, 20], empty: [10, 10] },
    compare: [],
  };
  t.equal(ownSummary(figure).median, 45);
  t.equal(ratioSummary(figure, { name: '', to: 'base' }).median, 2.25);
  t.equal(ratioSummary(figure, { name: '', to: 'base', less: 'empty' }).median, 3.5);
  t.throws(() => ratioSummary(figure, { name: '', to: 'other' }), RangeError);
  t.end();
});

test('probes run in turn, the order reversed each round, the first round not kept', async (t) => {
  const order: string[] = [];
  let n = 0;
  const probe = (name: string) => () => {
    order.push(name);
    return n++;
  };
  const series = await inTurn(2, { a: probe('a'), b: probe('b') });
  t.same(order, ['a', 'b', 'b', 'a', 'a', 'b']);
  t.same(series, { a: [3, 4], b: [2, 5] });
});
