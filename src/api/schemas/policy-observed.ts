// SPDX-License-Identifier: Apache-2.0
/** What the daemon reports of policies: what applies to an endpoint of its host. */
import { z } from 'zod';
import { doc } from '../fields.js';

const action = () => z.enum(['allow', 'deny', 'pass', 'log']);

/** Who says a rule, and where. */
const ruleFields = {
  tier: doc(z.string(), 'Name of the Tier; empty behind all tiers, where the profiles are.'),
  by: doc(
    z.string(),
    'Policy/NAME, Profile/NAME, Tier/NAME (its default action), or Default, behind all.',
    { examples: ['Policy/db'] },
  ),
  rule: doc(
    z.number().int().min(0),
    "Place in the object's list of this direction, from 0: spec.ingress[0].",
  ).optional(),
  action: doc(
    action(),
    'allow, deny: the verdict. pass: the next tier says. log: counts, and the next rule says.',
  ),
  match: doc(z.string(), 'What it asks for, on one line.', {
    examples: ["tcp from (role == 'web') to ports 443"],
  }),
};

const direction = z.object({
  open: doc(z.boolean(), 'Nothing applies: all is allowed.'),
  rules: doc(
    z.array(
      z.object({
        ...ruleFields,
        packets: doc(
          z.number().int().min(0),
          "Packets it has decided on this host, of all endpoints that it applies to, since the daemon's start: first packets of connections, and those that were judged again after a change.",
        ),
      }),
    ),
    'In the order in which they are asked.',
  ),
});

export const endpointPoliciesResponse = z
  .object({
    endpoint: doc(z.string(), 'Name of the Endpoint.'),
    vpc: doc(z.string(), 'Name of its Vpc.'),
    programmed: doc(z.boolean(), 'Whether the data path has the endpoint: see its status.'),
    problem: doc(z.string(), 'Why it is closed although its rules say otherwise.').optional(),
    ingress: doc(direction, 'Connections that are opened to it.'),
    egress: doc(direction, 'Connections that it opens.'),
  })
  .meta({ id: 'EndpointPolicies', description: 'Rules that apply to an endpoint, in order.' });

const judged = z.object({
  address: doc(z.string(), 'Its address.'),
  direction: doc(
    z.enum(['ingress', 'egress']),
    'egress: it opens the connection; ingress: it is opened to it.',
  ),
  endpoint: doc(z.string(), 'Name of the Endpoint that has the address.').optional(),
  host: doc(z.string(), 'Host of the Endpoint: where its policies apply.').optional(),
  verdict: doc(
    z.enum(['allowed', 'denied', 'elsewhere', 'not-judged', 'unknown']),
    'elsewhere: another host judges, see host. not-judged: no endpoint of the Vpc has the address. unknown: see problem.',
  ),
  decidedBy: doc(z.object(ruleFields), 'The rule that decided; left out: it is open.').optional(),
  logged: doc(
    z.array(z.object(ruleFields)),
    'Rules that were met before and only count.',
  ).optional(),
  kernel: doc(
    z.object({
      verdict: doc(z.enum(['allowed', 'denied']), 'What the data path does.'),
      agrees: doc(z.boolean(), 'Whether it is the same, by the same rule.'),
      decidedBy: doc(z.object(ruleFields), 'Its rule, when it is another one.').optional(),
    }),
    'What the data path itself says, asked with the same packet.',
  ).optional(),
  problem: doc(z.string(), 'What keeps this from being the whole truth.').optional(),
});

export const policyCheckResponse = z
  .object({
    vpc: doc(z.string(), 'Name of the Vpc.'),
    checks: doc(
      z.array(
        z.object({
          family: doc(z.literal([4, 6]), 'IP version.'),
          from: doc(judged, 'Who opens the connection.'),
          to: doc(judged, 'Whom it is opened to.'),
          verdict: doc(
            z.enum(['allowed', 'denied', 'unknown']),
            'Of both ends; unknown: another host has a say.',
          ),
        }),
      ),
      'One for each family that both ends have.',
    ),
    agrees: doc(z.boolean(), 'False: the data path does something else than the rules say.'),
  })
  .meta({ id: 'PolicyCheck', description: 'Whether policies let a connection through, and why.' });
