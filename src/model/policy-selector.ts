// SPDX-License-Identifier: Apache-2.0
/**
 * Selectors of policies: expressions over labels. `||` binds less than `&&`, that less than `!`.
 *
 *     expression  = all-of { "||" all-of }
 *     all-of      = term { "&&" term }
 *     term        = "!" term | "(" expression ")" | "all()" | "has(" key ")" | key comparison
 *     comparison  = "==" string | "!=" string | "in" list | "not in" list
 *                 | "contains" string | "starts with" string | "ends with" string
 *     list        = "{" [ string { "," string } ] "}"
 *
 * Keys: [A-Za-z0-9_./-]{1,512}. Strings stand in ' or " and have no escapes. A label that is absent
 * meets `!=` and `not in`, and no other comparison. Text of spaces only is `all()`.
 */

export type SelectorNode =
  | { readonly kind: 'all' }
  | { readonly kind: 'has'; readonly key: string }
  | { readonly kind: 'equals' | 'differs'; readonly key: string; readonly value: string }
  | { readonly kind: 'in' | 'not-in'; readonly key: string; readonly values: readonly string[] }
  | {
      readonly kind: 'contains' | 'starts' | 'ends';
      readonly key: string;
      readonly value: string;
    }
  | { readonly kind: 'not'; readonly term: SelectorNode }
  /** At least two terms, none of the same kind. */
  | { readonly kind: 'and' | 'or'; readonly terms: readonly SelectorNode[] };

export interface PolicySelector {
  /**
   * The normalised form: equal for selectors that differ in spacing, quotes, parentheses that change
   * nothing, and the order of a list. Parsing it gives this selector.
   */
  readonly text: string;
  readonly root: SelectorNode;
}

/** What a label must be for a selector to match. */
export interface LabelRestriction {
  readonly key: string;
  /** One of these values. Undefined: any, but the label must be there. */
  readonly oneOf?: readonly string[];
}

export type LabelOf = (key: string) => string | undefined;

/** Parentheses and negations within each other. */
export const MAX_SELECTOR_DEPTH = 100;

export class SelectorError extends Error {
  override readonly name = 'SelectorError';

  /** `position`: of the first character that does not fit, from 0. */
  constructor(
    message: string,
    readonly position: number,
  ) {
    super(message);
  }
}

/** @throws SelectorError */
export function parsePolicySelector(text: string): PolicySelector {
  const root = new Parser(text).parse();
  return { text: format(root), root };
}

export function matchesSelector({ root }: PolicySelector, labels: LabelOf): boolean {
  return matches(root, labels);
}

/**
 * What is true of the labels of whatever the selector matches, at most one for a key, sorted by
 * key. Not all that is: nothing is concluded from negations.
 */
