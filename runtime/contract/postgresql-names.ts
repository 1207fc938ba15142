// How PostgreSQL spells names and literals. A name that needs no quotes gets none, so that SQL reads as a person would
// write it. Both sides spell the steps that write targets. Pure.

/** Words that are not free to name something: `pg_get_keywords()` but for category U; compared with a server by a test. */
export const RESERVED: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
character check coalesce collate collation column concurrently constraint create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do
else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike
in initially inner inout int integer intersect interval into is isnull join json json_array json_arrayagg json_exists
json_object json_objectagg json_query json_scalar json_serialize json_table json_value lateral leading least left like
limit localtime localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset
on only or order out outer overlaps overlay placing position precision primary real references returning right row select
session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp to
trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes
xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`.split(/\s+/),
)

/** Bytes of UTF-8 that PostgreSQL keeps of an identifier; what is longer it would cut off. */
export const LONGEST_IDENTIFIER = 63

const PLAIN = /^[a-z_][a-z0-9_]*$/

/** An identifier, in quotes where letter case, other characters or a keyword ask for them. */
export const pgName = (name: string): string =>
  PLAIN.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`

/**
 * A schema with the prefix of an environment. Whether it needs quotes is decided without the prefix, so that taking that
 * away gives production's text.
 */
export const pgPrefixed = (schema: string, prefix: string): string => {
  const plain = pgName(schema)
  return plain.startsWith('"') ? `"${prefix}${plain.slice(1)}` : `${prefix}${plain}`
}

/** A text literal; the sessions have standard_conforming_strings on. */
export const pgText = (text: string): string => `'${text.replaceAll("'", "''")}'`
