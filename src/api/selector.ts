// SPDX-License-Identifier: Apache-2.0
/** Equality-based label selectors: "tier=web,env!=test", "tier" (has it), "!tier" (has it not). */
import { ApiError } from './errors.js';

export type Selector = (labels: Readonly<Record<string, string>> | undefined) => boolean;

const TERM = /^(!?)\s*([A-Za-z0-9][-._/A-Za-z0-9]*)\s*(?:(==?|!=)\s*([-._A-Za-z0-9]*))?$/;

/** @throws ApiError BAD_REQUEST */
export function parseSelector(text: string): Selector {
  const terms: Selector[] = [];
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const match = TERM.exec(part.trim());
    const key = match?.[2];
    const negated = match?.[1] === '!';
    const operator = match?.[3];
    if (key === undefined || (negated && operator !== undefined)) {
      throw new ApiError(
        'BAD_REQUEST',
        `"${part.trim()}" is not a label selector: write KEY=VALUE, KEY!=VALUE, KEY or !KEY, with commas between`,
      );
    }
    const value = match?.[4] ?? '';
    if (operator === undefined) terms.push((labels) => (labels?.[key] !== undefined) !== negated);
    else if (operator === '!=') terms.push((labels) => labels?.[key] !== value);
    else terms.push((labels) => labels?.[key] === value);
  }
  return (labels) => terms.every((term) => term(labels));
}
