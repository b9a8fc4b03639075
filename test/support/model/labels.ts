// SPDX-License-Identifier: Apache-2.0
/** Selectors, read and judged in one go: no tree, no index. */

export type Labels = Readonly<Record<string, string>>;

const TOKENS = /\s*(&&|\|\||==|!=|[!(){},]|"[^"]*"|'[^']*'|[A-Za-z0-9_./-]+)/y;

function tokensOf(text: string): string[] {
  const out: string[] = [];
  TOKENS.lastIndex = 0;
  while (text.slice(TOKENS.lastIndex).trim() !== '') {
    const match = TOKENS.exec(text);
    if (!match?.[1]) throw new Error(`no selector: ${text}`);
    out.push(match[1]);
  }
  return out;
}

class Reader {
  private readonly tokens: string[];

  constructor(
    text: string,
    private readonly labels: Labels,
  ) {
    this.tokens = tokensOf(text);
  }

  whole(): boolean {
    if (this.tokens.length === 0) return true;
    const value = this.either();
    if (this.tokens.length > 0) throw new Error(`left over: ${this.tokens.join(' ')}`);
    return value;
  }

  /** Both sides are read, whatever the first is. */
  private either(): boolean {
    let value = this.both();
    while (this.accept('||')) value = this.both() || value;
    return value;
  }

  private both(): boolean {
    let value = this.one();
    while (this.accept('&&')) value = this.one() && value;
    return value;
  }

  private one(): boolean {
    if (this.accept('!')) return !this.one();
    if (this.accept('(')) {
      const value = this.either();
      this.expect(')');
      return value;
    }
    const key = this.next();
    if ((key === 'all' || key === 'has') && this.accept('(')) {
      const value = key === 'all' || this.labels[this.next()] !== undefined;
      this.expect(')');
      return value;
    }
    return this.about(this.labels[key]);
  }

  private about(label: string | undefined): boolean {
    const operator = this.next();
    if (operator === 'not') {
      this.expect('in');
      const list = this.list();
      return label === undefined || !list.includes(label);
    }
    if (operator === 'in') {
      const list = this.list();
      return label !== undefined && list.includes(label);
    }
    if (operator === 'starts' || operator === 'ends') this.expect('with');
    const text = this.text();
    if (operator === '!=') return label !== text;
    if (label === undefined) return false;
    if (operator === '==') return label === text;
    if (operator === 'contains') return label.includes(text);
    return operator === 'starts' ? label.startsWith(text) : label.endsWith(text);
  }

  private list(): string[] {
    const out: string[] = [];
    this.expect('{');
    while (!this.accept('}')) {
      out.push(this.text());
      this.accept(',');
    }
    return out;
  }

  private text(): string {
    return this.next().slice(1, -1);
  }

  private accept(token: string): boolean {
    if (this.tokens[0] !== token) return false;
    this.tokens.shift();
    return true;
  }

  private expect(token: string): void {
    if (!this.accept(token)) throw new Error(`${token} is missing`);
  }

  private next(): string {
    const token = this.tokens.shift();
    if (token === undefined) throw new Error('the selector ends too early');
    return token;
  }
}

export function selects(selector: string, labels: Labels): boolean {
  return new Reader(selector, labels).whole();
}
