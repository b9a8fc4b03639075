// SPDX-License-Identifier: Apache-2.0
/** The syntax of labels, which is Kubernetes'. */

const KEY =
  /^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$/;

/** True for [DNS prefix/]NAME, the name 1 to 63 characters. */
export function isLabelKey(text: string): boolean {
  return KEY.test(text);
}

/** True for at most 63 characters, none of them a quote, space or slash. */
export function isLabelValue(text: string): boolean {
  return VALUE.test(text);
}

export const labelKeyRule = (key: string): string =>
  `"${key}" is not a label key: use [DNS prefix/]NAME, the name 1 to 63 letters, digits, "-", "_" and "."`;

export const labelValueRule = (value: string): string =>
  `"${value}" is not a label value: use at most 63 letters, digits, "-", "_" and "."`;
