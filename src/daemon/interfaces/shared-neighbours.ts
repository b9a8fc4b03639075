// SPDX-License-Identifier: Apache-2.0
/**
 * Neighbours that the kernel keeps resolved for several of us: a router can be the way to a VTEP
 * and the way outside. It is given up when its last user does.
 */
import type { Netlink } from '../ports/netlink.js';

/** Asking the kernel for neighbours. */
export type NeighbourManager = Pick<Netlink, 'manageNeighbour' | 'unmanageNeighbour'>;

export class SharedNeighbours {
  readonly #users = new Map<string, Set<string>>();

  constructor(private readonly deps: { readonly netlink: NeighbourManager }) {}

  /** What one user asks for. */
  of(user: string): NeighbourManager {
    const { netlink } = this.deps;
    return {
      // Asked again each time: the entry may have been deleted, or have failed.
      manageNeighbour: (ifindex, address) => {
        const id = `${ifindex} ${address}`;
        const users = this.#users.get(id) ?? new Set();
        this.#users.set(id, users.add(user));
        return netlink.manageNeighbour(ifindex, address);
      },
      unmanageNeighbour: async (ifindex, address) => {
        const id = `${ifindex} ${address}`;
        const users = this.#users.get(id);
        users?.delete(user);
        if (users !== undefined && users.size > 0) return;
        this.#users.delete(id);
        await netlink.unmanageNeighbour(ifindex, address);
      },
    };
  }
}
