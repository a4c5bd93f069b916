// Tags on the ELBv2 wire.
// Source: ALB reference, sections 1.4 and 1.5.
import type { Operation } from '../../wire/service.ts';
import { shownTags } from './answers.ts';
import { tagsOf } from './requests.ts';
import { type Via, nothing } from './via.ts';

export function tagOperations(via: Via): Readonly<Record<string, Operation>> {
  return {
    AddTags: via(
      'AddTags',
      'AddTagsRequest',
      (input) => ({ resourceArns: input['ResourceArns'], tags: tagsOf(input['Tags']) }),
      nothing,
    ),
    RemoveTags: via(
      'RemoveTags',
      'RemoveTagsRequest',
      (input) => ({ resourceArns: input['ResourceArns'], tagKeys: input['TagKeys'] }),
      nothing,
    ),
    DescribeTags: via(
      'DescribeTags',
      'DescribeTagsRequest',
      (input) => ({ resourceArns: input['ResourceArns'] }),
      ({ tagDescriptions = [] }) => ({
        TagDescriptions: tagDescriptions.map(({ resourceArn, tags }) => ({
          ResourceArn: resourceArn,
          Tags: shownTags(tags),
        })),
      }),
    ),
  };
}
