import type { DatabaseSync } from 'node:sqlite';
import type { CampaignWrite, Outcome } from '../store.ts';

export function createCampaignTable(database: DatabaseSync) {
  const select = database.prepare('SELECT version FROM campaign WHERE id = ?');
  const upsert = database.prepare(
    `INSERT INTO campaign (id, version, document) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET version = excluded.version, document = excluded.document`,
  );

  return {
    put({ id, document }: CampaignWrite): Outcome {
      const version = Number(select.get(id)?.['version'] ?? 0) + 1;
      const text = JSON.stringify({ ...document, version });
      upsert.run(id, version, text);
      return { kind: 'done', text };
    },
  };
}
