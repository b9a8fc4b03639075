// SPDX-License-Identifier: Apache-2.0
/**
 * How much stack the calls of a program take at most, as kernel 6.1 counts it: each frame is
 * rounded up to 32 bytes, and a chain of calls may have 512 of them and eight frames
 * (check_max_stack_depth() of kernel/bpf/verifier.c). It is read from the code as compiled, of
 * which the verifier may leave out what the settings make unreachable, so that no settings lead to
 * more. A callback counts as called by who hands it over, which a timer's is not: never too little.
 */
import { Elf, ELF, type ElfSymbol } from './elf.js';

export const STACK_BYTES = 512;
export const CALL_FRAMES = 8;
/** Callers' frames when a function that they call does a tail call. */
export const TAIL_CALLER_BYTES = 256;
const GRANULARITY = 32;

export interface Frame {
  readonly name: string;
  /** Deepest byte that is used, and that rounded up. */
  readonly used: number;
  readonly bytes: number;
}

export interface Depth {
  readonly program: string;
  /** The chain that takes the most stack. */
  readonly chain: readonly Frame[];
  readonly bytes: number;
  /** Calls of the chain that has most. */
  readonly frames: number;
  /** Bytes of the callers of a function that does a tail call, at most. */
  readonly tailCallers: number;
}

interface Code {
  readonly name: string;
  readonly isProgram: boolean;
  readonly used: number;
  readonly tailCalls: boolean;
  /** Functions that it calls or hands over, by where they are. */
  readonly calls: readonly string[];
}

/** Opcodes and registers of linux/bpf.h. */
const LD_IMM64 = 0x18;
const CALL = 0x85;
const MOV64 = 0xbf;
const ADD64_IMM = 0x07;
const [LDX, ST, STX, ALU, ALU64] = [1, 2, 3, 4, 7];
const FP = 10;
const PSEUDO_CALL = 1;
const TAIL_CALL = 12;

const place = (section: number, offset: number): string => `${section}:${offset}`;

/** Where a call or an address leads; undefined: not to a function of the object. */
type Target = (offset: number, imm: number, isCall: boolean) => string | undefined;

function codeOf(bytes: Uint8Array, symbol: ElfSymbol, isProgram: boolean, target: Target): Code {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  /** Distance to the frame pointer, of registers that point into the frame. */
  const pointers = new Map<number, number>([[FP, 0]]);
  const calls: string[] = [];
  let used = 0;
  let tailCalls = false;
  const touch = (register: number, offset: number): void => {
    const base = pointers.get(register);
    if (base !== undefined) used = Math.max(used, -(base + offset));
  };
  for (let at = symbol.value; at < symbol.value + symbol.size; at += 8) {
    const op = view.getUint8(at);
    const [dst, src] = [view.getUint8(at + 1) & 0xf, view.getUint8(at + 1) >> 4];
    const [offset, imm] = [view.getInt16(at + 2, true), view.getInt32(at + 4, true)];
    const kind = op & 7;
    if (kind === LDX) touch(src, offset);
    if (kind === ST || kind === STX) touch(dst, offset);
    const base = pointers.get(op === MOV64 ? src : dst);
    if (op === MOV64 && base !== undefined) {
      pointers.set(dst, base);
    } else if (op === ADD64_IMM && base !== undefined) {
      pointers.set(dst, base + imm);
      touch(dst, 0);
    } else if (kind === LDX || kind === ALU || kind === ALU64 || op === LD_IMM64) {
      pointers.delete(dst);
    }
    if (op === CALL && src !== PSEUDO_CALL) tailCalls ||= imm === TAIL_CALL;
    const isCall = op === CALL && src === PSEUDO_CALL;
    if (isCall || op === LD_IMM64) {
      const to = target(at, imm, isCall);
      if (to !== undefined) calls.push(to);
    }
    if (op === CALL) for (let r = 0; r <= 5; r++) pointers.delete(r);
    if (op === LD_IMM64) at += 8;
  }
  return { name: symbol.name, isProgram, used, tailCalls, calls };
}

function functionsOf(elf: Elf): Map<string, Code> {
  const functions = elf.symbols.filter(
    ({ type, section }) => type === ELF.STT_FUNC && section < elf.sections.length,
  );
  const known = new Set(functions.map(({ section, value }) => place(section, value)));
  const relocations = new Map(elf.relocations.map((r) => [place(r.section, r.offset), r.symbol]));
  const out = new Map<string, Code>();
  for (const symbol of functions) {
    const { name, bytes } = elf.sections[symbol.section]!;
    const target: Target = (offset, imm, isCall) => {
      const to = relocations.get(place(symbol.section, offset));
      // calls are relative, in instructions, and -1 is the symbol's own place
      const there = isCall
        ? to === undefined
          ? place(symbol.section, offset + 8 * (imm + 1))
          : place(to.section, to.value + 8 * (imm + 1))
        : to === undefined
          ? ''
          : place(to.section, to.value + imm);
      if (known.has(there)) return there;
      // functions of the kernel have no place
      if (isCall && to?.section !== 0) throw new Error(`${symbol.name} calls nothing at ${offset}`);
      return undefined;
    };
    const code = codeOf(bytes, symbol, name !== '.text', target);
    out.set(place(symbol.section, symbol.value), code);
  }
  return out;
}

/** Of every program of an object. @throws when a function calls itself */
export function stackDepths(object: Uint8Array): Depth[] {
  const functions = functionsOf(new Elf(object));
  const chains = new Map<string, { chain: readonly Frame[]; bytes: number; frames: number }>();
  const open = new Set<string>();
  const deepest = (at: string) => {
    const done = chains.get(at);
    if (done !== undefined) return done;
    const { name, used, calls } = functions.get(at)!;
    if (open.has(at)) throw new Error(`${name} calls itself`);
    open.add(at);
    const bytes = GRANULARITY * Math.ceil(Math.max(used, 1) / GRANULARITY);
    let most: { chain: readonly Frame[]; bytes: number } = { chain: [], bytes: 0 };
    let frames = 0;
    for (const call of calls) {
      const below = deepest(call);
      if (below.bytes > most.bytes) most = below;
      frames = Math.max(frames, below.frames);
    }
    open.delete(at);
    const own = {
      chain: [{ name, used, bytes }, ...most.chain],
      bytes: bytes + most.bytes,
      frames: frames + 1,
    };
    chains.set(at, own);
    return own;
  };
  /** Bytes above a tail call, of callers alone. */
  const above = (at: string, callers: number): number => {
    const { used, calls, tailCalls } = functions.get(at)!;
    const own = GRANULARITY * Math.ceil(Math.max(used, 1) / GRANULARITY);
    return Math.max(tailCalls ? callers : 0, ...calls.map((call) => above(call, callers + own)));
  };
  return [...functions]
    .filter(([, { isProgram }]) => isProgram)
    .map(([at, { name }]) => ({ program: name, ...deepest(at), tailCallers: above(at, 0) }));
}

/** What 6.1 would refuse, for people. */
export function complaints({ program, chain, bytes, frames, tailCallers }: Depth): string[] {
  const names = chain.map((f) => `${f.name} ${f.bytes} (${f.used})`).join(' > ');
  return [
    ...(bytes > STACK_BYTES ? [`${program}: ${bytes} bytes of stack: ${names}`] : []),
    ...(frames > CALL_FRAMES ? [`${program}: ${frames} frames`] : []),
    ...(tailCallers >= TAIL_CALLER_BYTES
      ? [`${program}: ${tailCallers} bytes of callers above a tail call`]
      : []),
  ];
}
