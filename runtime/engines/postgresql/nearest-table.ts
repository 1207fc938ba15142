// A table that is not there → the one that may have been meant, spelled as SQL spells it: in other letter case, in another
// schema, or with a name that is near; tables before views, some of which are made by nodes.

import { nearest } from '../../contract/diagnostics.ts'
import type { Session } from './session.ts'

/** More are not looked through. */
const MOST_TABLES = 5000

const TABLES = `SELECT format('%I.%I', n.nspname, c.relname) AS path, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema$|seeknal)'
  AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY c.relkind = 'v', 1 LIMIT ${MOST_TABLES}`

/** `message`: the server's, which names what is missing. Undefined: nothing is near, or there is nobody to ask. */
export async function nearestTable(session: Session, message: string): Promise<string | undefined> {
  const missing = /relation "(.+)" does not exist/.exec(message)?.[1]
  if (missing === undefined) return undefined
  const rows = await session.rows('Asking', TABLES).catch(() => [])
  const paths = rows.map(({ path }) => path ?? '')
  const plain = (path: string): string => path.replaceAll('"', '').toLowerCase()
  const own = missing.slice(missing.lastIndexOf('.') + 1).toLowerCase()
  return (
    paths.find((path) => plain(path) === missing.toLowerCase()) ??
    rows.find(({ name }) => name?.toLowerCase() === own)?.path ??
    nearest(missing, paths)
  )
}
