import assert from 'node:assert/strict';

import { byDigest, isDigest, parseImageName } from './image-name.ts';

const DIGEST = `sha256:${'0af'.repeat(21)}1`;

describe('image names', () => {
  const cases: readonly [
    image: string,
    repository: string,
    tag?: string | undefined,
    digest?: string,
  ][] = [
    ['nginx', 'nginx'],
    ['nginx:1.27', 'nginx', '1.27'],
    ['registry:5000/team/web', 'registry:5000/team/web'],
    ['registry:5000/team/web:v2', 'registry:5000/team/web', 'v2'],
    [`registry:5000/web@${DIGEST}`, 'registry:5000/web', undefined, DIGEST],
    [`web:v2@${DIGEST}`, 'web', 'v2', DIGEST],
  ];
  for (const [image, repository, tag, digest] of cases) {
    it(`reads ${image}`, () => {
      assert.deepEqual(parseImageName(image), { repository, tag, digest });
    });
  }

  it('names an image by a digest, whatever its tag', () => {
    assert.equal(byDigest('registry:5000/web:v2', DIGEST), `registry:5000/web@${DIGEST}`);
    assert.equal(byDigest('registry:5000/web', DIGEST), `registry:5000/web@${DIGEST}`);
  });

  it('tells a digest from other words', () => {
    assert.ok(isDigest(DIGEST));
    for (const text of ['', 'sha256:', DIGEST.slice(1), `${DIGEST}0`, DIGEST.toUpperCase()]) {
      assert.ok(!isDigest(text), text);
    }
  });
});
