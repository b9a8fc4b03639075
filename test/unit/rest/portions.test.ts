// SPDX-License-Identifier: Apache-2.0
/**
 * Large change sets are judged in portions and small ones overtake them: any interleaving must end
 * as if the sets had come one after the other.
 */
import fc from 'fast-check';
import { test } from 'tap';
import { systemClock } from '../../../src/base/time.js';
import { Admission, LARGE } from '../../../src/daemon/rest/admission.js';
import { createMemoryStore } from '../../../src/daemon/store/index.js';
import { KINDS, StateIndex, validateState, type StoredObject } from '../../../src/model/index.js';

const ROUTES = LARGE + 100;

const vpc = (name: string, vni: number) => ({ kind: 'Vpc', metadata: { name }, spec: { vni } });
const route = (name: string, net: number, last: number) => ({
  kind: 'Route',
  metadata: { name },
  spec: { vpc: 'a', prefix: `10.${net}.${last >> 8}.${last & 255}/32`, blackhole: true },
});

/** A world whose turns are given by hand: each pause waits until it is let on. */
function world() {
  const store = createMemoryStore();
  const waiting: (() => void)[] = [];
  // A clock that goes on by itself ends every portion at its first stride.
  let now = 0;
  const clock = { ...systemClock, monotonic: () => (now += 10) };
  const pause = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const rules = new StateIndex();
  const admission = new Admission({ store, rules, clock, pause });
  return {
    store,
    rules,
    admission,
    /** Lets everything run until all of it pauses. */
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    turn: () =>
      waiting.splice(0).map((go) => {
        go();
      }).length,
  };
}

type World = ReturnType<typeof world>;

async function finish({ turn, settle }: World): Promise<void> {
  for (let idle = 0; idle < 3;) {
    idle = turn() === 0 ? idle + 1 : 0;
    await settle();
  }
}

function contents(store: World['store']): string[] {
  return KINDS.flatMap((kind) => store.list(kind))
    .map(({ kind, metadata, spec }) => `${kind}/${metadata.name} ${JSON.stringify(spec)}`)
    .sort();
}

/** How a set ended: applied, or the first problem. */
const outcome = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => 'applied',
    (error: unknown) => String(error),
  );

test('small sets are answered while a large one is judged', async (t) => {
  const w = world();
  await w.admission.apply([vpc('a', 1), vpc('b', 2)]);
  const order: string[] = [];
  const note = (name: string, done: Promise<unknown>): void => {
    void done.then(() => order.push(name));
  };
  note('large', w.admission.apply(Array.from({ length: ROUTES }, (_, i) => route(`r${i}`, 1, i))));
  await w.settle();
  let turns = 0;
  let sent = false;
  for (let i = 0; w.turn() > 0; i++) {
    turns++;
    note(`small ${i}`, w.admission.apply([route(`s${i}`, 2, i)]));
    // Changes an object of the large set that is placed already: must wait for it.
    const placed = w.rules.get('Route', 'r7') !== undefined;
    if (placed && !sent) note('meets', w.admission.apply([route('r7', 3, 1)]));
    sent ||= placed;
    await w.settle();
  }
  await finish(w);
  const at = order.indexOf('large');
  t.ok(turns > 3 * (ROUTES / 16 - 2), `${turns} turns: parsed, placed and judged in portions`);
  t.ok(at >= turns - 3, `${at} small sets were answered before the large one, in ${turns} turns`);
  t.ok(order.indexOf('meets') > at, 'what meets the large set came after it');
  t.equal(w.store.get('Route', 'r7')?.metadata.generation, 2);
  t.same(validateState(w.store.list()), []);
});