export function selectorRestrictions({ root }: PolicySelector): LabelRestriction[] {
  return [...restrictions(root)]
    .map(([key, oneOf]) => (oneOf ? { key, oneOf: [...oneOf].sort() } : { key }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function matches(node: SelectorNode, labels: LabelOf): boolean {
  switch (node.kind) {
    case 'all':
      return true;
    case 'has':
      return labels(node.key) !== undefined;
    case 'equals':
      return labels(node.key) === node.value;
    case 'differs':
      return labels(node.key) !== node.value;
    case 'in':
    case 'not-in': {
      const value = labels(node.key);
      return (value !== undefined && node.values.includes(value)) === (node.kind === 'in');
    }
    case 'contains':
      return labels(node.key)?.includes(node.value) ?? false;
    case 'starts':
      return labels(node.key)?.startsWith(node.value) ?? false;
    case 'ends':
      return labels(node.key)?.endsWith(node.value) ?? false;
    case 'not':
      return !matches(node.term, labels);
    case 'and':
      return node.terms.every((term) => matches(term, labels));
    case 'or':
      return node.terms.some((term) => matches(term, labels));
  }
}

/** Key → values that it may have; undefined: any. */
type Restrictions = Map<string, ReadonlySet<string> | undefined>;

function restrictions(node: SelectorNode): Restrictions {
  switch (node.kind) {
    case 'has':
    case 'contains':
    case 'starts':
    case 'ends':
      return new Map([[node.key, undefined]]);
    case 'equals':
      return new Map([[node.key, new Set([node.value])]]);
    case 'in':
      return new Map([[node.key, new Set(node.values)]]);
    case 'and':
      return node.terms.map(restrictions).reduce(bothOf);
    case 'or':
      return node.terms.map(restrictions).reduce(eitherOf);
    case 'all':
    case 'differs':
    case 'not-in':
    case 'not':
      return new Map();
  }
}

function bothOf(a: Restrictions, b: Restrictions): Restrictions {
  const out = new Map(a);
  for (const [key, right] of b) {
    const left = out.get(key);
    out.set(key, left && right ? new Set([...left].filter((v) => right.has(v))) : (left ?? right));
  }
  return out;
}

function eitherOf(a: Restrictions, b: Restrictions): Restrictions {
  const out: Restrictions = new Map();
  for (const [key, left] of a) {
    if (!b.has(key)) continue;
    const right = b.get(key);
    out.set(key, left && right ? new Set([...left, ...right]) : undefined);
  }
  return out;
}

function format(node: SelectorNode): string {
  switch (node.kind) {
    case 'all':
      return 'all()';
    case 'has':
      return `has(${node.key})`;
    case 'equals':
      return `${node.key} == ${quote(node.value)}`;
    case 'differs':
      return `${node.key} != ${quote(node.value)}`;
    case 'in':
      return `${node.key} in {${node.values.map(quote).join(', ')}}`;
    case 'not-in':
      return `${node.key} not in {${node.values.map(quote).join(', ')}}`;
    case 'contains':
      return `${node.key} contains ${quote(node.value)}`;
    case 'starts':
      return `${node.key} starts with ${quote(node.value)}`;
    case 'ends':
      return `${node.key} ends with ${quote(node.value)}`;
    case 'not': {
      const { term } = node;
      return term.kind === 'and' || term.kind === 'or' ? `!(${format(term)})` : `!${format(term)}`;
    }
    case 'and':
      return node.terms
        .map((term) => (term.kind === 'or' ? `(${format(term)})` : format(term)))
        .join(' && ');
    case 'or':
      return node.terms.map(format).join(' || ');
  }
}

/** No string holds both kinds of quotes: it stood in one of them, without escapes. */
function quote(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}

const SPACE = /[ \t\r\n]*/y;
const KEY = /[A-Za-z0-9_./-]+/y;
const MAX_KEY = 512;

/** Of one text; used once. */
class Parser {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  parse(): SelectorNode {
    if (this.atEnd()) return { kind: 'all' };
    const root = this.expression();
    if (!this.atEnd()) this.fail('expected "&&", "||" or the end');
    return root;
  }

  private expression(): SelectorNode {
    return this.chain('or', '||', () => this.chain('and', '&&', () => this.term()));
  }

  /** Terms of the same kind become the chain's own: their parentheses change nothing. */
  private chain(kind: 'and' | 'or', operator: string, next: () => SelectorNode): SelectorNode {
    const first = next();
    if (!this.takes(operator)) return first;
    const terms: SelectorNode[] = [];
    const add = (term: SelectorNode): void => {
      if (term.kind === kind) terms.push(...term.terms);
      else terms.push(term);
    };
    add(first);
    do add(next());
    while (this.takes(operator));
    return { kind, terms };
  }

  private term(): SelectorNode {
    if (this.takes('!')) return this.within(() => ({ kind: 'not', term: this.term() }));
    if (this.takes('('))
      return this.within(() => {
        const inner = this.expression();
        this.expect(')');
        return inner;
      });
    const key = this.key();
    // has and all are keys, too
    if (key === 'has' && this.takes('(')) {
      const of = this.key();
      this.expect(')');
      return { kind: 'has', key: of };
    }
    if (key === 'all' && this.takes('(')) {
      this.expect(')');
      return { kind: 'all' };
    }
    return this.comparison(key);
  }

  private comparison(key: string): SelectorNode {
    if (this.takes('==')) return { kind: 'equals', key, value: this.string() };
    if (this.takes('!=')) return { kind: 'differs', key, value: this.string() };
    const start = this.at;
    switch (this.word()) {
      case 'in':
        return { kind: 'in', key, values: this.list() };
      case 'not':
        this.expectWord('in');
        return { kind: 'not-in', key, values: this.list() };
      case 'contains':
        return { kind: 'contains', key, value: this.string() };
      case 'starts':
        this.expectWord('with');
        return { kind: 'starts', key, value: this.string() };
      case 'ends':
        this.expectWord('with');
        return { kind: 'ends', key, value: this.string() };
      default:
        this.at = start;
        return this.fail(
          `expected "==", "!=", "in", "not in", "contains", "starts with" or "ends with" after ${key}`,
        );
    }
  }

  /** Sorted, each once. */
  private list(): string[] {
    this.expect('{');
    if (this.takes('}')) return [];
    const values = new Set<string>();
    do values.add(this.string());
    while (this.takes(','));
    this.expect('}', '"," or "}"');
    return [...values].sort();
  }

  private string(): string {
    this.space();
    const quoted = this.text[this.at];
    if (quoted !== '"' && quoted !== "'") return this.fail('expected a string in quotes');
    const end = this.text.indexOf(quoted, this.at + 1);
    if (end < 0) return this.fail(`the string has no closing ${quoted}`);
    const value = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return value;
  }

  private key(): string {
    this.space();
    const start = this.at;
    const key = this.word();
    if (key === undefined) return this.fail('expected "!", "(", "has(", "all()" or a label\'s key');
    if (key.length > MAX_KEY) {
      this.at = start;
      return this.fail(`the key is longer than ${MAX_KEY} characters`);
    }
    return key;
  }

  private word(): string | undefined {
    this.space();
    KEY.lastIndex = this.at;
    const word = KEY.exec(this.text)?.[0];
    this.at += word?.length ?? 0;
    return word;
  }

  private expectWord(wanted: string): void {
    this.space();
    const start = this.at;
    if (this.word() === wanted) return;
    this.at = start;
    this.fail(`expected "${wanted}"`);
  }

  private expect(token: string, named = `"${token}"`): void {
    if (!this.takes(token)) this.fail(`expected ${named}`);
  }

  /** Goes on behind the token if it is the next one. */
  private takes(token: string): boolean {
    this.space();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private within<T>(parse: () => T): T {
    if (++this.depth > MAX_SELECTOR_DEPTH) {
      this.at--;
      this.fail(`more than ${MAX_SELECTOR_DEPTH} parentheses and negations within each other`);
    }
    const out = parse();
    this.depth--;
    return out;
  }

  private atEnd(): boolean {
    this.space();
    return this.at === this.text.length;
  }

  private space(): void {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)?.[0].length ?? 0;
  }

  private fail(rule: string): never {
    const found = this.at < this.text.length ? `at character ${this.at + 1}` : 'at the end';
    throw new SelectorError(`${found}: ${rule}`, this.at);
  }
}
