// SPDX-License-Identifier: Apache-2.0
/** What is wrong with an object, in words an operator can act on. */

export interface Problem {
  /** "Endpoint/web-1"; "objects[3]" when the object has no usable kind or name. */
  readonly object: string;
  /** Path within the object: "spec.addresses[0]". */
  readonly field: string;
  /** A sentence naming the value, the rule and, in a conflict, the other object. */
  readonly rule: string;
}

/** "Endpoint/web-1: spec.mac: …", as the CLI and the log print it. */
export function problemText(problem: Problem): string {
  const where = problem.field === '' ? problem.object : `${problem.object}: ${problem.field}`;
  return `${where}: ${problem.rule}`;
}
