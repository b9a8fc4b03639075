// SPDX-License-Identifier: Apache-2.0
/**
 * Programs that can be told from the shipped ones by what they do: ICMP errors leave with a TTL of
 * 63 instead of 64. Kept under build/, and compiled again only when a source is newer.
 */
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { must, ROOT } from '../support/traffic/lab.js';

const SCRATCH = `${ROOT}/build/other`;
const OBJECTS = [
  ...['transit_xdp.o', 'transit_tc.o', 'agent_xdp.o', 'agent_tc.o'],
  ...['age.o', 'alg.o', 'judge.o'],
];

/** Directories of the other build's objects and of the shipped ones. */
export async function otherBuild(): Promise<{ other: string; shipped: string }> {
  const copy = { recursive: true, preserveTimestamps: true };
  await mkdir(SCRATCH, { recursive: true });
  const changed = 'bpf/nodes/icmp_error.h';
  await cp(`${ROOT}/bpf`, `${SCRATCH}/bpf`, {
    ...copy,
    filter: (source) => !source.endsWith(changed),
  });
  const makefile = await readFile(`${ROOT}/Makefile`, 'utf8');
  const included = [...makefile.matchAll(/^include (\S+)$/gm)].map(([, file = '']) => file);
  for (const file of ['Makefile', ...included])
    await cp(`${ROOT}/${file}`, `${SCRATCH}/${file}`, copy);
  const text = await readFile(`${ROOT}/${changed}`, 'utf8');
  if (!text.includes('ERROR_TTL = 64')) throw new Error(`${changed} has no ERROR_TTL of 64`);
  const wanted = text.replace('ERROR_TTL = 64', 'ERROR_TTL = 63');
  const present = await readFile(`${SCRATCH}/${changed}`, 'utf8').catch(() => '');
  if (present !== wanted) await writeFile(`${SCRATCH}/${changed}`, wanted);
  await must('make', ['-C', SCRATCH, 'bpf']);
  return { other: `${SCRATCH}/build/bpf`, shipped: `${ROOT}/build/bpf` };
}

/** Puts objects in the place of others: each whole or not at all, as a package manager does. */
export async function install(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const file of OBJECTS) {
    await cp(`${from}/${file}`, `${to}/${file}.new`);
    await rename(`${to}/${file}.new`, `${to}/${file}`);
  }
}
