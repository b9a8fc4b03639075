// SPDX-License-Identifier: Apache-2.0
/** What an RFC asks of a translator: data for docs/rfc-conformance.md. */

/** RECOMMENDED counts as SHOULD, OPTIONAL as MAY, their negations as themselves. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';

export interface Requirement {
  readonly rfc: number;
  /**
   * The RFC's own name where it has one (`REQ-3a`), else the section (`s3.5.1`) with a letter of
   * ours when there are several (`s3.5.1b`).
   */
  readonly id: string;
  readonly level: Level;
  /** One line, in our words: the RFC's own stand above them. */
  readonly text: string;
  /** Level or wording is as remembered, not as read. */
  readonly unsure: boolean;
  /** Why it is not met, or has no test. */
  readonly waived: string | undefined;
}

/** [id, level, text], then why it is not met, or 'unsure'. */
export type Row = readonly [id: string, level: Level, text: string, more?: Remark];

export type Remark = 'unsure' | { readonly waived: string };

export function requirements(rfc: number, rows: readonly Row[]): readonly Requirement[] {
  return rows.map(([id, level, text, more]) => ({
    rfc,
    id,
    level,
    text,
    unsure: more === 'unsure',
    waived: typeof more === 'object' ? more.waived : undefined,
  }));
}

/** What names a requirement in annotations. */
export function nameOf({ rfc, id }: Pick<Requirement, 'rfc' | 'id'>): string {
  return `${rfc} ${id}`;
}
