-- How a run of apply.sql begins: the bundle is what it says, production is what it was compiled against, and nobody else writes.
-- The run is in temporary tables of the session, whose locks end with it.

-- The text of a file of the bundle that psql has imported as a large object, which goes.
CREATE FUNCTION seeknal.imported(object oid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE content text := convert_from(lo_get(object), 'UTF8');
BEGIN
  PERFORM lo_unlink(object);
  RETURN content;
END $$;

-- The bundle is the one that bundle.json describes.
CREATE FUNCTION seeknal.require_bundle(bundle jsonb, files jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE wrong text;
BEGIN
  IF seeknal.sha256_of(seeknal.document(bundle - 'digest')) <> bundle->>'digest' THEN
    RAISE EXCEPTION 'bundle.json was changed after it was compiled' USING ERRCODE = 'SK004', HINT = 'Compile the bundle again.';
  END IF;
  SELECT string_agg(f.key, ', ') INTO wrong FROM jsonb_each_text(bundle->'files') f
  WHERE seeknal.sha256_of(files->>f.key) IS DISTINCT FROM f.value;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'the bundle is not what bundle.json says: %', wrong USING ERRCODE = 'SK004', HINT = 'Compile the bundle again.';
  END IF;
END $$;

-- A lock of the project until the session ends, which nobody else holds.
CREATE FUNCTION seeknal.hold(of_project text, lock_name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE other text;
BEGIN
  IF NOT pg_try_advisory_lock(seeknal.lock_key(of_project, lock_name)) THEN
    SELECT h.holder INTO other FROM seeknal.holders h WHERE h.project = of_project AND h.lock = lock_name;
    RAISE EXCEPTION '% of project % is being written by %', lock_name, of_project, coalesce(other, 'another session') USING ERRCODE = 'SK003';
  END IF;
  -- Whoever has no advisory locks holds leases.
  SELECT l.holder INTO other FROM seeknal.leases l WHERE l.expires_at > clock_timestamp() AND l.lock IN ('seeknal ' || of_project || ' ' || lock_name, 'seeknal store') LIMIT 1;
  IF other IS NOT NULL THEN
    RAISE EXCEPTION '% of project % is being written by %', lock_name, of_project, other USING ERRCODE = 'SK003';
  END IF;
  IF NOT pg_try_advisory_lock_shared(hashtextextended('seeknal store', 0)) THEN
    RAISE EXCEPTION 'the store is being cleaned by another session' USING ERRCODE = 'SK003';
  END IF;
  INSERT INTO seeknal.holders (project, lock, backend, holder)
  VALUES (of_project, lock_name, pg_backend_pid(), format('apply.sql (session %s of psql, since %s)', pg_backend_pid(), seeknal.utc_now()))
  ON CONFLICT (project, lock) DO UPDATE SET backend = excluded.backend, holder = excluded.holder;
END $$;

-- Production is what the bundle was compiled against, or, of a bundle for production, what it has made itself.
CREATE FUNCTION seeknal.require_base(bundle jsonb, of_manifest text, of_engine text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE present text := seeknal.sha256_of(of_manifest);
BEGIN
  IF of_engine <> bundle#>>'{engine,name}' THEN
    RAISE EXCEPTION 'the state in the database is of a project that the engine % executes', of_engine USING ERRCODE = 'SK004', HINT = 'Give this project another name.';
  END IF;
  IF present IS NOT DISTINCT FROM bundle->>'base' OR (bundle->'environment' = 'null' AND present = bundle#>>'{files,manifest.json}') THEN
    RETURN;
  END IF;
  RAISE EXCEPTION 'production is not what this bundle was compiled against' USING ERRCODE = 'SK001',
    HINT = 'Compile it again; what is still right is not executed again.';
END $$;

-- Schemas that the run needs, remembered where they are made.
CREATE FUNCTION seeknal.make_schemas(of_project text, environment text, names text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY names LOOP
    CONTINUE WHEN to_regnamespace(quote_ident(wanted)) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE SCHEMA %I', wanted);
      INSERT INTO seeknal.schemas (project, environment, name) VALUES (of_project, coalesce(environment, ''), wanted) ON CONFLICT DO NOTHING;
    EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL; -- Another session has just made the same.
    END;
  END LOOP;
END $$;

CREATE FUNCTION seeknal.drop_next_views(of_project text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE shown regclass;
BEGIN
  FOR shown IN
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND n.nspname LIKE replace('seeknal_next_' || left(seeknal.sha256_of(of_project), 8) || '_%', '_', '\_')
  LOOP
    EXECUTE format('DROP VIEW %s', shown);
  END LOOP;
END $$;

-- Begins a run of a bundle whose files are in pg_temp.seeknal_files. `given`: run_id, run_timestamp, host, port, database, and
-- `parameters` by name.
CREATE FUNCTION seeknal.begin_by_hand(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  files jsonb := (SELECT jsonb_object_agg(f.path, f.content) FROM pg_temp.seeknal_files f);
  bundle jsonb := files->>'bundle.json';
  manifest jsonb := files->>'manifest.json';
  of_project text := bundle#>>'{project,name}';
  environment text := bundle->>'environment';
  present seeknal.generations;
  documents jsonb := '{}';
  before jsonb;
  outside jsonb;
  schemas text[];
BEGIN
  PERFORM seeknal.require_bundle(bundle, files);
  INSERT INTO seeknal.projects (project) VALUES (of_project) ON CONFLICT DO NOTHING;
  PERFORM seeknal.hold(of_project, coalesce('environment-' || environment, 'production'));
  PERFORM seeknal.do_pending(of_project);
  SELECT g.* INTO present FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation WHERE p.project = of_project;
  PERFORM seeknal.require_base(bundle, present.manifest, split_part(present.run_state::jsonb->>'engine', ' ', 1));
  before := seeknal.views_of(of_project, environment);
  SELECT e.documents INTO documents FROM seeknal.environments e WHERE e.project = of_project AND e.name = environment;
  IF environment IS NOT NULL AND documents IS NULL AND EXISTS (SELECT FROM seeknal.environments e WHERE e.project = of_project
    AND (starts_with(replace(e.name, '-', '_') || '_', bundle->>'prefix') OR starts_with(bundle->>'prefix', replace(e.name, '-', '_') || '_'))) THEN
    RAISE EXCEPTION 'schemas of environment % could be taken for those of another one', environment USING ERRCODE = 'SK004';
  END IF;
  outside := coalesce(seeknal.entries_of(present.manifest::jsonb, present.run_state::jsonb), '{}');
  CREATE TEMP TABLE IF NOT EXISTS seeknal_run (project text, environment text, bundle jsonb, files jsonb, nodes jsonb, manifest jsonb, given jsonb,
    production jsonb, outside jsonb, own jsonb, recorded jsonb, before jsonb);
  CREATE TEMP TABLE IF NOT EXISTS seeknal_made (node text PRIMARY KEY, query text, state jsonb, pending jsonb, checks jsonb, is_looked_at boolean DEFAULT false,
    started_at timestamptz DEFAULT clock_timestamp());
  CREATE TEMP TABLE IF NOT EXISTS seeknal_targets (step text PRIMARY KEY, place integer GENERATED ALWAYS AS IDENTITY, ord jsonb, promoted jsonb, is_written boolean DEFAULT false, failure jsonb);
  TRUNCATE pg_temp.seeknal_run, pg_temp.seeknal_made, pg_temp.seeknal_targets;
  INSERT INTO pg_temp.seeknal_run VALUES (of_project, environment, bundle, files,
    (SELECT jsonb_object_agg(n.value->>'id', n.value) FROM jsonb_array_elements(manifest->'nodes') n), manifest, given,
    CASE WHEN present.number IS NOT NULL THEN to_jsonb(present) END, outside,
    CASE WHEN environment IS NULL THEN outside
      ELSE coalesce(seeknal.entries_of((documents->>'manifest.json')::jsonb, (documents->>'run_state.json')::jsonb), '{}') END,
    jsonb_build_array(coalesce((documents->>'run_state.json')::jsonb->'checks', '{}'), coalesce(present.run_state::jsonb->'checks', '{}')),
    CASE WHEN environment IS NULL THEN seeknal.views_now(of_project) ELSE before END);
  SELECT array_agg(DISTINCT s.value#>>'{output,schema}') INTO schemas FROM jsonb_array_elements(bundle->'steps') s WHERE s.value->>'kind' = 'build';
  IF environment IS NULL THEN
    schemas := schemas || ARRAY(SELECT DISTINCT seeknal.next_schema_of(n.value->>'id', of_project) FROM jsonb_array_elements(manifest->'nodes') n);
  END IF;
  PERFORM seeknal.make_schemas(of_project, environment, ARRAY['seeknal_store'] || schemas);
  PERFORM seeknal.drop_next_views(of_project) WHERE environment IS NULL;
  INSERT INTO seeknal.runs (project, run_id, environment, bundle, command, host, pid)
  VALUES (of_project, given->>'run_id', environment, bundle->>'digest', 'apply.sql', coalesce(host(inet_client_addr()), 'local'), pg_backend_pid())
  ON CONFLICT (project, run_id) DO UPDATE SET started_at = now(), ended_at = NULL, outcome = NULL, bundle = excluded.bundle;
END $$;
