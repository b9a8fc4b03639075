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
