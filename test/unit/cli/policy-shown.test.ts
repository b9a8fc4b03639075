// SPDX-License-Identifier: Apache-2.0
/** What docs/guide/policy.md shows of `get policies --endpoint` and `policy check` is what comes. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { runCli } from '../../../src/cli/program.js';
import { judge, type JudgedPacket } from '../../../src/daemon/calc/index.js';
import { PolicyCheck, PolicyView } from '../../../src/daemon/datapath/index.js';
import { HOST, objectsOf, POLICY_OBJECTS, policyCalculator } from '../../support/policy-world.js';
import { FakeServer } from './fake-server.js';

const { calculator, indexes } = policyCalculator();
calculator.flush();
const objects = objectsOf(POLICY_OBJECTS);
const packets: Readonly<Record<string, number>> = {
  'Policy/db/ingress/0': 1204,
  'Policy/no-telnet/ingress/0': 3,
  'Tier/security/ingress': 1291,
  'Tier/default/ingress': 87,
};
const byIndex = new Map(Object.entries(packets).map(([id, n]) => [indexes.peek('rule', id), n]));
const view = new PolicyView(
  {
    ...{ calculator, indexes, objects },
    hits: { sum: (index) => byIndex.get(index) ?? 0 },
    driver: { entries: () => 0 },
  },
  { host: HOST },
);
/** A data path that does what the rules say. */
function ask(endpoint: number, sends: boolean, packet: JudgedPacket) {
  const name = objects
    .list('Endpoint')
    .map(({ metadata }) => metadata.name)
    .find((one) => calculator.localPolicy(one)?.place?.index === endpoint);
  const program = calculator.localPolicy(name!)!.has[sends ? 'egress' : 'ingress'];
  const { allowed, rule } = judge(program, packet, calculator.policyMembership('blue')!);
  return { allowed, hit: rule === undefined ? 0 : indexes.peek('rule', rule.identity)! };
}
const check = new PolicyCheck(
  { calculator, indexes, objects, ask, pause: () => Promise.resolve() },
  { host: HOST },
);
const server = new FakeServer({
  endpointPolicies: ({ params }) => view.endpoint(params.name),
  policyCheck: ({ query }) => check.check(query),
});
await server.start();
t.teardown(() => {
  server.stop();
});

async function cli(args: readonly string[]): Promise<string> {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  await runCli(['--server', server.socket, ...args], {
    stdout: { write, isTTY: false },
    stderr: { write },
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream is async by nature
    stdin: (async function* () {
      yield '';
    })(),
    env: {},
    now: () => 0,
    signal: new AbortController().signal,
  });
  return text;
}

const guide = readFileSync('docs/guide/policy.md', 'utf8');
const shown = [...guide.matchAll(/^\$ transit (.*)\n([^]*?)(?=^\$ |^```)/gm)];

await t.test('the guide', async (t) => {
  t.ok(shown.length >= 5, 'shows some');
  // what a file would change is test/unit/rest/policy-diff.test.ts'
  for (const [, line = '', text = ''] of shown.filter(([, line]) => !line?.startsWith('diff ')))
    t.equal(await cli(line.split(' ')), text.replace(/\n\n$/, '\n'), line);
});
