// SPDX-License-Identifier: Apache-2.0
/** Rules, of policies and of profiles. */
import { z } from 'zod';
import { MAX_POLICY_LIST, ruleFaults, type PolicyRule } from '../../model/index.js';
import { doc } from '../fields.js';
import { netsField, portSpecsField } from './policy-fields.js';
import { selectorField } from './policy-selector.js';

const protocolField = () =>
  z.union([z.enum(['tcp', 'udp', 'sctp', 'icmp', 'icmpv6']), z.int().min(0).max(255)], {
    error: 'must be tcp, udp, sctp, icmp, icmpv6 or a protocol number 0 to 255',
  });

const icmp = z
  .strictObject({
    type: doc(z.int().min(0).max(255), 'ICMP type.', { examples: [8] }),
    code: doc(z.int().min(0).max(255), 'ICMP code. Default: any.').optional(),
  })
  .meta({ id: 'PolicyIcmp', description: 'ICMP or ICMPv6 messages.' });

const side = z
  .strictObject({
    nets: doc(netsField(1), 'The address is in one of these.').optional(),
    notNets: doc(netsField(1), 'The address is in none of these.').optional(),
    selector: doc(
      selectorField(),
      "The address is of an endpoint or NetworkSet of the judged endpoint's VPC whose labels match.",
      { examples: ["role == 'web'"] },
    ).optional(),
    notSelector: doc(
      selectorField(),
      'The address is of no endpoint and no NetworkSet whose labels match.',
    ).optional(),
    ports: doc(
      portSpecsField(),
      'The port is one of these; a name means the address, protocol and port of any endpoint of the VPC that has a port of this name. With protocol tcp, udp or sctp.',
    ).optional(),
    notPorts: doc(
      portSpecsField(),
      'The port is none of these. With protocol tcp, udp or sctp.',
    ).optional(),
  })
  .meta({ id: 'PolicySide', description: 'Source or destination; all that is said must be met.' });

function ruleOf<A extends PolicyRule['action']>(actions: readonly A[], meaning: string) {
  return z
    .strictObject({
      action: doc(z.enum(actions), meaning),
      ipVersion: doc(z.literal([4, 6]), 'IP version. Default: both.').optional(),
      protocol: doc(protocolField(), 'Protocol, by name or number. Default: any.', {
        examples: ['tcp'],
      }).optional(),
      notProtocol: doc(protocolField(), 'Any protocol but this.').optional(),
      icmp: doc(icmp, 'Of protocol icmp or icmpv6: these messages only.').optional(),
      notIcmp: doc(icmp, 'Of protocol icmp or icmpv6: all messages but these.').optional(),
      source: doc(side, 'Whence the connection is opened. Default: anywhere.').optional(),
      destination: doc(side, 'Where it is opened to. Default: anywhere.').optional(),
    })
    .check((context) => {
      // Optional fields that are undefined count as absent there, too.
      for (const { path, rule } of ruleFaults(context.value as PolicyRule))
        context.issues.push({
          code: 'custom',
          path: [...path],
          input: context.value,
          message: rule,
        });
    });
}

const policyRule = ruleOf(
  ['allow', 'deny', 'pass', 'log'],
  'allow, deny: that is the verdict. pass: the next tier says, behind the last one the profiles. log: counts, and the next rule says.',
).meta({ id: 'PolicyRule', description: 'A rule; met when all it says is met.' });

const profileRule = ruleOf(
  ['allow', 'deny', 'log'],
  'allow, deny: that is the verdict. log: counts, and the next rule says.',
).meta({
  id: 'ProfileRule',
  description: 'A rule of a profile: as of a policy, without pass, as nothing comes behind.',
});

/** Lists of rules by direction. */
export const policyRules = {
  ingress: doc(
    z.array(policyRule).max(MAX_POLICY_LIST),
    'Rules of connections that are opened to the endpoint, in order.',
  ).optional(),
  egress: doc(
    z.array(policyRule).max(MAX_POLICY_LIST),
    'Rules of connections that the endpoint opens, in order.',
  ).optional(),
};

/** The same of a profile. */
export const profileRules = {
  ingress: doc(
    z.array(profileRule).max(MAX_POLICY_LIST),
    'Rules of connections that are opened to the endpoint, in order.',
  ).optional(),
  egress: doc(
    z.array(profileRule).max(MAX_POLICY_LIST),
    'Rules of connections that the endpoint opens, in order.',
  ).optional(),
};
