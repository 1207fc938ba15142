-- How a run of apply.sql ends: what it made becomes production, or what an environment has.

-- Changes what the ledger keeps of the environment of this run.
CREATE FUNCTION seeknal.save_environment(change jsonb, more jsonb, of_views jsonb, of_promotion jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  before jsonb;
  config jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  SELECT e.documents INTO before FROM seeknal.environments e WHERE e.project = run.project AND e.name = run.environment;
  config := jsonb_build_object('format', 'seeknal.env/1', 'name', run.environment, 'created_at', seeknal.utc_now(), 'ttl_seconds', 604800,
      'promoted_to', NULL, 'promoted_generation', NULL)
    || coalesce((before->>'env_config.json')::jsonb - 'failed_checks', '{}') || change || jsonb_build_object('last_used_at', seeknal.utc_now());
  DELETE FROM seeknal.shown s WHERE s.project = run.project AND s.environment = run.environment;
  INSERT INTO seeknal.environments (project, name, documents, views, promotion)
  VALUES (run.project, run.environment, coalesce(before, '{}') - 'report.md' || more || jsonb_build_object('env_config.json', seeknal.document(config)), of_views, of_promotion)
  ON CONFLICT (project, name) DO UPDATE SET documents = excluded.documents, views = excluded.views, promotion = excluded.promotion;
END $$;

-- A run whose step failed ends here, which is recorded; an environment says so, too.
CREATE FUNCTION seeknal.fail_by_hand(failed_checks jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  IF run.environment IS NOT NULL THEN
    PERFORM seeknal.save_environment(jsonb_build_object('status', 'failed', 'failed_checks', failed_checks), '{}', seeknal.views_of(run.project, run.environment), NULL);
  END IF;
  PERFORM seeknal.end_by_hand('failed');
END $$;

-- After the run: its locks and tables go.
CREATE FUNCTION seeknal.let_go() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  PERFORM pg_advisory_unlock(seeknal.lock_key(run.project, coalesce('environment-' || run.environment, 'production')));
  PERFORM pg_advisory_unlock_shared(hashtextextended('seeknal store', 0));
  DROP TABLE pg_temp.seeknal_run, pg_temp.seeknal_made, pg_temp.seeknal_targets, pg_temp.seeknal_files;
END $$;

-- Records how the run ended.
CREATE FUNCTION seeknal.end_by_hand(of_outcome text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  lock_name text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  lock_name := coalesce('environment-' || run.environment, 'production');
  IF of_outcome = 'nothing' AND NOT seeknal.has_acted() THEN
    DELETE FROM seeknal.runs x WHERE x.project = run.project AND x.run_id = run.given->>'run_id';
  END IF;
  UPDATE seeknal.runs x SET ended_at = clock_timestamp(), outcome = of_outcome WHERE x.project = run.project AND x.run_id = run.given->>'run_id';
  PERFORM seeknal.drop_next_views(run.project) WHERE run.environment IS NULL;
  DELETE FROM seeknal.holders h WHERE h.project = run.project AND h.lock = lock_name;
END $$;

-- Whether a source was looked at, or a table written: else it is known before a run that there is nothing to do, and there is none.
CREATE FUNCTION seeknal.has_acted() RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (SELECT FROM pg_temp.seeknal_made m WHERE m.is_looked_at) OR EXISTS (SELECT FROM pg_temp.seeknal_targets t WHERE t.is_written);
END $$;

-- Whether the environment has all of it already, and can be promoted.
CREATE FUNCTION seeknal.is_applied(states jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  documents jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  SELECT e.documents INTO documents FROM seeknal.environments e WHERE e.project = run.project AND e.name = run.environment;
  RETURN coalesce((documents->>'env_config.json')::jsonb->>'status' = 'applied' AND (documents->>'run_state.json')::jsonb->>'bundle' = run.bundle->>'digest'
    AND documents->>'promotion/requirements.json' = seeknal.document(seeknal.requirements_by_hand(run.outside, run.bundle->'promote'))
    AND NOT seeknal.has_acted() AND NOT EXISTS (SELECT FROM jsonb_each(states) s WHERE s.value->>'status' <> 'cached'), false);
END $$;

-- Views by which outputs are read: of nodes of a manifest that have a state.
CREATE FUNCTION seeknal.views_by_hand(states jsonb, prefix text, before jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('schema', v.schema_name, 'name', v.name, 'query',
      CASE WHEN v.is_view THEN coalesce(v.query, (SELECT b.value->>'query' FROM jsonb_array_elements(before) b WHERE b.value->>'schema' = v.schema_name AND b.value->>'name' = v.name))
        ELSE 'TABLE seeknal_store.' || quote_ident(v.stored) END) || v.as_table ORDER BY v.ordinality), '[]')
    FROM (SELECT n.ordinality, seeknal.is_only_view(n.value) AS is_view, seeknal.as_table(n.value) AS as_table, m.query, prefix || seeknal.schema_of(n.value->>'id', run.bundle#>>'{engine,schema}') AS schema_name,
        seeknal.view_of(n.value->>'id') AS name, seeknal.table_of(n.value->>'id', states->(n.value->>'id')#>>'{snapshot,sha256}') AS stored
      FROM jsonb_array_elements(run.manifest->'nodes') WITH ORDINALITY n LEFT JOIN pg_temp.seeknal_made m ON m.node = n.value->>'id'
      WHERE states ? (n.value->>'id')) v);
END $$;

-- The generation that these outputs and results make on top of production, as make_generation() takes it.
CREATE FUNCTION seeknal.generation_by_hand(of_kind text, states jsonb, checks jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  of_manifest text;
  of_state text;
  state jsonb;
  next bigint;
  earlier jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  of_manifest := run.files->>'manifest.json';
  earlier := coalesce((run.production->>'run_state')::jsonb->'nodes', '{}');
  next := 1 + greatest(0, (SELECT max(g.number) FROM seeknal.generations g WHERE g.project = run.project),
    (SELECT max(s.to_generation) FROM seeknal.switches s WHERE s.project = run.project));
  state := seeknal.state_by_hand(next, states, checks, NULL);
  of_state := seeknal.document(state);
  RETURN jsonb_build_object('base', run.production->'number', 'number', next, 'manifest', of_manifest, 'run_state', of_state,
    'bundle', run.bundle->'digest', 'run_id', run.given->'run_id', 'views', seeknal.views_by_hand(states, '', seeknal.views_now(run.project)),
    'record', seeknal.document(jsonb_build_object('format', 'seeknal.generation/1', 'generation', next, 'parent', run.production->'number',
      'parent_record', seeknal.sha256_of(run.production->>'record'), 'kind', of_kind, 'environment', run.environment, 'bundle', run.bundle->'digest',
      'run_id', run.given->'run_id', 'created_at', seeknal.utc_now(), 'manifest', seeknal.sha256_of(of_manifest), 'run_state', seeknal.sha256_of(of_state),
      'changed', coalesce((SELECT jsonb_agg(s.key ORDER BY s.key COLLATE "C") FROM jsonb_each(states) s
        WHERE earlier->s.key#>'{snapshot,sha256}' IS DISTINCT FROM s.value#>'{snapshot,sha256}'), '[]'),
      'removed', coalesce((SELECT jsonb_agg(e.key ORDER BY e.key COLLATE "C") FROM jsonb_each(earlier) e WHERE NOT states ? e.key), '[]'))));
END $$;

CREATE FUNCTION seeknal.state_by_hand(of_generation bigint, states jsonb, of_checks jsonb, of_environment text) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT jsonb_build_object('format', 'seeknal.run_state/1', 'generation', of_generation, 'environment', of_environment, 'bundle', r.bundle->'digest', 'unproven', true,
        'run_id', r.given->'run_id', 'run_timestamp', r.given->'run_timestamp', 'nodes', states,
        'engine', (r.bundle#>>'{engine,name}') || ' ' || split_part(current_setting('server_version'), ' ', 1))
      || CASE WHEN of_checks = '{}' THEN '{}' ELSE jsonb_build_object('checks', of_checks) END
    FROM pg_temp.seeknal_run r);
END $$;

-- Of several records, the results that belong to the checks and outputs as they are now.
CREATE FUNCTION seeknal.fitting_checks(states jsonb, records jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT coalesce(jsonb_object_agg(f.id, f.checks), '{}') FROM (
      SELECT DISTINCT ON (n.key) n.key AS id, c.value->n.key AS checks
      FROM pg_temp.seeknal_run r, jsonb_each(r.nodes) n, jsonb_array_elements(records) WITH ORDINALITY c
      WHERE seeknal.are_of(c.value->n.key, n.value, states->n.key->'snapshot') ORDER BY n.key, c.ordinality
    ) f);
END $$;

-- Production's nodes that the bundle replaces, removes or reads, as they are.
CREATE FUNCTION seeknal.requirements_by_hand(outside jsonb, promote jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('kind', 'base', 'node', b.id, 'execution', outside->b.id#>'{state,fingerprint}',
    'definition', CASE WHEN outside->b.id->'node' ? 'checks_fingerprint' THEN to_jsonb(seeknal.fingerprint_of(jsonb_build_object(
        'definition', outside->b.id#>'{node,definition_fingerprint}', 'checks', outside->b.id#>'{node,checks_fingerprint}')))
      ELSE outside->b.id#>'{node,definition_fingerprint}' END) ORDER BY b.id COLLATE "C"), '[]')
  FROM (SELECT DISTINCT i.value AS id FROM (SELECT promote->'replace' AS list UNION ALL SELECT promote->'remove' UNION ALL SELECT promote->'read') l,
    jsonb_array_elements_text(l.list) i) b
$$;

-- Within a transaction: what was made becomes production, or what the environment has, which can be promoted then. Says what happened.
CREATE FUNCTION seeknal.finish_by_hand() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  states jsonb := (SELECT coalesce(jsonb_object_agg(m.node, m.state), '{}') FROM pg_temp.seeknal_made m WHERE m.state IS NOT NULL);
  checked jsonb := (SELECT coalesce(jsonb_object_agg(m.node, m.checks), '{}') FROM pg_temp.seeknal_made m WHERE m.checks IS NOT NULL);
  present jsonb;
  merged jsonb;
  made jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  present := coalesce((run.production->>'run_state')::jsonb, '{}');
  IF run.environment IS NULL THEN
    merged := seeknal.fitting_checks(states, jsonb_build_array(checked, coalesce(present->'checks', '{}')));
    IF run.production IS NOT NULL AND merged = coalesce(present->'checks', '{}') AND run.production->>'manifest' = run.files->>'manifest.json'
      AND NOT EXISTS (SELECT FROM jsonb_each(states) s WHERE s.value->>'status' <> 'cached') THEN
      PERFORM seeknal.end_by_hand('nothing');
      RETURN 'Nothing to do: production is what this bundle makes.';
    END IF;
    PERFORM seeknal.keep_bundle();
    made := seeknal.generation_by_hand('run', states, merged);
    PERFORM seeknal.make_generation(run.project, made, 'run');
    PERFORM seeknal.end_by_hand('done');
    RETURN format('Production is generation %s.', made->>'number');
  END IF;
  IF seeknal.is_applied(states) THEN
    PERFORM seeknal.end_by_hand('nothing');
    RETURN format('Nothing to do: environment %s is what this bundle makes.', run.environment);
  END IF;
  PERFORM seeknal.finish_environment(states, checked);
  PERFORM seeknal.end_by_hand('done');
  RETURN format('Environment %s is applied.', run.environment);
END $$;

CREATE FUNCTION seeknal.keep_bundle() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seeknal.bundles (project, digest, files) SELECT r.project, r.bundle->>'digest', r.files FROM pg_temp.seeknal_run r ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION seeknal.finish_environment(states jsonb, checked jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  promote jsonb;
  present jsonb;
  merged jsonb;
  made jsonb;
  own jsonb;
  shown jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  promote := run.bundle->'promote';
  present := coalesce((run.production->>'run_state')::jsonb, '{}');
  merged := (SELECT coalesce(jsonb_object_agg(o.key, o.value->'state' || '{"status": "cached"}'), '{}') FROM jsonb_each(run.outside) o WHERE NOT promote->'remove' ? o.key)
    || (SELECT coalesce(jsonb_object_agg(s.key, s.value), '{}') FROM jsonb_each(states) s WHERE promote->'replace' ? s.key);
  made := seeknal.generation_by_hand('promote', merged, seeknal.fitting_checks(merged, jsonb_build_array(checked, coalesce(present->'checks', '{}'))))
    || jsonb_build_object('targets', (SELECT coalesce(jsonb_agg(t.promoted ORDER BY t.place), '[]') FROM pg_temp.seeknal_targets t WHERE t.promoted IS NOT NULL));
  shown := seeknal.views_of(run.project, run.environment);
  own := seeknal.views_by_hand(states, run.bundle->>'prefix', shown);
  PERFORM seeknal.keep_bundle();
  PERFORM seeknal.show_views(shown, own);
  PERFORM seeknal.save_environment('{"status": "applied", "promoted_to": null, "promoted_generation": null, "promoted_from": null}', jsonb_build_object(
    'manifest.json', run.files->'manifest.json',
    'run_state.json', seeknal.document(seeknal.state_by_hand(NULL, states, checked, run.environment)),
    'refs.json', seeknal.document(coalesce((SELECT jsonb_object_agg(i.value, jsonb_build_object('path', format('target/generations/%s/intermediate/%s.parquet', run.production->>'number', replace(i.value, '.', '_')),
        'sha256', run.outside->i.value#>'{state,snapshot,sha256}', 'generation', run.production->'number'))
      FROM jsonb_array_elements_text(promote->'read') i WHERE run.outside ? i.value), '{}')),
    'promotion/base', coalesce('generations/' || (run.production->>'number'), 'none') || E'\n',
    'promotion/next', format(E'generations/%s\n', made->>'number'),
    'promotion/requirements.json', seeknal.document(seeknal.requirements_by_hand(run.outside, promote)),
    'promotion/generation/generation.json', made->'record'), own, made);
END $$;
