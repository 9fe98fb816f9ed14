import { ulid } from 'ulid';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { startFerretDb } from '../../../../test/support/ferretdb.ts';
import { after, before } from 'node:test';
import { storeContract } from './contract.ts';

let server: Awaited<ReturnType<typeof startFerretDb>> | undefined;
before(async () => {
  server = await startFerretDb();
});
after(() => server?.stop());

storeContract('MongoDB (FerretDB)', async () => {
  const place = {
    url: server?.url ?? '',
    database: `lab_${ulid().toLowerCase()}`,
    collection: 'experiments',
  };
  return {
    open: () => openMongoStore(place),
    [Symbol.asyncDispose]: () => server?.drop(place.database) ?? Promise.resolve(),
  };
});
