// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel of a guest, asked one question at a time through pipes, by server/. A
 * question is its length, its number and its arguments; an answer its length, a status and
 * results. All numbers are little-endian of 32 bits, bytes have their length before them.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type {
  Kernel,
  LoadedMap,
  LoadedObject,
  LoadRequest,
  LookupRequest,
  RunAnswer,
  RunRequest,
} from './port.js';
import { constants as constantsOf, objectClose, objectOpen } from './object.js';

/** As in server/main.c. */
export const ASK = {
  hello: 1,
  now: 2,
  command: 3,
  load: 4,
  close: 5,
  lookup: 6,
  update: 7,
  delete: 8,
  keys: 9,
  drain: 10,
  run: 11,
  info: 12,
  quit: 13,
  updateMany: 14,
  clear: 15,
  lookupMany: 16,
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A question that is being written. */
class Question {
  private bytes = new Uint8Array(4096);
  private view = new DataView(this.bytes.buffer);
  private end = 8;

  constructor(private readonly what: keyof typeof ASK) {}

  private room(more: number): void {
    if (this.end + more <= this.bytes.length) return;
    const larger = new Uint8Array(2 * (this.end + more));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  number(value: number): this {
    this.room(4);
    this.view.setUint32(this.end, value, true);
    this.end += 4;
    return this;
  }

  data(value: Uint8Array): this {
    this.number(value.length);
    this.room(value.length);
    this.bytes.set(value, this.end);
    this.end += value.length;
    return this;
  }

  text(value: string): this {
    return this.data(encoder.encode(value));
  }

  complete(): Uint8Array {
    this.view.setUint32(0, this.end, true);
    this.view.setUint32(4, ASK[this.what], true);
    return this.bytes.subarray(0, this.end);
  }
}

/** An answer that is being read. */
class Answer {
  private readonly view: DataView;
  private at = 0;

  constructor(
    readonly status: number,
    private readonly bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  data(): Uint8Array {
    const length = this.number();
    this.at += length;
    return this.bytes.slice(this.at - length, this.at);
  }

  text(): string {
    return decoder.decode(this.data());
  }

  list<T>(one: () => T): T[] {
    return Array.from({ length: this.number() }, one);
  }
}

const PATIENCE_MS = 10_000;

/** Opens a FIFO that somebody reads, or soon will. @throws when nobody does: open would wait */
function openWhenRead(path: string): number {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      const blocking = openSync(path, 'w');
      closeSync(fd);
      return blocking;
    } catch (error) {
      if (Date.now() > end) throw error;
      Atomics.wait(clock, 0, 0, 50);
    }
  }
}

export class RemoteKernel implements Kernel {
  readonly release: string;
  readonly possibleCpus: number;
  private readonly to: number;
  private readonly from: number;

  constructor(pipe: string) {
    this.to = openWhenRead(`${pipe}.in`);
    this.from = openSync(`${pipe}.out`, 'r');
    const hello = this.ask(new Question('hello'));
    this.release = hello.text();
    this.possibleCpus = hello.number();
  }

  now(): bigint {
    const answer = this.ask(new Question('now'));
    return BigInt(answer.number()) + (BigInt(answer.number()) << 32n);
  }

  command(...words: readonly string[]): string {
    const question = new Question('command').number(words.length);
    for (const word of words) question.text(word);
    const answer = this.ask(question);
    if (answer.status !== 0) throw new Error(`${words.join(' ')}: status ${answer.status}`);
    return answer.text();
  }

  load({ path, rodata, maxEntries, shared }: LoadRequest): LoadedObject {
    const object = objectOpen(path);
    const values = constantsOf(object, rodata);
    objectClose(object);
    const question = new Question('load').text(path).number(values.length);
    for (const { offset, bytes, value } of values)
      question.number(offset).number(bytes).number(value);
    const sizes = Object.entries(maxEntries);
    question.number(sizes.length);
    for (const [name, size] of sizes) question.text(name).number(size);
    question.number(shared.size);
    for (const [name, fd] of shared) question.text(name).number(fd);
    const answer = this.ask(question);
    if (answer.status !== 0) {
      console.error(answer.text());
      throw new Error(`cannot load ${path}: ${answer.status}`);
    }
    const handle = answer.number();
    const maps = answer.list(() => ({
      name: answer.text(),
      fd: answer.number(),
      type: answer.number(),
      keySize: answer.number(),
      valueSize: answer.number(),
      maxEntries: answer.number(),
    }));
    const programs = answer.list(() => ({ name: answer.text(), fd: answer.number() }));
    return { handle, maps, programs };
  }

  close(handle: unknown): void {
    this.ask(new Question('close').number(handle as number));
  }

  lookup(fd: number, key: Uint8Array, value: Uint8Array): boolean {
    const answer = this.ask(new Question('lookup').number(fd).data(key).number(value.length));
    if (answer.status === 0) value.set(answer.data());
    return answer.status === 0;
  }

  lookupMany(requests: readonly LookupRequest[]): (Uint8Array | undefined)[] {
    const question = new Question('lookupMany').number(requests.length);
    for (const { fd, key, bytes } of requests) question.number(fd).data(key).number(bytes);
    const answer = this.ask(question);
    return requests.map(() => (answer.number() === 0 ? answer.data() : undefined));
  }

  update(fd: number, key: Uint8Array, value: Uint8Array): number {
    return this.ask(new Question('update').number(fd).data(key).data(value)).status;
  }

  delete(fd: number, key: Uint8Array): number {
    return this.ask(new Question('delete').number(fd).data(key)).status;
  }

  updateMany(fd: number, keys: Uint8Array, values: Uint8Array, count: number): number {
    const question = new Question('updateMany').number(fd).data(keys).data(values);
    return this.ask(question.number(count)).status;
  }

  clear({ fd, keySize }: LoadedMap): void {
    this.ask(new Question('clear').number(fd).number(keySize));
  }

  keys(fd: number, keySize: number): Uint8Array[] {
    const all = this.ask(new Question('keys').number(fd).number(keySize)).data();
    return Array.from({ length: all.length / keySize }, (_, i) =>
      all.slice(i * keySize, (i + 1) * keySize),
    );
  }

  drain(fd: number, bytes: number): Uint8Array[] {
    const answer = this.ask(new Question('drain').number(fd).number(bytes));
    return answer.list(() => answer.data());
  }

  run(fd: number, { frame, context, repeat }: RunRequest): RunAnswer {
    const question = new Question('run').number(fd).data(frame);
    const answer = this.ask(question.data(context ?? new Uint8Array()).number(repeat));
    return {
      error: answer.status,
      verdict: answer.number(),
      durationNs: answer.number(),
      data: answer.data(),
    };
  }

  verifiedInsns(fd: number): number {
    return this.ask(new Question('info').number(fd)).number();
  }

  memoryBytes(): number {
    throw new Error('the memory of a map in a guest is asked by nobody');
  }

  private ask(question: Question): Answer {
    const words = question.complete();
    for (let at = 0; at < words.length;) at += writeSync(this.to, words, at);
    const head = new DataView(this.read(8).buffer);
    return new Answer(head.getInt32(4, true), this.read(head.getUint32(0, true) - 8));
  }

  private read(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const more = readSync(this.from, bytes, at, length - at, null);
      if (more === 0) throw new Error('the guest is gone');
      at += more;
    }
    return bytes;
  }
}
