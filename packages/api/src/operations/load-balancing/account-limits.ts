// What DescribeAccountLimits answers. Source: ALB reference, section 1.5.
import type {
  DescribeAccountLimitsRequest,
  DescribeAccountLimitsResponse,
} from '@berth/model/generated/messages.ts';
import { QUOTAS } from '@berth/model/resources/quotas.ts';
import { markedPage } from '@berth/model/validation/markers.ts';

import type { OperationContext } from '../deps.ts';

export function describeAccountLimits(
  _on: OperationContext,
  request: DescribeAccountLimitsRequest,
): DescribeAccountLimitsResponse {
  const question = ['DescribeAccountLimits'];
  const { items, nextMarker } = markedPage(QUOTAS, ({ name }) => name, question, request);
  return { limits: items.map(({ name, max }) => ({ name, max: String(max) })), nextMarker };
}
