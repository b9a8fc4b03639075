// SPDX-License-Identifier: Apache-2.0
import t from 'tap';
import { parseObjects } from '../../../src/api/index.js';
import { StateIndex, validateState, type Problem } from '../../../src/model/index.js';
import { BAD_INPUTS } from './bad-inputs.js';
import { baseState, change, make } from './fixtures.js';

const index = new StateIndex(baseState());

function judge(input: unknown): readonly Problem[] {
  const { objects, problems } = parseObjects([input]);
  return problems.length > 0 ? problems : index.check(objects.map(({ object }) => change(object)));
}

t.same(validateState(baseState()), [], 'the base state is valid');

for (const bad of BAD_INPUTS) {
  const [kind, name] = bad.object.split('/');
  const problems = judge(bad.input ?? { kind, metadata: { name }, spec: bad.spec });
  const found = problems.find(
    (problem) =>
      problem.object === bad.object && problem.field === bad.field && bad.rule.test(problem.rule),
  );
  t.ok(found, `${bad.object}: ${bad.field}: ${bad.rule.source}`, { problems });
}

void t.test('what was judged leaves no trace', (t) => {
  t.equal(index.size, baseState().length);
  t.same(index.check(baseState().map(change)), []);
  t.end();
});

void t.test('deleting what is referred to is refused, naming who does', (t) => {
  const gone = (kind: 'Vpc' | 'Subnet' | 'Endpoint', name: string) =>
    index.check([{ kind, name, object: undefined }]);
  t.match(gone('Endpoint', 'web-1'), [
    { object: 'Endpoint/web-1', field: '', rule: 'cannot be deleted: Route/blue-vip refers to it' },
  ]);
  t.match(gone('Subnet', 'red-a'), [{ rule: /Endpoint\/red-1 refers to it/ }]);
  t.match(gone('Vpc', 'blue'), [
    { rule: /Endpoint\/web-1, Endpoint\/web-2, Route\/blue-default and 3 more refer to it/ },
  ]);
  t.same(
    index.check([
      { kind: 'Route', name: 'blue-vip', object: undefined },
      { kind: 'Endpoint', name: 'web-1', object: undefined },
    ]),
    [],
    'together with the referrer it is allowed',
  );
  t.end();
});

void t.test('of two new objects in conflict the later is reported, once', (t) => {
  const problems = index.check([
    change(make('Vpc', 'x', { vni: 900 })),
    change(make('Vpc', 'y', { vni: 900, gatewayMac: '02:00:00:00:00:99' })),
  ]);
  t.same(problems, [
    { object: 'Vpc/y', field: 'spec.vni', rule: 'VNI 900 is already used by Vpc/x' },
  ]);
  t.end();
});

void t.test('addresses may be exchanged in one change', (t) => {
  const blue = { host: 'host-b', vpc: 'blue', subnet: 'blue-b' };
  const two = new StateIndex(baseState());
  two.commit([change(make('Endpoint', 'web-3', { ...blue, addresses: ['10.0.1.7'] }))]);
  t.same(
    two.check([
      change(make('Endpoint', 'web-2', { ...blue, addresses: ['10.0.1.7'] })),
      change(make('Endpoint', 'web-3', { ...blue, addresses: ['10.0.1.6'] })),
    ]),
    [],
  );
  t.end();
});
