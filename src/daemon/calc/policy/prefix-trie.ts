// SPDX-License-Identifier: Apache-2.0
/**
 * Values by prefix of one family, as a binary tree that skips bits on which nothing branches.
 * Looking one up costs as many steps as prefixes lie around it, plus branches.
 */
import type { Net } from './nets.js';

type Bits = Pick<Net, 'bytes' | 'length'>;

interface Node<V> {
  readonly bits: Bits;
  /** Undefined: only a branch, with both children. */
  value: V | undefined;
  zero: Node<V> | undefined;
  one: Node<V> | undefined;
}

export class PrefixTrie<V> {
  private root: Node<V> | undefined;

  /** Nodes, branches without a value included; counted when asked. */
  get size(): number {
    const count = (node: Node<V> | undefined): number =>
      node ? 1 + count(node.zero) + count(node.one) : 0;
    return count(this.root);
  }

  get(bits: Bits): V | undefined {
    let node = this.root;
    while (node && node.bits.length < bits.length && contains(node.bits, bits))
      node = child(node, bits);
    return node?.bits.length === bits.length && contains(node.bits, bits) ? node.value : undefined;
  }

  /** Undefined removes it. */
  set(bits: Bits, value: V | undefined): void {
    this.root = value === undefined ? without(this.root, bits) : insert(this.root, bits, value);
  }

  /** Values of shorter prefixes that contain this one, the widest first. */
  around(bits: Bits): V[] {
    const out: V[] = [];
    let node = this.root;
    while (node && node.bits.length < bits.length && contains(node.bits, bits)) {
      if (node.value !== undefined) out.push(node.value);
      node = child(node, bits);
    }
    return out;
  }

  /** Values of the prefix and of those in it: each before those in it. */
  inside(bits: Bits): V[] {
    let node = this.root;
    while (node && node.bits.length < bits.length) {
      if (!contains(node.bits, bits)) return [];
      node = child(node, bits);
    }
    const out: V[] = [];
    if (node && contains(bits, node.bits)) collect(node, out);
    return out;
  }

  all(): V[] {
    const out: V[] = [];
    collect(this.root, out);
    return out;
  }
}

/** At most as deep as an address has bits. */
function collect<V>(node: Node<V> | undefined, out: V[]): void {
  if (!node) return;
  if (node.value !== undefined) out.push(node.value);
  collect(node.zero, out);
  collect(node.one, out);
}

function insert<V>(node: Node<V> | undefined, bits: Bits, value: V): Node<V> {
  if (!node) return { bits, value, zero: undefined, one: undefined };
  const shared = commonBits(node.bits, bits);
  if (shared === node.bits.length && shared === bits.length) {
    node.value = value;
    return node;
  }
  if (shared === node.bits.length) {
    if (bitAt(bits, shared)) node.one = insert(node.one, bits, value);
    else node.zero = insert(node.zero, bits, value);
    return node;
  }
  const leaf = { bits, value, zero: undefined, one: undefined };
  const parent: Node<V> =
    shared === bits.length
      ? leaf
      : {
          bits: { bytes: bits.bytes, length: shared },
          value: undefined,
          zero: undefined,
          one: undefined,
        };
  for (const below of parent === leaf ? [node] : [node, leaf]) {
    if (bitAt(below.bits, shared)) parent.one = below;
    else parent.zero = below;
  }
  return parent;
}

function without<V>(node: Node<V> | undefined, bits: Bits): Node<V> | undefined {
  if (!node || node.bits.length > bits.length || !contains(node.bits, bits)) return node;
  if (node.bits.length === bits.length) node.value = undefined;
  else if (bitAt(bits, node.bits.length)) node.one = without(node.one, bits);
  else node.zero = without(node.zero, bits);
  if (node.value !== undefined || (node.zero && node.one)) return node;
  return node.zero ?? node.one;
}

function child<V>(node: Node<V>, bits: Bits): Node<V> | undefined {
  return bitAt(bits, node.bits.length) ? node.one : node.zero;
}

function bitAt({ bytes }: Bits, at: number): boolean {
  return (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) === 1;
}

/** Whether the first is the prefix of the second, or the same. */
export function contains(outer: Bits, inner: Bits): boolean {
  return outer.length <= inner.length && commonBits(outer, inner) === outer.length;
}

function commonBits(a: Bits, b: Bits): number {
  const most = Math.min(a.length, b.length);
  for (let at = 0; at < most; at += 8) {
    const differing = (a.bytes[at >> 3] ?? 0) ^ (b.bytes[at >> 3] ?? 0);
    if (differing !== 0) return Math.min(most, at + Math.clz32(differing) - 24);
  }
  return most;
}
