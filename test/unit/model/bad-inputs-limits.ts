// SPDX-License-Identifier: Apache-2.0
/** Quotas that must be refused. */
import type { BadInput } from './bad-inputs.js';

const atVpc = (limits: unknown, field: string, rule: RegExp): BadInput => ({
  object: 'Vpc/new',
  spec: { vni: 301, limits },
  field: field === '' ? 'spec.limits' : `spec.limits.${field}`,
  rule,
});
const atEndpoint = (limits: unknown, field: string, rule: RegExp): BadInput => ({
  object: 'Endpoint/new',
  spec: {
    host: 'host-a',
    vpc: 'green',
    subnet: 'green-a',
    addresses: ['10.0.0.77'],
    limits,
  },
  field: field === '' ? 'spec.limits' : `spec.limits.${field}`,
  rule,
});

export const BAD_LIMIT_INPUTS: readonly BadInput[] = [
  atVpc(100, '', /100 is not an object/),
  atVpc({ connections: -1 }, 'connections', /at least 0/),
  atVpc({ connections: 16_777_217 }, 'connections', /at most 16777216/),
  atVpc({ connections: '100' }, 'connections', /not a number/),
  atVpc({ connections: 1.5 }, 'connections', /whole number|integer/),
  atVpc({ halfopen: 5 }, 'halfopen', /unknown field/),
  atVpc({ newPerSecond: 1_000_001 }, 'newPerSecond', /at most 1000000/),
  atVpc(
    { connections: 10, halfOpen: 11 },
    'halfOpen',
    /11 half-open connections of 10 at most: must not be more/,
  ),
  atVpc({ burst: 10 }, 'burst', /needs newPerSecond/),
  atVpc({ newPerSecond: 0, burst: 10 }, 'burst', /needs newPerSecond/),
  atEndpoint({ newPerSecond: 100, burst: 50 }, 'burst', /50 is less than newPerSecond, 100/),
  atEndpoint({ connections: 5, halfOpen: 6 }, 'halfOpen', /6 half-open connections of 5/),
  atEndpoint({ rate: 5 }, 'rate', /unknown field/),
  atEndpoint([], '', /not an object/),
];
