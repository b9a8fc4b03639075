// SPDX-License-Identifier: Apache-2.0
/** All requirements, in the order of the page. */
import type { Requirement } from '../requirement.js';
import { RFC4787 } from './rfc4787.js';
import { RFC5382 } from './rfc5382.js';
import { RFC5508 } from './rfc5508.js';
import { RFC6052 } from './rfc6052.js';
import { RFC6146 } from './rfc6146.js';
import { RFC6296 } from './rfc6296.js';
import { RFC6888 } from './rfc6888.js';
import { RFC7857 } from './rfc7857.js';
import { RFC7915 } from './rfc7915.js';

export interface Rfc {
  readonly number: number;
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

export const RFCS: readonly Rfc[] = [
  { number: 4787, title: 'NAT: unicast UDP', requirements: RFC4787 },
  { number: 5382, title: 'NAT: TCP', requirements: RFC5382 },
  { number: 5508, title: 'NAT: ICMP', requirements: RFC5508 },
  { number: 6888, title: 'Carrier-grade NAT', requirements: RFC6888 },
  { number: 7857, title: 'NAT: updates', requirements: RFC7857 },
  { number: 6052, title: 'IPv6 addresses of translators', requirements: RFC6052 },
  { number: 6146, title: 'Stateful NAT64', requirements: RFC6146 },
  { number: 7915, title: 'IP/ICMP translation', requirements: RFC7915 },
  { number: 6296, title: 'IPv6 prefix translation', requirements: RFC6296 },
];
