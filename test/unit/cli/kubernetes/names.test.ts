// SPDX-License-Identifier: Apache-2.0
import t from 'tap';
import { isName } from '../../../../src/api/index.js';
import { joinedName, namespaceKey } from '../../../../src/cli/kubernetes/names.js';
import { objectsOf } from './world.js';

const PARTS = ['a', 'a-b', 'b', 'b-c', 'a--b', 'b--c', 'a.b', 'x'.repeat(60), `${'x'.repeat(60)}y`];

await t.test('every pair of parts has a name of its own, and it is one', (t) => {
  const names = PARTS.flatMap((first) => PARTS.map((second) => joinedName(first, second)));
  t.equal(new Set(names).size, PARTS.length ** 2);
  t.same(
    names.filter((name) => !isName(name)),
    [],
  );
  t.equal(joinedName('a-b', 'c'), 'a-b--c');
  t.equal(joinedName('x'.repeat(23), 'y'.repeat(38)).length, 63);
  // what is cut ends in a letter, and the hash makes no dashes of its own
  t.match(joinedName('a', `${'b'.repeat(23)}-${'c'.repeat(60)}`), /^a--b{23}--[0-9a-f]{10}$/);
  t.end();
});

await t.test('labels of a namespace have keys of their own', (t) => {
  t.equal(namespaceKey('team'), 'ns/team');
  t.equal(namespaceKey('example.org/team'), 'ns.example.org/team');
  t.equal(namespaceKey('kubernetes.io/metadata.name'), 'kubernetes.io/namespace');
  t.end();
});

await t.test('what a cluster answers can be applied: null, status and other metadata', (t) => {
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: {
          name: 'shop',
          uid: '1',
          creationTimestamp: null,
          labels: { 'kubernetes.io/metadata.name': 'shop' },
        },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      },
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: {
          name: 'p',
          namespace: 'shop',
          generation: 1,
          resourceVersion: '7',
          labels: { a: 'b' },
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        },
        spec: { podSelector: {}, ingress: null, policyTypes: ['Egress'] },
        status: {},
      },
    ],
  };
  const specs = objectsOf(JSON.stringify(list)).map(({ metadata: { labels, name }, spec }) => ({
    name,
    labels,
    spec,
  }));
  t.match(specs, [
    { name: 'kns--shop', spec: { labels: { 'kubernetes.io/namespace': 'shop' } } },
    {
      name: 'shop--p',
      labels: { a: 'b', 'kubernetes.io/namespace': 'shop' },
      spec: { types: ['egress'], egress: [], selector: "kubernetes.io/namespace == 'shop'" },
    },
  ]);
  t.notMatch(specs[1], { spec: { vpc: String } });
  t.end();
});
