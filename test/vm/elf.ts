// SPDX-License-Identifier: Apache-2.0
/** Just enough of ELF to read the code of a compiled BPF object (64 bits, little-endian). */

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly link: number;
  /** The section that relocations are for. */
  readonly info: number;
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

export interface Relocation {
  /** The section it changes. */
  readonly section: number;
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

/** Of elf.h. */
export const ELF = { SYMTAB: 2, REL: 9, STT_FUNC: 2 } as const;

export class Elf {
  readonly sections: readonly Section[];
  readonly symbols: readonly ElfSymbol[];
  readonly relocations: readonly Relocation[];

  /** @throws when it is no ELF file of 64 bits */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2 || view.getUint8(5) !== 1)
      throw new Error('not a little-endian ELF file of 64 bits');
    const long = (at: number): number => Number(view.getBigUint64(at, true));
    const [start, step, count] = [long(40), view.getUint16(58, true), view.getUint16(60, true)];
    const headers = Array.from({ length: count }, (_, i) => {
      const at = start + i * step;
      const [offset, size] = [long(at + 24), long(at + 32)];
      const [name, type] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const [link, info] = [view.getUint32(at + 40, true), view.getUint32(at + 44, true)];
      return { name, type, link, info, bytes: bytes.subarray(offset, offset + size) };
    });
    const names = headers[view.getUint16(62, true)]!.bytes;
    this.sections = headers.map((h) => ({ ...h, name: textAt(names, h.name) }));
    this.symbols = this.sections
      .filter(({ type }) => type === ELF.SYMTAB)
      .flatMap((table) => symbolsOf(table, this.sections[table.link]!.bytes));
    this.relocations = this.sections
      .filter(({ type }) => type === ELF.REL)
      .flatMap((table) => this.relocationsOf(table));
  }

  private relocationsOf({ bytes, info }: Section): Relocation[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / 16 }, (_, i) => ({
      section: info,
      offset: Number(view.getBigUint64(16 * i, true)),
      type: view.getUint32(16 * i + 8, true),
      symbol: this.symbols[view.getUint32(16 * i + 12, true)]!,
    }));
  }
}

function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}

function symbolsOf({ bytes }: Section, names: Uint8Array): ElfSymbol[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 24 }, (_, i) => ({
    name: textAt(names, view.getUint32(24 * i, true)),
    type: view.getUint8(24 * i + 4) & 0xf,
    section: view.getUint16(24 * i + 6, true),
    value: Number(view.getBigUint64(24 * i + 8, true)),
    size: Number(view.getBigUint64(24 * i + 16, true)),
  }));
}
