// SPDX-License-Identifier: Apache-2.0
/**
 * Test files in one process: under emulation the start of each costs seconds. Every file
 * gets a fresh BPF file system from its own isolation; a comment says where each begins.
 *
 * usage: node packets.js FILE...
 */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { comment } from 'tap';

const files = process.argv.slice(2);
if (files.length === 0) throw new Error('no test files are given');
for (const file of files) {
  comment(`file ${basename(file)}`);
  await import(pathToFileURL(file).href);
}
