// SPDX-License-Identifier: Apache-2.0
/** Turns what a call answered into a result or a BpfError. */
import { BpfError, ENOTSUPP, errnoName } from './errors.js';
import { system } from './native.js';

const room = new Uint8Array(32768);
system.logStart();

/** What libbpf has said on this thread since the last time; '' when nothing. */
export function takeLog(): string {
  const bytes = system.logTake(room, room.length);
  return bytes === 0 ? '' : Buffer.from(room.subarray(0, bytes)).toString('utf8').trimEnd();
}

function errnoText(errno: number): string {
  return errno === ENOTSUPP ? 'Operation is not supported' : system.strerror(errno);
}

/**
 * The error of one failed call. errno is positive; code is BPF_CALL unless the caller knows
 * better.
 */
export function callError(
  call: string,
  object: string,
  errno: number,
  code = 'BPF_CALL',
): BpfError {
  const name = errnoName(errno);
  const said = takeLog();
  const message = `${call}(${object}): ${name}: ${errnoText(errno)}`;
  return new BpfError(code, said === '' ? message : `${message}\n${said}`, {
    object,
    call,
    errno: name,
  });
}

/** @returns result when it is not an error. @throws BpfError BPF_CALL. */
export function check(result: number, call: string, object: string): number {
  if (result < 0) throw callError(call, object, -result);
  return result;
}
