-- Texts, digests and names as FORMAT.md describes them, in SQL: what a run that psql executes leaves is what any run leaves.

-- FORMAT.md: canonical text. Keys in an order of their bytes.
CREATE FUNCTION seeknal.canonical_json(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE jsonb_typeof(value)
    WHEN 'object' THEN '{' || coalesce((SELECT string_agg(to_json(m.key)::text || ':' || seeknal.canonical_json(m.value), ',' ORDER BY m.key COLLATE "C")
      FROM jsonb_each(value) m), '') || '}'
    WHEN 'array' THEN '[' || coalesce((SELECT string_agg(seeknal.canonical_json(i.value), ',' ORDER BY i.ordinality)
      FROM jsonb_array_elements(value) WITH ORDINALITY i), '') || ']'
    ELSE value::text END;
END $$;

-- The same for people: two spaces of indent, a short list of scalars on one line. `line`: a new line and the indent of the value.
CREATE FUNCTION seeknal.pretty_json(value jsonb, line text DEFAULT E'\n') RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE short text;
BEGIN
  IF jsonb_typeof(value) = 'object' AND value <> '{}' THEN
    RETURN '{' || (SELECT string_agg(line || '  ' || to_json(m.key)::text || ': ' || seeknal.pretty_json(m.value, line || '  '), ',' ORDER BY m.key COLLATE "C")
      FROM jsonb_each(value) m) || line || '}';
  END IF;
  IF jsonb_typeof(value) = 'array' AND value <> '[]' THEN
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(value) i WHERE jsonb_typeof(i.value) IN ('object', 'array')) THEN
      short := seeknal.canonical_json(value);
      -- In UTF-16: a character of four bytes counts twice.
      IF length(short) + (SELECT count(*) FROM regexp_split_to_table(short, '') c WHERE octet_length(convert_to(c, 'UTF8')) = 4) <= 80 THEN
        RETURN replace(short, '","', '", "');
      END IF;
    END IF;
    RETURN '[' || (SELECT string_agg(line || '  ' || seeknal.pretty_json(i.value, line || '  '), ',' ORDER BY i.ordinality)
      FROM jsonb_array_elements(value) WITH ORDINALITY i) || line || ']';
  END IF;
  RETURN value::text;
END $$;