test('a claim that a large set makes is refused to a small one, and the other way round', async (t) => {
  const w = world();
  await w.admission.apply([vpc('a', 1)]);
  const large = outcome(
    w.admission.apply(Array.from({ length: ROUTES }, (_, i) => route(`r${i}`, 1, i))),
  );
  // Far enough that everything is placed, not so far that it is stored.
  for (let i = 0; w.rules.get('Route', `r${ROUTES - 1}`) === undefined; i++) {
    w.turn();
    await w.settle();
  }
  const late = outcome(w.admission.apply([route('late', 1, 5)]));
  const gone = outcome(w.admission.delete([{ kind: 'Vpc', name: 'a' }]));
  await finish(w);
  t.equal(await large, 'applied');
  t.not(await late, 'applied');
  t.not(await gone, 'applied');
  await w.admission.apply([route('first', 2, 9)]);
  const refused = outcome(
    w.admission.apply(Array.from({ length: ROUTES }, (_, i) => route(`q${i}`, 2, i))),
  );
  await finish(w);
  t.not(await refused, 'applied');
  t.equal(w.store.get('Route', 'q0'), undefined, 'nothing of it is there');
  t.equal(w.rules.get('Route', 'q0'), undefined);
});

interface Small {
  readonly apply?: readonly object[];
  readonly remove?: readonly { readonly kind: string; readonly name: string }[];
}

/** Sets over few names and addresses, so that they meet. */
const small: fc.Arbitrary<Small> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 9 }))
    .map(([name, last]) => ({ apply: [route(`r${name}`, 1, last)] })),
  fc
    .tuple(fc.integer({ min: 0, max: 9 }))
    .map(([name]) => ({ remove: [{ kind: 'Route', name: `r${name}` }] })),
  fc.constant({ remove: [{ kind: 'Vpc', name: 'a' }] }),
  fc.constant({ apply: [vpc('a', 1)] }),
);
/** A large one: `from` shifts its addresses, `dropped` deletes instead. */
const large = fc.record({ from: fc.integer({ min: 0, max: 9 }), remove: fc.boolean() });

function run(w: World, set: Small | { from: number; remove: boolean }): Promise<string> {
  if ('from' in set) {
    const names = Array.from({ length: ROUTES }, (_, i) => i);
    return outcome(
      set.remove
        ? w.admission.delete(names.map((i) => ({ kind: 'Route', name: `r${i}` })))
        : w.admission.apply(names.map((i) => route(`r${i}`, 1, i + set.from))),
    );
  }
  return outcome(set.remove ? w.admission.delete(set.remove) : w.admission.apply(set.apply ?? []));
}

test('any interleaving ends as some order of the sets does', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(large, { minLength: 1, maxLength: 2 }),
      fc.array(fc.tuple(small, fc.integer({ min: 0, max: 60 })), { minLength: 1, maxLength: 3 }),
      async (larges, smalls) => {
        const mixed = world();
        await mixed.admission.apply([vpc('a', 1), vpc('b', 2)]);
        const sets = [...larges, ...smalls.map(([set]) => set)];
        const done: Promise<string>[] = larges.map((set) => run(mixed, set));
        for (const [set, turns] of smalls) {
          for (let i = 0; i < turns; i++) {
            await mixed.settle();
            mixed.turn();
          }
          done.push(run(mixed, set));
        }
        await finish(mixed);
        const outcomes = (await Promise.all(done)).join('\n');
        const problems = validateState(mixed.store.list());
        if (problems.length > 0) throw new Error(JSON.stringify(problems));
        const judged = mixed.store
          .list()
          .every(({ kind, metadata }: StoredObject) =>
            Boolean(mixed.rules.get(kind, metadata.name)),
          );
        if (!judged || mixed.rules.size !== mixed.store.list().length)
          throw new Error('the rules know other objects than the store');
        for (const order of permutations(sets.map((_, i) => i))) {
          const serial = world();
          await serial.admission.apply([vpc('a', 1), vpc('b', 2)]);
          const ends: string[] = [];
          for (const i of order) {
            const set = sets[i];
            if (set === undefined) continue;
            const end = run(serial, set);
            await finish(serial);
            ends[i] = await end;
          }
          if (
            ends.join('\n') === outcomes &&
            contents(serial.store).join() === contents(mixed.store).join()
          )
            return;
        }
        throw new Error(`no order gives this: ${outcomes.slice(0, 500)}`);
      },
    ),
    { numRuns: 25 },
  );
  t.pass();
});

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}
