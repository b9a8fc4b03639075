// SPDX-License-Identifier: Apache-2.0
/** Wrong pools of Peerings, beside prefixState(). */
import type { BadInput } from './bad-inputs.js';

const HOST = 'host-a';
const SEEN = { vpc: 'plum', expose: [{ prefix: '10.20.0.0/24', as: '100.81.0.0/24' }] };

/** pine's endpoints behind a pool in plum; `bad` takes the place of parts of what is exposed. */
function pool(bad: object, field: string, rule: RegExp): BadInput {
  const exposed = { prefix: '10.20.0.0/24', as: '100.80.0.0/30', nat: 'masquerade', ...bad };
  return {
    object: 'Peering/new',
    field: `spec.sides[0].expose[0].${field}`,
    rule,
    spec: { host: HOST, sides: [{ vpc: 'pine', expose: [exposed] }, SEEN] },
  };
}

function spec(field: string, rule: RegExp, value: Record<string, unknown>): BadInput {
  return { object: 'Peering/new', field, rule, spec: value };
}

const MASQUERADED = {
  vpc: 'pine',
  expose: [{ prefix: '10.20.0.0/24', as: '100.80.0.0/30', nat: 'masquerade' }],
};

export const BAD_POOL_INPUTS: readonly BadInput[] = [
  pool({ nat: 'stateful' }, 'nat', /static.*masquerade/),
  pool({ as: undefined }, 'as', /is missing: nat masquerade needs the addresses to be shared/),
  pool({ as: '100.80.0.0/23' }, 'as', /has 512 addresses, must have at most 256/),
  pool({ as: '100.80.0.1/30' }, 'as', /bits behind the length must be zero/),
  pool({ as: 'fd80::/126' }, 'as', /fd80::\/126 must be of the family of 10.20.0.0\/24/),
  pool({ prefix: 'fd20:1::/64', as: 'fd80::/64' }, 'as', /must have at most 256/),
  pool({ as: '224.0.1.0/30' }, 'as', /224.0.1.0\/30 cannot be exposed/),
  pool({ as: '10.20.0.8/32' }, 'as', /10.20.0.8\/32 overlaps Subnet\/plum-a in Vpc\/plum/),
  pool({ as: '10.40.1.0/28' }, 'as', /10.40.1.0\/28 is already used by Route\/plum-vip/),
  pool({ as: '10.40.1.0/27' }, 'as', /10.40.1.0\/27 contains 10.40.1.0\/28 of Route\/plum-vip/),
  pool({ pool: { filtering: 'all' } }, 'pool.filtering', /endpoint.*address.*address-port/),
  pool({ pool: { blocksPerEndpoint: 9 } }, 'pool.blocksPerEndpoint', /8/),
  pool({ pool: { quarantine: -1 } }, 'pool.quarantine', /0/),
  pool({ pool: { blockSize: 64 } }, 'pool.blockSize', /unknown field/),
  pool(
    { nat: 'static', as: '100.80.0.0/24', pool: { quarantine: 0 } },
    'pool',
    /is for nat masquerade only/,
  ),
  spec('spec.host', /is missing: nat masquerade needs a host/, { sides: [MASQUERADED, SEEN] }),
  spec('spec.host', /is for nat masquerade only/, {
    host: HOST,
    sides: [{ vpc: 'pine', expose: [{ prefix: '10.20.0.0/24', as: '100.80.0.0/24' }] }, SEEN],
  }),
  spec('spec.host', /name/, { host: 'no host', sides: [MASQUERADED, SEEN] }),
  spec(
    'spec.sides[1].expose[0].nat',
    /masquerade, as spec.sides\[0\].expose\[0\] has: neither could open a connection/,
    {
      host: HOST,
      sides: [
        MASQUERADED,
        {
          vpc: 'plum',
          expose: [{ prefix: '10.20.0.0/24', as: '100.81.0.0/30', nat: 'masquerade' }],
        },
      ],
    },
  ),
  spec('spec.sides[0].expose[1].as', /100.80.0.2\/31 overlaps 100.80.0.0\/30 of/, {
    host: HOST,
    sides: [
      {
        vpc: 'pine',
        expose: [
          { prefix: '10.20.0.0/25', as: '100.80.0.0/30', nat: 'masquerade' },
          { prefix: '10.20.0.128/25', as: '100.80.0.2/31', nat: 'masquerade' },
        ],
      },
      SEEN,
    ],
  }),
  spec('spec.sides[0].expose[0].as', /overlaps 10.30.0.0\/24 of Vpc\/pear at Peering\/pine-pear/, {
    host: HOST,
    sides: [
      {
        vpc: 'plum',
        expose: [{ prefix: '10.20.0.0/25', as: '10.30.0.8/30', nat: 'masquerade' }],
      },
      { vpc: 'pine', expose: [{ prefix: '10.20.0.128/25', as: '100.81.0.0/25' }] },
    ],
  }),
];
