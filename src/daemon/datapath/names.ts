// SPDX-License-Identifier: Apache-2.0
/** Names of the numbers that the data path works with, as far as they are known now. */
import type { Store } from '../ports/store.js';

export interface EndpointName {
  readonly name: string;
  readonly vpc: string;
}

export class Names {
  readonly #devices = new Map<number, { readonly device: string; readonly endpoint?: string }>();

  constructor(private readonly deps: { readonly store: Pick<Store, 'get' | 'list'> }) {}

  /** What is on a device; undefined: it is gone. */
  setDevice(ifindex: number, device: string, endpoint?: string): void {
    this.#devices.set(ifindex, endpoint === undefined ? { device } : { device, endpoint });
  }

  dropDevice(ifindex: number): void {
    this.#devices.delete(ifindex);
  }

  device(ifindex: number): string | undefined {
    return this.#devices.get(ifindex)?.device;
  }

  /** The endpoint on a device. */
  endpoint(ifindex: number): EndpointName | undefined {
    const name = this.#devices.get(ifindex)?.endpoint;
    if (name === undefined) return undefined;
    const object = this.deps.store.get('Endpoint', name);
    return { name, vpc: object?.kind === 'Endpoint' ? object.spec.vpc : '' };
  }

  /** Everything that has a name. */
  objects(): Pick<Store, 'get' | 'list'> {
    return this.deps.store;
  }

  /** Vpc names by VNI. */
  vpcs(): Map<number, string> {
    const out = new Map<number, string>();
    for (const object of this.deps.store.list('Vpc')) {
      if (object.kind === 'Vpc') out.set(object.spec.vni, object.metadata.name);
    }
    return out;
  }
}
