// SPDX-License-Identifier: Apache-2.0
/**
 * VNIs of VPCs. Of several VPCs that claim one VNI, as in the middle of a swap, the one whose name
 * sorts first has it and the others have none, whoever came first.
 */
import { References } from '../references.js';

export class VpcNumbers {
  private readonly claims = new Map<string, number>();
  private readonly claimants = new References();

  get size(): number {
    return this.claims.size + this.claimants.size;
  }

  /** Names of the VPCs whose number may have become another. */
  set(name: string, vni: number | undefined): string[] {
    const before = this.claims.get(name);
    if (before === vni) return [];
    const affected = new Set([name]);
    if (before !== undefined) {
      this.claimants.remove(String(before), name);
      this.claims.delete(name);
      for (const other of this.claimants.of(String(before))) affected.add(other);
    }
    if (vni !== undefined) {
      for (const other of this.claimants.of(String(vni))) affected.add(other);
      this.claimants.add(String(vni), name);
      this.claims.set(name, vni);
    }
    return [...affected];
  }

  of(name: string): number | undefined {
    const vni = this.claims.get(name);
    if (vni === undefined) return undefined;
    return this.claimants.sorted(String(vni))[0] === name ? vni : undefined;
  }
}
