// SPDX-License-Identifier: Apache-2.0
/** The root of all errors the project throws on purpose. */

export interface ErrorDetails {
  /** What it happened to: "Endpoint/web-1", "map flow", "eth0". */
  readonly object?: string;
  /** Path of the field within the object: "spec.addresses[0]". */
  readonly field?: string;
  readonly [key: string]: unknown;
}

/**
 * An error with a stable UPPER_SNAKE code for programs and a sentence for people.
 * One subclass per area, in that area's errors.ts.
 */
export class TransitError extends Error {
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(code: string, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** Text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
