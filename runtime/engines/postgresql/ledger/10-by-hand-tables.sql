-- Tables of others as apply.sql reads and writes them: sources, and targets that outputs are written to.

-- Stands for this database.
CREATE FUNCTION seeknal.place_of_run() RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT seeknal.fingerprint_of(jsonb_build_object('host', r.given->'host', 'port', (r.given->>'port')::bigint, 'database', r.given->'database')) FROM pg_temp.seeknal_run r);
END $$;

-- Of a source that need not be looked at before the next day: the state that it has. `place`: NULL: it is not known here.
CREATE FUNCTION seeknal.state_of_day(of_node text, place text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  own jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  own := run.own->of_node;
  IF run.nodes->of_node->>'volatile' = 'day' AND own#>>'{state,place}' = place AND NOT own->'state' ? 'proof'
    AND (seeknal.is_only_view(own->'node') OR to_regclass('seeknal_store.' || quote_ident(seeknal.table_of(of_node, own#>>'{state,snapshot,sha256}'))) IS NOT NULL)
    AND own#>>'{state,fingerprint}' = seeknal.made_from(run.nodes->of_node, '[]',
      seeknal.fingerprint_of(jsonb_build_object('rows', own#>'{state,snapshot,digest}')))->>'fingerprint' THEN
    RETURN own->'state' || '{"status": "cached"}';
  END IF;
  RETURN NULL;
END $$;

-- The rows of a source are known by their digest: it has them already, or they are kept. `relation`: the table of the store that
-- has them; '': it is read by a view.
CREATE FUNCTION seeknal.take_source(of_node text, snapshot jsonb, relation text, place text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  node jsonb;
  step jsonb;
  made jsonb;
  stored jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  node := run.nodes->of_node;
  step := seeknal.step_of(run.bundle, of_node, 'build');
  UPDATE pg_temp.seeknal_made m SET is_looked_at = true WHERE m.node = of_node;
  made := seeknal.made_from(node, '[]', seeknal.fingerprint_of(jsonb_build_object('rows', snapshot->'digest')));
  made := made || jsonb_build_object('proof', seeknal.proof_of(step->>'file', seeknal.step_facts(node)
    || CASE WHEN step ? 'extract' THEN jsonb_build_object('extract', seeknal.sha256_of(run.files->>(step#>>'{extract,file}')), 'connection', step#>'{extract,connection}') ELSE '{}' END));
  stored := seeknal.stored_output(of_node, made->>'fingerprint', made->>'proof');
  IF stored IS NULL THEN
    PERFORM seeknal.keep_output(of_node, made, snapshot, relation, place);
  ELSE
    -- Where they are from is what is so now.
    UPDATE pg_temp.seeknal_made m SET state = stored - 'place' || CASE WHEN place IS NULL THEN '{}' ELSE jsonb_build_object('place', place) END WHERE m.node = of_node;
    PERFORM seeknal.show_stored(of_node, stored);
  END IF;
END $$;

-- A source that is a table of this database, by a query: its rows say whether it is what it was. It is read by a view. `types`:
-- the type of each column, without which it is another table.
CREATE FUNCTION seeknal.read_source(of_node text, of_query text, types jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  difference text;
  columns jsonb := (SELECT seeknal.types_of(r.nodes->of_node->'columns') FROM pg_temp.seeknal_run r);
  place text := seeknal.place_of_run();
  stored jsonb := seeknal.state_of_day(of_node, place);
  digest text;
BEGIN
  INSERT INTO pg_temp.seeknal_made (node, query, state) VALUES (of_node, of_query, stored);
  IF stored IS NOT NULL THEN
    PERFORM seeknal.show_stored(of_node, stored);
    RETURN;
  END IF;
  EXECUTE 'CREATE TEMP VIEW seeknal_looked AS ' || of_query;
  SELECT string_agg(CASE WHEN a.attname IS NULL THEN format('- %s %s', t.key, t.value) ELSE format('%s %s → %s', t.key, t.value, a.type) END, ', ')
  INTO difference
  FROM jsonb_each_text(types) t LEFT JOIN (SELECT attname, seeknal.base_type(atttypid, atttypmod) AS type FROM pg_attribute
    WHERE attrelid = 'pg_temp.seeknal_looked'::regclass AND attnum > 0) a ON a.attname = t.key
  WHERE a.type IS DISTINCT FROM t.value;
  DROP VIEW pg_temp.seeknal_looked;
  IF difference IS NOT NULL THEN
    RAISE EXCEPTION 'The columns of % are no longer those that it was compiled with: %', of_node, difference
      USING ERRCODE = 'SK004', HINT = 'Accept them with `seeknal lock --accept`, and compile again.';
  END IF;
  digest := seeknal.row_digest('(' || E'\n' || of_query || E'\n)', 'q') || ':' || seeknal.columns_fingerprint(columns);
  PERFORM seeknal.take_source(of_node, jsonb_build_object('rows', split_part(digest, ':', 1)::bigint, 'digest', digest,
    'columns', columns, 'sha256', seeknal.fingerprint_of(jsonb_build_object('view', of_node, 'digest', digest))), '', place);
END $$;

-- A source whose rows are kept, those of a query with values of the run, or of another database: whether they have to be read,
-- and how the table is called that they are put into.
CREATE FUNCTION seeknal.begin_source(of_node text, OUT is_due boolean, OUT output text) RETURNS record
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  stored jsonb;
  version text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  -- Of which database they are, only whoever copies them knows.
  stored := seeknal.state_of_day(of_node, CASE WHEN seeknal.step_of(run.bundle, of_node, 'build') ? 'extract' THEN NULL ELSE seeknal.place_of_run() END);
  version := seeknal.unused_version(of_node, jsonb_build_object('node', of_node, 'run', run.given->'run_id'));
  is_due := stored IS NULL;
  INSERT INTO pg_temp.seeknal_made (node, state, pending) VALUES (of_node, stored, jsonb_build_object('version', version));
  IF is_due THEN
    output := seeknal.table_of(of_node, version);
  ELSE
    PERFORM seeknal.show_stored(of_node, stored);
  END IF;
END $$;

-- The table is there: it is kept under a name that says what is in it, or dropped where that one is there.
CREATE FUNCTION seeknal.finish_source(of_node text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  made text := 'seeknal_store.' || quote_ident(seeknal.table_of(of_node, (SELECT m.pending->>'version' FROM pg_temp.seeknal_made m WHERE m.node = of_node)));
  columns jsonb;
  digest text;
  version text;
  relation text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  columns := seeknal.columns_made(run.nodes->of_node, made);
  digest := seeknal.row_digest(made, 'q') || ':' || seeknal.columns_fingerprint(columns);
  version := seeknal.fingerprint_of(jsonb_build_object('node', of_node, 'digest', digest, 'columns', seeknal.exact_columns(made::regclass)));
  relation := seeknal.table_of(of_node, version);
  IF to_regclass('seeknal_store.' || quote_ident(relation)) IS NULL THEN
    EXECUTE format('ALTER TABLE %s RENAME TO %I', made, relation);
  ELSE
    EXECUTE format('DROP TABLE %s', made);
  END IF;
  PERFORM seeknal.take_source(of_node, jsonb_build_object('rows', split_part(digest, ':', 1)::bigint, 'digest', digest, 'columns', columns, 'sha256', version), relation,
    CASE WHEN seeknal.step_of(run.bundle, of_node, 'build') ? 'extract' THEN NULL ELSE seeknal.place_of_run() END);
END $$;

CREATE FUNCTION seeknal.exact_columns(relation regclass) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
  FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- A step that writes an output to a table of this database: whether the table has to be written. `ord` is as write_target()
-- takes it, but for what only a run knows: the table of the store is `seeknal_store.:"output"` in it. `promoted`: the same of
-- production's table, where an environment writes its own.
CREATE FUNCTION seeknal.begin_target(ord jsonb, promoted jsonb DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  known seeknal.targets;
  of_step text := ord->>'step';
  found jsonb := seeknal.readable(ord->>'node');
  more jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  more := (SELECT jsonb_build_object('rows', found#>'{snapshot,rows}', 'content', seeknal.fingerprint_of(jsonb_build_object(
      'target', run.nodes->(ord->>'node')->'targets'->(s.value->>'target')::integer, 'data', found->'data', 'digest', found#>'{snapshot,digest}')))
    FROM jsonb_array_elements(run.bundle->'steps') s WHERE s.value->>'id' = of_step);
  ord := seeknal.order_for(ord, found) || more || '{"held": false}';
  INSERT INTO pg_temp.seeknal_targets (step, ord, promoted) VALUES (of_step, ord, seeknal.order_for(promoted, found) || more || '{"held": true}');
  SELECT t.* INTO known FROM seeknal.targets t
  WHERE t.project = run.project AND t.environment = coalesce(run.environment, '') AND ord->'steps' ? t.step ORDER BY t.step <> of_step LIMIT 1;
  RETURN NOT coalesce(known.content = ord->>'content' AND known.schema_name = ord->>'schema' AND known.table_name = ord->>'table'
    AND to_regclass(format('%I.%I', ord->>'schema', ord->>'table')) IS NOT NULL, false);
END $$;

-- An order for an output that is there.
CREATE FUNCTION seeknal.order_for(ord jsonb, output jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE stored text := 'seeknal_store.' || quote_ident(seeknal.table_of(output#>>'{node,id}', output#>>'{snapshot,sha256}'));
BEGIN
  RETURN ord || jsonb_build_object('rows_from', stored, 'statements', (SELECT jsonb_agg(s.value || jsonb_build_object('sql', replace(s.value->>'sql', 'seeknal_store.:"output"', stored))
    ORDER BY s.ordinality) FROM jsonb_array_elements(ord->'statements') WITH ORDINALITY s));
END $$;

-- Within a transaction: the table is written, which is recorded; or it is not, and the run ends here. A lock that others did not
-- give up ends the file and no more, so that it can be started again.
CREATE FUNCTION seeknal.finish_target(of_step text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  more text;
  advice text;
BEGIN
  SELECT r.project, r.environment, r.given->>'run_id' AS run_id, t.ord INTO STRICT run FROM pg_temp.seeknal_run r, pg_temp.seeknal_targets t WHERE t.step = of_step;
  PERFORM seeknal.require_holder(run.project, coalesce('environment-' || run.environment, 'production'), pg_backend_pid());
  BEGIN
    PERFORM seeknal.write_target(run.project, coalesce(run.environment, ''), run.run_id, run.ord);
    UPDATE pg_temp.seeknal_targets t SET is_written = true WHERE t.step = of_step;
  EXCEPTION WHEN SQLSTATE 'SK004' THEN
    GET STACKED DIAGNOSTICS more = PG_EXCEPTION_DETAIL, advice = PG_EXCEPTION_HINT;
    UPDATE pg_temp.seeknal_targets t SET failure = jsonb_build_object('message', SQLERRM, 'detail', more, 'hint', advice) WHERE t.step = of_step;
    PERFORM seeknal.fail_by_hand('[]');
  END;
END $$;

CREATE FUNCTION seeknal.fails_target(of_step text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT t.failure IS NOT NULL FROM pg_temp.seeknal_targets t WHERE t.step = of_step);
END $$;

CREATE FUNCTION seeknal.refuse_target(of_step text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE failure jsonb := (SELECT t.failure FROM pg_temp.seeknal_targets t WHERE t.step = of_step);
BEGIN
  RAISE EXCEPTION '%', failure->>'message' USING ERRCODE = 'SK004', DETAIL = failure->>'detail', HINT = failure->>'hint';
END $$;
