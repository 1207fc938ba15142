// How DuckDB spells names and texts, whatever they hold. The only place here that knows.

/** An identifier in quotes. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A text literal. DuckDB knows no escapes in it but the doubled quote. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
