// SPDX-License-Identifier: Apache-2.0
/** Compiles tools/abi.bpf.c and gives the text of the generated files. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { Btf } from './btf.js';
import { type Abi, emitAbi, emitCodecs } from './emit.js';
import { mapComments, namedNumbers, structComments } from './headers.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HEADERS = join(ROOT, 'bpf/include/transit');
const TYPES = join(HEADERS, 'types');
const ARCH: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };

function compile(into: string): string {
  const object = join(into, 'abi.o');
  const arch = ARCH[process.arch] ?? process.arch;
  execFileSync(
    process.env.CLANG ?? 'clang',
    [
      ...['-g', '-O2', '-target', 'bpf', '-mcpu=v3', '-std=gnu11'],
      ...['-Ibpf/include', '-Ibpf', `-I/usr/include/${arch}-linux-gnu`],
      ...['-c', 'tools/abi.bpf.c', '-o', object],
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return object;
}

function readAbi(): Abi {
  const dir = mkdtempSync(join(tmpdir(), 'transit-abi-'));
  try {
    const btf = new Btf(compile(dir));
    const abouts = mapComments(join(HEADERS, 'maps.h'));
    const maps = btf.maps((name) => abouts.get(name) ?? '');
    btf.struct('event');
    btf.struct('nat_event');
    btf.struct('alg_expect');
    btf.struct('pol_judge');
    btf.struct('held_tag');
    return {
      structs: [...btf.structs.values()],
      maps,
      enums: btf.enums(),
      reasons: namedNumbers(join(HEADERS, 'reasons.h'), 'REASON'),
      nodes: namedNumbers(join(HEADERS, 'nodes.h'), 'NODE'),
      comments: structComments(
        ...readdirSync(TYPES).map((name) => join(TYPES, name)),
        join(HEADERS, 'types.h'),
        join(HEADERS, 'events.h'),
      ),
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Path from the root and text of each generated file. */
export async function generate(): Promise<{ readonly path: string; readonly text: string }[]> {
  const abi = readAbi();
  const files = { 'abi.ts': emitAbi(abi), 'codecs.ts': emitCodecs(abi) };
  return Promise.all(
    Object.entries(files).map(async ([name, code]) => {
      const path = `src/maps/generated/${name}`;
      const config = await resolveConfig(join(ROOT, path));
      return { path, text: await format(code, { ...config, parser: 'typescript' }) };
    }),
  );
}

/** Where paths start. */
export const root = ROOT;
