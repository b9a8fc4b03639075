// SPDX-License-Identifier: Apache-2.0
/** A binary tree of prefixes that answers "which prefix overlaps this one" in at most 128 steps. */
import type { IpPrefix } from '../base/net.js';
import type { ObjectId } from './validate-facts.js';

interface TreeNode {
  readonly owners: Set<ObjectId>;
  /** Owners here and below. */
  count: number;
  zero: TreeNode | undefined;
  one: TreeNode | undefined;
}

function emptyNode(): TreeNode {
  return { owners: new Set(), count: 0, zero: undefined, one: undefined };
}

function bitsOf(prefix: IpPrefix): boolean[] {
  const start = prefix.address.family === 4 ? 96 : 0;
  return Array.from({ length: prefix.length }, (_, i) => {
    const bit = start + i;
    return (((prefix.address.bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
  });
}

export class PrefixTree {
  readonly #roots = { 4: emptyNode(), 6: emptyNode() };

  add(prefix: IpPrefix, owner: ObjectId): void {
    let node = this.#roots[prefix.address.family];
    const path = [node];
    for (const bit of bitsOf(prefix)) {
      const next = (bit ? node.one : node.zero) ?? emptyNode();
      if (bit) node.one = next;
      else node.zero = next;
      node = next;
      path.push(node);
    }
    if (node.owners.has(owner)) return;
    node.owners.add(owner);
    for (const step of path) step.count++;
  }

  remove(prefix: IpPrefix, owner: ObjectId): void {
    let node: TreeNode | undefined = this.#roots[prefix.address.family];
    const path = [node];
    const bits = bitsOf(prefix);
    for (const bit of bits) {
      node = bit ? node.one : node.zero;
      if (node === undefined) return;
      path.push(node);
    }
    if (!node.owners.delete(owner)) return;
    for (const [depth, step] of path.entries()) {
      step.count--;
      const parent = path[depth - 1];
      if (step.count > 0 || parent === undefined) continue;
      // Nothing is left here or below: cut the branch.
      if (bits[depth - 1] === true) parent.one = undefined;
      else parent.zero = undefined;
    }
  }

  /** Owners of prefixes that contain this one, are equal to it, or lie within it. */
  *overlapping(prefix: IpPrefix): Generator<ObjectId> {
    let node: TreeNode | undefined = this.#roots[prefix.address.family];
    for (const bit of bitsOf(prefix)) {
      yield* node.owners;
      node = bit ? node.one : node.zero;
      if (node === undefined) return;
    }
    const open: TreeNode[] = [node];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      yield* next.owners;
      if (next.zero !== undefined) open.push(next.zero);
      if (next.one !== undefined) open.push(next.one);
    }
  }

  get empty(): boolean {
    return this.#roots[4].count + this.#roots[6].count === 0;
  }
}
