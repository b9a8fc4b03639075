// SPDX-License-Identifier: Apache-2.0
/** The API for people: one page, self-contained, from the route table and the schemas. */
import { KIND_TABLE } from './kinds.js';
import { kindInfo, type FieldInfo } from './explain.js';
import type { OpenApiDocument } from './openapi.js';
import type { RouteDeclaration } from './route-types.js';
import { ROUTES } from './routes.js';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8884; }
code { font: 14px ui-monospace, monospace; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
`;

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function fieldRows(fields: readonly FieldInfo[], prefix: string): string {
  return fields
    .map((field) => {
      const path = prefix === '' ? field.name : `${prefix}.${field.name}`;
      const notes = [
        field.required ? 'Required.' : '',
        field.default === undefined ? '' : `Default: ${field.default}.`,
      ];
      const type = field.fields.length > 0 && !field.type.startsWith('[]') ? 'object' : field.type;
      return `<tr><td><code>${escape(path)}</code></td><td>${escape(type)}</td><td>${escape(
        [field.description, ...notes].filter((note) => note !== '').join(' '),
      )}</td></tr>\n${fieldRows(field.fields, path)}`;
    })
    .join('');
}

function kindSections(): string {
  return KIND_TABLE.map(
    (entry) => `<h3 id="${entry.singular}">${entry.kind}</h3>
<p>${escape(entry.description)} In URLs: <code>${entry.plural}</code>; short: <code>${entry.short}</code>.</p>
<table><tr><th>Field</th><th>Type</th><th>Meaning</th></tr>
${fieldRows(kindInfo(entry.kind).fields, '')}</table>`,
  ).join('\n');
}

function routeRow(route: RouteDeclaration): string {
  return `<tr><td><code><span class="method">${route.method.toUpperCase()}</span>${escape(route.path)}</code></td><td>${escape(route.summary)}</td></tr>`;
}

/** The page behind /docs. */
export function docsPage(document: OpenApiDocument): string {
  const routes: RouteDeclaration[] = Object.values(ROUTES);
  const tags = [...new Set(routes.map((route) => route.tag))];
  const tables = tags
    .map((tag) => {
      const rows = routes.filter((route) => route.tag === tag).map(routeRow);
      return `<h3>${escape(tag)}</h3><table>${rows.join('\n')}</table>`;
    })
    .join('\n');
  const title = escape(`${document.info.title} ${document.info.version}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head><body>
<h1>${title}</h1>
<p>${escape(document.info.description ?? '')} For programs: <a href="/openapi.json">openapi.json</a>.</p>
<h2>Requests</h2>
<p>Bodies are JSON. Errors are <code>application/problem+json</code> (RFC 9457) with a stable <code>code</code>.</p>
${tables}
<h2>Objects</h2>
${kindSections()}
</body></html>
`;
}
