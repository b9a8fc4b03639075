// SPDX-License-Identifier: Apache-2.0
/**
 * Reads an LMDB data file's structure before LMDB maps it. LMDB trusts its file: one that was
 * cut short or overwritten ends the process by a signal (SIGBUS, SIGSEGV) instead of an error.
 * Every page that the newest snapshot reaches is looked at; contents of records are not.
 * Layout: MDB_meta, MDB_page_header and MDB_node of liblmdb (data version 2, little-endian).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const PAGE_HEADER = 24;
const NODE_HEADER = 8;
const META_BYTES = PAGE_HEADER + 144;
/** mp_flags */
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const META = 0x08;
/** mn_flags */
const BIG_DATA = 0x01;
const SUB_DATA = 0x02;
/** md_root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** Deeper than any tree of 2^48 pages: a loop. */
const MAX_DEPTH = 32;

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly txnId: bigint;
  readonly roots: readonly bigint[];
}

/** Why the file cannot be used, and nothing else; undefined inside means it is fine. */
export interface PageCheckResult {
  readonly problem: string | undefined;
  /** Names of the databases inside. */
  readonly databases: readonly string[];
}

class Damage extends Error {}

/** Looks at the whole file. @throws the file system's error when it cannot be read. */
export function checkPages(path: string): PageCheckResult {
  const fd = openSync(path, 'r');
  try {
    return { problem: undefined, databases: new PageWalk(fd).run() };
  } catch (error) {
    if (error instanceof Damage) return { problem: error.message, databases: [] };
    throw error;
  } finally {
    closeSync(fd);
  }
}

class PageWalk {
  private readonly size: number;
  private meta: Meta = { pageSize: 4096, lastPage: 0, txnId: 0n, roots: [] };
  private readonly names: string[] = [];
  private readonly seen = new Set<number>();

  constructor(private readonly fd: number) {
    this.size = fstatSync(fd).size;
  }

  run(): string[] {
    if (this.size === 0) throw new Damage('the file is empty');
    this.meta = this.newestMeta();
    const [free, main] = this.meta.roots;
    this.tree(free ?? NO_PAGE, false);
    this.tree(main ?? NO_PAGE, true);
    return this.names;
  }

  private newestMeta(): Meta {
    const first = this.readMeta(0);
    if (first === undefined) throw new Damage('the file is not an LMDB database');
    const second = this.readMeta(first.pageSize);
    if (second === undefined) throw new Damage('its second header is damaged');
    return second.txnId > first.txnId ? second : first;
  }

  private readMeta(offset: number): Meta | undefined {
    const bytes = Buffer.alloc(META_BYTES);
    if (readSync(this.fd, bytes, 0, META_BYTES, offset) < META_BYTES) return undefined;
    if ((bytes.readUInt16LE(18) & META) === 0 || bytes.readUInt32LE(24) !== MAGIC) return undefined;
    if (bytes.readUInt32LE(28) !== DATA_VERSION) return undefined;
    const pageSize = bytes.readUInt32LE(48);
    if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
    return {
      pageSize,
      roots: [bytes.readBigUInt64LE(48 + 40), bytes.readBigUInt64LE(96 + 40)],
      lastPage: Number(bytes.readBigUInt64LE(144)),
      txnId: bytes.readBigUInt64LE(152),
    };
  }

  private page(number: number, count = 1): Buffer {
    const { pageSize, lastPage } = this.meta;
    if (number < 2 || number + count - 1 > lastPage) {
      throw new Damage(`page ${number} is referred to but the last one is ${lastPage}`);
    }
    if ((number + count) * pageSize > this.size) {
      throw new Damage(
        `the file is cut short: ${this.size} bytes, but page ${number + count - 1} ends at ` +
          `byte ${(number + count) * pageSize}`,
      );
    }
    if (this.seen.has(number)) throw new Damage(`page ${number} is used twice`);
    this.seen.add(number);
    const bytes = Buffer.allocUnsafe(pageSize);
    if (readSync(this.fd, bytes, 0, pageSize, number * pageSize) < pageSize) {
      throw new Damage(`page ${number} cannot be read`);
    }
    if (bytes.readBigUInt64LE(0) !== BigInt(number)) {
      throw new Damage(`page ${number} is overwritten`);
    }
    return bytes;
  }

  private tree(root: bigint, named: boolean): void {
    if (root !== NO_PAGE) this.node(Number(root), named, 0);
  }

  private node(number: number, named: boolean, depth: number): void {
    if (depth > MAX_DEPTH) throw new Damage(`page ${number} is part of a loop`);
    const page = this.page(number);
    const kind = page.readUInt16LE(18) & (BRANCH | LEAF | OVERFLOW | META);
    if (kind !== BRANCH && kind !== LEAF) throw new Damage(`page ${number} is overwritten`);
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const room = this.meta.pageSize - PAGE_HEADER;
    if (lower % 2 !== 0 || lower > upper || upper > room) {
      throw new Damage(`page ${number} is overwritten`);
    }
    for (let i = 0; i < lower / 2; i++) {
      const at = PAGE_HEADER + page.readUInt16LE(PAGE_HEADER + 2 * i);
      if (at < PAGE_HEADER + upper || at + NODE_HEADER > this.meta.pageSize) {
        throw new Damage(`page ${number} is overwritten`);
      }
      if (kind === BRANCH) this.node(child(page, at), named, depth + 1);
      else this.leaf(page, at, number, named);
    }
  }

  private leaf(page: Buffer, at: number, number: number, named: boolean): void {
    const size = page.readUInt32LE(at);
    const flags = page.readUInt16LE(at + 4);
    const keyEnd = at + NODE_HEADER + page.readUInt16LE(at + 6);
    const inPage = (flags & BIG_DATA) !== 0 ? 24 : size;
    if (keyEnd + inPage > this.meta.pageSize) throw new Damage(`page ${number} is overwritten`);
    if ((flags & BIG_DATA) !== 0) {
      // The value lies in pages of its own, laid end to end behind one header.
      const pages = Math.floor((PAGE_HEADER - 1 + size) / this.meta.pageSize) + 1;
      const head = this.page(Number(page.readBigUInt64LE(keyEnd)), pages);
      if ((head.readUInt16LE(18) & OVERFLOW) === 0) {
        throw new Damage(`the record behind page ${number} is overwritten`);
      }
    } else if (named && (flags & SUB_DATA) !== 0) {
      const name = page.toString('utf8', at + NODE_HEADER, keyEnd);
      this.names.push(name.replace(/\0+$/, ''));
      this.tree(page.readBigUInt64LE(keyEnd + 40), false);
    }
  }
}

/** Page a branch node points to: 48 bits over mn_lo, mn_hi and mn_flags. */
function child(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32;
}
