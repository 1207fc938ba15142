-- Tables that outputs are written to, in the database of the engine, whose rows come from the outputs' tables. An order is {"step",
-- "steps", "node", "schema", "table", "mode", "database", "columns", "keys", "null_keys", "time", "create_table", "recreate",
-- "rows_from", "statements", "content", "rows", "held"}.

-- Whether every value of the type `here` is one of a column of the type `there`, or is refused: nothing is rounded or cut off.
CREATE FUNCTION seeknal.holds(there text, here text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN there = here THEN true
    WHEN here ~ '^(text|character varying(\(\d+\))?)$' THEN there ~ '^(text|character varying(\(\d+\))?)$'
    WHEN here = 'text[]' THEN there = 'character varying[]'
    WHEN here IN ('json', 'jsonb') THEN there IN ('json', 'jsonb')
    WHEN here = 'real' THEN there = 'double precision'
    WHEN here IN ('smallint', 'integer', 'bigint') THEN there ~ '^numeric(\(\d+,\d+\))?$'
      OR coalesce(array_position(ARRAY['smallint', 'integer', 'bigint'], there) > array_position(ARRAY['smallint', 'integer', 'bigint'], here), false)
    WHEN here ~ '^numeric\(\d+,\d+\)$' THEN there = 'numeric'
      OR coalesce(substring(there FROM '^numeric\(\d+,(\d+)\)$')::integer >= substring(here FROM ',(\d+)\)$')::integer, false)
    ELSE false END
$$;

-- A type as format_type() spells it; of a domain what it is a domain of.
CREATE FUNCTION seeknal.base_type(of_type oid, modifier integer) RETURNS text
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE b AS (
    SELECT of_type AS type, modifier AS modifier
    UNION ALL
    SELECT t.typbasetype, CASE WHEN t.typtypmod = -1 THEN b.modifier ELSE t.typtypmod END
    FROM b JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd'
  )
  SELECT format_type(b.type, b.modifier) FROM b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd'
$$;

-- The table of an order; NULL: there is none. What is something else is refused.
CREATE FUNCTION seeknal.target_table(ord jsonb) RETURNS oid
LANGUAGE plpgsql STABLE AS $$
DECLARE
  found oid;
  kind "char";
BEGIN
  SELECT c.oid, c.relkind INTO found, kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ord->>'schema' AND c.relname = ord->>'table';
  IF found IS NOT NULL AND kind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION '%.% is %, not a table', ord->>'schema', ord->>'table',
      CASE kind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' ELSE 'something else' END
      USING ERRCODE = 'SK004';
  END IF;
  RETURN found;
END $$;

-- What the table lacks of the output's columns: {"missing": […], "recreate": true}. Other differences are refused.
CREATE FUNCTION seeknal.fit_of(ord jsonb, relation oid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
  title text := (ord->>'schema') || '.' || (ord->>'table');
  differences text;
  missing jsonb;
  along text;
BEGIN
  IF relation IS NULL THEN
    IF (ord->>'create_table')::boolean THEN RETURN '{"missing": [], "recreate": false}'; END IF;
    RAISE EXCEPTION 'there is no table %', title
      USING ERRCODE = 'SK004', HINT = 'Make it, or leave out ''create_table: false''.';
  END IF;
  WITH own AS (
    SELECT c.value->>'name' AS name, c.value->>'type' AS type, c.ordinality AS place
    FROM jsonb_array_elements(ord->'columns') WITH ORDINALITY c
  ), present AS (
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      seeknal.base_type(a.atttypid, a.atttypmod) AS base, a.atthasdef OR a.attidentity <> '' AS fills, a.attnum AS place
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
  ), found AS (
    SELECT 1 AS kind, o.place, format('%s is %s there and %s here', o.name, p.type, o.type) AS said
    FROM own o JOIN present p ON p.name = o.name WHERE NOT seeknal.holds(p.base, o.type)
    UNION ALL
    SELECT 2, p.place, format('%s %s is there and no longer here', p.name, p.type)
    FROM present p WHERE NOT p.fills AND NOT EXISTS (SELECT FROM own o WHERE o.name = p.name)
  )
  SELECT (SELECT string_agg(said, '; ' ORDER BY kind, place) FROM found),
    (SELECT coalesce(jsonb_agg(o.name ORDER BY o.place), '[]') FROM own o WHERE NOT EXISTS (SELECT FROM present p WHERE p.name = o.name))
  INTO differences, missing;
  IF differences IS NULL THEN
    SELECT string_agg(conname || ' of ' || conrelid::regclass::text, ', ' ORDER BY 1) INTO along FROM pg_constraint
    WHERE contype = 'f' AND confrelid = relation AND confdeltype IN ('c', 'n', 'd', 'r');
    IF along IS NOT NULL AND ord->>'mode' IN ('overwrite', 'incremental_by_time') THEN
      RAISE EXCEPTION 'replacing rows of % would delete or change rows of other tables: %', title, along
        USING ERRCODE = 'SK004', HINT = 'Use mode ''upsert_by_key'', which deletes nothing, or a foreign key with ON DELETE NO ACTION.';
    END IF;
    RETURN jsonb_build_object('missing', missing, 'recreate', false);
  END IF;
  IF (ord->>'recreate')::boolean THEN RETURN '{"missing": [], "recreate": true}'; END IF;
  RAISE EXCEPTION 'the columns of % are others: %', title, differences USING ERRCODE = 'SK004',
    HINT = 'Change the table by hand, or the query so that it gives these columns with these types.'
      || CASE WHEN ord->>'mode' = 'overwrite' THEN ' Or let it be made anew: ''recreate: true''.' ELSE '' END;
END $$;

-- What would make a key or a range of time mean something else is refused, and an output of other types than the bundle says.
CREATE FUNCTION seeknal.require_rows(ord jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  keys text := (SELECT string_agg(quote_ident(k.value), ', ' ORDER BY k.ordinality) FROM jsonb_array_elements_text(ord->'keys') WITH ORDINALITY k);
  named text := (SELECT string_agg(quote_literal(k.value), ', ' ORDER BY k.ordinality) FROM jsonb_array_elements_text(ord->'keys') WITH ORDINALITY k);
  any_null text := (SELECT string_agg(quote_ident(k.value) || ' IS NULL', ' OR ') FROM jsonb_array_elements_text(ord->'keys') k);
  number bigint;
  differences text;
BEGIN
  SELECT string_agg(format('%s is %s and not %s', a.attname, format_type(a.atttypid, a.atttypmod), c.value->>'type'), '; ' ORDER BY a.attnum) INTO differences
  FROM jsonb_array_elements(ord->'columns') c JOIN pg_attribute a ON a.attrelid = (ord->>'rows_from')::regclass AND a.attname = c.value->>'name'
  WHERE NOT seeknal.holds(c.value->>'type', seeknal.base_type(a.atttypid, a.atttypmod));
  IF differences IS NOT NULL THEN
    RAISE EXCEPTION 'the output has other types than when it was compiled: %', differences
      USING ERRCODE = 'SK004', HINT = 'Compile again where the server can be asked.';
  END IF;
  IF keys IS NOT NULL THEN
    IF NOT (ord->>'null_keys')::boolean THEN
      EXECUTE format('SELECT count(*) FROM %s WHERE %s', ord->>'rows_from', any_null) INTO number;
      IF number > 0 THEN
        RAISE EXCEPTION '% % of the output with a NULL in the key %', number, CASE WHEN number = 1 THEN 'row' ELSE 'rows' END, named
          USING ERRCODE = 'SK004', HINT = 'Leave these rows out, or let NULL be a key like any other: ''null_keys: match''.';
      END IF;
    END IF;
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %s GROUP BY %s HAVING count(*) > 1) AS q', ord->>'rows_from', keys) INTO number;
    IF number > 0 THEN
      RAISE EXCEPTION '% % of the output % more than one row', CASE WHEN number = 1 THEN 'one key' ELSE number || ' keys' END, named,
        CASE WHEN number = 1 THEN 'has' ELSE 'have' END
        USING ERRCODE = 'SK004', HINT = 'Give one row a key, for example with row_number() OVER (PARTITION BY … ORDER BY …) = 1.';
    END IF;
  END IF;
  IF ord->>'time' IS NOT NULL THEN
    EXECUTE format('SELECT count(*) FROM %s WHERE %I IS NULL', ord->>'rows_from', ord->>'time') INTO number;
    IF number > 0 THEN
      RAISE EXCEPTION '% % of the output without a time: ''%'' is NULL', number, CASE WHEN number = 1 THEN 'row' ELSE 'rows' END, ord->>'time'
        USING ERRCODE = 'SK004', HINT = 'Leave them out: no range of time holds them.';
    END IF;
    EXECUTE format('SELECT count(*) FROM %s WHERE %I::text IN (''infinity'', ''-infinity'')', ord->>'rows_from', ord->>'time') INTO number;
    IF number > 0 THEN
      RAISE EXCEPTION '% % of the output with an infinite ''%''', number, CASE WHEN number = 1 THEN 'row' ELSE 'rows' END, ord->>'time'
        USING ERRCODE = 'SK004', HINT = 'Leave them out: a range that has no end would take rows away that the output does not have.';
    END IF;
  END IF;
END $$;

-- Where INSERT … ON CONFLICT comes to the same as an UPDATE and an INSERT of what is missing: the only unique index is one of the
-- keys, and nothing hears of a row before it is known to be there or not.
CREATE FUNCTION seeknal.is_keyed(relation oid, keys jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT c.relkind = 'r' AND NOT (c.relhasrules OR c.relhassubclass OR c.relispartition)
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    AND (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)) = 1
    AND EXISTS (
      SELECT FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
        AND ARRAY(SELECT k.value COLLATE "C" FROM jsonb_array_elements_text(keys) k ORDER BY 1)
          = ARRAY(SELECT a.attname::text COLLATE "C" FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) ORDER BY 1))
  FROM pg_class c WHERE c.oid = relation
$$;

-- Runs a statement that makes what is missing; false: another session has made it meanwhile.
CREATE FUNCTION seeknal.make_missing(statement text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN true;
EXCEPTION WHEN unique_violation OR duplicate_schema OR duplicate_table OR duplicate_column OR duplicate_object THEN
  RETURN false;
END $$;

-- The statements of an order that the table needs, in their order.
CREATE FUNCTION seeknal.run_target(of_project text, of_environment text, ord jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  relation oid := seeknal.target_table(ord);
  fit jsonb := seeknal.fit_of(ord, relation);
  item record;
  merged boolean := false;
BEGIN
  PERFORM seeknal.require_rows(ord);
  FOR item IN
    SELECT s.value->>'role' AS role, s.value->>'sql' AS sql, s.value->>'column' AS of_column
    FROM jsonb_array_elements(ord->'statements') WITH ORDINALITY s ORDER BY s.ordinality
  LOOP
    CASE item.role
      WHEN 'wait', 'visible' THEN NULL;
      WHEN 'schema' THEN
        IF to_regnamespace(quote_ident(ord->>'schema')) IS NULL AND seeknal.make_missing(item.sql) THEN
          INSERT INTO seeknal.schemas (project, environment, name) VALUES (of_project, of_environment, ord->>'schema') ON CONFLICT DO NOTHING;
        END IF;
      WHEN 'drop' THEN
        IF (fit->>'recreate')::boolean THEN EXECUTE item.sql; relation := NULL; END IF;
      WHEN 'table' THEN
        IF relation IS NULL THEN PERFORM seeknal.make_missing(item.sql); END IF;
      WHEN 'column' THEN
        IF fit->'missing' ? item.of_column THEN PERFORM seeknal.make_missing(item.sql); END IF;
      WHEN 'lock' THEN
        EXECUTE item.sql;
        -- What others may have made or changed until now.
        relation := seeknal.target_table(ord);
        IF seeknal.fit_of(ord, relation) <> '{"missing": [], "recreate": false}'::jsonb THEN
          RAISE EXCEPTION '%.% was changed meanwhile', ord->>'schema', ord->>'table' USING ERRCODE = '55P03';
        END IF;
      WHEN 'merge' THEN
        merged := seeknal.is_keyed(relation, ord->'keys');
        IF merged THEN EXECUTE item.sql; END IF;
      WHEN 'change' THEN
        IF NOT merged THEN EXECUTE item.sql; END IF;
      ELSE EXECUTE item.sql;
    END CASE;
  END LOOP;
END $$;

-- Writes an output to a table and records it. False: nothing was done, since the table holds these rows; `held` asks for that, and
-- what is appended is never added twice, unless the table is gone. A lock that was not given keeps its SQLSTATE; every other refusal is SK004.
CREATE FUNCTION seeknal.write_target(of_project text, of_environment text, of_run text, ord jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET row_security = off AS $$
DECLARE
  title text := (ord->>'schema') || '.' || (ord->>'table');
  known seeknal.targets;
  is_same boolean;
  was_there boolean;
  state text;
  message text;
  more text;
  advice text;
BEGIN
  IF ord->>'database' <> current_database() THEN
    RAISE EXCEPTION 'the table % is in the database %, and the engine in %', title, ord->>'database', current_database() USING ERRCODE = 'SK004';
  END IF;
  SELECT t.* INTO known FROM seeknal.targets t
  WHERE t.project = of_project AND t.environment = of_environment AND ord->'steps' ? t.step ORDER BY t.step <> ord->>'step' LIMIT 1 FOR UPDATE;
  is_same := coalesce(known.schema_name = ord->>'schema' AND known.table_name = ord->>'table', false);
  IF is_same AND known.content = ord->>'content' AND (ord->>'mode' = 'append' OR (ord->>'held')::boolean)
    AND to_regclass(format('%I.%I', ord->>'schema', ord->>'table')) IS NOT NULL THEN
    RETURN false;
  END IF;
  BEGIN
    was_there := seeknal.target_table(ord) IS NOT NULL;
    PERFORM seeknal.run_target(of_project, of_environment, ord);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL, advice = PG_EXCEPTION_HINT;
    RAISE EXCEPTION '%', CASE WHEN message LIKE '%' || title || '%' THEN message ELSE title || ': ' || message END
      USING ERRCODE = CASE WHEN state IN ('55P03', '40P01') THEN state ELSE 'SK004' END, DETAIL = more, HINT = advice;
  END;
  INSERT INTO seeknal.targets (project, environment, step, node, schema_name, table_name, mode, content, created, rows, run_id, written_at)
  VALUES (of_project, of_environment, ord->>'step', ord->>'node', ord->>'schema', ord->>'table', ord->>'mode', ord->>'content',
    NOT was_there OR (is_same AND known.created), (ord->>'rows')::bigint, of_run, seeknal.utc_now())
  ON CONFLICT (project, environment, step) DO UPDATE SET node = excluded.node, schema_name = excluded.schema_name,
    table_name = excluded.table_name, mode = excluded.mode, content = excluded.content, created = excluded.created, rows = excluded.rows,
    run_id = excluded.run_id, written_at = excluded.written_at;
  RETURN true;
END $$;
