// Between the structures of an AWS API and Berth's messages, which have the same members: their names are compared without regard to
// case (`bindIP`, `TargetGroupArn`). What only one of the sides knows is left out. Pure.
import { BerthError, type ErrorCode } from '@berth/model/errors.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { protoRoot } from '@berth/rpc/protos.ts';
import { unknownWords } from '@berth/rpc/words.ts';
import protobuf from 'protobufjs';

import type { Member, ServiceModel } from '../models/model.ts';
import { structureOf } from '../models/services.ts';
import type { Plain } from '../wire/json-input.ts';

type Convert = (value: Plain) => Plain;

/** By the name of a structure: what must be done by hand before or after the generic work. */
export type Fixes = Readonly<Record<string, Convert>>;

/** What an API shows although it is empty. */
export interface Shown {
  /** By structure: lists that are there when they are empty, with spaces between their names. */
  readonly lists: Readonly<Record<string, string>>;
  /** By structure: texts and maps that are there when they are empty. */
  readonly texts: Readonly<Record<string, string>>;
}

/** A list that must be told from its absence: a message with the sole field `items`. */
function isList(type: protobuf.Type): boolean {
  const [only, ...others] = type.fieldsArray;
  return others.length === 0 && only?.name === 'items' && only.repeated;
}

export function messageType(name: MessageName): protobuf.Type {
  return protoRoot().lookupType(`berth.v1.${name}`);
}

/** Makes requests of inputs. */
export class RequestMapper {
  readonly #model: ServiceModel;
  readonly #fixes: Fixes;
  readonly #invalid: ErrorCode;
  readonly #converts = new Map<string, Convert>();

  /**
   * @param fixes applied to the input's structures before they are mapped
   * @param invalid the code for a word that the API knows and Berth does not
   */
  constructor(model: ServiceModel, fixes: Fixes, invalid: ErrorCode) {
    this.#model = model;
    this.#fixes = fixes;
    this.#invalid = invalid;
  }

  /** @throws BerthError for a word that the message's field does not know */
  request<N extends MessageName>(structure: string, message: N, input: Plain): MessageTypes[N] {
    const partial = this.#convert(structure, messageType(message))(input);
    return checked(message, partial, this.#invalid);
  }

  #convert(structure: string, type: protobuf.Type): Convert {
    const name = `${structure} ${type.name}`;
    let found = this.#converts.get(name);
    if (!found) {
      found = this.#compile(structure, type);
      this.#converts.set(name, found);
    }
    return found;
  }

  #compile(structure: string, type: protobuf.Type): Convert {
    const fix = this.#fixes[structure];
    const members = pairs(this.#model, structure, type).map(({ member, shape, field }) => {
      const value = this.#value(shape, field);
      return (source: Plain, result: Plain): void => {
        const part = source[member];
        if (part !== undefined) result[field.name] = value(part);
      };
    });
    return (source) => {
      const fixed = fix ? fix(source) : source;
      const result: Plain = {};
      for (const member of members) member(fixed, result);
      return result;
    };
  }

  #value(shape: Member, field: protobuf.Field): (value: unknown) => unknown {
    const { resolvedType } = field;
    if (!(resolvedType instanceof protobuf.Type)) return (value) => value;
    const structure = shape.structure ?? shape.item?.structure;
    if (shape.type === 'list' && !field.repeated && isList(resolvedType)) {
      const inner = resolvedType.fieldsArray[0]?.resolvedType;
      return (value) => ({
        items: (value as Plain[]).map((item) =>
          inner instanceof protobuf.Type && structure !== undefined
            ? this.#convert(structure, inner)(item)
            : item,
        ),
      });
    }
    if (structure === undefined) return (value) => value;
    if (shape.type === 'list') {
      return (value) => (value as Plain[]).map(this.#convert(structure, resolvedType));
    }
    return (value) => this.#convert(structure, resolvedType)(value as Plain);
  }
}

