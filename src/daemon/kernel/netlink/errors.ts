// SPDX-License-Identifier: Apache-2.0
/** What can go wrong with the kernel's network configuration. */
import { TransitError, type ErrorDetails } from '../../../base/errors.js';
import { errnoName } from './errno.js';

export type NetlinkErrorCode =
  /** The kernel refused: NETLINK_EEXIST, NETLINK_EPERM, … */
  | `NETLINK_${string}`
  /** The namespace asked for is not there. */
  | 'NETNS_NOT_FOUND'
  /** A device of that name is there, and is not ours. */
  | 'DEVICE_EXISTS'
  /** No device has that ifindex. */
  | 'DEVICE_NOT_FOUND';

export class NetlinkError extends TransitError {
  declare readonly code: NetlinkErrorCode;
  /** What was asked: "create veth". */
  readonly operation: string;
  /** What it was asked of: "ep-web1". */
  readonly object: string;
  /** The kernel's error number, if it is the kernel that refused. */
  readonly errno: number | undefined;

  constructor(
    code: NetlinkErrorCode,
    message: string,
    about: ErrorDetails & {
      readonly operation: string;
      readonly object: string;
      readonly errno?: number;
    },
    cause?: unknown,
  ) {
    super(code, message, about, cause);
    this.operation = about.operation;
    this.object = about.object;
    this.errno = about.errno;
  }
}

/** The kernel's refusal, with its own explanation (extended acknowledgement) when it gave one. */
export function kernelError(
  errno: number,
  operation: string,
  object: string,
  explanation?: string,
): NetlinkError {
  const name = errnoName(errno);
  const reason = explanation === undefined ? name : `${explanation} (${name})`;
  const about = { operation, object, errno };
  return new NetlinkError(
    `NETLINK_${name}`,
    `${operation} ${object}: ${reason}`,
    explanation === undefined ? about : { ...about, explanation },
  );
}

/** Whether something thrown is the kernel's refusal with one of these error numbers. */
export function isKernelError(error: unknown, ...errnos: readonly number[]): error is NetlinkError {
  return error instanceof NetlinkError && error.errno !== undefined && errnos.includes(error.errno);
}
