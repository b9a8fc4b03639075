// SPDX-License-Identifier: Apache-2.0
/** Small pieces of text: ages, sizes, numbers, colours. */

const STEPS = [
  { unit: 'd', seconds: 86400 },
  { unit: 'h', seconds: 3600 },
  { unit: 'm', seconds: 60 },
  { unit: 's', seconds: 1 },
] as const;

/** "45s", "3m20s", "5h12m", "12d": two units while the first is small. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const index = STEPS.findIndex((step) => whole >= step.seconds);
  const step = STEPS[index];
  if (step === undefined) return '0s';
  const count = Math.floor(whole / step.seconds);
  const next = STEPS[index + 1];
  const rest = next === undefined ? 0 : Math.floor((whole % step.seconds) / next.seconds);
  return count < 10 && next !== undefined && rest > 0
    ? `${count}${step.unit}${rest}${next.unit}`
    : `${count}${step.unit}`;
}

/** Age of an RFC 3339 time; empty when it is none. */
export function ageText(time: string, nowMs: number): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? '' : durationText((nowMs - at) / 1000);
}

/** "192.0.2.1:80", "[2001:db8::1]:80"; without port where there is none. */
export function socketText(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** "12,345". */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1.5 MiB". */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step] ?? ''}`;
}

const COLOURS = { red: 31, green: 32, yellow: 33, bold: 1 } as const;

/** Wraps text in an SGR sequence when colours are wanted. */
export function paint(text: string, colour: keyof typeof COLOURS, wanted: boolean): string {
  return wanted && text !== '' ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** Indents every line. */
export function indent(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by));
}
