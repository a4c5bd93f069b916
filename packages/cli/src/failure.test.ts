import assert from 'node:assert/strict';

import { BerthError, type ErrorCode } from '@berth/model/errors.ts';

import { CommandError, exitCodes, failureOf } from './failure.ts';
import { UsageError } from './table/parse.mjs';

describe('how a failed command ends', () => {
  interface Case {
    readonly code: ErrorCode;
    readonly message: string;
    readonly exit: number;
    readonly next?: string;
  }
  const cases: readonly Case[] = [
    {
      code: 'ServiceNotFoundException',
      message: 'Service not found.',
      exit: 3,
      next: 'berth service list',
    },
    {
      code: 'ClusterNotFoundException',
      message: 'Cluster not found.',
      exit: 3,
      next: 'berth cluster list',
    },
    {
      code: 'TargetGroupNotFound',
      message: 'One or more target groups not found',
      exit: 3,
      next: 'berth target-group list',
    },
    {
      code: 'ClientException',
      message: 'Unable to describe task definition.',
      exit: 3,
      next: 'berth task-definition list',
    },
    {
      code: 'InvalidParameterException',
      message: 'The referenced task was not found.',
      exit: 3,
      next: 'berth task list',
    },
    { code: 'InvalidParameterException', message: 'count must be 1 to 10', exit: 4 },
    { code: 'PriorityInUse', message: 'Priority 10 is in use', exit: 4, next: 'berth rule list' },
    { code: 'AccessDeniedException', message: 'no', exit: 4 },
    { code: 'Unavailable', message: "can't reach 127.0.0.1:7400", exit: 6 },
    {
      code: 'DeadlineExceeded',
      message: 'too late',
      exit: 6,
      next: 'berth status, then try again',
    },
    { code: 'Internal', message: 'a bug', exit: 1 },
  ];
  for (const { code, message, exit, next } of cases) {
    it(`${code} "${message}" ends with ${exit}`, () => {
      const failure = failureOf(new BerthError(code, message), 'service show');
      assert.equal(failure.exitCode, exit);
      assert.equal(failure.lines[0], `berth service show: ${message} (${code})`);
      assert.equal(failure.lines[1], next && `Next: ${next}`);
    });
  }

  it('a mistake in the command line ends with 2', () => {
    const failure = failureOf(
      new UsageError('Missing COUNT.', 'berth service scale --help'),
      'service scale',
    );
    assert.deepEqual(failure, {
      exitCode: 2,
      lines: ['berth: Missing COUNT.', 'Next: berth service scale --help'],
    });
  });

  it('what a command found itself has its own code, its cause and what to do next', () => {
    const error = new CommandError(exitCodes.notDeployed, 'not placed', {
      cause: new Error('no host'),
      next: 'berth host list',
    });
    assert.deepEqual(failureOf(error, 'task run'), {
      exitCode: 5,
      lines: ['berth task run: not placed: no host', 'Next: berth host list'],
    });
  });

  it('a bug shows where it is', () => {
    const failure = failureOf(new TypeError('x is not a function'), 'status');
    assert.equal(failure.exitCode, 1);
    assert.match(failure.lines.join('\n'), /failure\.test\.ts/);
  });
});
