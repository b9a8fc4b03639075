// SPDX-License-Identifier: Apache-2.0
/**
 * What Kubernetes objects that are understood must look like. As Kubernetes' API server judges them
 * where not said otherwise; null stands for absent and was removed.
 */
import { z } from 'zod';
import { isLabelKey, isName, labelsSchema, nameField, prefixField } from '../../api/index.js';
import { parsePrefix, prefixContains, type IpPrefix } from '../../base/net.js';
import { isPortName } from '../../model/index.js';
import { namespaceKey, VPC_ANNOTATION } from './names.js';
import { labelSelector, namespaceSelector, tooLongRule } from './schema-selector.js';

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const objectName = z.string().refine((text) => text.length <= 253 && DNS_SUBDOMAIN.test(text), {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not a name: use 1 to 253 lower-case letters, digits, "-" and "." (RFC 1123)`,
});

/** Refused, as here the prefix would not say what its host bits do. Kubernetes only warns. */
const cidr = prefixField();

function prefixOf(text: string): IpPrefix | undefined {
  try {
    return parsePrefix(text);
  } catch {
    // The field's own problem.
    return undefined;
  }
}

const ipBlock = z
  .strictObject({ cidr, except: z.array(cidr).optional() })
  .check(({ value, issues }) => {
    const whole = prefixOf(value.cidr);
    for (const [i, text] of (value.except ?? []).entries()) {
      const part = prefixOf(text);
      if (whole === undefined || part === undefined) continue;
      if (part.length > whole.length && prefixContains(whole, part.address)) continue;
      const message = `${text} is not a part of cidr ${value.cidr}`;
      issues.push({ code: 'custom', path: ['except', i], input: text, message });
    }
  });

const peer = z
  .strictObject({
    podSelector: labelSelector.optional(),
    namespaceSelector: namespaceSelector.optional(),
    ipBlock: ipBlock.optional(),
  })
  .check(({ value, issues }) => {
    const selects = value.podSelector !== undefined || value.namespaceSelector !== undefined;
    if (selects !== (value.ipBlock !== undefined)) return;
    issues.push({
      code: 'custom',
      path: selects ? ['ipBlock'] : [],
      input: value,
      message: selects
        ? 'cannot stand beside podSelector or namespaceSelector: make it a peer of its own'
        : 'needs podSelector, namespaceSelector or ipBlock',
    });
  });

const number = z.int().min(1).max(65535);

/** Names that begin with a digit are refused: here ports cannot have them. */
const portNumberOrName = z
  .union([z.int(), z.string()], { error: 'must be a number or the name of a port' })
  .check(({ value, issues }) => {
    if (typeof value === 'number' ? number.safeParse(value).success : isPortName(value)) return;
    const message =
      typeof value === 'number'
        ? `${value} is out of range: must be 1 to 65535`
        : `"${value}" is not the name of a port: use 1 to 15 lower-case letters, digits and hyphens, the first a letter; a number stands without quotes`;
    issues.push({ code: 'custom', input: value, message });
  });

const port = z
  .strictObject({
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
    port: portNumberOrName.optional(),
    endPort: number.optional(),
  })
  .check(({ value, issues }) => {
    const { port: first, endPort: last } = value;
    if (last === undefined) return;
    const wrong = (message: string): void => {
      issues.push({ code: 'custom', path: ['endPort'], input: last, message });
    };
    if (typeof first !== 'number') wrong('needs port as a number: a range has two ends');
    else if (last < first) wrong(`${last} is below port ${first}`);
  });

const ports = z.array(port).optional();
const peers = z.array(peer).optional();

const annotations = z.record(z.string(), z.string()).check(({ value, issues }) => {
  const vpc = value[VPC_ANNOTATION];
  if (vpc === undefined || isName(vpc)) return;
  const message = `"${vpc}" is not the name of a Vpc`;
  issues.push({ code: 'custom', path: [VPC_ANNOTATION], input: vpc, message });
});

/** What else Kubernetes writes into metadata is of no concern, and status neither. */
export const networkPolicy = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: z.looseObject({
    name: objectName,
    namespace: nameField().optional(),
    labels: labelsSchema.optional(),
    annotations: annotations.optional(),
  }),
  spec: z.strictObject({
    podSelector: labelSelector.optional(),
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
    ingress: z.array(z.strictObject({ from: peers, ports })).optional(),
    egress: z.array(z.strictObject({ to: peers, ports })).optional(),
  }),
  status: z.unknown().optional(),
});

const namespaceLabels = labelsSchema.check(({ value, issues }) => {
  for (const key of Object.keys(value)) {
    if (!isLabelKey(key) || isLabelKey(namespaceKey(key))) continue;
    issues.push({ code: 'custom', path: [key], input: key, message: tooLongRule(key) });
  }
});

export const namespace = z.looseObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Namespace'),
  metadata: z.looseObject({ name: nameField(), labels: namespaceLabels.optional() }),
});

export type NetworkPolicy = z.output<typeof networkPolicy>;
export type Namespace = z.output<typeof namespace>;
export type Peer = z.output<typeof peer>;
export type Port = z.output<typeof port>;