CREATE FUNCTION seeknal.document(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT seeknal.pretty_json(value) || E'\n' $$;

CREATE FUNCTION seeknal.sha256_of(content text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT encode(sha256(convert_to(content, 'UTF8')), 'hex') $$;

CREATE FUNCTION seeknal.fingerprint_of(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT seeknal.sha256_of(seeknal.canonical_json(value)) $$;

-- Modulo 2^128, in hexadecimal.
CREATE FUNCTION seeknal.hex_of(sum numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  rest numeric := mod(mod(sum, 2::numeric ^ 128) + 2::numeric ^ 128, 2::numeric ^ 128);
  digits text := '';
BEGIN
  FOR i IN 1..4 LOOP
    digits := lpad(to_hex(mod(rest, 4294967296)::bigint), 8, '0') || digits;
    rest := div(rest, 4294967296);
  END LOOP;
  RETURN coalesce(nullif(ltrim(digits, '0'), ''), '0');
END $$;

-- `rows:sum of their hashes`. `tuple`: an expression over q, which is `relation` as it stands behind FROM.
CREATE FUNCTION seeknal.row_digest(relation text, tuple text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
  EXECUTE format('SELECT count(*) AS rows, coalesce(sum(hashtextextended((%s)::text, 0)::numeric), 0) AS sum FROM %s AS q', tuple, relation) INTO found;
  RETURN found.rows || ':' || seeknal.hex_of(found.sum);
END $$;

-- Names of outputs: FORMAT.md, "Outputs in a database".
CREATE FUNCTION seeknal.table_of(node text, version text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT left(lower(node), 45) || '__' || left(version, 16) $$;
CREATE FUNCTION seeknal.view_of(node text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT lower(substr(node, strpos(node, '.') + 1)) $$;
CREATE FUNCTION seeknal.schema_of(node text, schema_name text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE split_part(node, '.', 1) WHEN 'transform' THEN schema_name ELSE schema_name || '_' || split_part(node, '.', 1) END $$;
CREATE FUNCTION seeknal.next_schema_of(node text, of_project text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT 'seeknal_next_' || left(seeknal.sha256_of(of_project), 8) || '_' || split_part(node, '.', 1) $$;

CREATE FUNCTION seeknal.columns_fingerprint(columns jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT seeknal.fingerprint_of(coalesce((SELECT jsonb_agg(jsonb_build_array(c.value->'name', c.value->'type') ORDER BY c.ordinality)
    FROM jsonb_array_elements(columns) WITH ORDINALITY c), '[]'))
$$;

CREATE FUNCTION seeknal.types_of(columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.value->'name', 'type', c.value->'type') ORDER BY c.ordinality), '[]')
  FROM jsonb_array_elements(columns) WITH ORDINALITY c
$$;

-- The type of DuckDB that holds every value of a type, as format_type() spells it: FORMAT.md, "Sources in databases".
CREATE FUNCTION seeknal.output_type(type text, dimensions integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  plain jsonb := '{"bigint": "BIGINT", "boolean": "BOOLEAN", "bytea": "BLOB", "date": "DATE", "double precision": "DOUBLE", "integer": "INTEGER", "json": "JSON",
    "jsonb": "JSON", "oid": "BIGINT", "real": "FLOAT", "smallint": "SMALLINT", "time without time zone": "TIME", "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "timestamp without time zone": "TIMESTAMP", "uuid": "UUID"}';
  digits integer[] := regexp_match(type, '^numeric\((\d+),(-?\d+)\)$')::integer[];
  most integer;
BEGIN
  IF type LIKE '%[]' THEN
    RETURN replace(seeknal.output_type(left(type, -2), 1), 'BLOB', 'VARCHAR') || repeat('[]', greatest(1, dimensions));
  END IF;
  IF digits IS NOT NULL THEN
    -- A scale below zero rounds to tens, one above the precision is all behind the point.
    most := CASE WHEN digits[2] < 0 THEN digits[1] - digits[2] ELSE greatest(digits[1], digits[2]) END;
    RETURN CASE WHEN most > 38 THEN 'VARCHAR' ELSE format('DECIMAL(%s,%s)', most, greatest(0, digits[2])) END;
  END IF;
  RETURN coalesce(plain->>regexp_replace(type, '^(time|timestamp)\(\d\)', '\1'), 'VARCHAR');
END $$;

-- Names and types of the columns of a table.
CREATE FUNCTION seeknal.columns_of(relation regclass) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', seeknal.output_type(format_type(a.atttypid, a.atttypmod), a.attndims)) ORDER BY a.attnum), '[]')
  FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- Whether only the rows of a node tell its readers that they are others.
CREATE FUNCTION seeknal.rows_decide(node jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT node ? 'source_table' OR node ? 'volatile' OR node->'parameters' ?| ARRAY['run_id', 'run_timestamp']
    OR (node#>>'{reproducibility,clock}')::boolean OR node#>'{reproducibility,volatile}' <> '[]' OR node#>'{reproducibility,order_dependent}' <> '[]'
$$;

-- What says that readers find a table in place of a view.
CREATE FUNCTION seeknal.as_table(node jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN node->>'publish' = 'table' THEN '{"table": true}'::jsonb ELSE '{}' END $$;

-- Whether an output is nothing but a view over what a source names: its rows are not kept.
CREATE FUNCTION seeknal.is_only_view(node jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT node ? 'source_table' AND NOT node->'source_table' ? 'kept' $$;

-- Outputs of a generation or an environment: id → {"node": of the manifest, "state": of run_state.json}.
CREATE FUNCTION seeknal.entries_of(manifest jsonb, state jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_object_agg(n.value->>'id', jsonb_build_object('node', n.value, 'state', state->'nodes'->(n.value->>'id'))), '{}')
  FROM jsonb_array_elements(manifest->'nodes') n WHERE state->'nodes' ? (n.value->>'id')
$$;

-- The step of the bundle that makes or checks a node; NULL: there is none.
CREATE FUNCTION seeknal.step_of(bundle jsonb, of_node text, of_kind text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT s.value FROM jsonb_array_elements(bundle->'steps') s WHERE s.value->>'node' = of_node AND s.value->>'kind' = of_kind
$$;

-- Whether results belong to the checks of a node, on an output.
CREATE FUNCTION seeknal.are_of(checks jsonb, node jsonb, snapshot jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(checks->>'fingerprint' = node->>'checks_fingerprint' AND checks->>'digest' = snapshot->>'digest', false)
$$;
