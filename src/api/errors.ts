// SPDX-License-Identifier: Apache-2.0
/** Errors of the API and how they travel: RFC 9457 problem documents. */
import { TransitError, errorText } from '../base/errors.js';
import { problemText, type Problem } from '../model/index.js';
import type { ProblemDocument } from './schemas/problem.js';

/** HTTP status and title by code. */
export const API_ERRORS = {
  BAD_REQUEST: { status: 400, title: 'The request cannot be understood' },
  UNAUTHORIZED: { status: 401, title: 'A valid token is needed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  CONFLICT: { status: 409, title: 'The object was changed by someone else' },
  REVISION_GONE: { status: 410, title: 'The revision is too old' },
  TOO_LARGE: { status: 413, title: 'The request is too large' },
  INVALID: { status: 422, title: 'Objects are not valid' },
  INTERNAL: { status: 500, title: 'Internal error' },
  UNAVAILABLE: { status: 503, title: 'Not available' },
} as const satisfies Record<string, { status: number; title: string }>;
export type ApiErrorCode = keyof typeof API_ERRORS;

/** An error that a client shall see. */
export class ApiError extends TransitError {
  readonly status: number;
  readonly title: string;
  readonly problems: readonly Problem[];

  constructor(
    code: ApiErrorCode,
    message: string,
    problems: readonly Problem[] = [],
    cause?: unknown,
  ) {
    super(code, message, {}, cause);
    this.status = API_ERRORS[code].status;
    this.title = API_ERRORS[code].title;
    this.problems = problems;
  }
}

/** INVALID with all problems; the first is the message. */
export function invalid(problems: readonly Problem[]): ApiError {
  const [first] = problems;
  const text = first === undefined ? 'objects are not valid' : problemText(first);
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new ApiError('INVALID', `${text}${more}`, problems);
}

function isApiCode(code: string): code is ApiErrorCode {
  return Object.hasOwn(API_ERRORS, code);
}

/** The document for anything thrown; what is not meant for clients becomes INTERNAL. */
export function problemDocument(error: unknown): ProblemDocument {
  const code = error instanceof TransitError ? error.code : 'INTERNAL';
  const known = API_ERRORS[isApiCode(code) ? code : 'INTERNAL'];
  const problems = error instanceof ApiError ? error.problems : [];
  return {
    type: `urn:transit:error:${code.toLowerCase().replaceAll('_', '-')}`,
    title: known.title,
    status: known.status,
    detail: errorText(error),
    code,
    ...(problems.length === 0 ? {} : { problems: [...problems] }),
  };
}