/** A whole message, its words known. @throws BerthError of the given code */
export function checked<N extends MessageName>(
  message: N,
  partial: object,
  invalid: ErrorCode,
): MessageTypes[N] {
  const request = complete(message, partial);
  const [unknown] = unknownWords(message, request);
  if (!unknown) return request;
  throw new BerthError(
    invalid,
    `${unknown.path}: ${unknown.found} is not supported by Berth; expected one of ${unknown.expected.join(', ')}.`,
  );
}

/** Makes outputs of answers. */
export class AnswerMapper {
  readonly #model: ServiceModel;
  readonly #shown: Shown;
  readonly #fixes: Fixes;
  readonly #converts = new Map<string, Convert>();

  /** @param fixes applied to the output's structures once they are mapped */
  constructor(model: ServiceModel, shown: Shown, fixes: Fixes) {
    this.#model = model;
    this.#shown = shown;
    this.#fixes = fixes;
  }

  answer(structure: string, message: MessageName, partial: object): Plain {
    const whole: unknown = complete(message, partial);
    return this.#convert(structure, messageType(message))(whole as Plain);
  }

  #convert(structure: string, type: protobuf.Type): Convert {
    const name = `${structure} ${type.name}`;
    let found = this.#converts.get(name);
    if (!found) {
      let compiled: Convert | undefined;
      found = (value) => (compiled ??= this.#compile(structure, type))(value);
      this.#converts.set(name, found);
    }
    return found;
  }

  #compile(structure: string, type: protobuf.Type): Convert {
    const emptyLists = (this.#shown.lists[structure] ?? '').split(' ').filter(Boolean);
    const emptyTexts = (this.#shown.texts[structure] ?? '').split(' ');
    const fix = this.#fixes[structure];
    const members = pairs(this.#model, structure, type).map(({ member, shape, field }) => {
      const value = this.#value(shape, field);
      const keepsEmpty = emptyTexts.includes(member);
      return (source: Plain, result: Plain): void => {
        const part = source[field.name];
        if (part === undefined || (isEmpty(shape, part) && !keepsEmpty)) return;
        result[member] = value(part);
      };
    });
    return (source) => {
      const result: Plain = {};
      for (const name of emptyLists) result[name] = [];
      for (const member of members) member(source, result);
      return fix ? fix(result) : result;
    };
  }

  #value(shape: Member, field: protobuf.Field): (value: unknown) => unknown {
    const { resolvedType } = field;
    const structure = shape.structure ?? shape.item?.structure;
    if (!(resolvedType instanceof protobuf.Type) || structure === undefined) {
      return (value) => value;
    }
    if (shape.type === 'list' && !field.repeated && isList(resolvedType)) {
      const inner = resolvedType.fieldsArray[0]?.resolvedType;
      return (value) =>
        (value as { readonly items: Plain[] }).items.map((item) =>
          inner instanceof protobuf.Type ? this.#convert(structure, inner)(item) : item,
        );
    }
    if (shape.type === 'list') {
      return (value) => (value as Plain[]).map(this.#convert(structure, resolvedType));
    }
    return (value) => this.#convert(structure, resolvedType)(value as Plain);
  }
}

/** Required scalars are there in every message; these say nothing. */
function isEmpty(shape: Member, value: unknown): boolean {
  if (value === '') return true;
  if (shape.type === 'timestamp') return value === 0;
  if (shape.type === 'list') return (value as unknown[]).length === 0;
  return shape.type === 'map' && Object.keys(value as object).length === 0;
}

interface Pair {
  readonly member: string;
  readonly shape: Member;
  readonly field: protobuf.Field;
}

/** The members that structure and message share. */
export function pairs(model: ServiceModel, structure: string, type: protobuf.Type): Pair[] {
  const fields = new Map(type.fieldsArray.map((field) => [field.name.toLowerCase(), field]));
  return Object.entries(structureOf(model, structure).members).flatMap(([member, shape]) => {
    const field = fields.get(member.toLowerCase());
    return field ? [{ member, shape, field }] : [];
  });
}
