// The faults of the short form, in `npm test`: one small lab for all of them, each fault once, and no bound but those that
// Berth promises; `npm run test:chaos` has all of them in full. In the same lab, with nothing broken, each strategy of deployments.
import { faults } from './faults/all.ts';
import { Ground } from './ground.ts';
import { REDUCED, REDUCED_REQUESTS_PER_SECOND } from './sizes.ts';
import { strategies } from './strategies/all.ts';
import { type Stand, openStand } from './strategies/stand.ts';

/** Machines that build and test are slow at times; the full run holds to the promises as they are. */
const LENIENCY = 4;

describe('a cluster of many hosts under load', () => {
  let ground: Ground;
  let broken = false;

  before(async function () {
    this.timeout(150_000);
    ground = await Ground.open({ ...REDUCED, name: 'chaostst' }, REDUCED_REQUESTS_PER_SECOND);
  });

  beforeEach(async function () {
    this.timeout(150_000);
    if (broken) await ground.restore();
    broken = false;
  });

  afterEach(function () {
    broken = this.currentTest?.state === 'failed';
  });

  after(async function () {
    this.timeout(60_000);
    const problems = await ground.close();
    if (problems.length > 0) throw new Error(`the lab left behind: ${problems.join('; ')}`);
  });

  for (const { name, title, reduced, run } of faults) {
    if (!reduced) continue;
    it(`${name}: ${title}`, async function () {
      this.timeout(240_000);
      await run(ground, { rounds: 1, full: false, leniency: LENIENCY });
    });
  }

  describe('with nothing broken', () => {
    let stand: Stand;

    before(async function () {
      this.timeout(120_000);
      stand = await openStand(ground);
    });

    after(() => (stand as Stand | undefined)?.close());

    for (const { title, run } of strategies) {
      it(title, async function () {
        this.timeout(150_000);
        await run(stand);
      });
    }

    it('no request was lost meanwhile, and the certificates say so', async function () {
      this.timeout(90_000);
      await stand.finish();
    });
  });
});
