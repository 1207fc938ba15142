// Settings of the project that change what DuckDB makes of a query, so that its translation, which takes the defaults for
// granted, would give other rows. The time zone is a setting of PostgreSQL's session too. Pure.

/** What a setting may be; one that is not here makes no difference to a translated query. */
const DEFAULTS: Readonly<Record<string, RegExp>> = {
  Calendar: /^gregorian$/i,
  default_collation: /^(binary)?$/i,
  default_null_order: /^(nulls_last|last)$/i,
  default_order: /^asc(ending)?$/i,
  ieee_floating_point_ops: /^(true|1)$/i,
  integer_division: /^(false|0)$/i,
  old_implicit_casting: /^(false|0)$/i,
  scalar_subquery_error_on_multiple_rows: /^(true|1)$/i,
}

/** Names of the settings under which nothing can be translated, in the order that they are given. */
export const settingsThatDiffer = (settings: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(settings).flatMap(([name, value]) => {
    const same = DEFAULTS[name]
    return same === undefined || same.test(value) ? [] : [name]
  })
