// SPDX-License-Identifier: Apache-2.0
/** Whether a host has anything for ALGs to do. */
import type { TypedObject } from '../../model/index.js';
import type { Store } from '../ports/store.js';

/** A NatGateway with an ALG serves a VPC that meets the outside on the host. */
export function hasAlgs(store: Pick<Store, 'list' | 'get'>, host: string): boolean {
  // a store lists by kind what is of that kind
  const gateways = store.list('NatGateway') as TypedObject<'NatGateway'>[];
  return gateways.some(
    ({ spec }) =>
      (spec.algs ?? []).length > 0 &&
      spec.sources.some(({ vpc }) => {
        const object = store.get('Vpc', vpc);
        return object?.kind === 'Vpc' && object.spec.outside?.host === host;
      }),
  );
}
