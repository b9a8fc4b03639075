// SPDX-License-Identifier: Apache-2.0
/** Documents that are refused, and what is said about them. */
import t from 'tap';
import { InputError } from '../../../../src/cli/input-error.js';
import { parseText } from '../../../../src/cli/input.js';
import { problemText } from '../../../../src/model/index.js';

function linesOf(text: string): string[] {
  try {
    parseText(text, 'f.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems.map(problemText);
  }
}

const policy = (spec: string, metadata = '{ name: p, namespace: shop }'): string =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: ${metadata}\nspec: ${spec}\n`;
const port = (fields: string): string => policy(`{ ingress: [{ ports: [{ ${fields} }] }] }`);
const peer = (fields: string): string => policy(`{ egress: [{ to: [{ ${fields} }] }] }`);
const selector = (fields: string): string => policy(`{ podSelector: { ${fields} } }`);
const namespace = (metadata: string): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata: ${metadata}\n`;

const P = 'f.yaml: document 1: NetworkPolicy/shop/p: ';
const PORT = `${P}spec.ingress[0].ports[0]`;
const PEER = `${P}spec.egress[0].to[0]`;
const N = 'f.yaml: document 1: Namespace';
const LONG = 'a'.repeat(251);

const WRONG: readonly (readonly [document: string, ...lines: string[]])[] = [
  [
    policy('{ policyTypes: [ingress] }'),
    `${P}spec.policyTypes[0]: "ingress" is not allowed: must be Ingress or Egress`,
  ],
  [
    policy('{ policyTypes: [Ingress, Both] }'),
    `${P}spec.policyTypes[1]: "Both" is not allowed: must be Ingress or Egress`,
  ],
  [policy('{ podSelectors: {} }'), `${P}spec.podSelectors: unknown field`],
  [policy('{ ingress: [{ to: [] }] }'), `${P}spec.ingress[0].to: unknown field`],
  [policy('{ egress: [null] }'), `${P}spec.egress[0]: null is not an object`],
  [policy('{ ingress: {} }'), `${P}spec.ingress: {} is not a list`],
  [policy('null'), `${P}spec: is required`],
  [port('endPort: 90'), `${PORT}.endPort: needs port as a number: a range has two ends`],
  [
    port('port: http, endPort: 90'),
    `${PORT}.endPort: needs port as a number: a range has two ends`,
  ],
  [port('port: 91, endPort: 90'), `${PORT}.endPort: 90 is below port 91`],
  [
    port('port: 91, endPort: 65536'),
    `${PORT}.endPort: 65536 is out of range: must be at most 65535`,
  ],
  [port('port: 0'), `${PORT}.port: 0 is out of range: must be 1 to 65535`],
  [
    port('port: "80"'),
    `${PORT}.port: "80" is not the name of a port: use 1 to 15 lower-case letters, digits and hyphens, the first a letter; a number stands without quotes`,
  ],
  [port('port: [80]'), `${PORT}.port: [80] is not allowed: must be a number or the name of a port`],
  [port('protocol: ICMP'), `${PORT}.protocol: "ICMP" is not allowed: must be TCP, UDP or SCTP`],
  [
    port('protocol: tcp, port: 80'),
    `${PORT}.protocol: "tcp" is not allowed: must be TCP, UDP or SCTP`,
  ],
  [peer(''), `${PEER}: needs podSelector, namespaceSelector or ipBlock`],
  [peer('podSelector: null'), `${PEER}: needs podSelector, namespaceSelector or ipBlock`],
  [
    peer('podSelector: {}, ipBlock: { cidr: 10.0.0.0/8 }'),
    `${PEER}.ipBlock: cannot stand beside podSelector or namespaceSelector: make it a peer of its own`,
  ],
  [peer('ipBlock: { except: [] }'), `${PEER}.ipBlock.cidr: is required`],
  [
    peer('ipBlock: { cidr: 10.0.0.1/8 }'),
    `${PEER}.ipBlock.cidr: "10.0.0.1/8" is not a prefix: bits behind the length must be zero, as in 10.0.0.0/8`,
  ],
  [
    peer('ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16] }'),
    `${PEER}.ipBlock.except[1]: 11.0.0.0/16 is not a part of cidr 10.0.0.0/8`,
  ],
  [
    peer('ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/8] }'),
    `${PEER}.ipBlock.except[0]: 10.0.0.0/8 is not a part of cidr 10.0.0.0/8`,
  ],
  [
    peer('ipBlock: { cidr: 10.0.0.0/8, except: ["::/0"] }'),
    `${PEER}.ipBlock.except[0]: ::/0 is not a part of cidr 10.0.0.0/8`,
  ],
  [
    selector('matchLabels: { "a) || all(": x }'),
    `${P}spec.podSelector.matchLabels["a) || all("]: "a) || all(" is not a label key: use [DNS prefix/]NAME, the name 1 to 63 letters, digits, "-", "_" and "."`,
  ],
  [
    selector(`matchLabels: { a: "x' || b == 'y" }`),
    `${P}spec.podSelector.matchLabels.a: "x' || b == 'y" is not a label value: use at most 63 letters, digits, "-", "_" and "."`,
  ],
  [selector('matchLabels: { a: 1 }'), `${P}spec.podSelector.matchLabels.a: 1 is not a text`],
  [
    selector('matchExpressions: [{ key: a, operator: Is, values: [b] }]'),
    `${P}spec.podSelector.matchExpressions[0].operator: "Is" is not allowed: must be In, NotIn, Exists or DoesNotExist`,
  ],
  [
    selector('matchExpressions: [{ key: a, operator: NotIn }]'),
    `${P}spec.podSelector.matchExpressions[0].values: operator NotIn needs at least one value`,
  ],
  [
    selector('matchExpressions: [{ key: a, operator: Exists, values: [b] }]'),
    `${P}spec.podSelector.matchExpressions[0].values: operator Exists takes no values`,
  ],
  [
    selector('matchExpressions: [{ key: "a b", operator: In, values: ["c d"] }]'),
    `${P}spec.podSelector.matchExpressions[0].key: "a b" is not a label key: use [DNS prefix/]NAME, the name 1 to 63 letters, digits, "-", "_" and "."`,
    `${P}spec.podSelector.matchExpressions[0].values[0]: "c d" is not a label value: use at most 63 letters, digits, "-", "_" and "."`,
  ],
  [
    peer(`namespaceSelector: { matchLabels: { ${LONG}/b: c } }`),
    `${PEER}.namespaceSelector.matchLabels["${LONG}/b"]: "${LONG}/b" is too long for a namespace's label: its prefix may have 250 characters`,
  ],
  [
    policy('{}', '{ name: P }'),
    'f.yaml: document 1: NetworkPolicy/default/P: metadata.name: "P" is not a name: use 1 to 253 lower-case letters, digits, "-" and "." (RFC 1123)',
  ],
  [policy('{}', '{}'), 'f.yaml: document 1: NetworkPolicy/default: metadata.name: is required'],
  [
    policy('{}', '{ name: p, annotations: { transit/vpc: "a b" } }'),
    'f.yaml: document 1: NetworkPolicy/default/p: metadata.annotations["transit/vpc"]: "a b" is not the name of a Vpc',
  ],
  [
    namespace('{ name: a.b }'),
    `${N}/a.b: metadata.name: "a.b" is not a name: a name is 1 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit (RFC 1123)`,
  ],
  [
    namespace('{ name: a, labels: { x/y/z: b } }'),
    `${N}/a: metadata.labels["x/y/z"]: "x/y/z" is not a label key: use [DNS prefix/]NAME, the name 1 to 63 letters, digits, "-", "_" and "."`,
  ],
  [
    namespace(`{ name: a, labels: { ${LONG}/b: c } }`),
    `${N}/a: metadata.labels["${LONG}/b"]: "${LONG}/b" is too long for a namespace's label: its prefix may have 250 characters`,
  ],
  [
    'kind: NetworkPolicy\nmetadata: { name: p }\nspec: {}\n',
    'f.yaml: document 1: NetworkPolicy/default/p: apiVersion: is required: NetworkPolicy of networking.k8s.io/v1 and Namespace of v1 are understood',
  ],
  [
    'apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: { name: p }\n',
    'f.yaml: document 1: NetworkPolicy/default/p: "NetworkPolicy" of "extensions/v1beta1": NetworkPolicy of networking.k8s.io/v1 and Namespace of v1 are understood',
  ],
  [
    'apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n',
    'f.yaml: document 1: Pod/p: "Pod" of "v1": NetworkPolicy of networking.k8s.io/v1 and Namespace of v1 are understood',
  ],
];

for (const [text, ...lines] of WRONG) {
  await t.test(lines[0] ?? '', (t) => {
    t.same(linesOf(text), lines);
    t.end();
  });
}

await t.test('the document is said, all problems of a file are, and up to 100', (t) => {
  const good = policy('{ podSelector: {} }');
  const bad = selector('matchLabel: {}');
  const unknown = 'NetworkPolicy/shop/p: spec.podSelector.matchLabel: unknown field';
  t.same(linesOf([good, bad, good, bad].join('---\n')), [
    `f.yaml: document 2: ${unknown}`,
    `f.yaml: document 4: ${unknown}`,
  ]);
  t.equal(linesOf(Array<string>(200).fill(bad).join('---\n')).length, 100);
  t.end();
});
