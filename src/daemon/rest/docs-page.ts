// SPDX-License-Identifier: Apache-2.0
/**
 * The API's description for people: one page that holds everything it needs, so that it also
 * works when saved to a file. Fetches nothing.
 */
import type { OpenApiDocument } from '../../api/index.js';

/** The page for a description. */
export function docsPage(document: OpenApiDocument): string {
  // "<" could end the script element (HTML s13.2.5.4).
  const json = JSON.stringify(document).replaceAll('<', '\\u003c');
  return PAGE.replace('/*OPENAPI*/', () => json);
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; }
summary { cursor: pointer; padding: .4rem .7rem; }
details > div { padding: 0 1rem 1rem; }
.method { display: inline-block; width: 4.5rem; font-weight: 600; text-transform: uppercase; }
.note { opacity: .75; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid var(--soft); padding: .25rem .6rem .25rem 0; text-align: left; vertical-align: top; }
`;

const SCRIPT = `
const api = JSON.parse(document.getElementById('openapi').textContent);
const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};
const styled = (node, name) => { node.className = name; return node; };
const nameOf = (ref) => ref.split('/').pop();
const resolve = (schema) =>
  schema && schema.$ref ? api.components.schemas[nameOf(schema.$ref)] : schema;
function typeText(schema) {
  if (!schema) return '';
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(' | ');
  const any = schema.oneOf || schema.anyOf || schema.allOf;
  if (any) return any.map(typeText).join(schema.allOf ? ' & ' : ' | ');
  if (schema.type === 'array') return 'list of ' + (typeText(schema.items) || 'values');
  const type = [].concat(schema.type || 'value').join(' | ');
  const range = [schema.minimum, schema.maximum];
  const small = (n) => n !== undefined && Math.abs(n) < 2 ** 53 - 1;
  return type + (small(range[0]) || small(range[1])
    ? ' ' + (small(range[0]) ? range[0] : '') + '..' + (small(range[1]) ? range[1] : '') : '');
}
function typeCell(schema) {
  const cell = make('td');
  const code = make('code');
  for (const part of typeText(schema).split(/(\\b[A-Z]\\w+\\b)/)) {
    if (api.components.schemas[part]) {
      const link = make('a', part);
      link.href = '#schema-' + part;
      code.append(link);
    } else code.append(part);
  }
  cell.append(code);
  return cell;
}
const row = (name, needed, schema, text) => {
  const extra = [text, schema && schema.default !== undefined
    ? 'Default: ' + JSON.stringify(schema.default) + '.' : ''].filter(Boolean).join(' ');
  return make('tr', '', make('td', '', make('code', name + (needed ? '' : '?'))),
    typeCell(schema), make('td', extra));
};
function fields(schema, depth) {
  const table = make('table');
  const add = (object, prefix, level) => {
    for (const [name, field] of Object.entries((object && object.properties) || {})) {
      const needed = (object.required || []).includes(name);
      table.append(row(prefix + name, needed, field, field.description));
      const inner = field.type === 'array' ? field.items : field;
      if (level < depth && inner && inner.properties) {
        add(inner, prefix + name + (field.type === 'array' ? '[].' : '.'), level + 1);
      }
    }
  };
  add(resolve(schema), '', 0);
  return table;
}
function body(title, schema) {
  if (!schema) return [];
  const head = make('tr', '', make('td', '', make('strong', title)), typeCell(schema));
  return [make('table', '', head), ...(schema.$ref ? [] : [fields(schema, 3)])];
}
function operation(path, method, op) {
  const head = make('summary', '', styled(make('span', method), 'method'), make('code', path),
    styled(make('span', '  ' + (op.summary || '')), 'note'));
  const inside = make('div');
  if ((op.parameters || []).length) {
    const table = make('table');
    for (const p of op.parameters) {
      const text = [p.in, p.description || (p.schema && p.schema.description)];
      table.append(row(p.name, p.required, p.schema, text.filter(Boolean).join(': ')));
    }
    inside.append(make('h4', 'Parameters'), table);
  }
  const content = (part) => part && part.content && Object.entries(part.content)[0];
  const request = content(op.requestBody);
  if (request) inside.append(...body('Request', request[1].schema));
  const answer = content(op.responses['200']);
  if (answer) inside.append(...body('Answer (' + answer[0] + ')', answer[1].schema));
  return make('details', '', head, inside);
}
const main = document.querySelector('main');
main.append(make('h1', api.info.title + ' ' + api.info.version), make('p', api.info.description));
const tags = new Map();
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, op] of Object.entries(methods)) {
    const tag = (op.tags || ['other'])[0];
    if (!tags.has(tag)) tags.set(tag, []);
    tags.get(tag).push(operation(path, method, op));
  }
}
for (const [tag, list] of tags) main.append(make('h2', tag), ...list);
main.append(make('h2', 'schemas'));
for (const [name, schema] of Object.entries(api.components.schemas || {})) {
  const kinds = schema.oneOf || schema.anyOf;
  const inside = make('div', '', make('p', schema.description || ''),
    kinds ? make('table', '', make('tr', '', typeCell(schema))) : fields(schema, 3));
  const box = make('details', '', make('summary', '', make('code', name)), inside);
  box.id = 'schema-' + name;
  main.append(box);
}
const reveal = () => {
  const box = location.hash && document.getElementById(location.hash.slice(1));
  if (box) { box.open = true; box.scrollIntoView(); }
};
addEventListener('hashchange', reveal);
reveal();
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Transit API</title>
<style>${STYLE}</style>
</head>
<body>
<main></main>
<script type="application/json" id="openapi">/*OPENAPI*/</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
