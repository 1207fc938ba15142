// Sessions of the tests themselves on the test server. The last one in a database is kept for the next question, since to connect
// and to learn the catalogues costs ten times what the question does. What leaves something in a session, and what is asked as
// another role, has one of its own.

import pg from 'pg'

export interface Access {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

class Session extends pg.Client {
  /** Whether the process goes on for its sake; missing in the types of the package. */
  declare readonly ref: () => void
  declare readonly unref: () => void
}

/** Idle ones, by where they are; the one that was used last is the last. */
const kept = new Map<string, Session>()
const MOST_KEPT = 4

const LEAVES =
  /\b(?:BEGIN|START|SET|RESET|TEMP|TEMPORARY|LOCK|PREPARE|DECLARE|LISTEN|set_config|\w*advisory\w*|(?:next|curr|last)val)\b/i
const LOST: readonly unknown[] = ['57P01', '57P02', '57P03', 'ECONNRESET', 'EPIPE']

const keyOf = ({ port, database, user }: Access): string => `${user}@${port}/${database}`

/** Rows of the last statement of `sql`. */
export async function asked(
  access: Access,
  sql: string,
  values?: readonly unknown[],
): Promise<Record<string, unknown>[]> {
  const ask = async (client: Session) => {
    const result = await client.query({ text: sql, ...(values === undefined ? {} : { values: [...values] }) })
    const last = Array.isArray(result) ? result.at(-1) : result
    return last.rows
  }
  return LEAVES.test(sql) ? alone(access, ask) : inSession(access, ask)
}

/** `body` in a session that it leaves as it found it. Again in a new one, when the one that was kept is gone. */
export async function inSession<T>(access: Access, body: (client: Session) => Promise<T>): Promise<T> {
  const key = keyOf(access)
  const known = kept.get(key)
  if (known !== undefined) {
    kept.delete(key)
    known.ref()
    try {
      return await keptAfter(key, known, body)
    } catch (error) {
      if (!isLost(error)) throw error
    }
  }
  return keptAfter(key, await connected(access), body)
}

async function keptAfter<T>(key: string, client: Session, body: (client: Session) => Promise<T>): Promise<T> {
  try {
    const result = await body(client)
    await keep(key, client)
    return result
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
}

async function keep(key: string, client: Session): Promise<void> {
  const other = kept.get(key)
  kept.set(key, client)
  client.unref()
  if (other !== undefined) await ended(other)
  const [oldest] = kept.keys()
  if (kept.size > MOST_KEPT && oldest !== undefined) await forget(oldest)
}

async function forget(key: string): Promise<void> {
  const client = kept.get(key)
  kept.delete(key)
  if (client !== undefined) await ended(client)
}

/** The process waits for it, as for whatever is awaited. */
async function ended(client: Session): Promise<void> {
  client.ref()
  await client.end().catch(() => {})
}

/** Ends all that are kept in a database, or everywhere. */
export async function forgetSessions(database?: string): Promise<void> {
  for (const key of [...kept.keys()]) if (database === undefined || key.endsWith(`/${database}`)) await forget(key)
}

/** `body` in a session of its own. */
export async function alone<T>(access: Access, body: (client: Session) => Promise<T>): Promise<T> {
  const client = await connected(access)
  try {
    return await body(client)
  } finally {
    await client.end().catch(() => {})
  }
}

async function connected(access: Access): Promise<Session> {
  const client = new Session({ ...access, ssl: false })
  const key = keyOf(access)
  const gone = () => {
    if (kept.get(key) === client) kept.delete(key)
  }
  client.on('error', gone)
  client.on('end', gone)
  await client.connect()
  return client
}

const isLost = (error: unknown): boolean =>
  error instanceof Error &&
  ((error instanceof Object && 'code' in error && LOST.includes(error.code)) ||
    /Connection terminated|not queryable|connection error/.test(error.message))
