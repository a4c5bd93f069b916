// Writes answers of the Query protocol: XML in the order and the types of the model. Pure. Source: ALB reference, section 1.1.
import type { Member, ServiceModel } from '../models/model.ts';
import { structureOf } from '../models/services.ts';
import type { Plain } from './json-input.ts';

/** EC2 names the items of lists otherwise than the Query protocol of all others, and has no element for the result. */
export type XmlDialect = 'query' | 'ec2';

const ITEM: Readonly<Record<XmlDialect, string>> = { query: 'member', ec2: 'item' };

/** @param value times in milliseconds */
export function writeXml(
  model: ServiceModel,
  operation: string,
  value: object,
  requestId: string,
  dialect: XmlDialect = 'query',
): string {
  const output = model.operations[operation]?.output ?? '';
  const members = structureXml(model, output, value as Plain, ITEM[dialect]);
  const open = `<${operation}Response xmlns="${model.namespace ?? ''}">`;
  const close = `</${operation}Response>`;
  if (dialect === 'ec2') return `${open}${element('requestId', requestId)}${members}${close}`;
  const result = wrapped(`${operation}Result`, members);
  return `${open}${result}${wrapped('ResponseMetadata', element('RequestId', requestId))}${close}`;
}

function structureXml(model: ServiceModel, name: string, value: Plain, item: string): string {
  let text = '';
  for (const [member, shape] of Object.entries(structureOf(model, name).members)) {
    const part = value[member];
    if (part !== undefined && part !== null) {
      text += wrapped(member, memberXml(model, shape, part, item));
    }
  }
  return text;
}

function memberXml(model: ServiceModel, shape: Member, value: unknown, item: string): string {
  switch (shape.type) {
    case 'structure':
      return structureXml(model, shape.structure ?? '', value as Plain, item);
    case 'list':
      return (value as unknown[])
        .map((part) => wrapped(item, memberXml(model, shape.item as Member, part, item)))
        .join('');
    case 'map':
      return Object.entries(value as Plain)
        .map(([key, part]) => {
          const inside = wrapped('value', memberXml(model, shape.item as Member, part, item));
          return wrapped('entry', element('key', key) + inside);
        })
        .join('');
    case 'timestamp':
      return new Date(value as number).toISOString();
    case 'document':
    case 'string':
    case 'integer':
    case 'long':
    case 'double':
    case 'boolean':
    case 'blob':
      return escapeXml(String(value));
  }
}

function wrapped(name: string, content: string): string {
  return content === '' ? `<${name}/>` : `<${name}>${content}</${name}>`;
}

/** An element that holds a text. */
export function element(name: string, text: string): string {
  return wrapped(name, escapeXml(text));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#xD;',
};

/** What XML 1.0 can't hold, not even escaped, becomes the replacement character. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"'\r]/g, (character) => ESCAPES[character] ?? character);
}
