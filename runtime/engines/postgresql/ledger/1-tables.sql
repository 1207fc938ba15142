-- The ledger of projects whose state is in this database. Documents are the texts of FORMAT.md, byte for byte.

CREATE TABLE seeknal.projects (
  project text PRIMARY KEY,
  -- Production now; NULL: there is none yet.
  generation bigint
);

CREATE TABLE seeknal.generations (
  project text NOT NULL REFERENCES seeknal.projects,
  number bigint NOT NULL,
  manifest text NOT NULL,
  run_state text NOT NULL,
  record text NOT NULL,
  -- Digest of the bundle that made it.
  bundle text NOT NULL,
  -- The views by which its outputs are read: a list of {"schema", "name", "query"}.
  views jsonb NOT NULL,
  PRIMARY KEY (project, number)
);

CREATE TABLE seeknal.switches (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project text NOT NULL REFERENCES seeknal.projects,
  at text NOT NULL,
  kind text NOT NULL,
  from_generation bigint,
  to_generation bigint NOT NULL,
  run_id text NOT NULL
);

CREATE TABLE seeknal.environments (
  project text NOT NULL REFERENCES seeknal.projects,
  name text NOT NULL,
  -- File name → its text.
  documents jsonb NOT NULL,
  views jsonb NOT NULL DEFAULT '[]',
  -- What a promotion would make, while production is as it was when the environment was applied: {"base", "number",
  -- "manifest", "run_state", "record", "bundle", "views", "run_id"}.
  promotion jsonb,
  PRIMARY KEY (project, name)
);

CREATE TABLE seeknal.bundles (
  project text NOT NULL REFERENCES seeknal.projects,
  digest text NOT NULL,
  -- Path → text.
  files jsonb NOT NULL,
  PRIMARY KEY (project, digest)
);

-- Which table of a node holds what an execution fingerprint stands for. Nodes may have one fingerprint, and tables of their own.
CREATE TABLE seeknal.outputs (
  project text NOT NULL REFERENCES seeknal.projects,
  node text NOT NULL,
  fingerprint text NOT NULL,
  -- '': none is needed.
  proof text NOT NULL DEFAULT '',
  -- In the store; '': the node is a view of somebody else's table.
  relation text NOT NULL,
  output text NOT NULL,
  PRIMARY KEY (project, node, fingerprint, proof)
);

CREATE TABLE seeknal.runs (
  project text NOT NULL REFERENCES seeknal.projects,
  run_id text NOT NULL,
  environment text,
  bundle text NOT NULL,
  command text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  outcome text,
  PRIMARY KEY (project, run_id)
);

-- Who holds a lock: true while the backend holds the advisory lock of the same name.
CREATE TABLE seeknal.holders (
  project text NOT NULL REFERENCES seeknal.projects,
  lock text NOT NULL,
  backend integer NOT NULL,
  holder text NOT NULL,
  PRIMARY KEY (project, lock)
);

-- Schemas that were not there before they were made for an environment, or for production ('').
CREATE TABLE seeknal.schemas (
  project text NOT NULL REFERENCES seeknal.projects,
  environment text NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (project, name)
);
