import assert from 'node:assert/strict';

import type { ImageAnswer } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { eventually, type FakeAgent, type Replica, TestCluster } from '../testing/cluster.ts';

const HOST = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const OWNER = `ecs-svc/${'1'.repeat(19)}`;
const ROLLBACK = `ecs-svc/${'2'.repeat(19)}`;
const REVISION = '1'.repeat(19);
const IMAGE = 'registry:5000/web:v1';
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

describe('image pins', () => {
  let cluster: TestCluster;
  let replica: Replica;

  beforeEach(async () => {
    cluster = new TestCluster();
    replica = await cluster.replica();
    await cluster.put(collections.taskDefinitions, ['web', '1'], {
      family: 'web',
      revision: 1,
      containerDefinitions: [{ name: 'web', image: IMAGE }],
    });
  });
  afterEach(() => cluster.close());

  const createTask = (letter: string, hostId = HOST, more: object = {}): Promise<unknown> =>
    cluster.put(collections.tasks, ['default', letter.repeat(32)], {
      id: letter.repeat(32),
      cluster: 'default',
      service: 'web',
      owner: OWNER,
      hostId,
      taskDefinition: 'web:1',
      desiredStatus: 'RUNNING',
      ...more,
    });
  const kept = () => replica.cache.get(collections.imagePins, 'default', REVISION)?.value.pins;

  async function ask(
    agent: FakeAgent,
    letter: string,
    found?: object,
    image = IMAGE,
  ): Promise<ImageAnswer> {
    const answers = () => agent.received.flatMap((order) => order.imageAnswer ?? []);
    const before = answers().length;
    agent.out.offer({ imageQuestion: { taskId: letter.repeat(32), image, found } });
    return await eventually('an answer', () => answers()[before]);
  }

  it('keeps the first finding, for all hosts, and tells it with later tasks', async () => {
    await createTask('1');
    await createTask('2', OTHER);
    const [one, two] = [await cluster.agent(replica, HOST), await cluster.agent(replica, OTHER)];
    await eventually('welcomes', () => one.welcome && two.welcome);
    assert.equal((await ask(one, '1')).answer, 'find');
    assert.equal((await ask(two, '2')).answer, 'find');
    const first = await ask(one, '1', { digest: digest('a') });
    assert.deepEqual([first.answer, first.pin?.digest], ['pinned', digest('a')]);
    const second = await ask(two, '2', { digest: digest('b') });
    assert.deepEqual([second.answer, second.pin?.digest], ['pinned', digest('a')]);
    assert.deepEqual(
      kept()?.map((pin) => [pin.image, pin.digest, pin.hostId]),
      [[IMAGE, digest('a'), HOST]],
    );
    await createTask('3', OTHER);
    const told = await eventually('the task', () =>
      two.received
        .flatMap(({ changes }) => changes?.tasks ?? [])
        .find(({ task }) => task?.id[0] === '3'),
    );
    assert.equal(told.imagePins[0]?.digest, digest('a'));
  });

  it('pins once though two hosts find something at the same time', async () => {
    await createTask('1');
    await createTask('2', OTHER);
    const agents = [await cluster.agent(replica, HOST), await cluster.agent(replica, OTHER)];
    await eventually('welcomes', () => agents.every(({ welcome }) => welcome));
    const answers = await Promise.all([
      ask(agents[0]!, '1', { digest: digest('a') }),
      ask(agents[1]!, '2', { digest: digest('b') }),
    ]);
    assert.equal(new Set(answers.map(({ pin }) => pin?.digest)).size, 1);
    assert.equal(kept()?.length, 1);
  });

  it('keeps that there is no digest, and why', async () => {
    await createTask('1');
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    const { answer, pin } = await ask(agent, '1', { reason: 'no such host' });
    assert.deepEqual([answer, pin?.digest, pin?.reason], ['pinned', undefined, 'no such host']);
    assert.equal((await ask(agent, '1', { digest: digest('a') })).pin?.digest, undefined);
  });

  it('shows it with the service revision', async () => {
    await cluster.put(collections.services, ['default', 'web'], {
      cluster: 'default',
      name: 'web',
      status: 'ACTIVE',
      taskDefinition: 'web:1',
      deploymentId: OWNER,
    });
    await createTask('1');
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    const ecs = await cluster.client('Ecs', replica);
    const shown = async (): Promise<unknown> => {
      const { services } = await ecs.DescribeServices({ services: ['web'] });
      const arn = services[0]?.currentServiceRevisions[0]?.arn ?? '';
      const { serviceRevisions } = await ecs.DescribeServiceRevisions({
        serviceRevisionArns: [arn],
      });
      return serviceRevisions[0]?.containerImages;
    };
    const container = { containerName: 'web', image: IMAGE };
    assert.deepEqual(await shown(), [container]);
    await ask(agent, '1', { digest: digest('a') });
    assert.deepEqual(await shown(), [{ ...container, imageDigest: digest('a') }]);
  });

  it('gives a rollback what the revision has that it goes back to', async () => {
    await cluster.put(collections.deployments, ['default', 'web'], {
      cluster: 'default',
      service: 'web',
      deployments: [
        { id: ROLLBACK, status: 'PRIMARY', taskDefinition: 'web:1', serviceRevision: REVISION },
      ],
    });
    await createTask('1');
    await createTask('2', HOST, { owner: ROLLBACK });
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    await ask(agent, '1', { digest: digest('a') });
    assert.equal((await ask(agent, '2')).pin?.digest, digest('a'));
  });

  it('believes nobody about tasks of others, other images, or what is no digest', async () => {
    await createTask('1');
    await createTask('2', OTHER);
    await createTask('3', HOST, { service: undefined, owner: 'run/1' });
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    assert.equal((await ask(agent, '2', { digest: digest('a') })).answer, 'later');
    assert.equal((await ask(agent, '9', { digest: digest('a') })).answer, 'later');
    assert.equal((await ask(agent, '1', { digest: 'latest' })).answer, 'find');
    const other = await ask(agent, '1', { digest: digest('a') }, 'evil:1');
    assert.deepEqual([other.answer, other.pin?.digest], ['pinned', undefined]);
    const alone = await ask(agent, '3', { digest: digest('a') });
    assert.deepEqual([alone.answer, alone.pin?.digest], ['pinned', undefined]);
    assert.equal(kept(), undefined);
  });
});
