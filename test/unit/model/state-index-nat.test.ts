// SPDX-License-Identifier: Apache-2.0
/**
 * Translation's rules look at objects that are far away: judging changes one by one must agree
 * with judging the whole state, and sets that do not meet must not change each other's verdict.
 */
import fc from 'fast-check';
import t from 'tap';
import { atOnce } from '../../../src/base/portions.js';
import {
  StateIndex,
  validateState,
  type ProposedChange,
  type StoredObject,
} from '../../../src/model/index.js';
import { natGround, natObject, writes } from './worlds.js';

const set = fc.array(writes(natObject), { minLength: 1, maxLength: 4 });

function after(
  state: ReadonlyMap<string, StoredObject>,
  changes: readonly ProposedChange[],
): Map<string, StoredObject> {
  const next = new Map(state);
  for (const { kind, name, object } of changes) {
    if (object === undefined) next.delete(`${kind}/${name}`);
    else next.set(`${kind}/${name}`, object);
  }
  return next;
}

function ground(): Map<string, StoredObject> {
  return new Map(natGround().map((object) => [`${object.kind}/${object.metadata.name}`, object]));
}

void t.test('incremental judgement equals judgement from scratch', (t) => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.array(set, { maxLength: 30 }), (list) => {
      let state = ground();
      const index = new StateIndex(state.values());
      for (const changes of list) {
        const next = after(state, changes);
        const problems = index.check(changes);
        const whole = validateState([...next.values()]);
        if ((problems.length === 0) !== (whole.length === 0))
          throw new Error(JSON.stringify({ state: [...state.values()], changes, problems, whole }));
        if (problems.length > 0) {
          refused++;
          continue;
        }
        accepted++;
        index.commit(changes);
        state = next;
      }
    }),
    { numRuns: 250 },
  );
  t.ok(accepted > 300, `accepted ${accepted}`);
  t.ok(refused > 300, `refused ${refused}`);
  t.end();
});

void t.test("sets that do not meet do not change each other's verdict", (t) => {
  const seen = { meet: 0, apart: 0, accepted: 0 };
  fc.assert(
    fc.property(fc.array(set, { maxLength: 12 }), set, set, (history, large, small) => {
      let state = ground();
      const index = new StateIndex(state.values());
      for (const changes of history) {
        if (index.check(changes).length > 0) continue;
        index.commit(changes);
        state = after(state, changes);
      }
      const alone = { large: index.check(large), small: index.check(small) };
      const trial = index.begin();
      for (const change of large) trial.place(change);
      if (trial.meets(small)) {
        seen.meet++;
        return;
      }
      seen.apart++;
      const problems = index.check(small);
      const explain = (what: string, found: unknown): never => {
        throw new Error(
          `${what}: ${JSON.stringify({ state: [...state.values()], large, small, alone, found })}`,
        );
      };
      if ((problems.length === 0) !== (alone.small.length === 0))
        explain('the small one hears of the large one', problems);
      if (problems.length === 0) {
        seen.accepted++;
        index.commit(small);
      }
      // Part of the large one may have been judged before: what was right must still be.
      const judged = atOnce(trial.judge());
      const wrong = new Set(alone.large.map(({ object }) => object));
      if (judged.some(({ object }) => !wrong.has(object)))
        explain('the small one makes the large one wrong', judged);
    }),
    { numRuns: 2000 },
  );
  t.ok(seen.meet > 200 && seen.accepted > 100, JSON.stringify(seen));
  t.end();
});
