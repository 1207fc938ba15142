// Projects that PostgreSQL executes, for tests in which a client or the server is gone in the middle.

import { does } from './cli.ts'
import { type EngineProject, engineProject, ORDERS, SHOP, TABLES, transform } from './engine-project.ts'
import { until } from './until.ts'

const SMALL = {
  'seeknal/orders.yml': ORDERS,
  'seeknal/daily.yml': daily('sum(amount) AS revenue'),
}

function daily(columns: string): string {
  return transform('daily', ['source.orders'], `SELECT day, ${columns} FROM ref('source.orders') GROUP BY day`)
}

/** Production with grants, comments and things that depend on its views; and an edit that gives a view other columns. */
export async function edited(): Promise<EngineProject> {
  const project = await engineProject(SMALL, TABLES)
  await does(project.folder, ['run'])
  const reader = `${project.database.database}_reader`
  await project.database.superuser(`CREATE ROLE ${reader}`)
  await project.database.sql(`GRANT SELECT ON analytics.daily TO ${reader};
    GRANT SELECT (day) ON analytics.daily TO PUBLIC;
    COMMENT ON VIEW analytics.daily IS 'by day';
    COMMENT ON COLUMN analytics.daily.day IS 'the day';
    CREATE VIEW shop.days WITH (security_barrier) AS SELECT day FROM analytics.daily;
    GRANT SELECT ON shop.days TO ${reader} WITH GRANT OPTION;
    CREATE MATERIALIZED VIEW shop.kept AS SELECT day FROM shop.days;
    CREATE UNIQUE INDEX kept_day ON shop.kept (day);
    COMMENT ON MATERIALIZED VIEW shop.kept IS 'kept';
    CREATE FUNCTION shop.first_day() RETURNS date LANGUAGE sql BEGIN ATOMIC SELECT min(day) FROM analytics.daily; END`)
  project.write('seeknal/daily.yml', daily('max(amount) AS most, count(*) AS n'))
  return project
}

/** After an environment was planned: applied, promoted and taken back, killed on the way. */
export const STEPS = [
  ['env', 'apply', 'dev'],
  ['promote', 'dev'],
  ['rollback', '--to', '1', '--yes'],
] as const

export const SLOW = {
  ...SHOP,
  'seeknal/slow.yml': transform(
    'slow',
    ['transform.daily'],
    "SELECT d.day FROM ref('transform.daily') d, pg_sleep(120)",
  ),
}

/** Waits until the sessions of a command that is gone are gone, and have given back what they held. */
export async function alone({ database }: EngineProject): Promise<void> {
  const others =
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
  await until(async () => (await database.sql(others)).length === 0)
}

export const running = (project: EngineProject) =>
  project.database.sql(
    "SELECT query FROM pg_stat_activity WHERE state = 'active' AND query LIKE '/* seeknal%pg_sleep(120)%' AND pid <> pg_backend_pid()",
  )
